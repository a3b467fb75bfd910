"""Remove the stack, its artifacts, and SAM's bucket if nothing else is in it. Nothing is left.

Refuses while events are in the on-failure queue or the dead-letter queue, because they would be
lost (`make redrive` first); while alerts wait for their digest; and while a re-creation is in
progress. Rules that were revoked stay revoked, and caches stay as they are. Revisits that are scheduled go with
the stack: it says how many. Alarms, logs and the
dashboard are deleted; CloudWatch keeps metrics for 15 months.

exit codes: 0 all is removed; 1 refused, or not all removed, and why is printed; 2 could not start
"""

import stack as stacks

#: SAM's own stack, with the bucket that `sam deploy --resolve-s3` uses.
MANAGED = "aws-sam-cli-managed-default"


def main():
    parser = stacks.parser(__doc__)
    parser.add_argument(
        "--force", action="store_true", help="also delete messages in the queues, and stop re-creations"
    )
    options = parser.parse_args()
    account = stacks.Account()
    current = stacks.describe(account, options.stack)
    if current is None:
        print(f"there is no stack {options.stack} in {account.place()}")
    elif not options.force and refuse(options.stack, account, current):
        return stacks.NOT_ALL
    else:
        stop_moves(account, current)
        say_what_nobody_looks_at_again(account, current)
        remove(account, options.stack, current["StackId"])
        say_what_aws_keeps(current)
    bucket = managed_bucket(account)
    if bucket:
        remove_artifacts(account.client("s3"), bucket, f"{options.stack}/")
        remove_managed(account, bucket)
    return stacks.DONE


def refuse(name, account, current):
    """Whether events are in the queues, or a re-creation is in progress. A stack that never came up has none."""
    under_way = stacks.moves_under_way(account, current)
    if under_way:
        stacks.complain(
            f"{name} is re-creating caches: {', '.join(sorted(under_way))}. Wait for their end, or answer their "
            "requests (`portcullis approve`, `portcullis reject`); `make destroy FORCE=1` stops them, with no rollback",
            stacks.NOT_ALL,
        )
    waiting = events_wait(name, account, current)
    return bool(under_way) or waiting


def events_wait(name, account, current):
    """Whether messages are in the queues; if so, says how many."""
    outputs = {item["OutputKey"]: item["OutputValue"] for item in current.get("Outputs", [])}
    names = {"undelivered": "UndeliveredQueueUrl", "failed": "FailureQueueUrl", "digest": "DigestQueueUrl"}
    urls = {queue: outputs.get(name) for queue, name in names.items()}
    counts = {queue: stacks.messages(account.client("sqs"), url) for queue, url in urls.items() if url}
    if not any(counts.values()):
        return False
    found = ", ".join(f"{stacks.number(count, 'event')} in the queue {queue}" for queue, count in counts.items())
    stacks.complain(
        f"{name} still has {found}. They would be lost. `make redrive` processes them, and a digest "
        "is sent within a minute; `make destroy FORCE=1` removes them with the stack",
        stacks.NOT_ALL,
    )
    return True


def stop_moves(account, current):
    """They cannot go on without their function. A person has to check what each has created."""
    for name, arn in stacks.moves_under_way(account, current).items():
        account.client("stepfunctions").stop_execution(
            executionArn=arn, error="Portcullis.Destroyed", cause="make destroy FORCE=1"
        )
        print(f"{name} is stopped: look for caches, snapshots and rules with the tag portcullis:moved-from")


def say_what_nobody_looks_at_again(account, current):
    """How many revisits are scheduled. They are not run early: most wait for something that has not happened yet."""
    outputs = {item["OutputKey"]: item["OutputValue"] for item in current.get("Outputs", [])}
    group = outputs.get("RevisitGroupName")
    if not group:
        return
    pages = account.client("scheduler").get_paginator("list_schedules").paginate(GroupName=group)
    count = sum(len(page["Schedules"]) for page in pages)
    if count:
        print(f"{stacks.number(count, 'revisit')} will not take place: what is open stays open, also after a snooze")


def say_what_aws_keeps(current):
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in current.get("Parameters", [])}
    tables = (
        "the ledger" if parameters.get("MoveCaches", "no") == "no" else "the ledger and of the table of re-creations"
    )
    print(f"DynamoDB keeps a backup of {tables} for 35 days, at no cost")
    if parameters.get("ApprovalPage") == "yes":
        print("KMS deletes the key of the links in 7 days; until then it costs nothing and signs nothing")


def remove(account, name, stack_id):
    cloudformation = account.client("cloudformation")
    print(f"removing the stack {name} in {account.place()}, some minutes")
    cloudformation.delete_stack(StackName=name)
    if not stacks.finished(cloudformation, stack_id, "stack_delete_complete"):
        raise stacks.Failure(f"{name} could not be removed: {stacks.why(cloudformation, stack_id)}")
    print(f"the stack {name} is removed")


def managed_bucket(account):
    found = stacks.describe(account, MANAGED) or {}
    return next((item["OutputValue"] for item in found.get("Outputs", []) if item["OutputKey"] == "SourceBucket"), None)


def remove_artifacts(s3, bucket, prefix):
    """Every version: the bucket keeps what is merely deleted."""
    count = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        found = page.get("Versions", []) + page.get("DeleteMarkers", [])
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
        if objects:
            errors = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True}).get("Errors", [])
            if errors:
                raise stacks.Failure(f"s3://{bucket}/{errors[0]['Key']} could not be removed: {errors[0]['Message']}")
        count += len(objects)
    print(f"{stacks.number(count, 'artifact')} removed from s3://{bucket}/{prefix}")


def remove_managed(account, bucket):
    """SAM's bucket, unless other stacks have something in it."""
    answer = account.client("s3").list_object_versions(Bucket=bucket, MaxKeys=1)
    if answer.get("Versions") or answer.get("DeleteMarkers"):
        print(f"s3://{bucket} stays: other stacks of SAM have artifacts there")
        return
    found = stacks.describe(account, MANAGED)
    remove(account, MANAGED, found["StackId"])


if __name__ == "__main__":
    stacks.run(main)
