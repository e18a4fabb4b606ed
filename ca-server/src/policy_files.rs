//! The policy's folder on disk.

use std::path::Path;

use ca_core::policy::Policy;

/// Reads a policy's folder; the error names the file, and the line where there is one.
pub fn load(folder: &Path) -> Result<Policy, String> {
    let path = folder.join("profiles.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    text.parse().map_err(|error| format!("{}: {error}", path.display()))
}
