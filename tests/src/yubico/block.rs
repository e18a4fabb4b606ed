//! The 16 bytes inside an OTP, encrypted with AES-128 and written in modhex.
//!
//! `private id (6) ‖ sessions (2) ‖ timestamp (3) ‖ uses (1) ‖ random (2) ‖ CRC-16 (2)`, numbers little-endian. The CRC is
//! that of ISO 13239, inverted, so that over all 16 bytes it leaves 0xf0b8.

use anyhow::{Result, ensure};
use aws_lc_rs::cipher::{AES_128, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey};

const DIGITS: &[u8; 16] = b"cbdefghijklnrtuv";
const CRC_LEFT_OVER: u16 = 0xf0b8;

/// What a key puts into one OTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) private_id: [u8; 6],
    /// How often the key was plugged in.
    pub(super) sessions: u16,
    /// Eighths of a second since it was; 24 bits.
    pub(super) timestamp: u32,
    /// How often it was touched since.
    pub(super) uses: u8,
    pub(super) random: u16,
}

impl Block {
    /// Encrypts it, and gives it in modhex.
    pub(super) fn seal(&self, aes_key: &[u8; 16]) -> Result<String> {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&self.private_id);
        bytes[6..8].copy_from_slice(&self.sessions.to_le_bytes());
        bytes[8..11].copy_from_slice(&self.timestamp.to_le_bytes()[..3]);
        bytes[11] = self.uses;
        bytes[12..14].copy_from_slice(&self.random.to_le_bytes());
        let crc = !crc(&bytes[..14]);
        bytes[14..].copy_from_slice(&crc.to_le_bytes());
        EncryptingKey::ecb(UnboundCipherKey::new(&AES_128, aes_key)?)?.encrypt(&mut bytes)?;
        Ok(to_modhex(&bytes))
    }

    /// Decrypts it from modhex; fails when its checksum is wrong, as under another key.
    pub(super) fn open(modhex: &str, aes_key: &[u8; 16]) -> Result<Self> {
        let mut bytes = from_modhex(modhex)?;
        ensure!(bytes.len() == 16, "a block has 16 bytes");
        let key = DecryptingKey::ecb(UnboundCipherKey::new(&AES_128, aes_key)?)?;
        key.decrypt(&mut bytes, DecryptionContext::None)?;
        ensure!(crc(&bytes) == CRC_LEFT_OVER, "the checksum is wrong");
        Ok(Self {
            private_id: bytes[..6].try_into()?,
            sessions: u16::from_le_bytes([bytes[6], bytes[7]]),
            timestamp: u32::from_le_bytes([bytes[8], bytes[9], bytes[10], 0]),
            uses: bytes[11],
            random: u16::from_le_bytes([bytes[12], bytes[13]]),
        })
    }
}

/// Writes bytes in modhex.
pub(super) fn to_modhex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_modhex(text: &str) -> Result<Vec<u8>> {
    let nibbles = text.bytes().map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let nibbles: Option<Vec<usize>> = nibbles.collect();
    let nibbles = nibbles.ok_or_else(|| anyhow::anyhow!("not modhex"))?;
    ensure!(nibbles.len() % 2 == 0, "half a byte");
    nibbles.chunks(2).map(|pair| Ok(u8::try_from(pair[0] << 4 | pair[1])?)).collect()
}

/// The CRC of ISO 13239: reflected polynomial 0x8408, all ones at the start.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x8408 } else { 0 })
    })
}
