//! What the machine must have besides a Rust toolchain, and how it gets it on Debian.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// Installs packages without starting or enabling the servers in them: sshd is only wanted as a program.
const INSTALL: &str = r#"
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
    trap 'rm -f "$guard"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$guard" && chmod 755 "$guard"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet --quiet
apt-get install --quiet --quiet --yes --no-install-recommends "$@"
case " $* " in *" openssh-server "*)
    if [ -d /run/systemd/system ]; then systemctl disable --quiet ssh.service; fi
esac
"#;

/// Makes sure that everything is there; gives a remark on what was done.
pub(crate) fn prepare() -> Result<String> {
    let missing = missing();
    if missing.is_empty() {
        return Ok("nothing is missing".to_owned());
    }
    println!("missing: {} (servers among them will not be started)", missing.join(", "));
    install(&missing)?;
    match crate::machine::missing() {
        still if still.is_empty() => Ok(format!("installed {}", missing.join(", "))),
        still => bail!("still missing after the installation: {}", still.join(", ")),
    }
}

/// Gives the Debian packages that are needed and not there.
fn missing() -> Vec<&'static str> {
    let needed = [
        ("openssh-server", Path::new("/usr/sbin/sshd").exists()),
        ("openssh-client", runs("ssh", &["-V"]) && runs("ssh-keygen", &["-?"])),
        ("oathtool", runs("oathtool", &["--version"])),
        // modhex, ykgenerate and ykparse; the latter two have no way to say hello that succeeds.
        ("libyubikey-dev", runs("modhex", &["--help"])),
        ("libykclient-dev", runs("ykclient", &["--version"])),
        // OpenSSL, for the `yubico` crate, which is only ever compared with.
        ("libssl-dev", Path::new("/usr/include/openssl/ssl.h").exists()),
        ("pkg-config", runs("pkg-config", &["--version"])),
        // A real browser for the page of security keys.
        ("chromium", runs("chromium", &["--version"])),
        ("chromium-driver", runs("chromedriver", &["--version"])),
        ("strace", runs("strace", &["-V"])),
        ("python3-venv", runs("python3", &["-c", "import ensurepip"])),
    ];
    needed.into_iter().filter(|(_, is_there)| !is_there).map(|(package, _)| package).collect()
}

/// Tells whether a program can be started; `ssh-keygen` has no way to say hello that succeeds.
fn runs(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    let status = command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|s| s.success() || program == "ssh-keygen")
}

fn install(packages: &[&str]) -> Result<()> {
    let by_hand = format!("install them by hand: {}", packages.join(" "));
    if !runs("apt-get", &["--version"]) {
        bail!("there is no apt-get here (this is made for Debian 12); {by_hand}");
    }
    let is_root = Command::new("id").arg("-u").output()?.stdout == b"0\n";
    if !is_root && !runs("sudo", &["--version"]) {
        bail!("installing packages takes root or sudo; {by_hand}");
    }
    let mut command = Command::new(if is_root { "sh" } else { "sudo" });
    if !is_root {
        command.arg("sh");
    }
    command.args(["-euc", INSTALL, "install"]).args(packages);
    println!("$ apt-get install {}", packages.join(" "));
    let status = command.status()?;
    if status.success() { Ok(()) } else { bail!("the installation ended with {status}; {by_hand}") }
}
