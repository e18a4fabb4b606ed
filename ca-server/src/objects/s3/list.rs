//! Listing, page by page.

use super::S3;
use super::fault::fault;
use crate::objects::StoreError;

/// What S3 gives at most in one answer.
const PAGE: usize = 1000;

impl S3 {
    pub(super) async fn list_all(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut keys: Vec<String> = Vec::new();
        let mut after = after.to_owned();
        while keys.len() < limit {
            // The deadline is for one page: a long log may take many.
            let (page, more) = self.within(prefix, self.page(prefix, &after, limit - keys.len())).await?;
            let Some(last) = page.last().cloned() else { break };
            keys.extend(page);
            if !more {
                break;
            }
            // Going on after the last key needs no token, so every page stands for itself.
            after = last;
        }
        Ok(keys)
    }

    async fn page(
        &self,
        prefix: &str,
        after: &str,
        wanted: usize,
    ) -> Result<(Vec<String>, bool), StoreError> {
        let size = i32::try_from(wanted.min(PAGE)).unwrap_or(i32::MAX);
        let request = self.client.list_objects_v2().bucket(&self.config.bucket).prefix(self.name(prefix));
        let start = (!after.is_empty()).then(|| self.name(after));
        let answer = request.set_start_after(start).max_keys(size).send().await;
        let answer = answer.map_err(|error| fault(prefix, &error))?;
        let more = answer.is_truncated.unwrap_or_default();
        let names = answer.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
        let keys = names.filter_map(|name| name.strip_prefix(&self.config.prefix).map(str::to_owned));
        Ok((keys.collect(), more))
    }
}
