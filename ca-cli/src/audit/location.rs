//! Where a log is, and whose: from what was typed and what is pinned.

use std::path::PathBuf;

use ca_core::log::VerifierKey;

use super::Objects;
use super::directory::Directory;
use super::remote::Remote;
use crate::cli::{Global, Log};
use crate::commands::contact;
use crate::commands::read_log_key;
use crate::failure::{Failure, Result};
use crate::site::{Site, all_pins};

/// A log to be read, and the key that it must be signed with.
pub(crate) struct Place {
    /// What it is called, for people.
    pub(crate) name: String,
    /// The objects.
    pub(crate) objects: Box<dyn Objects>,
    /// The key.
    pub(crate) key: VerifierKey,
}

impl Place {
    /// Finds the log: a folder, a URL, or the log of the server that is used.
    pub(crate) fn find(global: &Global, log: &Log) -> Result<Self> {
        let given = log.key.as_deref().map(read_log_key).transpose()?;
        match &log.location {
            Some(location) if location.contains("://") => {
                let (site, path) = Site::of_url(location)?;
                Self::remote(global, &site, &path, given)
            }
            Some(location) => Self::directory(PathBuf::from(location), given),
            None => Self::remote(global, &Site::choose(global)?, "/log/", given),
        }
    }

    fn directory(path: PathBuf, given: Option<VerifierKey>) -> Result<Self> {
        if !path.is_dir() {
            return Err(Failure::new("usage", format!("{} is not a folder", path.display()))
                .hint("Name a folder with a copy of the log, or its URL."));
        }
        let objects = Directory(path);
        let name = objects.0.display().to_string();
        let key = match given {
            Some(key) => key,
            None => pinned_for(&objects)?,
        };
        Ok(Self { name, objects: Box::new(objects), key })
    }

    fn remote(global: &Global, site: &Site, path: &str, given: Option<VerifierKey>) -> Result<Self> {
        let pinned = site.pins()?.map(|pins| pins.log_key);
        let key = given.or(pinned).ok_or_else(no_key)?;
        let server = contact::connect(global, site, contact::token(site)?)?;
        let name = format!("{}{path}", site.url());
        Ok(Self { name, objects: Box::new(Remote { server, path: path.to_owned() }), key })
    }
}

/// Finds the pinned key of the log that a folder says it is of.
fn pinned_for(objects: &Directory) -> Result<VerifierKey> {
    let checkpoint = objects.get("checkpoint")?.unwrap_or_default();
    let origin = String::from_utf8_lossy(&checkpoint).lines().next().unwrap_or_default().to_owned();
    let pins = all_pins().into_iter().find(|pins| pins.origin.as_str() == origin);
    pins.map(|pins| pins.log_key).ok_or_else(no_key)
}

fn no_key() -> Failure {
    Failure::new("usage", "which key is the log signed with?")
        .hint("Name it, or a file with it: --key ca.example.com/log+33d7b496+AXkq…")
}
