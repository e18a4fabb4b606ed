//! The app on a person's phone.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use totp_rs::{Builder, Secret, Totp};

const STEP_SECS: u64 = 30;

/// A TOTP app that never shows a code twice: the server takes each step once (RFC 6238 §5.2).
pub struct Phone {
    totp: Totp,
    secret: String,
    last_step: Mutex<u64>,
}

impl Phone {
    /// Scans the secret, in base 32.
    pub fn new(secret: &str) -> Result<Self> {
        let totp = Builder::new().with_secret(Secret::try_from_base32(secret)?).build()?;
        Ok(Self { totp, secret: secret.to_owned(), last_step: Mutex::new(0) })
    }

    /// Gives the secret in base 32, for another app.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Gives a code that has not been shown before, waiting for one if need be.
    ///
    /// The server takes the last step as well as the current one, in this order: two codes are there at once.
    pub fn code(&self) -> String {
        let mut last = self.last_step.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        loop {
            let now = unix_secs();
            let (step, into) = (now / STEP_SECS, now % STEP_SECS);
            // Close to the end of a step the last one might be too old on arrival.
            let first = if into < STEP_SECS - 6 { step - 1 } else { step };
            let next = first.max(*last + 1);
            if next <= step {
                *last = next;
                return self.code_at(next);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Gives the code of one step, seen or not.
    pub fn code_at(&self, step: u64) -> String {
        self.totp.generate(step * STEP_SECS).to_string()
    }

    /// Gives the current step.
    pub fn step() -> u64 {
        unix_secs() / STEP_SECS
    }
}

fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
