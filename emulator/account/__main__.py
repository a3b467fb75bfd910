"""Start the emulated account: ``python -m account --port 4566``."""

import argparse
import asyncio
import importlib
import ipaddress
import os
import pathlib
import shutil
import signal
import socket
import sys
import tempfile
from importlib import metadata

from . import MINISTACK_VERSION, movable
from .settings import SETTINGS

#: The modules that patch MiniStack, in the order in which one may build on another.
PARTS = (
    *(
        "movable",
        "permissions",
        "iam_resources",
        "iam_checks",
        "ec2",
        "elasticache",
        "sns",
        "sqs",
        "bus",
        "trails",
        "lookup",
        "cloudtrail",
    ),
    *("failures", "metrics", "cache_metrics", "alarms", "lambda_", "lambda_async", "layers", "event_sources"),
    *(
        "function_urls",
        "workflows",
        "targets",
        "schedules",
        "scaling",
        "cloudformation",
        "stack_conditions",
        "stack_resources",
        "stack_tags",
        "stack_events",
        "ssm",
    ),
)


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m account", description="An emulated AWS account for Portcullis.")
    parser.add_argument("--port", type=int, default=4566, help="port to listen on; 0 takes a free one")
    parser.add_argument("--host", default=os.environ.get("BIND_HOST", "127.0.0.1"), help="a loopback address")
    parser.add_argument("--account-id", default=SETTINGS.account_id)
    parser.add_argument("--region", default=SETTINGS.region)
    parser.add_argument(
        "--seed", action="append", default=[], metavar="DIR", help="load DIR/*.facts.json; may be repeated"
    )
    parser.add_argument(
        "--state-dir", metavar="DIR", help="keep all files here (default: a temporary one, removed at the end)"
    )
    parser.add_argument("--mail-dir", metavar="DIR", help="where mails go (default: mail/ in the state directory)")
    parser.add_argument("--ready-file", metavar="FILE", help="write the endpoint URL here once requests are answered")
    parser.add_argument("--creating-seconds", type=float, default=SETTINGS.creating_seconds)
    parser.add_argument(
        "--event-delay", type=float, default=SETTINGS.event_delay, help="seconds from a call to its event"
    )
    parser.add_argument(
        "--retry-seconds", type=float, default=SETTINGS.retry_seconds, help="first pause between async attempts"
    )
    parser.add_argument(
        "--period-scale", type=float, default=SETTINGS.period_scale, help="fraction of their periods that alarms take"
    )
    parser.add_argument(
        "--schedule-scale", type=float, default=SETTINGS.schedule_scale, help="fraction of their time that rates take"
    )
    parser.add_argument(
        "--wait-scale", type=float, default=SETTINGS.wait_scale, help="fraction of their time that Wait and Retry take"
    )
    parser.add_argument(
        "--timeout-scale",
        type=float,
        help="fraction of their time that TimeoutSeconds and HeartbeatSeconds take (default: as --wait-scale)",
    )
    parser.add_argument(
        "--window-scale", type=float, default=SETTINGS.window_scale, help="fraction of their time that batches wait"
    )
    parser.add_argument(
        "--concurrency", type=int, default=SETTINGS.concurrency, help="asynchronous events worked on at once"
    )
    parser.add_argument("--no-trail", action="store_true", help="no trail, so no call is an event, until one is made")
    parser.add_argument("--lambda-endpoint", metavar="URL", help="endpoint given to functions (default: this account)")
    parser.add_argument("--movable-clock", action="store_true", help="the clock can be moved; needs --state-dir")
    parser.add_argument("--no-iam", action="store_true", help="do not enforce IAM policies")
    options = parser.parse_args(arguments)
    if options.movable_clock and not options.state_dir:
        parser.error("--movable-clock needs --state-dir")
    return options


def check_installation():
    try:
        version = metadata.version("ministack")
    except metadata.PackageNotFoundError:
        sys.exit("emulated account: MiniStack is not installed; pip install -r emulator/requirements.txt")
    if version != MINISTACK_VERSION:
        sys.exit(
            f"emulated account: these patches are for MiniStack {MINISTACK_VERSION}, but {version} is installed; "
            "see 'Raising the pinned version' in emulator/README.md"
        )


def check_loopback(host):
    """The account executes uploaded code, so it is never offered to a network."""
    try:
        if ipaddress.ip_address("127.0.0.1" if host == "localhost" else host).is_loopback:
            return
    except ValueError:
        pass
    sys.exit(f"emulated account: {host} is not a loopback address")


