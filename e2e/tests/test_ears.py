"""What `make deploy` and `make canary` say about mail subscriptions. The emulated account confirms each by itself."""

import sys
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber
from harness import places

sys.path.insert(0, str(places.REPO / "infra" / "ops"))
import ears  # noqa: E402

TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"
PENDING, OF_A_LINK, OF_A_TOKEN, QUEUE = ("PendingConfirmation", f"{TOPIC}:link", f"{TOPIC}:token", f"{TOPIC}:queue")


def said(subscriptions, authenticated=()):
    """The steps for these subscriptions, (protocol, ARN) each; and whether a mail was confirmed with authentication."""
    sns = boto3.client("sns", "eu-west-1", aws_access_key_id="none", aws_secret_access_key="none")
    items = [
        {"Protocol": protocol, "Endpoint": "ops@example.com", "SubscriptionArn": arn, "TopicArn": TOPIC}
        for protocol, arn in subscriptions
    ]
    with Stubber(sns) as stub:
        stub.add_response("list_subscriptions_by_topic", {"Subscriptions": items}, {"TopicArn": TOPIC})
        for arn, answer in authenticated:
            attributes = {"Attributes": {"ConfirmationWasAuthenticated": answer}}
            stub.add_response("get_subscription_attributes", attributes, {"SubscriptionArn": arn})
        steps = list(ears.steps(SimpleNamespace(client=lambda _: sns, outputs={"AlertTopicArn": TOPIC})))
        stub.assert_no_pending_responses()
    return steps


def test_a_mail_that_waits_is_confirmed_by_a_command_and_never_by_its_link():
    confirm, mute = said([("email", PENDING)])
    assert "Do not open it" in confirm and mute == "nobody hears the alerts yet: Portcullis is mute"
    command = confirm.splitlines()[-1].split()
    assert command == [
        *("aws", "sns", "confirm-subscription", "--region", "eu-west-1", "--topic-arn", TOPIC),
        *("--authenticate-on-unsubscribe", "true", "--token", "<token>"),
    ]


def test_a_mail_that_was_confirmed_by_its_link_is_named_with_the_way_out():
    (step,) = said([("email-json", OF_A_LINK), ("sqs", QUEUE)], [(OF_A_LINK, "false")])
    assert step.splitlines()[-1].split()[-2:] == ["--subscription-arn", OF_A_LINK]


@pytest.mark.parametrize(
    ("subscriptions", "authenticated"),
    [([("email", OF_A_TOKEN)], [(OF_A_TOKEN, "true")]), ([("sqs", QUEUE)], [])],
    ids=["a mail with authenticated unsubscribe", "a queue alone"],
)
def test_who_is_heard_and_cannot_be_silenced_has_nothing_left_to_do(subscriptions, authenticated):
    assert said(subscriptions, authenticated) == []


def test_with_no_subscription_at_all_deploy_says_how_to_make_one():
    assert said([]) == ["nobody hears the alerts yet: Portcullis is mute. make deploy EMAIL=... subscribes"]
