"""The account's own HTTP endpoints, under ``/_account/``, in front of the AWS API."""

import email
import email.policy
import json

from .settings import SETTINGS

PREFIX = "/_account/"


def wrap(application):
    """An ASGI application that answers ``/_account/...`` itself and hands on everything else."""

    from . import function_urls

    async def serve(scope, receive, send):
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            if scope["type"] == "http":
                function_urls.RAW_QUERY.set(scope["query_string"].decode("latin-1"))
            await application(scope, receive, send)
            return
        try:
            status, answer = respond(scope["method"], scope["path"][len(PREFIX) :], await _body(receive))
        except (ValueError, KeyError, TypeError) as error:
            status, answer = 400, {"error": f"{type(error).__name__}: {error}"}
        body = json.dumps(answer, default=str).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return serve


async def _body(receive):
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def respond(method, path, body):
    """GET health; POST clock; POST seed (a facts document); GET and DELETE mail; metrics of caches; failures."""
    from . import cache_metrics, failures, late, movable, seed, ssm

    if (method, path) == ("GET", "health"):
        return 200, {
            "status": "ready",
            "account": SETTINGS.account_id,
            "region": SETTINGS.region,
            "mail": str(SETTINGS.mail_dir),
        }
    if (method, path) == ("POST", "clock"):
        return 200, movable.forward(json.loads(body)["Forward"])
    if (method, path) == ("POST", "late"):
        return 200, late.say(json.loads(body))
    if (method, path) == ("POST", "seed"):
        return 200, seed.seed_document(json.loads(body))
    if (method, path) == ("POST", "server"):
        return 200, ssm.server(json.loads(body))
    if (method, path) == ("GET", "mail"):
        return 200, {"mails": mails()}
    if (method, path) == ("DELETE", "mail"):
        for file in SETTINGS.mail_dir.glob("*.eml"):
            file.unlink()
        return 200, {"mails": []}
    if path == "cache-metrics" and method in ("POST", "DELETE"):
        return 200, cache_metrics.say(json.loads(body)) if method == "POST" else {"forgotten": cache_metrics.forget()}
    if path == "failures" and method in ("POST", "GET", "DELETE"):
        actions = {"GET": failures.planned, "DELETE": failures.forget}
        return 200, failures.plan(json.loads(body)) if method == "POST" else actions[method]()
    return 404, {"error": f"{method} {PREFIX}{path} does not exist"}


def mails():
    """All mails, oldest first."""
    found = []
    for file in sorted(SETTINGS.mail_dir.glob("*.eml")):
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        found.append(
            {
                "file": file.name,
                **{name.lower(): mail[name] for name in ("From", "To", "Subject", "Date")},
                "topic": mail["X-Amz-Sns-Topic-Arn"],
                "body": mail.get_content(),
            }
        )
    return found
