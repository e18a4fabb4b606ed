//! Where a bucket is, and what opens it.

/// A bucket on some S3 API.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The API's address.
    pub endpoint: String,
    /// The bucket's name.
    pub name: String,
    /// What the names of the log's objects start with.
    pub prefix: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key's id.
    pub key: String,
    /// The access key's secret.
    pub secret: String,
}

impl Bucket {
    /// Gives the options of `ca-server init` that put the log here.
    pub fn init_options(&self) -> Vec<&str> {
        let all = [
            ("--s3-bucket", &self.name),
            ("--s3-endpoint", &self.endpoint),
            ("--s3-prefix", &self.prefix),
            ("--s3-region", &self.region),
        ];
        let given = all.into_iter().filter(|(_, value)| !value.is_empty());
        given.flat_map(|(option, value)| [option, value.as_str()]).collect()
    }
}
