"""Functions that read a queue, and functions with layers, on ``provided.al2023``."""

import io
import json
import time
import uuid
import zipfile

import pytest
from conftest import BOOTSTRAP, allow, code, code_of, document, received, wait_for

READ = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
#: Writes each batch to a file, and answers what the first message asks for.
READER = BOOTSTRAP.replace(
    'event = event.get("detail", event)',
    """records = event.get("Records", [])
    if records:
        with open(os.environ["SHOWN_LOG"], "a") as log:
            print(json.dumps([record["body"] for record in records]), file=log)
        event = json.loads(records[0]["body"])
        failing = [record["messageId"] for record in records if "bad" in record["body"]]
        event.setdefault("answer", {"batchItemFailures": [{"itemIdentifier": name} for name in failing]})
    else:
        event = event.get("detail", event)""",
)


@pytest.fixture
def reader(aws, function, tmp_path):
    """``reader(queue, …)`` has the function read a queue; gives a function that gives the batches that it got."""
    log = tmp_path / "batches"
    log.touch()
    client = aws("lambda")
    client.update_function_code(FunctionName=function, ZipFile=code(READER))
    client.update_function_configuration(FunctionName=function, Environment={"Variables": {"SHOWN_LOG": str(log)}})
    made = []

    def read(arn, **options):
        aws("iam").put_role_policy(RoleName=function, PolicyName="read", PolicyDocument=document(allow(READ, arn)))
        mapping = client.create_event_source_mapping(
            FunctionName=function, EventSourceArn=arn, FunctionResponseTypes=["ReportBatchItemFailures"], **options
        )
        made.append(mapping["UUID"])
        return lambda: [json.loads(line) for line in log.read_text().splitlines()]

    yield read
    for mapping in made:
        client.delete_event_source_mapping(UUID=mapping)


def new_queue(aws, **attributes):
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=f"q{uuid.uuid4().hex[:8]}", Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def send(aws, url, *bodies):
    for first in range(0, len(bodies), 10):
        entries = [{"Id": str(n), "MessageBody": json.dumps(b)} for n, b in enumerate(bodies[first : first + 10])]
        assert not aws("sqs").send_message_batch(QueueUrl=url, Entries=entries).get("Failed")


def left(aws, url):
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
    return [int(found[name]) for name in counts]


# Queues ----------------------------------------------------------------------------------


def test_a_batch_is_larger_than_a_receive_and_waits_for_its_window(aws, reader):
    """The account of these tests lets a minute take 1.5 s."""
    url, arn = new_queue(aws)
    batches = reader(arn, BatchSize=1000, MaximumBatchingWindowInSeconds=60)
    started = time.monotonic()
    send(aws, url, *({"number": number} for number in range(25)))
    assert batches() == []
    wait_for(batches)
    assert time.monotonic() - started > 1
    (bodies,) = batches()
    assert [json.loads(body)["number"] for body in bodies] == list(range(25))
    wait_for(lambda: left(aws, url) == [0, 0])


def test_a_full_batch_does_not_wait(aws, reader):
    url, arn = new_queue(aws)
    batches = reader(arn, BatchSize=20, MaximumBatchingWindowInSeconds=300)
    send(aws, url, *({"number": number} for number in range(25)))
    wait_for(batches, 5)
    assert [len(bodies) for bodies in batches()] == [20]


def test_what_an_answer_names_stays_and_the_rest_is_gone(aws, reader):
    url, arn = new_queue(aws, VisibilityTimeout="20")
    batches = reader(arn, BatchSize=10)
    send(aws, url, {"number": 1}, {"number": 2, "bad": True}, {"number": 3})
    wait_for(lambda: sum(map(len, batches())) == 3)
    wait_for(lambda: left(aws, url) == [0, 1])


def test_what_fails_too_often_is_a_dead_letter_that_says_where_it_was(aws, reader):
    dead, dead_arn = new_queue(aws)
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url, arn = new_queue(aws, VisibilityTimeout="5", RedrivePolicy=redrive)
    batches = reader(arn, BatchSize=10)
    aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    send(aws, url, {"number": 1, "fail": True})

    def lying():
        asked = {"QueueUrl": dead, "MessageSystemAttributeNames": ["DeadLetterQueueSourceArn"]}
        return aws("sqs").receive_message(**asked).get("Messages")

    (message,) = wait_for(lying, 15)
    assert json.loads(message["Body"]) == {"number": 1, "fail": True}
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn
    assert len(batches()) == 2 and left(aws, url) == [0, 0]


