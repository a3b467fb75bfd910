use aws_credential_types::Credentials;

use super::*;
use crate::moment::seconds;

/// The example of the API reference, "Authenticating Requests: Using the Authorization Header", GET Bucket (List Objects).
#[test]
fn a_request_is_signed_as_s3_documents_it() {
    let query = [("max-keys", "2"), ("prefix", "J")];
    let host = "https://examplebucket.s3.amazonaws.com";
    let url = url(None, "us-east-1", "examplebucket", "", &query);
    let url = url.replace("https://examplebucket.s3.us-east-1.amazonaws.com", host);
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let identity = Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, None, None, "test").into();
    let now = u64::try_from(seconds("2013-05-24T00:00:00Z")).unwrap();
    let request = signed(&url, "us-east-1", &identity, now).unwrap();
    let authorization = request.headers().get("authorization").unwrap();
    assert_eq!(
        authorization,
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
         Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    );
}

#[test]
fn where_an_object_is() {
    let at = |endpoint, region, bucket, key| url(endpoint, region, bucket, key, &[]);
    assert_eq!(
        at(None, "eu-west-1", "logs", "AWSLogs/a b+c.json.gz"),
        "https://logs.s3.eu-west-1.amazonaws.com/AWSLogs/a%20b%2Bc.json.gz"
    );
    assert_eq!(
        at(None, "cn-north-1", "my.logs", "x"),
        "https://s3.cn-north-1.amazonaws.com.cn/my.logs/x"
    );
    assert_eq!(
        at(Some("http://127.0.0.1:4566/"), "eu-west-1", "logs", "x"),
        "http://127.0.0.1:4566/logs/x"
    );
}

#[test]
fn a_page_has_keys_prefixes_and_where_it_goes_on() {
    let body = r#"<?xml version="1.0" encoding="UTF-8"?>
        <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>logs</Name><Prefix>a/</Prefix>
        <NextContinuationToken>next-1</NextContinuationToken><KeyCount>2</KeyCount>
        <Contents><Key>a/b&amp;c.json</Key><Size>4</Size><Owner><ID>x</ID></Owner></Contents>
        <CommonPrefixes><Prefix>a/d/</Prefix></CommonPrefixes></ListBucketResult>"#;
    let expected = Page {
        keys: vec!["a/b&c.json".to_owned()],
        prefixes: vec!["a/d/".to_owned()],
        next: Some("next-1".to_owned()),
    };
    assert_eq!(page(body.as_bytes()).unwrap(), expected);
    assert!(page(b"<html><body>sign in</body></html>").is_err());
}
