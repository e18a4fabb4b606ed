//! A verifier by others reads our log by the C2SP paths and agrees with every checkpoint.
//!
//! `signed_note` and `tlog_tiles` are ports of the Go libraries behind Go's checksum database; they share no code with us.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::client::Client;
use countersign_tests::person::Person;
use countersign_tests::requests::signed_request;
use countersign_tests::server::{ORIGIN, Server};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint, Error, Tile, TileHashReader, TileReader, tree_hash};

/// So many that the log has a full tile and partial ones at two levels.
const CERTIFICATES: usize = 300;

#[tokio::test]
async fn an_independent_verifier_agrees_with_every_checkpoint() -> Result<()> {
    let mut server = Server::start()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let mut client = Client::connect(&server).await?;
    client.login(&ann).await?;
    for _ in 0..CERTIFICATES {
        client.certify(&signed_request(ORIGIN, "ann", "dev")?).await?;
    }
    server.stop()?;
    let key = fs::read_to_string(server.log_key())?;
    let folder = server.log_folder();
    let newest = verified(&fs::read(folder.join("checkpoint"))?, &key)?;
    ensure!(newest.size() > CERTIFICATES as u64, "only {} entries", newest.size());
    let tiles = Folder(folder.clone());
    let mut count = 0;
    for file in fs::read_dir(folder.join("checkpoints"))? {
        let path = file?.path();
        let checkpoint = verified(&fs::read(&path)?, &key).with_context(|| path.display().to_string())?;
        let reader = TileHashReader::new(newest.size(), *newest.hash(), &tiles);
        let root = tree_hash(checkpoint.size(), &reader)?;
        ensure!(root == *checkpoint.hash(), "another root at {}", checkpoint.size());
        count += 1;
    }
    ensure!(count > 1, "only {count} checkpoints");
    println!("{count} checkpoints over {} entries", newest.size());
    Ok(())
}

/// Verifies a checkpoint's signature and reads it.
fn verified(note: &[u8], key: &str) -> Result<Checkpoint> {
    let note = Note::from_bytes(note)?;
    let known = VerifierList::new(vec![Box::new(StandardVerifier::new(key.trim())?)]);
    let (signatures, _) = note.verify(&known)?;
    ensure!(!signatures.is_empty(), "not signed by the log");
    Checkpoint::from_bytes(note.text()).ok().context("not a checkpoint")
}

/// Finds tiles in a folder by their C2SP paths.
struct Folder(PathBuf);

impl TileReader for Folder {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            // Their paths name the height, which C2SP fixes at 8 and leaves out.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            fs::read(self.0.join(&path)).map_err(|error| Error::InvalidInput(format!("{path}: {error}")))
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}
