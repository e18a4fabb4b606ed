//! `ca inspect`: what a certificate says, and whether to believe it. Asks nobody: no network, no runtime, no delay.

use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::cert::{CertError, Report, Trust, UnverifiedCertificate};
use ca_core::issuance::extension_name;
use ca_core::krl::{Krl, Why};
use ca_core::log::VerifierKey;
use ca_core::ssh::PublicKey;
use ca_core::time::UnixSeconds;

use crate::agent::Agent;
use crate::cli::{Global, Inspect};
use crate::clock;
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pins::Pins;
use crate::render::{certificate, json, time};
use crate::site;
use crate::state::io_failure;

/// What certificates are held against.
pub(super) struct Judge {
    /// What `--ca-key` and `--log-key` say; it goes before everything pinned.
    given: Option<Trust>,
    pins: Vec<Pins>,
    /// What `--krl` names.
    krl: Option<Krl>,
    now: UnixSeconds,
}

/// A certificate and what there is to say about it.
pub(super) struct Judged {
    /// Where it was found.
    pub(super) source: String,
    /// What it says, checked.
    pub(super) report: Report,
    /// What speaks against it.
    pub(super) flaws: Vec<String>,
}

/// A certificate that was found, or something that claims to be one.
pub(super) type Found = (String, std::result::Result<UnverifiedCertificate, CertError>);

pub(super) fn run(global: &Global, options: &Inspect) -> Result<Exit> {
    let judge = Judge::new(options)?;
    let found = match &options.file {
        Some(path) => in_file(path)?,
        None => in_agent(&mut Agent::required()?)?,
    };
    let mut unreadable = Vec::new();
    let mut judged = Vec::new();
    for (source, certificate) in found {
        match certificate {
            Ok(certificate) => judged.push(judge.judge(source, &certificate)),
            Err(error) => unreadable.push(format!("{source}: {error}")),
        }
    }
    print(global, &judged, judge.now);
    if let Some(first) = unreadable.first() {
        return Err(Failure::new("unreadable", first.clone()));
    }
    let good = judged.iter().all(|judged| judged.flaws.is_empty());
    Ok(if good { Exit::Good } else { Exit::Refused })
}

fn print(global: &Global, judged: &[Judged], now: UnixSeconds) {
    if global.json {
        let json = |j: &Judged| json::Certificate::new(&j.source, &j.report, &j.flaws);
        return output::json(&judged.iter().map(json).collect::<Vec<_>>());
    }
    let texts: Vec<_> = judged.iter().map(|j| certificate::describe(&j.report, &j.flaws, now)).collect();
    output::data(&texts.join("\n"));
}

impl Judge {
    fn new(options: &Inspect) -> Result<Self> {
        let now = time_or_now(options.at.as_deref())?;
        let given =
            (!options.ca_key.is_empty() || options.log_key.is_some()).then(|| given(options)).transpose()?;
        let krl = options.krl.as_deref().map(super::krl::read).transpose()?;
        Ok(Self { given, pins: site::all_pins(), krl, now })
    }

    /// Judges by what is pinned, now.
    pub(super) fn by_pins() -> Self {
        Self { given: None, pins: site::all_pins(), krl: None, now: clock::now_secs() }
    }

    /// Looks a certificate over.
    pub(super) fn judge(&self, source: String, certificate: &UnverifiedCertificate) -> Judged {
        let trust = self.trust(certificate);
        let report = Report::new(certificate, &trust, self.now);
        let mut flaws = certificate::flaws(&report, trust.log_key.is_some());
        flaws.extend(self.revoked(&report).map(|why| format!("it is revoked ({why})")));
        Judged { source, report, flaws }
    }

    /// Looks a certificate up in the KRL, if one is given.
    fn revoked(&self, report: &Report) -> Option<&'static str> {
        let content = &report.content;
        let why = self.krl.as_ref()?.revokes_certificate(
            &content.ca,
            content.serial,
            &content.key_id,
            &content.key,
        )?;
        Some(match why {
            Why::Key => "its key",
            Why::CaKey => "the key of its CA",
            Why::KeyId => "its key id",
            Why::Serial => "its serial",
        })
    }

    /// Finds the authority that a certificate is of: by its CA key, or else by the name of the proof inside.
    fn trust(&self, certificate: &UnverifiedCertificate) -> Trust {
        if let Some(given) = &self.given {
            return given.clone();
        }
        let content = certificate.unverified_content();
        let by_ca =
            |pins: &&Pins| pins.user_ca_keys.iter().chain(&pins.host_ca_keys).any(|ca| *ca == content.ca);
        let by_log = |pins: &&Pins| content.extensions.contains_key(&extension_name(&pins.origin));
        match self.pins.iter().find(by_ca).or_else(|| self.pins.iter().find(by_log)) {
            Some(pins) => pins.trust(),
            None => Trust {
                ca_keys: self.pins.iter().flat_map(|pins| pins.user_ca_keys.clone()).collect(),
                host_ca_keys: self.pins.iter().flat_map(|pins| pins.host_ca_keys.clone()).collect(),
                log_key: None,
            },
        }
    }
}

