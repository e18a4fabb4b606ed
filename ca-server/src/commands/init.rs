//! `ca-server init`: makes the keys, the database and the log. `serve` never does.

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ca_core::log::Origin;
use ca_core::policy;
use ca_core::ssh::PublicKey;
use clap::Args;
use zeroize::Zeroizing;

use super::operator;
use super::user::PasswordSource;
use crate::accounts::{Accounts, Enrolment, NewAccount};
use crate::config::{Config, Log};
use crate::factors::pepper::Pepper;
use crate::factors::sealing_keys;
use crate::ledger::Ledger;
use crate::objects::directory::Directory;
use crate::start::{HOSTS_PASSPHRASE, Keys, Parts, USERS_PASSPHRASE, passphrase};
use crate::{ids, key_files, secret_file};

/// The policy that a new authority starts with; the same files the project ships.
const SAMPLE_POLICY: [(&str, &str); 3] = [
    (policy::PROFILES, include_str!("../../../policies/profiles.toml")),
    (policy::RULES, include_str!("../../../policies/rules.cedar")),
    (policy::CASES, include_str!("../../../policies/cases.toml")),
];

/// What `init` takes.
#[derive(Args, Debug)]
pub(super) struct Init {
    /// The folder to make everything in; it must not hold an authority already
    #[arg(long)]
    dir: PathBuf,
    /// The name of the log, which also names this authority, such as ca.example.com/log
    #[arg(long)]
    origin: Origin,
    /// Where clients will connect
    #[arg(long, default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Where /healthz, /readyz and /metrics will be
    #[arg(long, default_value = "127.0.0.1:9464")]
    metrics_listen: SocketAddr,
    /// Keep the audit trail in this S3 bucket instead of a folder
    #[arg(long)]
    s3_bucket: Option<String>,
    /// Another S3 than Amazon's
    #[arg(long, requires = "s3_bucket")]
    s3_endpoint: Option<String>,
    /// The region of the bucket
    #[arg(long, requires = "s3_bucket")]
    s3_region: Option<String>,
    /// What every key in the bucket starts with
    #[arg(long, requires = "s3_bucket")]
    s3_prefix: Option<String>,
    /// Lock every entry in the bucket for this many days (Object Lock, compliance mode)
    #[arg(long, requires = "s3_bucket")]
    retention_days: Option<u32>,
    /// Also makes the first account, in the group security-officers, with this name
    #[arg(long, value_name = "NAME", requires = "email")]
    officer: Option<String>,
    /// The officer's e-mail address
    #[arg(long, value_name = "ADDRESS", requires = "officer")]
    email: Option<String>,
    #[command(flatten)]
    secret: PasswordSource,
}

/// The group of the sample policy whose members look after other people's accounts.
const OFFICERS: &str = "security-officers";

impl Init {
    /// Makes a new authority.
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config_path = self.dir.join("config.toml");
        if config_path.exists() {
            bail!("{} exists: an authority is never overwritten", config_path.display());
        }
        // Asked first, so that nothing is left half made when nobody answers, or the answer will not do.
        let officer = self.officer()?;
        make_folder(&self.dir)?;
        self.create_keys()?;
        self.create_policy()?;
        std::fs::write(&config_path, self.config_text())
            .with_context(|| config_path.display().to_string())?;
        let config = Config::load(&config_path)?;
        if let Log::Directory { path } = &config.log {
            Directory::create(path)?;
        }
        let parts = Parts::open(config).await?;
        let (ledger, tasks) = parts.create_log().await?;
        let added = match &officer {
            Some(officer) => Some(add(&parts, &ledger, officer).await),
            None => None,
        };
        ledger.close();
        tasks.finished().await;
        print_trust(&self.dir, &parts.keys);
        let enrolment = added.transpose().context(
            "the authority is made, the officer is not: make one with ca-server user add, as the last line says",
        )?;
        enrolment.map_or(Ok(()), |enrolment| {
            println!();
            println!("The first officer:");
            println!();
            super::user::show(&enrolment, false)
        })
    }

    /// Reads who the first officer is, and their password.
    fn officer(&self) -> anyhow::Result<Option<NewAccount>> {
        let Some((name, email)) = self.officer.clone().zip(self.email.clone()) else { return Ok(None) };
        let (groups, password) = (vec![OFFICERS.to_owned()], self.secret.read()?);
        let officer = NewAccount { name, email, groups, person: None, password };
        officer.check()?;
        Ok(Some(officer))
    }

    fn create_keys(&self) -> anyhow::Result<()> {
        for role in [&USER_CA, &HOST_CA] {
            let path = self.dir.join(role.file);
            let public = create_ca_key(&path, role)?;
            std::fs::write(path.with_extension("pub"), format!("{public} {}\n", role.comment))?;
        }
        let seed = Zeroizing::new(ids::random::<32>()?);
        key_files::create_log_key(&self.dir.join("log_key"), &self.origin, &seed)?;
        sealing_keys::create(&self.dir.join("sealing_key"))?;
        Pepper::create(&self.dir.join("pepper"))?;
        create_tls(&self.dir)?;
        let keys = key_files::log_keys(&self.dir.join("log_key"), &self.origin)?;
        std::fs::write(self.dir.join("log.vkey"), format!("{}\n", keys.verifier()))?;
        Ok(())
    }

    fn create_policy(&self) -> anyhow::Result<()> {
        let folder = self.dir.join("policies");
        make_folder(&folder)?;
        // A folder with a policy in it stays as it is: the sample's rules or cases beside it would not fit.
        if !folder.join(policy::PROFILES).exists() {
            for (name, text) in SAMPLE_POLICY {
                std::fs::write(folder.join(name), text)?;
            }
        }
        Ok(())
    }

    fn config_text(&self) -> String {
        let mut text = format!(
            "listen = \"{}\"\nmetrics_listen = \"{}\"\norigin = \"{}\"\npolicy = \"policies\"\ndatabase = \"state.db\"\n\n\
             [tls]\ncertificate = \"tls.crt\"\nkey = \"tls.key\"\n\n\
             [keys]\nca = \"ca_key\"\nhost_ca = \"host_ca_key\"\nlog = \"log_key\"\nsealing = \"sealing_key\"\npepper = \"pepper\"\n\n[log]\n",
            self.listen, self.metrics_listen, self.origin
        );
        let quoted = |value: &str| toml::Value::String(value.to_owned()).to_string();
        let mut line = |name: &str, value: String| text.extend([name, " = ", &value, "\n"]);
        let Some(bucket) = &self.s3_bucket else {
            line("store", quoted("directory"));
            line("path", quoted("log"));
            return text;
        };
        line("store", quoted("s3"));
        line("bucket", quoted(bucket));
        for (name, value) in
            [("endpoint", &self.s3_endpoint), ("region", &self.s3_region), ("prefix", &self.s3_prefix)]
        {
            if let Some(value) = value {
                line(name, quoted(value));
            }
        }
        if let Some(days) = self.retention_days {
            line("retention_days", days.to_string());
        }
        text
    }
}

