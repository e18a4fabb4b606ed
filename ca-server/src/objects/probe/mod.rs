//! Placeholder until the probe is written.

/// The folder of probe keys.
pub const FOLDER: &str = "probe";
