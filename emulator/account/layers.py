"""Layers: a function that is run as a process has no /opt of its own, so its settings name the place instead.

Every variable of the function that is `/opt`, or a path below it, is given to its process as the directory in which
the layers were unpacked, the later over the earlier.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
"""

import hashlib
import io
import os
import pathlib
import tempfile
import threading
import zipfile

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from . import patching

OPT = "/opt"
_LOCK = threading.Lock()


def install():
    patching.require(lambda_svc, "_runtime_env_vars", "_resolve_layer_zip", "_fetch_code_from_s3")
    environment_of = patching.original(lambda_svc, "_provided_worker_env")
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::LayerVersion"]
    create = handlers["create"]

    def environment_with_layers(configuration, code_dir, port):
        environment = environment_of(configuration, code_dir, port)
        own = lambda_svc._runtime_env_vars(configuration)
        named = {name: value for name, value in own.items() if value == OPT or value.startswith(f"{OPT}/")}
        if named:
            place = unpacked(contents(configuration))
            environment.update({name: place + value.removeprefix(OPT) for name, value in named.items()})
        return environment

    def create_of_what_is_there(logical_id, props, stack_name):
        content = props.get("Content") or {}
        if not lambda_svc._fetch_code_from_s3(content.get("S3Bucket"), content.get("S3Key")):
            why = "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
            raise ValueError(f"Error occurred while GetObject. {why} (Service: Lambda, Status Code: 400)")
        return create(logical_id, props, stack_name)

    lambda_svc._provided_worker_env = environment_with_layers
    handlers["create"] = create_of_what_is_there


def contents(configuration):
    """The zips of a function's layers, in their order."""
    return [zipped for zipped in map(lambda_svc._resolve_layer_zip, configuration.get("Layers") or []) if zipped]


def unpacked(zips):
    """The directory with their files; unpacked once, and empty if there are none."""
    name = hashlib.sha256(b"".join(hashlib.sha256(zipped).digest() for zipped in zips)).hexdigest()
    place = pathlib.Path(tempfile.gettempdir()) / "layers" / name
    with _LOCK:
        if not place.is_dir():
            partial = place.with_suffix(".part")
            partial.mkdir(parents=True)
            for zipped in zips:
                with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
                    archive.extractall(partial)
            os.rename(partial, place)
    return str(place)
