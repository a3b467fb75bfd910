"""Lambda: the processes of functions end with the function, and with the account."""

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners

from . import patching


def install():
    patching.require(lambda_runtime, "reset", "invalidate_worker")
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    delete = handlers["delete"]

    def delete_with_processes(physical_id, props):
        delete(physical_id, props)
        lambda_runtime.invalidate_worker(physical_id, account=get_account_id(), region=get_region())

    handlers["delete"] = delete_with_processes


def stop_workers():
    """End the warm ``bootstrap`` processes; MiniStack leaves them behind."""
    lambda_runtime.reset()
