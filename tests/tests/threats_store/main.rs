//! What happens when what the server stands on gives way: its store, its configuration, its keys.

mod config;
mod directory;
mod down;
mod ended;
mod keys;
mod passphrase;
mod rotation;
mod scene;