def test_only_queues_that_are_allowed_may_leave_dead_letters(aws):
    sqs = aws("sqs")
    name = f"q{uuid.uuid4().hex[:8]}"
    _, other = new_queue(aws)
    source = f"{other.rsplit(':', 1)[0]}:{name}"
    for policy, refused in (
        ({"redrivePermission": "denyAll"}, True),
        ({"redrivePermission": "byQueue", "sourceQueueArns": [other]}, True),
        ({"redrivePermission": "byQueue", "sourceQueueArns": [other, source]}, False),
        ({"redrivePermission": "allowAll"}, False),
    ):
        _, dead = new_queue(aws, RedriveAllowPolicy=json.dumps(policy))
        redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 2})}
        if refused:
            assert code_of(sqs.create_queue, QueueName=name, Attributes=redrive) == "InvalidParameterValue"
            assert not sqs.list_queues(QueueNamePrefix=name).get("QueueUrls")
            plain, _ = new_queue(aws)
            assert code_of(sqs.set_queue_attributes, QueueUrl=plain, Attributes=redrive) == "InvalidParameterValue"
            assert "RedrivePolicy" not in sqs.get_queue_attributes(QueueUrl=plain, AttributeNames=["All"])["Attributes"]
        else:
            url = sqs.create_queue(QueueName=name, Attributes=redrive)["QueueUrl"]
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
            assert json.loads(found["RedrivePolicy"])["deadLetterTargetArn"] == dead
            sqs.delete_queue(QueueUrl=url)


@pytest.mark.parametrize(
    "policy",
    [
        {"redrivePermission": "nobody"},
        {"redrivePermission": "byQueue"},
        {"redrivePermission": "denyAll", "sourceQueueArns": ["arn:aws:sqs:eu-west-1:111122223333:q"]},
    ],
    ids=lambda policy: policy["redrivePermission"],
)
def test_a_redrive_allow_policy_must_say_what_it_means(aws, policy):
    call = {"QueueName": f"q{uuid.uuid4().hex[:8]}", "Attributes": {"RedriveAllowPolicy": json.dumps(policy)}}
    assert code_of(aws("sqs").create_queue, **call) == "InvalidAttributeValue"


def test_a_policy_may_refuse_everybody_but_one_role(aws, role, function):
    """Root as well; and what Lambda could not deliver is sent with the rights of the function's role."""
    url, queue_arn = new_queue(aws)
    own = aws("lambda").get_function_configuration(FunctionName=function)["Role"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue_arn}

    def only(**condition):
        statement = {**deny, "Condition": {"ArnNotEquals": condition}}
        aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(statement)})

    only(**{"aws:PrincipalArn": [own]})
    stranger = role(allow("sqs:SendMessage", queue_arn))("sqs")
    for client in (aws("sqs"), stranger):
        assert code_of(client.send_message, QueueUrl=url, MessageBody="{}") == "AccessDenied"
    options = {"MaximumRetryAttempts": 0, "DestinationConfig": {"OnFailure": {"Destination": queue_arn}}}
    aws("lambda").put_function_event_invoke_config(FunctionName=function, **options)
    aws("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=b'{"fail": true}')
    (message,) = wait_for(lambda: received(aws, url))
    assert json.loads(message["Body"])["requestPayload"] == {"fail": True}
    only(**{"aws:SourceArn": ["arn:aws:events:eu-west-1:111122223333:rule/r"]})
    for client in (aws("sqs"), stranger):
        assert code_of(client.send_message, QueueUrl=url, MessageBody="{}") == "AccessDenied"
    assert left(aws, url)[0] == 0


def test_a_queue_is_read_with_the_rights_of_the_function(aws, reader, function):
    url, arn = new_queue(aws)
    batches = reader(arn, BatchSize=10)
    aws("iam").delete_role_policy(RoleName=function, PolicyName="read")
    send(aws, url, {"number": 1})
    time.sleep(1.5)
    assert batches() == [] and left(aws, url) == [1, 0]
    aws("iam").put_role_policy(RoleName=function, PolicyName="read", PolicyDocument=document(allow(READ, arn)))
    wait_for(batches)


@pytest.mark.parametrize("missing", READ)
def test_a_mapping_needs_every_right(aws, function, missing):
    _, arn = new_queue(aws)
    rights = [right for right in READ if right != missing]
    aws("iam").put_role_policy(RoleName=function, PolicyName="read", PolicyDocument=document(allow(rights, arn)))
    refused = code_of(aws("lambda").create_event_source_mapping, FunctionName=function, EventSourceArn=arn)
    assert refused == "InvalidParameterValueException"


def test_a_mapping_needs_a_queue_that_hides_longer_than_the_function_runs(aws, function):
    _, arn = new_queue(aws, VisibilityTimeout="4")  # the function has five seconds
    aws("iam").put_role_policy(RoleName=function, PolicyName="read", PolicyDocument=document(allow(READ, arn)))
    asked = {"FunctionName": function, "EventSourceArn": arn}
    assert code_of(aws("lambda").create_event_source_mapping, **asked) == "InvalidParameterValueException"


def test_more_than_ten_messages_need_a_window(aws, function):
    _, arn = new_queue(aws)
    aws("iam").put_role_policy(RoleName=function, PolicyName="read", PolicyDocument=document(allow(READ, arn)))
    asked = {"FunctionName": function, "EventSourceArn": arn, "BatchSize": 11}
    assert code_of(aws("lambda").create_event_source_mapping, **asked) == "InvalidParameterValueException"


def test_the_age_of_the_oldest_message_is_a_metric(aws):
    url, arn = new_queue(aws)
    send(aws, url, {"number": 1})

    def age():
        answer = aws("cloudwatch").get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": arn.rsplit(":", 1)[-1]}],
            StartTime=time.time() - 600,
            EndTime=time.time() + 60,
            Period=60,
            Statistics=["Maximum"],
        )
        return max((point["Maximum"] for point in answer["Datapoints"]), default=0)

    wait_for(lambda: age() > 1)
    received(aws, url)
    before = age()
    wait_for(lambda: age() > before)


