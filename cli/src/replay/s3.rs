//! As much of S3 as a replay needs: what is under a prefix, and what is in an object. The SDK's client would bring features to
//! the crates that all clients share, and with them every client would be compiled anew.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{
    HttpConnector as _, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_xml::decode::{Document, try_data};
use portcullis_aws::error::{Cause, Failed};
use portcullis_aws::now;

use crate::account;

/// How often a request is tried: S3 answers 503 where it is asked too fast (user guide, "Optimizing Amazon S3 performance").
const ATTEMPTS: u32 = 5;

/// A bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    config: SdkConfig,
    connector: SharedHttpConnector,
    name: String,
    region: std::sync::Mutex<String>,
}

/// A page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) keys: Vec<String>,
    /// With a delimiter: what is one level below.
    pub(super) prefixes: Vec<String>,
    pub(super) next: Option<String>,
}

impl Bucket {
    pub(super) fn new(config: SdkConfig, name: &str) -> Result<Self> {
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(30));
        let connector = default_connector(&settings.build(), config.sleep_impl());
        let connector = connector.context("no HTTPS")?;
        let region = std::sync::Mutex::new(account::region(&config).to_owned());
        Ok(Self { config, connector, name: name.to_owned(), region })
    }

    /// What is under the prefix: all of it, or with a delimiter what is one level below (API reference, "ListObjectsV2").
    ///
    /// # Errors
    ///
    /// If S3 refuses, or cannot be reached.
    pub(super) async fn list(
        &self,
        prefix: &str,
        is_one_level: bool,
        next: Option<&str>,
    ) -> Result<Page> {
        let mut query = vec![("list-type", "2"), ("prefix", prefix)];
        query.extend(is_one_level.then_some(("delimiter", "/")));
        query.extend(next.map(|next| ("continuation-token", next)));
        let response = self.ask("ListObjectsV2", "", &query).await?;
        let body = ByteStream::new(response.into_body()).collect().await;
        let body = body.context("ListObjectsV2: the answer was cut off")?.to_vec();
        page(&body).context("ListObjectsV2: the answer is not from S3")
    }

    /// What is in an object, as it comes.
    ///
    /// # Errors
    ///
    /// As [`Self::list`].
    pub(super) async fn get(&self, key: &str) -> Result<ByteStream> {
        Ok(ByteStream::new(self.ask("GetObject", key, &[]).await?.into_body()))
    }

    async fn ask(&self, call: &str, key: &str, query: &[(&str, &str)]) -> Result<HttpResponse> {
        let mut tried = 0;
        loop {
            tried += 1;
            let region = self.region();
            let answer = self.connector.call(self.request(&region, key, query).await?).await;
            let failed = match answer {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    // The bucket is elsewhere (user guide, "Making requests using the REST API").
                    let there = response.headers().get("x-amz-bucket-region").map(str::to_owned);
                    if let Some(there) = there.filter(|there| *there != region && tried == 1) {
                        *self.region.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
                            there;
                        continue;
                    }
                    let is_passing = response.status().as_u16() >= 500;
                    let cause = refused(response).await;
                    let failed = Failed { call: call.to_owned(), cause };
                    if !is_passing {
                        return Err(failed.into());
                    }
                    failed
                }
                Err(error) => {
                    let errors = vec![error.to_string()];
                    let is_late = error.is_timeout();
                    let cause =
                        if is_late { Cause::TimedOut(errors) } else { Cause::Unreached(errors) };
                    Failed { call: call.to_owned(), cause }
                }
            };
            if tried >= ATTEMPTS {
                return Err(failed.into());
            }
            tokio::time::sleep(Duration::from_millis(200) * 2_u32.pow(tried)).await;
        }
    }

    fn region(&self) -> String {
        self.region.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    async fn request(
        &self,
        region: &str,
        key: &str,
        query: &[(&str, &str)],
    ) -> Result<HttpRequest> {
        let credentials = self.config.credentials_provider().context("no AWS credentials")?;
        let identity = credentials.provide_credentials().await?.into();
        let url = url(self.config.endpoint_url(), region, &self.name, key, query);
        signed(&url, region, &identity, u64::try_from(now())?)
    }
}

/// Where an object is. A name with dots is no part of a host, for no certificate has it; another endpoint knows no hosts.
fn url(
    endpoint: Option<&str>,
    region: &str,
    bucket: &str,
    key: &str,
    query: &[(&str, &str)],
) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let base = match endpoint {
        Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
        None if bucket.contains('.') => format!("https://s3.{region}.{domain}/{bucket}"),
        None => format!("https://{bucket}.s3.{region}.{domain}"),
    };
    let query: Vec<String> =
        query.iter().map(|(name, value)| format!("{name}={}", encoded(value, false))).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{base}/{}{mark}{}", encoded(key, true), query.join("&"))
}

/// As a signature has it (API reference, "Authenticating Requests: Using the Authorization Header", `UriEncode`).
fn encoded(text: &str, is_path: bool) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            b'/' if is_path => encoded.push('/'),
            other => encoded += &format!("%{other:02X}"),
        }
    }
    encoded
}

fn signed(url: &str, region: &str, identity: &Identity, now: u64) -> Result<HttpRequest> {
    // S3 takes the path as it is (the same page).
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let parameters = v4::SigningParams::builder()
        .identity(identity)
        .region(region)
        .name("s3")
        .time(UNIX_EPOCH + Duration::from_secs(now))
        .settings(settings)
        .build()?
        .into();
    let signable = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::Bytes(&[]))?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    let mut request = http::Request::builder().uri(url).body(SdkBody::empty())?;
    instructions.apply_to_request_http1x(&mut request);
    request.try_into().context("no request")
}

async fn refused(response: HttpResponse) -> Cause {
    let status = response.status().as_u16();
    let body = ByteStream::new(response.into_body()).collect().await;
    let body = body.map(|body| body.to_vec()).unwrap_or_default();
    let (mut code, mut message) = (String::new(), None);
    if let Ok(mut document) = Document::try_from(body.as_slice())
        && let Ok(mut root) = document.root_element()
    {
        while let Some(mut tag) = root.next_tag() {
            match tag.start_el().local() {
                "Code" => code = try_data(&mut tag).unwrap_or_default().into_owned(),
                "Message" => message = try_data(&mut tag).ok().map(Into::into),
                _ => {}
            }
        }
    }
    if code.is_empty() {
        return Cause::Odd(vec![format!("status {status}")]);
    }
    Cause::Answered { code, message }
}

fn page(body: &[u8]) -> Result<Page> {
    let mut document = Document::try_from(body)?;
    let mut root = document.root_element()?;
    anyhow::ensure!(root.start_el().local() == "ListBucketResult", "it has another name");
    let mut page = Page::default();
    while let Some(mut tag) = root.next_tag() {
        let name = tag.start_el().local().to_owned();
        if name == "NextContinuationToken" {
            page.next = Some(try_data(&mut tag)?.into_owned());
            continue;
        }
        while let Some(mut inner) = tag.next_tag() {
            let text = match inner.start_el().local() {
                "Key" | "Prefix" => try_data(&mut inner)?.into_owned(),
                _ => continue,
            };
            if name == "Contents" { page.keys.push(text) } else { page.prefixes.push(text) }
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests;
