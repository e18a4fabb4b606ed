//! What the server knows of each Yubikey, and whether an OTP is genuine and new.

use std::collections::HashMap;

use super::block::Block;
use super::token::SoftYubikey;

/// What is known of one key.
#[derive(Debug)]
struct Record {
    private_id: [u8; 6],
    aes_key: [u8; 16],
    /// The highest counters seen, and the nonce they came with.
    last: Option<((u16, u8), String)>,
}

/// All keys, by public id.
#[derive(Debug, Default)]
pub(super) struct Registry(HashMap<String, Record>);

impl Registry {
    pub(super) fn admit(&mut self, key: &SoftYubikey) {
        let record = Record { private_id: key.private_id(), aes_key: key.aes_key(), last: None };
        self.0.insert(key.public_id().to_owned(), record);
    }

    /// Forgets what was used.
    pub(super) fn forget(&mut self) {
        for record in self.0.values_mut() {
            record.last = None;
        }
    }

    /// Uses an OTP up; gives what is in it, or the status that says why not.
    ///
    /// In the order of Yubico's “Validation Server Algorithm”.
    pub(super) fn consume(&mut self, otp: &str, nonce: &str) -> Result<Block, &'static str> {
        let (public_id, block) = otp.split_at_checked(otp.len().saturating_sub(32)).ok_or("BAD_OTP")?;
        let record = self.0.get_mut(public_id).ok_or("BAD_OTP")?;
        let block = Block::open(block, &record.aes_key).map_err(|_| "BAD_OTP")?;
        if block.private_id != record.private_id {
            return Err("BAD_OTP");
        }
        let counters = (block.sessions, block.uses);
        if record.last.as_ref().is_some_and(|last| last.0 == counters && last.1 == nonce) {
            return Err("REPLAYED_REQUEST");
        }
        if record.last.as_ref().is_some_and(|last| last.0 >= counters) {
            return Err("REPLAYED_OTP");
        }
        record.last = Some((counters, nonce.to_owned()));
        Ok(block)
    }
}
