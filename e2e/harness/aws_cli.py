"""The AWS CLI for tests that run hundreds of commands: one process has imported it, and forks for each.

The CLI's imports and models take half a second of CPU time, most of what such a command costs. `directory()` has an
`aws` that hands its arguments, environment, directory and files over; what runs is the CLI itself.
"""

import atexit
import contextlib
import functools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback

CLIENT = """\
#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    socket.send_fds(server, [b"."], [0, 1, 2])
    server.sendall(json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode())
    server.shutdown(socket.SHUT_WR)
    status = server.recv(1)
sys.exit(status[0] if status else 255)
"""
#: Services of which alerts, mails and documents give commands; their models are read once.
SERVICES = (
    "ec2",
    "elasticache",
    "cloudformation",
    "cloudtrail",
    "dynamodb",
    "iam",
    "lambda",
    "logs",
    "sns",
    "sqs",
    "sts",
)


@functools.cache
def directory():
    """A directory for PATH with `aws` in it, for as long as this process lives."""
    made = pathlib.Path(tempfile.mkdtemp(prefix="aws-cli-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    path = str(made / "socket")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(64)
        server = subprocess.Popen([sys.executable, __file__, str(listening.fileno())], pass_fds=[listening.fileno()])
    atexit.register(server.kill)
    client = made / "aws"
    client.write_text(CLIENT.format(python=sys.executable, path=path))
    client.chmod(0o755)
    return str(made)


def serve(listening):
    warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who has answered is nobody's to wait for
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            answer(connection)
        connection.close()


def answer(connection):
    """Run one command, and send its status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    arguments, where, environment = json.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
    command = os.fork()
    if command == 0:
        connection.close()
        become(files, where, environment)
        run(arguments)
    for file in files:
        os.close(file)
    status = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    with contextlib.suppress(OSError):  # whoever asked has not waited
        connection.send(bytes([status if status >= 0 else 128 - status]))
    os._exit(0)


def become(files, where, environment):
    for number, file in enumerate(files):
        os.dup2(file, number)
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode, closefd=False) for number, mode in enumerate("rww"))
    os.chdir(where)
    data = os.environ["AWS_DATA_PATH"]  # set by the CLI's import
    os.environ.clear()
    os.environ.update(environment, AWS_DATA_PATH=data)


def run(arguments):
    import awscli.clidriver

    sys.argv, status = arguments, 255
    try:
        status = awscli.clidriver.main() or 0
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def warm():
    import awscli.clidriver
    import botocore.loaders

    load = functools.cache(
        functools.partial(botocore.loaders.JSONFileLoader.load_file, botocore.loaders.JSONFileLoader())
    )
    botocore.loaders.JSONFileLoader.load_file = lambda _, path: load(path)
    session = awscli.clidriver.create_clidriver().session
    for service in SERVICES:
        session.create_client(service, "eu-west-1", aws_access_key_id="none", aws_secret_access_key="none")


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
