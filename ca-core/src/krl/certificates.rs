//! Certificate sections: what is revoked of one CA's certificates, or of all CAs' (OpenSSH PROTOCOL.krl §2).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::bitmap::Bitmap;
use super::{KrlError, section};
use crate::wire::Reader;

/// The certificates of one CA that a KRL revokes; it takes no more memory than a small multiple of the bytes read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OfAuthority {
    serials: BTreeSet<u64>,
    ranges: Vec<RangeInclusive<u64>>,
    bitmaps: Vec<Bitmap>,
    key_ids: BTreeSet<Vec<u8>>,
}

impl OfAuthority {
    /// Tells whether a serial is revoked.
    pub(super) fn has_serial(&self, serial: u64) -> bool {
        self.serials.contains(&serial)
            || self.ranges.iter().any(|range| range.contains(&serial))
            || self.bitmaps.iter().any(|bitmap| bitmap.contains(serial))
    }

    /// Gives how many serials are revoked; what is said twice counts twice.
    pub(super) fn serial_count(&self) -> u64 {
        let ranges = self.ranges.iter().map(|range| (range.end() - range.start()).saturating_add(1));
        let all = ranges.chain(self.bitmaps.iter().map(Bitmap::count));
        all.fold(self.serials.len() as u64, u64::saturating_add)
    }

    /// Gives how many key ids are revoked.
    pub(super) fn key_id_count(&self) -> u64 {
        self.key_ids.len() as u64
    }

    /// Tells whether a key id is revoked.
    pub(super) fn has_key_id(&self, key_id: &str) -> bool {
        self.key_ids.contains(key_id.as_bytes())
    }

    /// Reads the sections inside a certificate section, all of them.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), KrlError> {
        while !reader.is_empty() {
            let kind = reader.u8()?;
            let mut inner = Reader::new(reader.string()?);
            match kind {
                section::SERIAL_LIST => self.read_list(&mut inner)?,
                section::SERIAL_RANGE => self.read_range(&mut inner)?,
                section::SERIAL_BITMAP => {
                    self.bitmaps.push(Bitmap::from_mpint(inner.u64()?, inner.string()?)?);
                }
                section::KEY_ID => self.read_key_ids(&mut inner)?,
                section::CERT_EXTENSION => skip_extension(&mut inner)?,
                section => return Err(KrlError::UnknownSection { section }),
            }
            if !inner.is_empty() {
                return Err(KrlError::TrailingBytes { section: kind });
            }
        }
        Ok(())
    }

    fn read_list(&mut self, reader: &mut Reader<'_>) -> Result<(), KrlError> {
        while !reader.is_empty() {
            self.serials.insert(not_zero(reader.u64()?)?);
        }
        Ok(())
    }

    fn read_range(&mut self, reader: &mut Reader<'_>) -> Result<(), KrlError> {
        let (first, last) = (not_zero(reader.u64()?)?, reader.u64()?);
        if first > last {
            return Err(KrlError::RangeOrder { first, last });
        }
        self.ranges.push(first..=last);
        Ok(())
    }

    fn read_key_ids(&mut self, reader: &mut Reader<'_>) -> Result<(), KrlError> {
        if reader.is_empty() {
            return Err(KrlError::EmptySection { section: section::KEY_ID });
        }
        while !reader.is_empty() {
            self.key_ids.insert(read_text(reader)?.to_vec());
        }
        Ok(())
    }
}

/// Reads a text as sshd does, which has no NUL byte inside; one at the end is refused here, too.
pub(super) fn read_text<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], KrlError> {
    let text = reader.string()?;
    if text.contains(&0) { Err(KrlError::NulInText) } else { Ok(text) }
}

/// Reads an extension, which may be skipped if it says so; no extension is known.
pub(super) fn skip_extension(reader: &mut Reader<'_>) -> Result<(), KrlError> {
    let name = read_text(reader)?;
    let critical = reader.u8()? != 0;
    let _content = reader.string()?;
    if critical {
        let name = String::from_utf8_lossy(name).chars().take(64).collect();
        return Err(KrlError::CriticalExtension { name });
    }
    Ok(())
}

fn not_zero(serial: u64) -> Result<u64, KrlError> {
    if serial == 0 { Err(KrlError::SerialZero) } else { Ok(serial) }
}
