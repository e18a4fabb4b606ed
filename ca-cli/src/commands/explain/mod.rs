//! `ca explain`: why something is, or would be, refused.

mod certificate;

use crate::cli::{Explain, Global};
use crate::failure::{Exit, Failure, Result};

pub(super) fn run(global: &Global, options: &Explain) -> Result<Exit> {
    match &options.cert {
        Some(file) => certificate::run(global, file, &options.target),
        None => Err(Failure::new("usage", "only certificates are explained yet")
            .hint("ca explain --cert FILE --host HOST --login ACCOUNT")),
    }
}
