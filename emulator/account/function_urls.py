"""Lambda function URLs: where they are served here, who may call them, and what the function is told.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html and
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

import contextvars
import json

from ministack import app
from ministack.core import iam_evaluator
from ministack.services import lambda_svc

from . import patching
from .settings import SETTINGS

#: The query of this request as it was sent; MiniStack hands on only what it means.
RAW_QUERY = contextvars.ContextVar("raw_query", default=None)
FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


def install():
    patching.require(app, "_LAMBDA_URL_RE")
    create = patching.original(lambda_svc, "_create_function_url_config")
    serve = patching.original(lambda_svc, "handle_function_url_request")
    build = patching.original(lambda_svc, "_build_function_url_event")
    patching.require(lambda_svc, "_function_urls", "_url_config_key", "json_response", "resolve_function_url")

    def create_reachable(name, data, qualifier):
        answer = create(name, data, qualifier)
        if answer[0] != 201:
            return answer
        configuration = lambda_svc._function_urls[lambda_svc._url_config_key(name, qualifier)]
        configuration["FunctionUrl"] = reachable(configuration["FunctionUrl"])
        return lambda_svc.json_response(configuration, status=201)

    async def serve_admitted(url_id, *request, resolved=None, **named):
        resolved = resolved or lambda_svc.resolve_function_url(url_id)
        if resolved and resolved[4].get("AuthType") == "NONE" and not everybody_may_call(*resolved):
            headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException"}
            return 403, headers, json.dumps({"Message": FORBIDDEN}).encode()
        return await serve(url_id, *request, resolved=resolved, **named)

    def build_with_what_was_sent(*arguments, **named):
        event = build(*arguments, **named)
        if RAW_QUERY.get() is not None:
            event["rawQueryString"] = RAW_QUERY.get()
        for name in ("origin", "referer"):
            if name in event["headers"]:
                event["headers"][name] = as_on_aws(event, event["headers"][name])
        if event["headers"].get("cookie"):
            event["cookies"] = [cookie.strip() for cookie in event["headers"]["cookie"].split(";")]
        return event

    lambda_svc._create_function_url_config = create_reachable
    lambda_svc.handle_function_url_request = serve_admitted
    lambda_svc._build_function_url_event = build_with_what_was_sent


def reachable(url):
    """The same host under `localhost`, which browsers and curl take for this machine, on the account's port."""
    label = url.removeprefix("https://").removesuffix(".on.aws/")
    return f"http://{label}.localhost:{SETTINGS.port}/"


def as_on_aws(event, text):
    """A page's own address as its browser would name it on AWS, where the host is another and the scheme HTTPS."""
    domain = event["requestContext"]["domainName"]
    return text.replace(reachable(f"https://{domain}/").rstrip("/"), f"https://{domain}")


def everybody_may_call(account_id, region, name, qualifier, configuration):
    """AuthType NONE asks no signature; the function's policy must still admit everybody, in both ways."""
    if not app.AUTH:
        return True
    arn = f"arn:aws:lambda:{region}:{account_id}:function:{name}" + (f":{qualifier}" if qualifier else "")
    policy = lambda_svc._functions.get_scoped(account_id, region, name)["policy"]
    needed = {
        "lambda:InvokeFunctionUrl": {"lambda:functionurlauthtype": "NONE"},
        "lambda:InvokeFunction": {"lambda:invokedviafunctionurl": "true"},
    }
    return all(admits_everybody(policy, account_id, region, arn, *item) for item in needed.items())


def admits_everybody(policy, account_id, region, arn, action, keys):
    context = iam_evaluator.EvalContext(
        principal_arn="anonymous",
        principal_type="Anonymous",
        principal_account="",
        action=action,
        resource_arn=arn,
        region=region,
        service_context=keys,
    )
    return iam_evaluator.evaluate_resource_policy(policy, context).decision == "Allow"
