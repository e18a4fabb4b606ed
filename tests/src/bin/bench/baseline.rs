//! What the machine can do at best, measured in the same run: bare Argon2, and `ssh-keygen` signing in bulk.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use countersign_tests::process::run;
use countersign_tests::requests::Key;

/// How much memory one hash takes, in KiB; the server's default.
const MEMORY_KIB: u32 = 19_456;
/// How many passes one hash makes; the server's default.
const PASSES: u32 = 2;

/// Hashes passwords on this many threads, each with its memory allocated once; gives hashes per second.
pub(crate) fn argon2_per_sec(threads: usize) -> Result<f64> {
    let duration = Duration::from_secs(3);
    let counts: Vec<Result<f64>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| hash_for(duration))).collect();
        let joined = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|result| result.unwrap_or_else(|_| Err(anyhow!("a thread panicked")))).collect()
    });
    counts.into_iter().sum()
}

fn hash_for(duration: Duration) -> Result<f64> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(|e| anyhow!("{e}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut memory = vec![Block::default(); MEMORY_KIB as usize];
    let mut hash = [0; 32];
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < duration {
        argon2
            .hash_password_into_with_memory(
                b"a password as long as most",
                b"sixteen bytes ..",
                &mut hash,
                &mut memory,
            )
            .map_err(|e| anyhow!("{e}"))?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

/// Lets one `ssh-keygen` sign many keys in a folder; gives certificates per second.
///
/// The folder is to stay until all is measured: ext4 makes files slowly for minutes after thousands were deleted.
pub(crate) fn ssh_keygen_per_sec(folder: &Path) -> Result<f64> {
    const KEYS: u32 = 2_000;
    let ca = folder.join("ca");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&ca))?;
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-I", "ann@example.com", "-n", "ann", "-V", "+8h", "-s"]).arg(&ca);
    for i in 0..KEYS {
        let path = folder.join(format!("{i}.pub"));
        fs::write(&path, format!("{}\n", Key::new()?.public().key()))?;
        command.arg(path);
    }
    let start = Instant::now();
    run(&mut command)?;
    Ok(f64::from(KEYS) / start.elapsed().as_secs_f64())
}
