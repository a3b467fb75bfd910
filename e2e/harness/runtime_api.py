"""The Lambda Runtime API for one function binary, to run it against something that runs no functions.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import http.server
import json
import os
import queue
import signal
import subprocess
import threading
import uuid

API = "/2018-06-01/runtime/"


class Function:
    """A running function binary; use it as a context manager."""

    def __init__(self, path, environment):
        self.path, self.environment = path, environment
        self.events, self.answers = queue.Queue(), queue.Queue()

    def __enter__(self):
        outer = self

        class Handler(_Handler):
            function = outer

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        environment = {
            **self.environment,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": self.path.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "",
            "AWS_LAMBDA_LOG_STREAM_NAME": "",
        }
        self.process = subprocess.Popen(
            [str(self.path)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_):
        self.events.put(None)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.server.shutdown()
        self.server.server_close()

    def invoke(self, event, seconds=30):
        """Give it an event; (answer, None) or (None, error)."""
        self.events.put(json.dumps(event).encode())
        kind, body = self.answers.get(timeout=seconds)
        return (None, body) if kind == "error" else (body, None)


class _Handler(http.server.BaseHTTPRequestHandler):
    function = None
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802, the name is http.server's
        event = self.function.events.get() if self.path == API + "invocation/next" else None
        if event is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4()))
        self.send_header("Lambda-Runtime-Deadline-Ms", "4102444800000")
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:111122223333:function:f")
        self.send_header("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
        self.send_header("Content-Length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self):  # noqa: N802
        body = self._body()
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        kind = "error" if self.path.endswith("/error") else "response"
        self.function.answers.put((kind, json.loads(body) if body else None))

    def _body(self):
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.rfile.read(int(length))
        body = b""
        while True:  # chunked
            size = int(self.rfile.readline().split(b";")[0], 16)
            chunk = self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body
            body += chunk

    def log_message(self, *_):
        pass