def free_port(host):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def prepare_environment(options, state_dir, endpoint):
    """MiniStack reads its settings from the environment when it is imported."""
    for name in list(os.environ):
        # Nothing of the caller's own AWS setup or proxy may reach the account or its functions.
        if name.startswith(("AWS_", "MINISTACK_", "LAMBDA_")) or name.lower() in (
            "http_proxy",
            "https_proxy",
            "all_proxy",
        ):
            del os.environ[name]
    work = state_dir / "tmp"
    work.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(work)
    os.environ.update(
        TMPDIR=str(work),
        STATE_DIR=str(state_dir / "state"),
        GATEWAY_PORT=str(options.port),
        BIND_HOST=options.host,
        MINISTACK_HOST="127.0.0.1",
        MINISTACK_ACCOUNT_ID=options.account_id,
        MINISTACK_REGION=options.region,
        AWS_ENDPOINT_URL=options.lambda_endpoint or endpoint,
        AUTH="false" if options.no_iam else "true",
        DOCKER_HOST=f"unix://{work}/no-docker.sock",  # functions and caches run without containers
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        LOG_LEVEL=os.environ.get("LOG_LEVEL", "WARNING"),
    )


def apply_settings(options, state_dir):
    SETTINGS.port = options.port
    SETTINGS.account_id = options.account_id
    SETTINGS.region = options.region
    SETTINGS.creating_seconds = options.creating_seconds
    SETTINGS.event_delay = options.event_delay
    SETTINGS.retry_seconds = options.retry_seconds
    SETTINGS.period_scale = options.period_scale
    SETTINGS.schedule_scale = options.schedule_scale
    SETTINGS.wait_scale = options.wait_scale
    SETTINGS.timeout_scale = options.wait_scale if options.timeout_scale is None else options.timeout_scale
    SETTINGS.window_scale = options.window_scale
    SETTINGS.concurrency = max(1, options.concurrency)
    SETTINGS.trail = not options.no_trail
    SETTINGS.mail_dir = pathlib.Path(options.mail_dir) if options.mail_dir else state_dir / "mail"
    SETTINGS.mail_dir.mkdir(parents=True, exist_ok=True)


def install_patches():
    for name in PARTS:
        importlib.import_module(f"account.{name}").install()
    from . import clock

    clock.start()


async def serve(options, endpoint):
    """Answer requests until SIGTERM or SIGINT."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config
    from ministack import app

    from . import control

    config = Config()
    config.bind = [f"[{options.host}]:{options.port}" if ":" in options.host else f"{options.host}:{options.port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = os.environ["LOG_LEVEL"]
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    announcement = asyncio.create_task(announce(options, endpoint))
    await hypercorn_serve(control.wrap(app.app), config, shutdown_trigger=stop.wait)
    announcement.cancel()


async def announce(options, endpoint):
    """Say that the account is ready once its port answers."""
    while True:
        try:
            _, writer = await asyncio.open_connection(options.host, options.port)
            writer.close()
            break
        except OSError:
            await asyncio.sleep(0.02)
    print(
        f"emulated account {options.account_id} in {options.region}: {endpoint}  mail: {SETTINGS.mail_dir}", flush=True
    )
    if options.ready_file:
        partial = pathlib.Path(f"{options.ready_file}.part")
        partial.write_text(endpoint + "\n")
        partial.rename(options.ready_file)


def main(arguments=None):
    options = parse_arguments(arguments)
    check_installation()
    check_loopback(options.host)
    if options.movable_clock:
        movable.preload(pathlib.Path(options.state_dir).resolve())
    options.port = options.port or free_port(options.host)
    endpoint = f"http://{'[' + options.host + ']' if ':' in options.host else options.host}:{options.port}"
    temporary = None if options.state_dir else tempfile.mkdtemp(prefix="portcullis-account-")
    state_dir = pathlib.Path(options.state_dir or temporary).resolve()
    try:
        prepare_environment(options, state_dir, endpoint)
        apply_settings(options, state_dir)
        install_patches()
        from . import lambda_, seed

        try:
            for directory in options.seed:
                seed.seed_directory(directory)
            asyncio.run(serve(options, endpoint))
        except OSError as error:
            sys.exit(f"emulated account: {error}")
        finally:
            lambda_.stop_workers()
    finally:
        if options.ready_file:
            pathlib.Path(options.ready_file).unlink(missing_ok=True)
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
    # Worker threads of MiniStack may still wait for something; everything worth keeping is done.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
