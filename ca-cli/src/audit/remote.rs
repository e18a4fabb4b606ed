//! A log behind a server's `/log/`.

use ca_core::log::tile::TilePath;

use super::Objects;
use crate::failure::Result;
use crate::http::Server;

/// How many requests are under way at once.
const PARALLEL: usize = 8;

/// A log under a path of a server.
pub(crate) struct Remote {
    pub(super) server: Server,
    /// Such as `/log/`.
    pub(super) path: String,
}

impl Remote {
    fn page(&self, folder: &str, after: Option<&String>) -> Result<Vec<String>> {
        let query = after.map(|name| format!("?after={name}")).unwrap_or_default();
        let body = self.server.object(&format!("{}{folder}{query}", self.path))?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&body).lines().map(str::to_owned).collect())
    }
}

impl Objects for Remote {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        crate::retry::patiently(|| self.server.object(&format!("{}{name}", self.path)))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        loop {
            let page = self.page(folder, names.last())?;
            // A page that does not move on would never end.
            let moves_on = page.last() > names.last() && page.is_sorted();
            if page.is_empty() || !moves_on {
                return Ok(names);
            }
            names.extend(page);
        }
    }

    fn partials(&self, _full: &TilePath) -> Result<Vec<TilePath>> {
        Ok(Vec::new())
    }

    fn walk(&self, _visit: &mut dyn FnMut(&str)) -> Result<bool> {
        Ok(false)
    }

    fn threads(&self) -> usize {
        PARALLEL
    }
}
