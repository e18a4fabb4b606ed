//! The Yubikey.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use super::block::{Block, to_modhex};

/// Ten minutes after it was plugged in, in eighths of a second.
const TIMESTAMP: u32 = 4800;

/// A Yubikey in software, slot 1 programmed for Yubico OTP.
#[derive(Debug)]
pub struct SoftYubikey {
    public_id: String,
    private_id: [u8; 6],
    aes_key: [u8; 16],
    /// How often it was plugged in, and touched since.
    counters: Mutex<(u16, u8)>,
}

impl SoftYubikey {
    /// Makes a key with random secrets, plugged in for the first time.
    pub fn new() -> Result<Self> {
        let mut key = Self {
            public_id: String::new(),
            private_id: [0; 6],
            aes_key: [0; 16],
            counters: Mutex::new((1, 0)),
        };
        let mut serial = [0; 4];
        getrandom::fill(&mut serial)?;
        // As Yubico's: the first two bytes are zero.
        key.public_id = format!("cccc{}", to_modhex(&serial));
        getrandom::fill(&mut key.private_id)?;
        getrandom::fill(&mut key.aes_key)?;
        Ok(key)
    }

    /// Touches it: gives the next OTP.
    pub fn press(&self) -> Result<String> {
        let (sessions, uses) = {
            let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
            counters.1 = counters.1.checked_add(1).unwrap_or_else(|| {
                counters.0 += 1;
                0
            });
            *counters
        };
        self.otp_at(sessions, uses)
    }

    /// Pulls it out and plugs it in again: a counter rises, the other starts anew.
    pub fn replug(&self) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        *counters = (counters.0 + 1, 0);
    }

    /// Gives an OTP with these counters, used before or not.
    pub fn otp_at(&self, sessions: u16, uses: u8) -> Result<String> {
        let mut random = [0; 2];
        getrandom::fill(&mut random)?;
        let random = u16::from_le_bytes(random);
        let timestamp = TIMESTAMP + u32::from(uses);
        let block = Block { private_id: self.private_id, sessions, timestamp, uses, random };
        Ok(format!("{}{}", self.public_id, block.seal(&self.aes_key)?))
    }

    /// Gives what every OTP of it starts with.
    pub fn public_id(&self) -> &str {
        &self.public_id
    }

    /// Gives the id inside its OTPs.
    pub fn private_id(&self) -> [u8; 6] {
        self.private_id
    }

    /// Gives the key that encrypts its OTPs.
    pub fn aes_key(&self) -> [u8; 16] {
        self.aes_key
    }
}
