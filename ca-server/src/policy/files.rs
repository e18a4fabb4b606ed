//! The policy's folder on disk.

use std::io::ErrorKind;
use std::path::Path;

use ca_core::issuance::Cas;
use ca_core::policy::cases::Cases;
use ca_core::policy::{PROFILES, Policy, PolicyError, PolicyFiles, Problem};

/// Reads the policy of a folder and tries its cases; the error names file and line, one problem a line.
pub fn load(folder: &Path) -> Result<Policy, String> {
    read(folder).and_then(|files| judge(&files)).map_err(|error| in_folder(folder, &error))
}

/// Reads the files of a folder.
pub(super) fn read(folder: &Path) -> Result<PolicyFiles, PolicyError> {
    PolicyFiles::read(|name| match std::fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    })
}

/// Takes a policy only if its own cases hold.
pub(super) fn judge(files: &PolicyFiles) -> Result<Policy, PolicyError> {
    let policy = Policy::read(files)?;
    if let Some(cases) = &files.cases {
        Cases::read(cases)?.check(&policy)?;
    }
    Ok(policy)
}

/// Refuses a policy with a profile that chooses a CA key which is none of these.
pub fn check_cas(policy: &Policy, cas: &Cas) -> Result<(), PolicyError> {
    let missing = policy.profiles().filter(|(_, profile)| cas.user(profile.ca).is_none());
    let problems: Vec<Problem> = missing
        .map(|(name, _)| {
            Problem::new(PROFILES, format!("profile {name}: this server has no CA key like `ca`"))
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}

/// Names the folder before every problem.
pub fn in_folder(folder: &Path, error: &PolicyError) -> String {
    let lines = error.problems().iter().map(|problem| format!("{}/{problem}", folder.display()));
    lines.collect::<Vec<_>>().join("\n")
}
