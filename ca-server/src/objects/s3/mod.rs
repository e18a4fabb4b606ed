//! Placeholder until the store is written.
