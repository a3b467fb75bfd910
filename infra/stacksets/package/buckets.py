"""The buckets that Lambda takes the code from: one in each Region, readable by the organization."""

import json

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


class Unusable(Exception):
    """The bucket is not there, or is not ours; the message says which and why."""


class Bucket:
    def __init__(self, prefix, region, partition, account):
        self.name, self.region, self.partition, self.account = f"{prefix}-{region}", region, partition, account
        self.s3 = boto3.client("s3", region_name=region, config=Config(retries={"mode": "standard"}))

    def ready(self, organization):
        """Make sure that the bucket is ours and in its Region; make it if an organization is given."""
        found = self.look()
        if found is None:
            if not organization:
                raise Unusable(f"bucket {self.name} does not exist: --create-buckets --organization-id o-… makes it")
            self.create(organization)
        elif found != self.region:
            raise Unusable(f"bucket {self.name} is in {found}: Lambda in {self.region} cannot take code from it")

    def look(self):
        """The Region of the bucket, or None if there is none."""
        try:
            answer = self.s3.head_bucket(Bucket=self.name, ExpectedBucketOwner=self.account)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 404:
                return None
            if status == 403:
                raise Unusable(
                    f"bucket {self.name} belongs to another account, or you have no rights to it as {self.account}: "
                    "bucket names are unique among all accounts, so choose another prefix"
                ) from error
            if status in (301, 400):  # 400 to callers that signed for another Region
                return error.response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", "another Region")
            raise
        return answer["BucketRegion"]

    def create(self, organization):
        """Private, encrypted, and then readable by the organization."""
        where = {"CreateBucketConfiguration": {"LocationConstraint": self.region}} if self.region != "us-east-1" else {}
        self.s3.create_bucket(Bucket=self.name, **where)
        self.s3.get_waiter("bucket_exists").wait(Bucket=self.name)
        blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        self.s3.put_public_access_block(Bucket=self.name, PublicAccessBlockConfiguration=dict.fromkeys(blocked, True))
        # Not a KMS key: its policy would have to admit the organization as well.
        encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
        self.s3.put_bucket_encryption(Bucket=self.name, ServerSideEncryptionConfiguration=encryption)
        self.s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps(self.policy(organization)))
        print(f"s3://{self.name}: made, readable by {organization}")

    def policy(self, organization):
        arn = f"arn:{self.partition}:s3:::{self.name}"
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "OrganizationReads",
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:GetObject",
                    "Resource": f"{arn}/*",
                    "Condition": {"StringEquals": {"aws:PrincipalOrgID": organization}},
                },
                {
                    "Sid": "EncryptedOnly",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [arn, f"{arn}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            ],
        }

    def upload(self, key, content):
        """Upload unless it is there; whether it was uploaded. A key names its content."""
        try:
            self.s3.head_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self.account)
            return False
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
        self.s3.put_object(Bucket=self.name, Key=key, Body=content, ExpectedBucketOwner=self.account)
        return True

    def url(self, key):
        domain = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return f"https://{self.name}.s3.{self.region}.{domain}/{key}"
