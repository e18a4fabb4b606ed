//! What `--keep` leaves behind.

use std::path::Path;

use anyhow::Result;
use countersign_tests::person::Person;
use countersign_tests::server::Server;

/// Adds a README on how to go on by hand.
pub(crate) fn leave(server: &Server, person: &Person, folder: &Path) -> Result<()> {
    let programs = std::env::current_exe()?;
    let programs = programs.parent().unwrap_or(Path::new(".")).display().to_string();
    let again = if server.bucket().is_some() { BUCKET_IS_GONE } else { SERVE_AGAIN };
    let text = [README, again, HOST]
        .concat()
        .replace("{folder}", &folder.display().to_string())
        .replace("{programs}", &programs)
        .replace("{url}", server.url())
        .replace("{user}", &person.name)
        .replace("{password}", &person.password)
        .replace("{secret}", person.phone.secret());
    std::fs::write(folder.join("README"), text)?;
    Ok(())
}

const README: &str = "\
What `cargo xtask demo --keep` has left here
============================================

config.toml, state.db    the server's configuration and state
ca_key, ca_key.pub       the CA key; the public half is what sshd trusts
host_ca_key              the CA key for hosts
log/                     the log, under the C2SP tlog-tiles paths
log.vkey                 the log's verifier key: all that an auditor needs besides log/
policies/                who can get which certificate
user/                    the home of the demo's user: key, certificate, session of `ca`

To go on by hand, in a shell:

    export PATH={programs}:$PATH
    export COUNTERSIGN_TLS_CA={folder}/tls.crt
    export XDG_STATE_HOME={folder}/user/state XDG_CONFIG_HOME={folder}/user/config

    # verify the whole history, offline
    ca audit verify {folder}/log --key {folder}/log.vkey

    # look at the certificate
    ca inspect {folder}/user/id_ed25519-cert.pub
    ssh-keygen -L -f {folder}/user/id_ed25519-cert.pub
";

const SERVE_AGAIN: &str = "
    # start the server again
    ca-server serve --config {folder}/config.toml &

    # log in and ask for another certificate; the password is of the demo's making
    export COUNTERSIGN_PASSWORD={password}
    export COUNTERSIGN_CODE=$(oathtool --totp --base32 {secret})
    ca login --server {url} --user {user} --factor totp
    ca request dev --ttl 30m --key {folder}/user/id_ed25519
";

const BUCKET_IS_GONE: &str = "
The log was kept in a bucket; log/ is a copy. If the S3 server was started by the demo, it has ended with it, and the
server here cannot be started again without it.
";

const HOST: &str = "
A host trusts this authority by one line in its sshd_config:

    TrustedUserCAKeys {folder}/ca_key.pub
";
