//! A client of S3, from the setting and the environment.

use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, RetryConfig};

use super::Bucket;

/// Time for a connection, and for one try of a request with its answer.
const CONNECT: &str = "5s";
const TRY: &str = "20s";
const TRIES_AGAIN: usize = 3;

/// Keys, region and whatever else the AWS tools take from the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`,
/// `AWS_ENDPOINT`, ...) go beside what the setting says. Buckets stand in the path, unless `AWS_VIRTUAL_HOSTED_STYLE_REQUEST` is true.
///
/// # Errors
/// Where a variable of the environment is of no use.
pub(super) fn client(bucket: &Bucket) -> object_store::Result<AmazonS3> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(&bucket.name);
    if let Some(endpoint) = &bucket.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    // Whoever writes http:// means it.
    if builder.get_config_value(&AmazonS3ConfigKey::Endpoint).is_some_and(|endpoint| endpoint.starts_with("http://")) {
        builder = builder.with_allow_http(true);
    }
    builder
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::ConnectTimeout), CONNECT)
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), TRY)
        .with_retry(RetryConfig {
            backoff: BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(2), base: 2.0 },
            max_retries: TRIES_AGAIN,
            retry_timeout: super::remote::WAIT,
        })
        .build()
}
