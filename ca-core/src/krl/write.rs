//! The writer: the same revocations give the same bytes.

use super::cluster::{Encoding, Run, plan, runs};
use super::{KrlVersion, Revocations, RevokedKeyId, bitmap, section};
use crate::time::UnixSeconds;
use crate::wire::Writer;

/// Writes a KRL; control characters in the comment, which sshd logs, are left out.
///
/// Which version is the next is the caller's to know. Only sections that every OpenSSH since 7.9 reads are written, and
/// none that applies to certificates of all CAs.
pub fn write(
    revocations: &Revocations,
    version: KrlVersion,
    generated: UnixSeconds,
    comment: &str,
) -> Vec<u8> {
    const FLAGS: u64 = 0;
    let comment: String = comment.chars().filter(|c| !c.is_control()).collect();
    let mut writer = Writer::with_capacity(1024);
    writer.raw(section::MAGIC).u32(section::FORMAT_VERSION).u64(version.0).u64(generated.0).u64(FLAGS);
    writer.string(b"").string(comment.as_bytes());
    for (ca, serials, key_ids) in revocations.authorities() {
        section(&mut writer, section::CERTIFICATES, |inner| {
            inner.string(ca).string(b"");
            write_serials(inner, &runs(serials));
            write_key_ids(inner, key_ids);
        });
    }
    let fingerprints = revocations.fingerprints();
    if !fingerprints.is_empty() {
        section(&mut writer, section::FINGERPRINT_SHA256, |inner| {
            for fingerprint in &fingerprints {
                inner.string(&fingerprint.0);
            }
        });
    }
    writer.finish()
}

fn write_serials(writer: &mut Writer, runs: &[Run]) {
    let groups = plan(runs);
    let listed = groups.iter().filter(|(encoding, _)| *encoding == Encoding::List);
    let mut listed = listed.flat_map(|(_, runs)| *runs).flat_map(|run| run.first..=run.last).peekable();
    if listed.peek().is_some() {
        section(writer, section::SERIAL_LIST, |inner| {
            for serial in listed {
                inner.u64(serial);
            }
        });
    }
    for (encoding, runs) in groups {
        match (encoding, runs) {
            (Encoding::Range, [run, ..]) => section(writer, section::SERIAL_RANGE, |inner| {
                inner.u64(run.first).u64(run.last);
            }),
            (Encoding::Bitmap, [run, ..]) => section(writer, section::SERIAL_BITMAP, |inner| {
                inner.u64(run.first).string(&bitmap::to_mpint(run.first, runs));
            }),
            (Encoding::List, _) | (_, []) => {}
        }
    }
}

fn write_key_ids<'a>(writer: &mut Writer, key_ids: impl Iterator<Item = &'a RevokedKeyId>) {
    let mut key_ids = key_ids.peekable();
    if key_ids.peek().is_some() {
        section(writer, section::KEY_ID, |inner| {
            for key_id in key_ids {
                inner.string(key_id.as_str().as_bytes());
            }
        });
    }
}

fn section(writer: &mut Writer, kind: u8, content: impl FnOnce(&mut Writer)) {
    writer.raw(&[kind]).nested(content);
}
