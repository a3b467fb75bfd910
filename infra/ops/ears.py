"""Who hears the alerts, and whether a line in a mail can end that."""

#: What makes a mail subscription that only a caller with rights can end (API reference, ConfirmSubscription).
CONFIRM = (
    "aws sns confirm-subscription --region {region} --topic-arn {topic} --authenticate-on-unsubscribe true --token"
)
MAIL = ("email", "email-json")


def steps(stack):
    """What is left to do until people hear the alerts, and only the account can end that: a text each."""
    sns, topic = stack.client("sns"), stack.outputs["AlertTopicArn"]
    confirm = CONFIRM.format(region=topic.split(":")[3], topic=topic)
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [item for page in pages for item in page["Subscriptions"]]
    for item in found:
        address, arn = item["Endpoint"], item["SubscriptionArn"]
        if item["Protocol"] not in MAIL:
            continue
        if not arn.startswith("arn:"):
            yield (
                f"confirm the subscription of {address}. AWS has sent a mail with a link. Do not open it: then the "
                f"last line of every alert could end the subscription, for whoever reads it. Copy the Token= in it:\n"
                f"    {confirm} <token>"
            )
        elif not is_authenticated(sns, arn):
            yield (
                f"the last line of every alert ends the subscription of {address}, for whoever reads it. End it, let "
                f"make deploy EMAIL={address} subscribe it again, and confirm it by the command that it prints:\n"
                f"    aws sns unsubscribe --region {topic.split(':')[3]} --subscription-arn {arn}"
            )
    if not any(item["SubscriptionArn"].startswith("arn:") for item in found):
        yield "nobody hears the alerts yet: Portcullis is mute" + (
            "" if found else ". make deploy EMAIL=... subscribes"
        )


def is_authenticated(sns, subscription):
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    return attributes.get("ConfirmationWasAuthenticated") == "true"
