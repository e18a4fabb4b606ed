//! Checking what a server issued for a host before any of it is used.

use ca_core::cert::{CertKind, Report, UnverifiedCertificate};
use ca_core::host_request::HostRequest;
use ca_core::names::KeyId;
use ca_core::time::UnixSeconds;

use crate::failure::Result;
use crate::issued::{Issued, check_log, check_times, refuse};
use crate::pins::Pins;

/// Checks everything; the first thing that does not hold refuses the certificate.
pub(crate) fn check(line: &str, request: &HostRequest, pins: &Pins, now: UnixSeconds) -> Result<Issued> {
    judge(line, request, pins, now).map_err(|flaw| refuse(&flaw))
}

fn judge(
    line: &str,
    request: &HostRequest,
    pins: &Pins,
    now: UnixSeconds,
) -> std::result::Result<Issued, String> {
    let unverified = UnverifiedCertificate::from_openssh(line).map_err(|error| error.to_string())?;
    let report = Report::new(&unverified, &pins.trust(), now);
    if report.content.kind != CertKind::Host {
        return Err("it is a user certificate".to_owned());
    }
    if report.ca_pinned != Some(true) {
        let ca = report.content.ca.fingerprint();
        return Err(format!("it is signed by {ca}, which is not pinned as a CA for hosts"));
    }
    let certificate = unverified.verify().map_err(|error| error.to_string())?;
    check_content(&report, request)?;
    check_times(&report, request.ttl, now)?;
    let evidence = check_log(report.log, pins)?;
    Ok(Issued { certificate, evidence })
}

fn check_content(report: &Report, request: &HostRequest) -> std::result::Result<(), String> {
    let content = &report.content;
    if content.key != *request.key.key() {
        return Err(format!("it is for another key, {}", content.key.fingerprint()));
    }
    if content.key_id != KeyId::of_host(&request.names, request.id).as_str() {
        return Err(format!("its key id {:?} is of another request", content.key_id));
    }
    // No names at all would mean every host.
    if !request.names.iter().map(ToString::to_string).eq(content.principals.iter().cloned()) {
        return Err(format!(
            "it is for {}, and {} was asked for",
            content.principals.join(","),
            request.names
        ));
    }
    if !content.critical_options.is_empty() {
        return Err("it has critical options, and hosts have none".to_owned());
    }
    Ok(())
}
