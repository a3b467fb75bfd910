"""Give events in the on-failure queue and the dead-letter queue to their functions again.

`undelivered`, the dead-letter queue, has events and revisits that EventBridge could not deliver; `failed`,
the on-failure queue, has those for which a function failed three times. Each event is given to its
function once, and its message is deleted only if the function succeeds. Other messages stay, also
those that are not understood. Alerts that the digest function could not send are given to it at the
end, together. A second run does no harm. Interrupted, it ends what it has begun, and leaves the rest in the queues.

exit codes: 0 the queues are empty; 1 messages stay, and why is printed; 2 could not start
"""

import concurrent.futures
import itertools
import json
import signal

import messages
import stack as stacks
from botocore.exceptions import ClientError

#: For how long a message is ours: above the time that its function may take, so that nobody gets it meanwhile.
HIDDEN_SECONDS = 300
#: Invoked at the same time. Most of an invocation is waiting, and EC2 admits 5 revokes a second.
AT_ONCE = 5
#: Characters of alerts that are told together. A request that Lambda answers has at most 6 MB (quotas), and the quotes
#: in it count twice.
TOGETHER = 2_000_000


def main():
    parser = stacks.parser(__doc__)
    parser.add_argument("--queue", choices=("failed", "undelivered", "all"), default="all")
    parser.add_argument("--dry-run", action="store_true", help="print the messages, and change nothing")
    options = parser.parse_args()
    stack = stacks.Stack(options.stack)
    names = ["undelivered", "failed"] if options.queue == "all" else [options.queue]
    ends, stopped = [], stops()
    for name in names:
        with Queue(stack, name) as queue, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            lying, untold = queue.messages(), []
            while (some := list(itertools.islice(lying, AT_ONCE))) and not stopped:
                answers = pool.map(lambda item: handle(stack, queue, item, options.dry_run), some)
                for message, (dealt_with, text) in zip(some, answers, strict=True):
                    print(text, flush=True)
                    untold += [message] if dealt_with is None else []
                    ends += [] if dealt_with is None else [dealt_with]
            for batch in together(untold):
                ends += tell(stack, queue, batch) if not stopped else []
    if stopped:
        print("interrupted: what was not processed is in the queues")
        return 128 + stopped[0]
    return summary(names, ends.count(True), ends.count(False), options.dry_run)


def stops():
    """The signals to stop that came. They interrupt nothing, least of all the release of messages."""
    came = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: came.append(number))
    return came


def summary(names, done, stays, dry_run):
    where = f"in the queue{'s' if len(names) > 1 else ''} {' and '.join(names)}"
    if dry_run:
        print(f"{stacks.number(stays, 'message')} {where}, not changed")
        return stacks.DONE
    print(f"{done} processed, {'nothing stays' if not stays else f'{stays} left'} {where}")
    return stacks.NOT_ALL if stays else stacks.DONE


def handle(stack, queue, message, dry_run):
    """Whether the message was processed and deleted, or None for an alert, which comes later; and the text to print."""
    head = f"{queue.name}  {message['MessageId']}  "
    try:
        owed = messages.READERS[queue.name](message)
        if isinstance(owed, messages.Untold):
            messages.check_queue(owed.queue_arn, stack.outputs["DigestQueueUrl"])
            head += f"an alert: {stacks.plain(owed.body)[:100]}\n  why: {owed.why}"
            return (False, head) if dry_run else (None, head)
        function = messages.function_name(owed.function_arn, stack.id, set(stack.functions.values()))
    except messages.NotUnderstood as reason:
        return False, f"{head}\n  stays: not understood: {stacks.plain(reason)}"
    head += f"{stacks.plain(messages.in_words(owed.event))}\n  why: {stacks.plain(owed.why)}"
    if dry_run:
        return False, head
    error, text = stack.invoke(function, owed.event)
    if error:
        return False, f"{head}\n  stays: {function}: {stacks.plain(error)}"
    queue.delete(message)
    return True, f"{head}\n  processed by {function}: {stacks.plain(text)}"


def together(untold):
    """Alerts in batches, each of which one invocation takes."""
    batch, size = [], 0
    for message in untold:
        if batch and size + len(message["Body"]) > TOGETHER:
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message["Body"])
    if batch:
        yield batch


def tell(stack, queue, batch):
    """Give alerts to the digest function as its own queue would; which of them were sent and deleted.

    Not by way of that queue: it takes messages of the functions only.
    """
    function = stack.functions["digest"]
    records = [{"messageId": message["MessageId"], "body": message["Body"]} for message in batch]
    error, answer = stack.invoke(function, {"Records": records})
    refused = set() if error else {item["itemIdentifier"] for item in json.loads(answer)["batchItemFailures"]}
    for message in batch:
        why = error or ("it is no alert of ours" if message["MessageId"] in refused else None)
        if why:
            print(f"{queue.name}  {message['MessageId']}  stays: {function}: {stacks.plain(why)}", flush=True)
        else:
            queue.delete(message)
            print(f"{queue.name}  {message['MessageId']}  sent by {function}", flush=True)
        yield why is None


class Queue:
    """A queue whose messages are seen once; what was not deleted is visible again when the block ends."""

    def __init__(self, stack, name):
        self.sqs, self.name, self.url = stack.client("sqs"), name, stack.queues[name]
        self.handles = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for handle in self.handles.values():
            try:
                self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=0)
            except ClientError:
                pass  # gone, or visible already

    def messages(self):
        """Each message once. One that comes again, because the run takes long, is passed over."""
        again, seen = 0, set()
        while again <= len(seen):
            # Long polling asks every server of the queue; a short poll may miss what is there.
            answer = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=1,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["DeadLetterQueueSourceArn"],
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=1,
            )
            received = answer.get("Messages", [])
            if not received:
                return
            self.handles[received[0]["MessageId"]] = received[0]["ReceiptHandle"]
            if received[0]["MessageId"] in seen:
                again += 1
                continue
            seen.add(received[0]["MessageId"])
            yield received[0]

    def delete(self, message):
        """With the last receipt of it: it may have been seen again meanwhile."""
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=self.handles.pop(message["MessageId"]))


if __name__ == "__main__":
    stacks.run(main)
