//! `ca host sign`: has a host's key certified, checks the certificate, and writes it beside the key.

use std::path::PathBuf;

use ca_api::{HostCertificateRequest, HostProfileSummary, HostProfiles, IssuedCertificate};
use ca_core::host_request::HostRequest;
use ca_core::names::{HostName, HostNames, NameError, ProfileName, Reason, RequestId};
use ca_core::policy::HostPattern;
use ca_core::ssh::CertifiableKey;
use ca_core::time::{Ttl, TtlError};
use serde::Serialize;

use super::contact;
use super::request::{new_id, user};
use crate::cli::{Global, Host, HostSign};
use crate::clock;
use crate::failure::{Exit, Failure, Result};
use crate::http::Server;
use crate::issued::Issued;
use crate::issued_host;
use crate::keys::HostKey;
use crate::output;
use crate::render::text::grouped;
use crate::render::time::local;
use crate::retry;
use crate::site::Site;
use crate::state::write_atomic;

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    certificate: String,
    request_id: String,
    serial: u64,
    profile: String,
    key: String,
    key_id: &'a str,
    names: &'a [String],
    /// Whether the host's own key signed the request.
    proven: bool,
    valid_after: u64,
    valid_before: u64,
    log_origin: String,
    log_index: u64,
    /// The file it was written to.
    file: PathBuf,
    sshd_config: [String; 2],
}

pub(super) fn run(global: &Global, command: &Host) -> Result<Exit> {
    match command {
        Host::Sign(options) => sign(global, options),
    }
}

fn sign(global: &Global, options: &HostSign) -> Result<Exit> {
    // What can be said without a server is said before one is asked.
    let wishes = Wishes::new(options)?;
    let key = HostKey::open(&options.file)?;
    let certified = CertifiableKey::try_from(key.public_key().clone());
    let certified = certified.map_err(|error| Failure::new("usage", error.to_string()))?;
    let site = Site::choose(global)?;
    let server = contact::connect_with_session(global, &site)?;
    let pins = retry::patiently(|| contact::check_pins(global, &site, &server))?;
    if pins.host_ca_keys.is_empty() {
        let what = format!("no CA key for hosts is pinned for {}", site.url());
        let hint = "Compare what your security officers publish with: ca trust --pin --server URL";
        return Err(Failure::new("not-pinned", what).hint(hint));
    }

    let asked_by = user(options.user.as_deref(), &site, &server)?;
    let request = HostRequest {
        authority: pins.origin.clone(),
        id: wishes.id,
        user: asked_by.parse().map_err(|error| usage(&error))?,
        profile: match wishes.profile {
            Some(profile) => profile,
            None => profile_for(&wishes.names, &server)?,
        },
        ttl: wishes.ttl,
        names: wishes.names,
        key: certified,
        reason: wishes.reason,
    };
    let text = request.to_text();
    let body = HostCertificateRequest { signature: key.prove(&text)?, request: text };
    let issued: IssuedCertificate = retry::patiently(|| server.post("/v1/host-certificates", &body))?;

    let issued = issued_host::check(&issued.certificate, &request, &pins, clock::now_secs())?;
    write_atomic(&key.certificate_path(), issued.certificate.to_openssh().as_bytes(), 0o644)?;
    report(global, &issued, &request, &key, body.signature.is_some());
    Ok(Exit::Good)
}

fn usage(error: &NameError) -> Failure {
    Failure::new("usage", error.to_string())
}

/// What was asked for on the command line, parsed.
struct Wishes {
    id: RequestId,
    names: HostNames,
    profile: Option<ProfileName>,
    ttl: Option<Ttl>,
    reason: Option<Reason>,
}

impl Wishes {
    fn new(options: &HostSign) -> Result<Self> {
        let ttl = options.ttl.as_deref().map(str::parse).transpose();
        // ssh writes names in lower case before it compares them.
        let names = options.names.iter().map(|name| name.to_lowercase().parse());
        let names: Vec<HostName> =
            names.collect::<std::result::Result<_, _>>().map_err(|error| usage(&error))?;
        Ok(Self {
            id: match &options.id {
                Some(id) => id.parse().map_err(|error| usage(&error))?,
                None => new_id(RequestId::from_parts)?,
            },
            names: names.try_into().map_err(|error| usage(&error))?,
            profile: options.profile.as_deref().map(str::parse).transpose().map_err(|error| usage(&error))?,
            ttl: ttl.map_err(|error: TtlError| Failure::new("usage", error.to_string()))?,
            reason: options
                .reason
                .as_deref()
                .map(|reason| reason.trim().parse())
                .transpose()
                .map_err(|error| usage(&error))?,
        })
    }
}

/// Finds the only host profile that takes all names.
fn profile_for(names: &HostNames, server: &Server) -> Result<ProfileName> {
    let there: HostProfiles = retry::patiently(|| server.get("/v1/host-profiles"))?;
    let fitting: Vec<&str> = there
        .profiles
        .iter()
        .filter(|profile| takes(profile, names))
        .map(|profile| profile.name.as_str())
        .collect();
    match fitting[..] {
        [one] => one.parse().map_err(|error| usage(&error)),
        [] => {
            let all: Vec<&str> = there.profiles.iter().map(|profile| profile.name.as_str()).collect();
            let hint = match all[..] {
                [] => "You may have no hosts certified: ask your security officers.".to_owned(),
                _ => format!("There are: {}. Name one with --profile to hear what it says.", all.join(", ")),
            };
            Err(Failure::new("no-host-profile", format!("no host profile takes {names}"))
                .hint(hint)
                .refused())
        }
        _ => {
            let what = format!("several host profiles take {names}: {}", fitting.join(", "));
            Err(Failure::new("usage", what).hint("Name one with --profile."))
        }
    }
}

fn takes(profile: &HostProfileSummary, names: &HostNames) -> bool {
    // A pattern that this version does not know takes nothing.
    let patterns: Vec<HostPattern> =
        profile.names.iter().filter_map(|pattern| HostPattern::try_from(pattern.clone()).ok()).collect();
    names.iter().all(|name| {
        let form = profile.wildcards || !matches!(name, HostName::Wildcard(_));
        form && patterns.iter().any(|pattern| pattern.takes(name))
    })
}

fn report(global: &Global, issued: &Issued, request: &HostRequest, key: &HostKey, proven: bool) {
    let content = issued.certificate.content();
    let file = key.certificate_path();
    let sshd_config =
        [format!("HostKey {}", key.path().display()), format!("HostCertificate {}", file.display())];
    if global.json {
        return output::json(&Answer {
            certificate: issued.certificate.to_openssh().trim_end().to_owned(),
            request_id: request.id.to_string(),
            serial: content.serial,
            profile: request.profile.to_string(),
            key: content.key.fingerprint().to_string(),
            key_id: &content.key_id,
            names: &content.principals,
            proven,
            valid_after: content.valid_after.0,
            valid_before: content.valid_before.0,
            log_origin: issued.evidence.origin.to_string(),
            log_index: issued.evidence.index,
            file,
            sshd_config,
        });
    }
    output::note(&format!(
        "Certificate in {} until {}, for {}. Entry {} of the log.{}",
        file.display(),
        local(content.valid_before),
        content.principals.join(", "),
        grouped(issued.evidence.index),
        if proven { "" } else { " The host's own key did not sign the request: only its .pub was at hand." },
    ));
    output::note("Two lines in the host's sshd_config, then reload sshd:");
    for line in sshd_config {
        output::note(&format!("  {line}"));
    }
}
