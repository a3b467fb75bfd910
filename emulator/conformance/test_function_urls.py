"""Function URLs with AuthType NONE, from a template: who gets in, what the function is told, what comes back."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest
from conftest import ACCOUNT, code, outputs

#: Answers with the request; `?status=…` asks for that status, `?binary` for a body in base64.
BOOTSTRAP = """#!/usr/bin/env python3
import base64, json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as answer:
        request_id, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.load(answer)
    asked = event.get("queryStringParameters", {})
    event["role"] = os.environ["AWS_ACCESS_KEY_ID"]
    body = base64.b64encode(bytes(range(256))).decode() if "binary" in asked else json.dumps(event)
    result = {
        "statusCode": int(asked.get("status", 200)),
        "headers": {"content-type": "text/html; charset=utf-8", "x-frame-options": "DENY"},
        "cookies": ["a=1; HttpOnly", "b=2"],
        "isBase64Encoded": "binary" in asked,
        "body": body,
    }
    data = json.dumps(result).encode()
    urllib.request.urlopen(urllib.request.Request(api + request_id + "/response", data=data, method="POST")).read()
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Bucket: {Type: String}
Resources:
  Approve:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: {Bucket: !Ref Bucket, Key: code.zip}
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: BUFFERED}
  Asker:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: {Bucket: !Ref Bucket, Key: code.zip}
      Environment: {Variables: {PAGE: !GetAtt ApproveUrl.FunctionUrl}}
Outputs:
  Url: {Value: !GetAtt ApproveUrl.FunctionUrl}
  Approve: {Value: !Ref Approve}
  Asker: {Value: !Ref Asker}
"""


@pytest.fixture
def page(aws, stack):
    """The outputs of a stack with a function that has a URL."""
    bucket = f"b{uuid.uuid4().hex[:8]}"
    aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws("s3").put_object(Bucket=bucket, Key="code.zip", Body=code(BOOTSTRAP))
    return outputs(stack(TEMPLATE, {"Bucket": bucket}))


@pytest.fixture
def fetch(account, page):
    """``fetch(path, …)``: status, headers and body of a request to the URL, as a browser on this machine sends it."""

    def send(path="", data=None, **headers):
        with account.open(page["Url"] + path, data, headers) as answer:
            return answer.status, answer.headers, answer.read()

    return send


def test_the_url_is_one_that_a_browser_finds_here(aws, account, page):
    url = urllib.parse.urlsplit(page["Url"])
    assert url.hostname.endswith(".lambda-url.eu-west-1.localhost") and page["Url"].endswith("/")
    assert url.port == urllib.parse.urlsplit(account.endpoint).port
    assert aws("lambda").get_function_url_config(FunctionName=page["Approve"])["FunctionUrl"] == page["Url"]
    asker = aws("lambda").get_function_configuration(FunctionName=page["Asker"])
    assert asker["Environment"]["Variables"]["PAGE"] == page["Url"]


def test_a_get_arrives_as_it_was_sent(fetch):
    query = "about=move&until=1760000000&sig=a-b_c%2Bd&note=a+b"
    status, _, body = fetch(f"cache-1a2b3c4d?{query}", cookie="one=1; two=2", x_own="yes")
    event = json.loads(body)
    assert status == 200 and event["version"] == "2.0"
    assert (event["rawPath"], event["rawQueryString"]) == ("/cache-1a2b3c4d", query)
    assert event["queryStringParameters"]["sig"] == "a-b_c+d" and event["queryStringParameters"]["note"] == "a b"
    http = event["requestContext"]["http"]
    assert (http["method"], http["path"], http["sourceIp"]) == ("GET", "/cache-1a2b3c4d", "127.0.0.1")
    assert event["headers"]["x-own"] == "yes" and event["cookies"] == ["one=1", "two=2"]
    assert event["isBase64Encoded"] is False and "body" not in event


def test_a_form_arrives_in_base64(page, fetch):
    form = urllib.parse.urlencode({"answer": "yes", "reason": "Grüße & Dank"}).encode()
    _, _, body = fetch("cache-1a2b3c4d", form, origin=page["Url"].rstrip("/"), referer=f"{page['Url']}cache-1a2b3c4d")
    event = json.loads(body)
    own = f"https://{event['headers']['host']}"
    assert own == f"https://{event['requestContext']['domainName']}" and own.endswith(".on.aws")
    assert (event["headers"]["origin"], event["headers"]["referer"]) == (own, f"{own}/cache-1a2b3c4d")
    assert event["requestContext"]["http"]["method"] == "POST" and event["isBase64Encoded"] is True
    assert event["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert base64.b64decode(event["body"]) == form


def test_status_headers_and_cookies_come_back(fetch):
    with pytest.raises(urllib.error.HTTPError) as answered:
        fetch("?status=410")
    answer = answered.value
    assert answer.code == 410 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers.get_all("set-cookie") == ["a=1; HttpOnly", "b=2"]


def test_a_body_in_base64_comes_back_as_bytes(fetch):
    assert fetch("?binary=1")[2] == bytes(range(256))


def test_the_function_has_the_credentials_of_its_own_role(fetch):
    assert json.loads(fetch()[2])["role"].startswith("ASIA")


@pytest.mark.parametrize("action", ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"])
def test_both_permissions_are_needed(aws, page, fetch, action):
    function = page["Approve"]
    policy = json.loads(aws("lambda").get_policy(FunctionName=function)["Policy"])
    (sid,) = [item["Sid"] for item in policy["Statement"] if item["Action"] == action]
    aws("lambda").remove_permission(FunctionName=function, StatementId=sid)
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch()
    assert refused.value.code == 403 and "Forbidden" in json.load(refused.value)["Message"]


def test_the_permission_to_invoke_is_for_the_url_only(account, aws, page):
    """Nobody gets to Invoke itself without credentials."""
    statement = json.loads(aws("lambda").get_policy(FunctionName=page["Approve"])["Policy"])["Statement"]
    conditions = {item["Action"]: item["Condition"] for item in statement if item["Principal"] == "*"}
    assert conditions["lambda:InvokeFunction"] == {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
    arn = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{page['Approve']}"
    url = f"{account.endpoint}/2015-03-31/functions/{urllib.parse.quote(arn)}/invocations"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, data=b"{}", method="POST"))
    assert refused.value.code == 403