fn given(options: &Inspect) -> Result<Trust> {
    let mut ca_keys = Vec::new();
    for path in &options.ca_key {
        let text = std::fs::read_to_string(path).map_err(|error| io_failure("read", path, &error))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            let key: PublicKey = line
                .parse()
                .map_err(|error| Failure::new("usage", format!("{}: {error}", path.display())))?;
            ca_keys.push(key);
        }
    }
    let log_key = options.log_key.as_deref().map(log_key).transpose()?;
    // Whoever names a CA key says what it is for by the certificate they hold it against.
    Ok(Trust { host_ca_keys: ca_keys.clone(), ca_keys, log_key })
}

/// Reads a log's key, from the text itself or from the file it names.
pub(crate) fn log_key(text: &str) -> Result<VerifierKey> {
    if let Ok(key) = text.trim().parse() {
        return Ok(key);
    }
    let path = Path::new(text);
    let file = std::fs::read_to_string(path).map_err(|error| {
        Failure::new("usage", format!("{text:?} is neither a verifier key nor a file with one: {error}"))
            .hint("A verifier key looks like ca.example.com/log+33d7b496+AXkq…")
    })?;
    file.trim().parse().map_err(|error| Failure::new("usage", format!("{}: {error}", path.display())))
}

/// Reads a point in time; without one it is now.
pub(super) fn time_or_now(text: Option<&str>) -> Result<UnixSeconds> {
    let Some(text) = text else { return Ok(clock::now_secs()) };
    time::parse(text).ok_or_else(|| {
        Failure::new("usage", format!("{text:?} is not a time")).hint("Such as 2026-01-02T03:04:05Z")
    })
}

/// Finds the certificates in a file or in stdin.
pub(super) fn in_file(path: &Path) -> Result<Vec<Found>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|error| io_failure("read", path, &error))?;
    let source = path.display().to_string();
    let found: Vec<_> = in_text(&String::from_utf8_lossy(&bytes), &source).collect();
    if found.is_empty() {
        return Err(Failure::new("unreadable", format!("there is no certificate in {source}"))
            .hint("The certificate of a key FILE is in FILE-cert.pub."));
    }
    Ok(found)
}

/// Finds certificates line by line: alone, or behind options as in `authorized_keys` and markers as in `known_hosts`.
fn in_text<'a>(text: &'a str, source: &'a str) -> impl Iterator<Item = Found> + 'a {
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let mut words = line
            .trim_start()
            .split_ascii_whitespace()
            .skip_while(|word| !word.ends_with("-cert-v01@openssh.com"));
        let (algorithm, base64) = (words.next()?, words.next().unwrap_or_default());
        let source =
            if text.lines().nth(1).is_some() { format!("{source}:{number}") } else { source.to_owned() };
        Some((source, UnverifiedCertificate::from_openssh(&format!("{algorithm} {base64}"))))
    })
}

/// Gives the certificates in the agent.
pub(super) fn in_agent(agent: &mut Agent) -> Result<Vec<Found>> {
    let identities = agent.identities()?;
    let certificates = identities.into_iter().filter_map(|identity| {
        let mut reader = ca_core::wire::Reader::new(&identity.blob);
        let algorithm = String::from_utf8_lossy(reader.string().ok()?).into_owned();
        let is_certificate = algorithm.ends_with("-cert-v01@openssh.com");
        let parse = || {
            UnverifiedCertificate::from_openssh(&format!("{algorithm} {}", STANDARD.encode(&identity.blob)))
        };
        is_certificate.then(|| (format!("ssh-agent: {}", identity.comment), parse()))
    });
    Ok(certificates.collect())
}

#[cfg(test)]
mod tests;
