//! One server for the tests of a file that do not mind each other.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Result;

use crate::server::Server;

/// A server that runs as long as some test uses it: a plain static would never be dropped, and its process never ended.
#[derive(Default)]
pub struct Shared(Mutex<Weak<Server>>);

impl Shared {
    /// Nothing runs yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// Gives the running server, or makes one.
    pub fn get(&self, make: impl FnOnce() -> Result<Server>) -> Result<Arc<Server>> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Ok(server);
        }
        let server = Arc::new(make()?);
        *shared = Arc::downgrade(&server);
        Ok(server)
    }
}
