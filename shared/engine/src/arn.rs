//! Amazon Resource Names. Nothing else takes one apart or puts one together.

use std::fmt;

/// The parts of `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE` (IAM user guide, "Identify AWS resources with Amazon
/// Resource Names"). Region and account are empty where the service has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: &'a str,
    /// `ec2`
    pub service: &'a str,
    /// `eu-west-1`
    pub region: &'a str,
    /// Twelve digits.
    pub account: &'a str,
    /// `security-group/sg-01`, `cluster:orders`: the one part with separators of its own.
    pub resource: &'a str,
}

/// A text that is no ARN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an ARN: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE", .0.escape_default())]
pub struct NotAnArn(String);

impl<'a> Arn<'a> {
    /// Takes an ARN apart.
    ///
    /// # Errors
    ///
    /// If a part is missing, the partition is none of AWS's, or there is white space in it.
    pub fn parse(text: &'a str) -> Result<Self, NotAnArn> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", partition, service, region, account, resource]
                if partition.starts_with("aws") && !text.contains(char::is_whitespace) =>
            {
                Ok(Self { partition, service, region, account, resource })
            }
            _ => Err(NotAnArn(text.to_owned())),
        }
    }

    /// The Region that an ARN names, if the text is one and it names one.
    pub fn region_of(text: &'a str) -> Option<&'a str> {
        Self::parse(text).ok().map(|arn| arn.region).filter(|region| !region.is_empty())
    }

    /// What comes behind the kind in the resource, if it is of this kind: `orders` of `cluster:orders`.
    pub fn id_of(&self, kind: &str) -> Option<&'a str> {
        let id = self.resource.strip_prefix(kind)?.strip_prefix([':', '/'])?;
        Some(id).filter(|id| !id.is_empty())
    }

    /// The last part of the resource: `orders` of `cluster:orders`, `deploy` of `role/people/deploy`.
    pub fn name(&self) -> &'a str {
        self.resource.rsplit([':', '/']).next().unwrap_or(self.resource)
    }

    /// The name that an ARN ends with; any other text as it is.
    pub fn name_of(text: &'a str) -> &'a str {
        Self::parse(text).map_or(text, |arn| arn.name())
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_printed_as_it_was_read() {
        for text in [
            "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-01",
            "arn:aws-cn:elasticache:cn-north-1:111122223333:cluster:orders",
            "arn:aws:states:eu-west-1:111122223333:execution:portcullis-recreate:orders-1",
            "arn:aws:iam::111122223333:role/people/deploy",
        ] {
            assert_eq!(Arn::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_arn_is_said_to_be_none() {
        for odd in ["", "orders", "arn:aws:ec2:eu-west-1:1", "arn:of:a:b:c:d", "x:aws:a:b:c:d"] {
            assert!(Arn::parse(odd).is_err(), "{odd}");
        }
        let error = Arn::parse("arn:aws:ec2::1:a b\u{1b}").unwrap_err().to_string();
        insta::assert_snapshot!(error, @r"`arn:aws:ec2::1:a b\u{1b}` is not an ARN: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE");
    }

    #[test]
    fn ids_and_names_are_told_by_the_resource() {
        let role = Arn::parse("arn:aws:iam::111122223333:role/people/deploy").unwrap();
        assert_eq!((role.id_of("role"), role.name()), (Some("people/deploy"), "deploy"));
        assert_eq!((role.id_of("rol"), role.id_of("user")), (None, None));
        let root = Arn::parse("arn:aws:iam::111122223333:root").unwrap();
        assert_eq!((root.name(), root.id_of("root")), ("root", None));
        assert_eq!(Arn::name_of("arn:aws:elasticache:r:1:cluster:orders"), "orders");
        assert_eq!(Arn::name_of("orders"), "orders");
    }

    #[test]
    fn a_region_is_told_by_an_arn_that_has_one() {
        assert_eq!(Arn::region_of("arn:aws:sns:eu-west-1:1:alerts"), Some("eu-west-1"));
        assert_eq!(Arn::region_of("arn:aws:iam::1:role/a"), None);
        assert_eq!(Arn::region_of("eu-west-1"), None);
    }
}
