"""What the stack remembers: the items of its ledger, as plain data."""

from boto3.dynamodb.types import TypeDeserializer

from .wait import PATIENCE, until

MINUTE = "minute"
_READ = TypeDeserializer().deserialize


class Ledger:
    """The table, read past the functions and the command line."""

    def __init__(self, stack):
        self.dynamodb, self.table = stack.account.client("dynamodb"), stack.outputs["LedgerTableName"]

    def items(self):
        """Everything in it."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        return [{name: _READ(value) for name, value in item.items()} for page in pages for item in page["Items"]]

    def of(self, subject):
        """What is remembered of a group or a cache: its items by their sort key."""
        return {item["finding"]: item for item in self.items() if item["subject"] == subject}

    def revisits(self, subject):
        """The records of what is looked at again about a group or a cache, by the id of the event."""
        return self.of(f"revisit/{subject}")

    def raw(self, subject):
        """The items of a subject as DynamoDB's own JSON has them."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"] if item["subject"]["S"] == subject]

    def minutes(self):
        """The numbers of each minute, by minute."""
        return {item["finding"]: item for item in self.items() if item["subject"] == MINUTE}

    def wait(self, subject, accept, seconds=PATIENCE):
        """The first item of a subject that `accept` takes."""
        return until(
            f"the ledger on {subject}",
            lambda: next((item for item in self.of(subject).values() if accept(item)), None),
            seconds,
        )

    def put(self, item):
        """Writes an item as DynamoDB's own JSON has it."""
        self.dynamodb.put_item(TableName=self.table, Item=item)

    def release(self):
        """As some minutes later: whoever still holds a finding, and died or could not write, holds it no more."""
        for item in self.items():
            for at, coming in enumerate(item.get("comings", [])):
                if coming.get("held"):
                    self.dynamodb.update_item(
                        TableName=self.table,
                        Key={name: {"S": item[name]} for name in ("subject", "finding")},
                        UpdateExpression=f"SET comings[{at}].held.#until = :past",
                        ExpressionAttributeNames={"#until": "until"},
                        ExpressionAttributeValues={":past": {"N": "0"}},
                    )

    def forget(self):
        """Empties the table."""
        for item in self.items():
            key = {name: {"S": item[name]} for name in ("subject", "finding")}
            self.dynamodb.delete_item(TableName=self.table, Key=key)
