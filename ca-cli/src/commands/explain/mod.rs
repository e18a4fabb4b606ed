//! `ca explain`: why something is, or would be, refused.

mod certificate;
mod profile;

use crate::cli::{Explain, Global};
use crate::failure::{Exit, Failure, Result};

pub(super) fn run(global: &Global, options: &Explain) -> Result<Exit> {
    match (&options.cert, &options.profile) {
        (Some(file), _) => certificate::run(global, file, &options.target),
        (None, Some(profile)) => profile::run(global, profile, &options.wanted),
        (None, None) => Err(Failure::new("usage", "there is nothing to explain")
            .hint("ca explain PROFILE, or ca explain --cert FILE --host HOST --login ACCOUNT")),
    }
}
