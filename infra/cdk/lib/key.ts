// What the key's own policy must say, because these callers have no IAM policy in this account.

import { Aws, type Stack } from "aws-cdk-lib";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";

/** Nothing happens to a key that was made elsewhere: the CDK cannot change its policy. */
export function admitServices(key: IKey, stack: Stack): void {
  const logGroups = `arn:${Aws.PARTITION}:logs:${stack.region}:${stack.account}:log-group:*`;
  const use = { actions: ["kms:Decrypt", "kms:GenerateDataKey*"], resources: ["*"] };
  key.addToResourcePolicy(
    new PolicyStatement({
      sid: "PortcullisAlarms",
      principals: [new ServicePrincipal("cloudwatch.amazonaws.com")],
      ...use,
      conditions: { StringEquals: { "aws:SourceAccount": stack.account } },
    }),
  );
  key.addToResourcePolicy(
    new PolicyStatement({
      sid: "PortcullisUndeliveredEvents",
      principals: [new ServicePrincipal("events.amazonaws.com")],
      ...use,
      // No condition: EventBridge does not say for whom it uses a key (SNS developer guide, "Enabling compatibility
      // between event sources from AWS services and encrypted topics"). With one, what it cannot deliver is lost.
    }),
  );
  key.addToResourcePolicy(
    new PolicyStatement({
      sid: "PortcullisLogs",
      principals: [new ServicePrincipal(`logs.${stack.region}.amazonaws.com`)],
      actions: ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
      resources: ["*"],
      conditions: { ArnLike: { "kms:EncryptionContext:aws:logs:arn": logGroups } },
    }),
  );
}