# Layers ----------------------------------------------------------------------------------

#: Answers with the files below the directory that its environment names.
LISTER = BOOTSTRAP.replace(
    "event = event.get",
    """found = {}
    for place, _, names in os.walk(os.environ["PLACE"]):
        for name in names:
            path = os.path.join(place, name)
            found[os.path.relpath(path, os.environ["PLACE"])] = open(path).read()
    event["answer"] = found
    event = event.get""",
)


def layer(aws, **files):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name.replace("__", "/").replace("_", "."), text)
    name = f"l{uuid.uuid4().hex[:8]}"
    return aws("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": archive.getvalue()})[
        "LayerVersionArn"
    ]


def listed(aws, function, layers, place="/opt"):
    client = aws("lambda")
    client.update_function_configuration(
        FunctionName=function, Layers=layers, Environment={"Variables": {"PLACE": place}}
    )
    return json.load(client.invoke(FunctionName=function, Payload=b"{}")["Payload"])


@pytest.fixture
def lister(aws, function):
    aws("lambda").update_function_code(FunctionName=function, ZipFile=code(LISTER))
    return function


def test_the_files_of_a_layer_are_where_opt_says(aws, lister):
    made = layer(aws, a_txt="first", below__b_txt="second")
    assert listed(aws, lister, [made]) == {"a.txt": "first", "below/b.txt": "second"}
    assert listed(aws, lister, [made], "/opt/below") == {"b.txt": "second"}


def test_later_layers_lie_over_earlier_ones(aws, lister):
    one, two = layer(aws, a_txt="first", b_txt="stays"), layer(aws, a_txt="second")
    assert listed(aws, lister, [one, two]) == {"a.txt": "second", "b.txt": "stays"}
    assert listed(aws, lister, [two, one])["a.txt"] == "first"


def test_a_function_without_layers_has_an_empty_opt(aws, lister):
    assert listed(aws, lister, []) == {}


def test_a_function_keeps_the_version_that_it_was_given(aws, lister):
    made = layer(aws, a_txt="first")
    name, version = made.split(":")[6:]
    assert listed(aws, lister, [made]) == {"a.txt": "first"}
    aws("lambda").delete_layer_version(LayerName=name, VersionNumber=int(version))
    aws("lambda").update_function_configuration(FunctionName=lister, Timeout=6)
    assert json.load(aws("lambda").invoke(FunctionName=lister, Payload=b"{}")["Payload"]) == {"a.txt": "first"}


def test_a_stack_with_a_layer_whose_code_is_missing_fails(aws, stack):
    aws("s3").create_bucket(Bucket="layers", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    content = {"S3Bucket": "layers", "S3Key": "none.zip"}
    properties = {"LayerName": "missing", "Content": content}
    template = {"Resources": {"Layer": {"Type": "AWS::Lambda::LayerVersion", "Properties": properties}}}
    stack(template, ends="ROLLBACK_COMPLETE")
    assert [
        found["LayerName"] for found in aws("lambda").list_layers()["Layers"] if found["LayerName"] == "missing"
    ] == []
