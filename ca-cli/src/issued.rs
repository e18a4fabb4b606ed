//! Checking what a server issued before any of it is used.

use ca_core::cert::{CertKind, Certificate, LogStanding, Report, UnverifiedCertificate, Validity};
use ca_core::issuance::VerifiedEvidence;
use ca_core::names::{Principal, Principals};
use ca_core::policy::BACKDATE_SECS;
use ca_core::request::CertRequest;
use ca_core::time::{Ttl, UnixSeconds};

use crate::failure::{Failure, Result};
use crate::pins::Pins;

/// A certificate that is what was asked for, by the pinned CA, and in the pinned log.
#[derive(Debug)]
pub(crate) struct Issued {
    /// The certificate.
    pub(crate) certificate: Certificate,
    /// The proof inside it.
    pub(crate) evidence: VerifiedEvidence,
}

/// Checks everything; the first thing that does not hold refuses the certificate.
pub(crate) fn check(line: &str, request: &CertRequest, pins: &Pins, now: UnixSeconds) -> Result<Issued> {
    judge(line, request, pins, now).map_err(|flaw| refuse(&flaw))
}

/// Says that a certificate is not what it has to be.
pub(crate) fn refuse(flaw: &str) -> Failure {
    let what = format!("the server sent a certificate that is not right: {flaw}. It was not used");
    Failure::new("bad-certificate", what).hint("Tell your security officers: this must not happen.")
}

fn judge(
    line: &str,
    request: &CertRequest,
    pins: &Pins,
    now: UnixSeconds,
) -> std::result::Result<Issued, String> {
    let unverified = UnverifiedCertificate::from_openssh(line).map_err(|error| error.to_string())?;
    let report = Report::new(&unverified, &pins.trust(), now);
    if report.ca_pinned != Some(true) {
        return Err(format!("it is signed by {}, which is not pinned", report.content.ca.fingerprint()));
    }
    let certificate = unverified.verify().map_err(|error| error.to_string())?;
    check_identity(&report, request)?;
    check_principals(&report, request)?;
    check_times(&report, request.ttl, now)?;
    let evidence = check_log(report.log, pins)?;
    Ok(Issued { certificate, evidence })
}

fn check_identity(report: &Report, request: &CertRequest) -> std::result::Result<(), String> {
    let content = &report.content;
    if content.kind != CertKind::User {
        return Err("it is a host certificate".to_owned());
    }
    if content.key != *request.key.key() {
        return Err(format!("it is for another key, {}", content.key.fingerprint()));
    }
    if !content.key_id.ends_with(&format!("/{}", request.id)) {
        return Err(format!("its key id {:?} is of another request", content.key_id));
    }
    Ok(())
}

fn check_principals(report: &Report, request: &CertRequest) -> std::result::Result<(), String> {
    let names = report.content.principals.iter().map(|name| name.parse());
    let names =
        names.collect::<std::result::Result<Vec<Principal>, _>>().map_err(|error| error.to_string())?;
    // No principals at all would mean every account.
    let granted = Principals::try_from(names).map_err(|error| error.to_string())?;
    match &request.principals {
        Some(asked) if !granted.is_subset_of(asked) => {
            Err(format!("it is for {granted}, and only {asked} was asked for"))
        }
        _ => Ok(()),
    }
}

/// Checks that it is valid now, and for no longer than was asked for.
pub(crate) fn check_times(
    report: &Report,
    asked: Option<Ttl>,
    now: UnixSeconds,
) -> std::result::Result<(), String> {
    let content = &report.content;
    match report.validity {
        Validity::Valid { .. } => {}
        Validity::Expired { secs_ago } => {
            return Err(format!("it ended {secs_ago} s ago by this machine's clock, which says {now}"));
        }
        Validity::NotYet { secs } => {
            return Err(format!("it begins in {secs} s by this machine's clock, which says {now}"));
        }
    }
    let longest = asked.map_or(u64::from(Ttl::MAX_SECS), Ttl::secs) + BACKDATE_SECS;
    let length = content.valid_before.0.saturating_sub(content.valid_after.0);
    if length > longest {
        return Err(format!("it lasts {length} s, and {longest} s is the most that was asked for"));
    }
    Ok(())
}

/// Checks that it is in the pinned log.
pub(crate) fn check_log(standing: LogStanding, pins: &Pins) -> std::result::Result<VerifiedEvidence, String> {
    match standing {
        LogStanding::Proven(evidence) if evidence.origin == pins.origin => Ok(evidence),
        LogStanding::Proven(evidence) => Err(format!("it is in another log, {}", evidence.origin)),
        LogStanding::Refuted(error) => Err(error.to_string()),
        LogStanding::NoProof | LogStanding::Unchecked { .. } => {
            Err("it carries no proof that it is in the log".to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
