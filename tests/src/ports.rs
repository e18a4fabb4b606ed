//! Free ports on the loopback interface.

use std::net::TcpListener;

use anyhow::{Result, bail};

/// Finds a free port on 127.0.0.1 below 32768, where outgoing connections never come from.
pub fn free() -> Result<u16> {
    for _ in 0..200 {
        let port = 10_000 + (getrandom::u32()? % 22_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port between 10000 and 32000")
}