async fn add(parts: &Parts, ledger: &Ledger, officer: &NewAccount) -> anyhow::Result<Enrolment> {
    let accounts = Accounts::new(parts.login_setup(ledger).await?);
    Ok(accounts.add(officer, &operator()).await?)
}

fn make_folder(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| path.display().to_string())
}

/// One of the two CA keys.
pub(super) struct CaRole {
    pub(super) file: &'static str,
    comment: &'static str,
    passphrase: &'static str,
}

pub(super) const USER_CA: CaRole =
    CaRole { file: "ca_key", comment: "countersign users", passphrase: USERS_PASSPHRASE };

pub(super) const HOST_CA: CaRole =
    CaRole { file: "host_ca_key", comment: "countersign hosts", passphrase: HOSTS_PASSPHRASE };

/// Makes an Ed25519 CA key; one that is there already (from `ssh-keygen`, say) is taken as it is.
pub(super) fn create_ca_key(path: &Path, role: &CaRole) -> anyhow::Result<PublicKey> {
    if !path.exists() {
        let seed = Zeroizing::new(ids::random::<32>()?);
        let pair = ssh_key::private::Ed25519Keypair::from_seed(&seed);
        let key = ssh_key::PrivateKey::new(pair.into(), role.comment)?;
        secret_file::create(path, key.to_openssh(ssh_key::LineEnding::LF)?.as_bytes())?;
    }
    let passphrase = passphrase(role.passphrase);
    let key = crate::signer::CaKey::load(path, passphrase.as_ref().map(|text| text.as_str()))?;
    Ok(key.public().clone())
}

/// Makes a self-signed certificate for use on this machine; a real one takes its place in the configuration.
fn create_tls(dir: &Path) -> anyhow::Result<()> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)?;
    std::fs::write(dir.join("tls.crt"), made.cert.pem())?;
    secret_file::create(&dir.join("tls.key"), Zeroizing::new(made.signing_key.serialize_pem()).as_bytes())?;
    Ok(())
}

fn print_trust(dir: &Path, keys: &Keys) {
    let (public, hosts) = (keys.ca.public().users().key(), keys.ca.public().hosts().key());
    println!("Made an authority in {}.", dir.display());
    println!();
    println!("  CA key for users   {} {}", public.kind(), public.fingerprint());
    println!("  CA key for hosts   {} {}", hosts.kind(), hosts.fingerprint());
    println!("  log                {}", keys.log.verifier());
    println!();
    println!("On every host, put this line into /etc/ssh/user_ca.pub:");
    println!();
    println!("  {public}");
    println!();
    println!("and this one into /etc/ssh/sshd_config:");
    println!();
    println!("  TrustedUserCAKeys /etc/ssh/user_ca.pub");
    println!();
    println!("Next, the first officer unless there is one, and then the server:");
    println!();
    println!(
        "  ca-server user add NAME --email ADDRESS --group {OFFICERS} --config {}/config.toml",
        dir.display()
    );
    println!("  ca-server serve --config {}/config.toml", dir.display());
}
