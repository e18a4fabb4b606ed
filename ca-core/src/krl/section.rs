//! The numbers of the format (OpenSSH PROTOCOL.krl).

/// The first bytes of every KRL.
pub(super) const MAGIC: &[u8; 8] = b"SSHKRL\n\0";

/// The only version of the format.
pub(super) const FORMAT_VERSION: u32 = 1;

pub(super) const CERTIFICATES: u8 = 1;
pub(super) const EXPLICIT_KEY: u8 = 2;
pub(super) const FINGERPRINT_SHA1: u8 = 3;
pub(super) const SIGNATURE: u8 = 4;
pub(super) const FINGERPRINT_SHA256: u8 = 5;
pub(super) const EXTENSION: u8 = 255;

pub(super) const SERIAL_LIST: u8 = 0x20;
pub(super) const SERIAL_RANGE: u8 = 0x21;
pub(super) const SERIAL_BITMAP: u8 = 0x22;
pub(super) const KEY_ID: u8 = 0x23;
pub(super) const CERT_EXTENSION: u8 = 0x39;
