"""Cloud Custodian as a Lambda function: its own handler behind the least that speaks the Runtime API.

AWS's runtime for Python imports the handler, then asks for events; so does this, without its logs.
Custodian reads its policy with the first event.
"""

import http.client
import json
import os
from pathlib import Path

os.chdir(Path(__file__).parent)

from c7n.handler import dispatch_event  # noqa: E402


def main() -> None:
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def call(method: str, path: str, body: str | None = None):
        api.request(method, f"/2018-06-01/runtime/invocation/{path}", body)
        response = api.getresponse()
        return response.headers, response.read()

    while True:
        headers, event = call("GET", "next")
        request = headers["lambda-runtime-aws-request-id"]
        try:
            answer = dispatch_event(json.loads(event), None)
        except Exception as error:
            call("POST", f"{request}/error", str(error))
        else:
            call("POST", f"{request}/response", json.dumps(answer))


main()
