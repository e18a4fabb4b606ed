//! Serials as the bits of an integer: bit N is the serial `offset` + N (OpenSSH PROTOCOL.krl §2.3).

use super::cluster::Run;
use super::{KrlError, MAX_BITMAP_BYTES};

/// A bitmap that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bitmap {
    offset: u64,
    /// Least significant byte first.
    bytes: Vec<u8>,
}

impl Bitmap {
    /// Takes the offset and the content of the `mpint`, and refuses whatever sshd would not read.
    pub(super) fn from_mpint(offset: u64, mpint: &[u8]) -> Result<Self, KrlError> {
        let digits = match mpint {
            [0, digits @ ..] if digits.first().is_some_and(|b| b & 0x80 != 0) => digits,
            [first, ..] if (0x01..0x80).contains(first) => mpint,
            _ => return Err(KrlError::Bitmap),
        };
        if digits.len() > MAX_BITMAP_BYTES {
            return Err(KrlError::BitmapTooLong { bytes: mpint.len() });
        }
        let bitmap = Self { offset, bytes: digits.iter().rev().copied().collect() };
        if bitmap.last().is_none() {
            Err(KrlError::Bitmap)
        } else if bitmap.contains(0) {
            Err(KrlError::SerialZero)
        } else {
            Ok(bitmap)
        }
    }

    /// Tells whether the bit of a serial is set.
    pub(super) fn contains(&self, serial: u64) -> bool {
        let Some(bit) = serial.checked_sub(self.offset) else { return false };
        let byte = usize::try_from(bit / 8).ok().and_then(|index| self.bytes.get(index));
        byte.is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    }

    /// Gives how many bits are set.
    pub(super) fn count(&self) -> u64 {
        self.bytes.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }

    /// Gives the highest serial; `None` when it is beyond the last one.
    fn last(&self) -> Option<u64> {
        let top = self.bytes.last().map_or(0, |byte| u64::from(7 - byte.leading_zeros().min(7)));
        let below = u64::try_from(self.bytes.len().saturating_sub(1)).ok()?.checked_mul(8)?;
        self.offset.checked_add(below)?.checked_add(top)
    }
}

/// Writes runs that span at most [`MAX_BITMAP_BYTES`] as the content of an `mpint` whose bit 0 is the serial `offset`.
pub(super) fn to_mpint(offset: u64, runs: &[Run]) -> Vec<u8> {
    let span = runs.last().map_or(0, |run| run.last - offset + 1);
    // At least one bit more than needed, so that the number is positive (RFC 4251 §5).
    let mut bytes = vec![0_u8; usize::try_from(span / 8).unwrap_or(MAX_BITMAP_BYTES) + 1];
    for bit in runs.iter().flat_map(|run| run.first - offset..=run.last - offset) {
        if let Some(byte) = usize::try_from(bit / 8).ok().and_then(|index| bytes.get_mut(index)) {
            *byte |= 1 << (bit % 8);
        }
    }
    bytes.reverse();
    bytes
}
