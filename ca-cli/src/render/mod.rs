//! Text for people.

pub(crate) mod acceptance;
pub(crate) mod certificate;
pub(crate) mod event;
pub(crate) mod explanation;
pub(crate) mod json;
mod recovery;
pub(crate) mod text;
pub(crate) mod time;
