//! Answers that end early. The SDK reads XML as far as it goes, so that a list that was cut short, by a
//! proxy on the way, is a shorter list: open rules would not be among it. Such an answer is an error.

use aws_sdk_ec2::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ec2::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ec2::error::BoxError;

/// Refuses an answer of EC2 or ElastiCache without the end tag of its root, which is named for the
/// action (EC2 API reference, "Query responses"): `</DescribeSecurityGroupRulesResponse>`.
#[derive(Debug)]
pub(crate) struct RejectTruncated;

impl Intercept for RejectTruncated {
    fn name(&self) -> &'static str {
        "RejectTruncated"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes();
        match context.output_or_error() {
            Ok(_) if !body.is_some_and(is_whole) => Err("the answer ends early".into()),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn is_whole(body: &[u8]) -> bool {
    let body = body.trim_ascii_end();
    let tag = body.iter().rposition(|byte| *byte == b'<').and_then(|at| body.get(at..));
    tag.is_some_and(|tag| tag.starts_with(b"</") && tag.ends_with(b"Response>"))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::config::http::HttpResponse;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    use super::*;

    const ANSWER: &str = "<DescribeSecurityGroupRulesResponse><securityGroupRuleSet><item>\
        <securityGroupRuleId>sgr-1</securityGroupRuleId></item></securityGroupRuleSet>\
        </DescribeSecurityGroupRulesResponse>";

    async fn rules(answer: &'static str) -> Result<usize, String> {
        let rule = mock!(Client::describe_security_group_rules)
            .then_http_response(|| HttpResponse::new(200.try_into().unwrap(), answer.into()));
        let ec2 = mock_client!(aws_sdk_ec2, RuleMode::Sequential, [&rule], |config| {
            config.interceptor(RejectTruncated)
        });
        let answer = ec2.describe_security_group_rules().send().await;
        let error = |error| format!("{:#}", anyhow::Error::new(error));
        answer.map(|answer| answer.security_group_rules().len()).map_err(error)
    }

    #[tokio::test]
    async fn a_list_that_ends_early_is_an_error_and_not_a_shorter_list() {
        assert_eq!(rules(ANSWER).await, Ok(1));
        let cut = &ANSWER[..ANSWER.find("<item>").unwrap()];
        let error = rules(cut).await.unwrap_err();
        assert!(error.contains("the answer ends early"), "{error}");
    }

    #[test]
    fn an_answer_is_whole_with_the_end_tag_of_its_root() {
        let whole = "<?xml version=\"1.0\"?>\n<DescribeXResponse><set><item>a</item></set></DescribeXResponse>\n";
        assert!(is_whole(whole.as_bytes()));
        let end = whole.trim_end().len();
        for cut in 0..end {
            assert!(!is_whole(&whole.as_bytes()[..cut]), "cut after {cut} of {end}");
        }
    }
}
