//! Telling a derived object that a power cut tore from one that another writer made.
//!
//! Derived objects are not flushed, so after a power cut a file can be there without its bytes: empty, cut short or
//! with zeros in it. Create-only would keep it so for ever, and a tile that can never be right again fails every
//! proof through it.

use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags, openat};

use super::folder::Place;

/// Tells whether the object at `place` is what a power cut leaves of `wanted`.
///
/// Both must hold: it was written before the machine last started, and each byte it has is the wanted one or zero.
/// An object of a running machine is never called torn, so create-only holds between live writers.
pub(super) fn was_torn(place: &Place<'_>, wanted: &[u8]) -> io::Result<bool> {
    let file = openat(&place.folder, place.name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut file = File::from(file);
    if !booted().is_some_and(|booted| file.metadata().and_then(|m| m.modified()).is_ok_and(|t| t < booted)) {
        return Ok(false);
    }
    let mut there = Vec::new();
    file.read_to_end(&mut there)?;
    Ok(there.len() <= wanted.len() && there.iter().zip(wanted).all(|(is, should)| *is == 0 || is == should))
}

/// Tells when this machine started, or `None` where it does not say.
fn booted() -> Option<SystemTime> {
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let secs = uptime.split_whitespace().next()?.parse().ok()?;
    SystemTime::now().checked_sub(Duration::try_from_secs_f64(secs).ok()?)
}
