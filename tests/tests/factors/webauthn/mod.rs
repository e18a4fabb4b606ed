//! Security keys as factors, at the level of the protocol: what is taken, and what is not (F13, S5).

mod answers;
mod ceremonies;
mod page;

use std::sync::Arc;

use anyhow::Result;
use countersign_tests::ceremonies::server as start;
use countersign_tests::server::Server;
use countersign_tests::shared::Shared;

static SERVER: Shared = Shared::new();

fn server() -> Result<Arc<Server>> {
    SERVER.get(start)
}
