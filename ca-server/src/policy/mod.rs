//! The policy: its folder on disk, and the one in force while the folder changes.

mod files;
mod in_force;
mod reload;

pub use files::{check_cas, in_folder, load};
pub use in_force::{Held, InForce};
pub use reload::reload;
