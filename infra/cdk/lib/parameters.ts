// Properties become values of the template's parameters.

import { Token } from "aws-cdk-lib";
import type { PortcullisProps } from "./props.ts";
import type { Template, TemplateParameter } from "./template.ts";

/** Of each parameter, the property that sets it, and the value. */
type Choices = Record<string, [property: keyof PortcullisProps, value: string | number | undefined]>;

/**
 * A value for every parameter: the property's, or else the template's own default. None is left to be asked for at
 * deployment, because users of the CDK read a stack's settings in its code, and `cdk deploy` keeps the previous
 * value of a parameter that nobody mentions, so that code and stack could differ.
 */
export function parametersOf(props: PortcullisProps, template: Template): Record<string, string | number> {
  const choices = choicesOf(props);
  const problems = [...contradictions(props)];
  const values: Record<string, string | number> = {};
  for (const [name, parameter] of Object.entries(template.Parameters)) {
    const [property, value] = choices[name] ?? [undefined, undefined];
    values[name] = value ?? parameter.Default;
    // As CloudFormation would, had it been asked.
    if (value !== undefined && !admits(parameter, value)) problems.push(refusal(property!, value, parameter));
  }
  if (problems.length > 0) throw new Error(`Portcullis: ${problems.join("; ")}`);
  return values;
}

export function choicesOf(props: PortcullisProps): Choices {
  return {
    Mode: ["mode", props.mode],
    ActionsPerEvent: ["actionsPerEvent", props.actionsPerEvent],
    ActionsPerMinute: ["actionsPerMinute", props.actionsPerMinute],
    ComebacksPerHour: ["comebacksPerHour", props.comebacksPerHour],
    KnownNetworks: ["knownNetworks", props.knownNetworks],
    AlertEmail: ["alertEmail", props.alertEmail],
    AlertTopicArn: ["alertTopic", props.alertTopic?.topicArn],
    OrganizationId: ["organizationId", props.organizationId],
    ChatTopic: ["chatTopic", yesOrNo(props.chatTopic)],
    AlertsPerMinute: ["alertsPerMinute", props.alertsPerMinute],
    Sweep: ["sweep", props.sweep],
    SweepHours: ["sweepHours", props.sweepHours?.toString()],
    SweepNoticeHours: ["sweepNoticeHours", props.sweepNoticeHours],
    MoveCaches: ["moveCaches", props.moveCaches],
    CachePort: ["cachePort", props.cachePort?.toString()],
    ApprovalPage: ["approvalPage", yesOrNo(props.approvalPage)],
    AnswerDays: ["answerDays", props.answerDays],
    HardenMemcached: ["hardenMemcached", props.hardenMemcached],
    HardenTag: ["hardenTag", props.hardenTag],
    Alarms: ["alarms", props.alarms],
    Dashboard: ["dashboard", yesOrNo(props.dashboard)],
    Tracing: ["tracing", yesOrNo(props.tracing)],
    LogRetentionDays: ["logRetentionDays", props.logRetentionDays],
    KmsKeyArn: ["kmsKey", props.kmsKey?.keyArn],
    PermissionsBoundaryArn: ["permissionsBoundary", props.permissionsBoundary?.managedPolicyArn],
    Architecture: ["architecture", props.architecture?.name],
    ReservedConcurrency: ["reservedConcurrency", props.reservedConcurrency?.toString()],
  };
}

/** The template's Rules, in the words of the properties. */
function* contradictions(props: PortcullisProps): Generator<string> {
  const replaced = "the stack's own topic, which `alertTopic` replaces";
  if (props.approvalPage && (props.moveCaches ?? "no") === "no" && props.hardenMemcached !== "ask") {
    yield "`approvalPage` is for approvals, so `moveCaches` must not be no, or `hardenMemcached` must be ask";
  }
  if (!props.alertTopic) return;
  if (props.alertEmail) yield `\`alertEmail\` subscribes to ${replaced}: subscribe to that one yourself`;
  if (props.organizationId) yield `\`organizationId\` opens ${replaced}`;
}

function admits(parameter: TemplateParameter, value: string | number): boolean {
  const { AllowedValues, AllowedPattern, MinValue = -Infinity, MaxValue = Infinity } = parameter;
  if (Token.isUnresolved(value)) return true;
  if (typeof value === "number" && !(value >= MinValue && value <= MaxValue)) return false;
  if (AllowedValues) return AllowedValues.includes(value);
  return AllowedPattern === undefined || new RegExp(AllowedPattern).test(String(value));
}

function refusal(property: string, value: string | number, parameter: TemplateParameter): string {
  const { MinValue, MaxValue, ConstraintDescription } = parameter;
  const most = MaxValue === undefined ? "up" : `to ${MaxValue}`;
  const between = MinValue === undefined ? undefined : `a number from ${MinValue} ${most}`;
  const wanted =
    parameter.AllowedValues?.join(", ") ?? between ?? ConstraintDescription?.replace(", or nothing", "");
  return `\`${property}\` is \`${value}\` and must be ${parameter.AllowedValues ? "one of " : ""}${wanted}`;
}

function yesOrNo(value: boolean | undefined): string | undefined {
  return value === undefined ? undefined : value ? "yes" : "no";
}
