//! OpenSSH and we say the same.

mod accepts;
mod agrees;
mod explains;
mod krl;
mod refuses;
