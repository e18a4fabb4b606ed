//! Reading an object, and telling "there is none" from every other 404.

use aws_sdk_s3::error::ProvideErrorMetadata as _;

use super::S3;
use super::fault::fault;
use crate::objects::{Etag, Object, StoreError};

impl S3 {
    pub(super) async fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let request = self.client.get_object().bucket(&self.config.bucket).key(self.name(key));
        let answer = match Box::pin(request.send()).await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("NoSuchKey") => {
                let marked = error.raw_response().and_then(|r| r.headers().get("x-amz-delete-marker"));
                if marked == Some("true") {
                    Box::pin(self.refuse_if_hidden(key)).await?;
                }
                return Ok(None);
            }
            Err(error) => return Err(fault(key, &error)),
        };
        let etag = answer.e_tag.unwrap_or_default();
        let broken = |cause: &dyn std::error::Error| StoreError::Unavailable {
            key: key.to_owned(),
            cause: format!("the answer broke off: {cause}"),
        };
        let bytes = answer.body.collect().await.map_err(|error| broken(&error))?.into_bytes();
        Ok(Some(Object { bytes, etag: Etag(etag) }))
    }
}
