"""What Portcullis costs a month, as the Markdown tables of docs/costs.md.

    target/venv/bin/python bench/costs.py             print the tables
    target/venv/bin/python bench/costs.py --write     and put them into docs/costs.md
    target/venv/bin/python bench/costs.py --measure   measure anew in the emulated account (make programs first)

Prices are in prices.json, durations and sizes in measured.json; what the stack holds is counted in
infra/template.yaml.
"""

import argparse
import json
import pathlib
import re
import sys

import moving

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parent
DOCS = REPO / "docs" / "costs.md"
MARKS = ("<!-- What `bench/costs.py` prints begins here. -->", "<!-- What `bench/costs.py` prints ends here. -->")

HOURS = 730
DAYS = HOURS / 24
EVENTS = {"quiet": 20, "busy": 500}
ACCOUNTS = (1, 10, 500)
ALARMS = ("all", "essential", "none")
#: Said in the table of assumptions, in this order.
FOUND_SHARE = 0.02
CALLS = {"clean": 1, "found": 8, "trail": 3}
CALL_MS = 100
START_MS = 150
MAILS = 1
QUEUE_REQUESTS = 2
#: Lambda's, at the digest's queue, whatever is in it: five connections, each of which waits 20 seconds at the most.
POLLS_A_MINUTE = 5 * 60 // 20
#: Units of DynamoDB. At each event: two keys of a rule and the snoozes of its group, as they are now, and one page of
#: what is open, at half the price. At a fault: the entry twice, beside the minute's.
LEDGER = {"reads": 3.5, "writes": 5}
#: Of a call with a finding: most have none, and one with more rules than the limits admit has several.
REVISITS = 1
METRICS = {"clean": 1, "found": 4}
#: Of a run of the sweep over a small account: its time, the bytes of its log, read units of the ledger, and metrics.
SWEEP = {"seconds": 5, "log_bytes": 1_000, "reads": 128, "metrics": 3}
KEY_USES = {"invocation": 1, "alert": 2}
GB = 10**9
ONE = {"alarm metrics": "alarm metric", "metrics": "metric", "dashboards": "dashboard", "keys": "key"}


class Template:
    """What of infra/template.yaml costs money."""

    def __init__(self, document):
        resources = document["Resources"].values()
        alarms = [item for item in resources if item["Type"] == "AWS::CloudWatch::Alarm"]
        asked = {"HasAlarms": ("all", "essential"), "HasAllAlarms": ("all",), "HasMovesAlarm": (), "HasChatAlarm": ()}
        asked["HasHardenAlarm"] = ()
        asked["HasSweepStoppedAlarm"] = ()
        asked["HasSweepAlarm"] = ("all", "essential")
        self.alarm_metrics = dict.fromkeys(ALARMS, 0)
        for alarm in alarms:
            for setting in asked[alarm["Condition"]]:
                self.alarm_metrics[setting] += metrics_of(alarm["Properties"])
        self.moves_metrics = metrics_of(document["Resources"]["MovesAlarm"]["Properties"])
        self.dashboards = sum(item["Type"] == "AWS::CloudWatch::Dashboard" for item in resources)
        self.memory = document["Globals"]["Function"]["MemorySize"]
        self.retention = document["Parameters"]["LogRetentionDays"]["Default"]
        self.sweep_hours = int(document["Parameters"]["SweepHours"]["Default"])
        self.sweep_memory = document["Resources"]["SweepFunction"]["Properties"]["MemorySize"]
        self.check_minutes = schedule(document["Resources"]["TrailFunction"])


def metrics_of(alarm):
    """An alarm on an expression is billed for each metric in it."""
    if "Metrics" in alarm:
        return sum("MetricStat" in metric for metric in alarm["Metrics"])
    return 1


def schedule(function):
    """Minutes between two runs."""
    (rate,) = (
        e["Properties"]["Schedule"] for e in function["Properties"]["Events"].values() if e["Type"] == "Schedule"
    )
    return int(re.fullmatch(r"rate\((\d+) minutes\)", rate).group(1))


def usage(template, measured, kind, alarms="all"):
    """What one account uses in one Region and month, by the names of prices.json."""
    events = EVENTS[kind] * DAYS
    found = events * FOUND_SHARE
    # A revisit is one more invocation for the same event.
    times = {"clean": events - found, "found": found * (1 + REVISITS), "trail": HOURS * 60 / template.check_minutes}
    took = {case: START_MS + CALLS[case] * CALL_MS + measured[case]["billed_ms"] for case in times}
    seconds = sum(times[case] * took[case] / 1000 for case in times)
    sweeps = HOURS / template.sweep_hours
    logs = sum(times[case] * measured[case]["log_bytes"] for case in times) / GB + sweeps * SWEEP["log_bytes"] / GB
    return {
        "lambda-requests": sum(times.values()) + sweeps,
        "lambda-arm64": seconds * template.memory / 1024 + sweeps * SWEEP["seconds"] * template.sweep_memory / 1024,
        "schedules": found * REVISITS,
        "alarms": template.alarm_metrics[alarms],
        # Billed by the hour in which there is a value: at most all hours, and at most one for each event.
        "metrics": (
            METRICS["clean"] * min(HOURS, events)
            + (METRICS["found"] - METRICS["clean"]) * min(HOURS, found)
            + SWEEP["metrics"] * sweeps
        )
        / HOURS,
        "logs-ingestion": logs,
        "logs-storage": logs * template.retention / DAYS,
        "sns-requests": found,
        "sns-mails": found * MAILS,
        "sqs-requests": found * QUEUE_REQUESTS + POLLS_A_MINUTE * 60 * HOURS,
        "dynamodb-reads": events * LEDGER["reads"] + sweeps * SWEEP["reads"],
        "dynamodb-writes": found * LEDGER["writes"],
    }


def extras(template, measured, kind):
    """What a setting other than the default changes for one account: (setting, more used, less used)."""
    base = usage(template, measured, kind)
    key_uses = KEY_USES["invocation"] * base["lambda-requests"] + KEY_USES["alert"] * base["sns-requests"]
    return [
        ("Dashboard=yes", {"dashboards": template.dashboards}, {}),
        ("KmsKeyArn, a key per account and Region", {"kms-keys": 1, "kms-requests": key_uses}, {}),
        ("Tracing=yes", {"xray-traces": base["lambda-requests"]}, {}),
        ("MoveCaches, without a re-creation", {"alarms": base["alarms"] + template.moves_metrics}, {}),
        ("ApprovalPage=yes", {"kms-keys": 1}, {}),
        ("Architecture=x86_64", {"lambda-x86_64": base["lambda-arm64"]}, {"lambda-arm64": base["lambda-arm64"]}),
    ]


def cost(prices, used, accounts, free=True):
    """Dollars for so many accounts. The free tier is one for all of them."""
    total = 0.0
    for name, quantity in used.items():
        price = prices[name]
        billed = max(0.0, quantity * accounts - (price["free"] if free else 0))
        total += billed * price["price"] / price["per"]
    return total


# Tables ---------------------------------------------------------------------------------------


def tables(template, measured, prices):
    yield "### In short", in_short(template, measured, prices)
    yield "### Assumptions", assumptions(template, measured)
    yield "### One account in one Region", one_account(template, measured, prices)
    for kind in EVENTS:
        head = f"### {kind.capitalize()} accounts, {EVENTS[kind]} calls a day each"
        yield head, by_alarms(template, measured, prices, kind)
    yield "### What settings add", by_setting(template, measured, prices)
    yield f"### {moving.MOVES} re-creations of caches", of_moves(template, prices)
    yield "### Prices", price_list(prices)


def in_short(template, measured, prices):
    rows = []
    for kind in EVENTS:
        for setting in ALARMS:
            used = usage(template, measured, kind, setting)
            costs = (money(cost(prices, used, 1, free=False)), money(cost(prices, used, 1)))
            rows.append((f"a {kind} account, Alarms={setting}", *costs))
    return table(
        ("$ a month, in one Region", "list price", "less the free tier, if no other account uses it"),
        rows,
        right=(1, 2),
    )


def assumptions(template, measured):
    def by_case(value, unit):
        return ", ".join(f"{value(case):,} {unit}".strip() for case in CALLS)

    checks = 24 * 60 // template.check_minutes
    a_day = " or ".join(f"{number} ({kind})" for kind, number in EVENTS.items())
    took = by_case(lambda case: measured[case]["billed_ms"], "ms")
    logged = by_case(lambda case: measured[case]["log_bytes"], "bytes")
    watched = ", ".join(f"{template.alarm_metrics[setting]} ({setting})" for setting in ALARMS)
    rows = [
        ("a month", f"{HOURS} hours"),
        ("watched calls, per account, Region and day", a_day),
        ("calls with a finding, each with an alert", f"{FOUND_SHARE:.0%}"),
        ("people who get each alert by mail", f"{MAILS}"),
        ("requests to the queue of the program that reads alerts", f"{QUEUE_REQUESTS} an alert"),
        ("requests of Lambda to the digest's queue, although it is empty", f"{POLLS_A_MINUTE} a minute"),
        ("the ledger: read units a call, write units a call with a finding", f"{LEDGER['reads']}, {LEDGER['writes']}"),
        ("revisits of a call with a finding", f"{REVISITS}, each as long as the call"),
        ("checks of the trail", f"every {template.check_minutes} minutes, {checks} a day (template)"),
        (
            "sweeps",
            f"every {template.sweep_hours} hours, {SWEEP['seconds']} s with {template.sweep_memory} MB (template)",
        ),
        ("memory of the other functions", f"{template.memory} MB (template)"),
        ("the function's own time: clean, with a finding, trail", f"{took} (measured)"),
        ("calls to AWS, as if one after the other: clean, with a finding, trail", by_case(CALLS.get, "")),
        ("allowance for each of these calls", f"{CALL_MS} ms"),
        ("allowance for a cold start, at every invocation", f"{START_MS} ms"),
        ("logs: clean, with a finding, trail", f"{logged} (measured)"),
        ("logs are kept", f"{template.retention} days (template), not compressed"),
        (
            "metrics of its own: clean, with a finding",
            f"{METRICS['clean']}, {METRICS['found']}; each in an hour of its own",
        ),
        ("metrics in alarms", f"{watched} (template)"),
        ("uses of your own key", f"{KEY_USES['invocation']} an invocation, {KEY_USES['alert']} more an alert"),
        *moving.said(),
    ]
    return table(("what", "how much"), rows)


def one_account(template, measured, prices):
    """Quantities and list prices, without the free tier."""
    rows = []
    used = {kind: usage(template, measured, kind) for kind in EVENTS}
    for name in used["quiet"]:
        cells = [f"{amount(used[kind][name])} {prices[name]['unit']}" for kind in EVENTS]
        costs = [money(cost(prices, {name: used[kind][name]}, 1, free=False)) for kind in EVENTS]
        rows.append((prices[name]["what"], cells[0], costs[0], cells[1], costs[1]))
    totals = [f"**{money(cost(prices, used[kind], 1, free=False))}**" for kind in EVENTS]
    code = {"s3-storage": measured["zip_bytes"] / GB}
    cells = [f"{amount(code['s3-storage'])} GB", money(cost(prices, code, 1, free=False))] * len(EVENTS)
    rows.append((f"{prices['s3-storage']['what']} (once a Region, for all accounts)", *cells))
    rows.append(("**together, Alarms=all, at list price**", "", totals[0], "", totals[1]))
    return table(("", "quiet", "$ a month", "busy", "$ a month"), rows, right=(2, 4))


def by_alarms(template, measured, prices, kind):
    rows = []
    for accounts in ACCOUNTS:
        row = [f"{accounts}"]
        for setting in ALARMS:
            used = usage(template, measured, kind, setting)
            row += [money(cost(prices, used, accounts, free=False)), f"**{money(cost(prices, used, accounts))}**"]
        rows.append(row)
    heads = [head for setting in ALARMS for head in (f"Alarms={setting}", "less the free tier")]
    return table(("accounts", *heads), rows, right=range(7))


def by_setting(template, measured, prices):
    rows = []
    for kind in EVENTS:
        base = usage(template, measured, kind)
        for name, more, less in extras(template, measured, kind):
            row = [f"{name}, {kind}"]
            for accounts in ACCOUNTS:
                changed = {**{key: value for key, value in base.items() if key not in less}, **more}
                row += [money(cost(prices, changed, accounts) - cost(prices, base, accounts))]
            rows.append(row)
    heads = ("$ a month, less the free tier", *(f"{accounts} account{'s' * (accounts > 1)}" for accounts in ACCOUNTS))
    return table(heads, rows, right=(1, 2, 3))


def of_moves(template, prices):
    """Quantities and list prices, without the free tier, and without the caches."""
    used = moving.usage(template)
    rows = [
        (
            prices[name]["what"],
            f"{amount(used[name])} {prices[name]['unit']}",
            money(cost(prices, {name: used[name]}, 1, free=False)),
        )
        for name in used
    ]
    rows.append(("**together, at list price**", "", f"**{money(cost(prices, used, 1, free=False))}**"))
    return table(("", "", "$"), rows, right=(2,))


def price_list(prices):
    rows = []
    for price in prices.values():
        per = f"{price['per']:,} {price['unit']}" if price["per"] > 1 else ONE.get(price["unit"], price["unit"])
        free = f"{price['free']:,} {price['unit']}" if price["free"] else "nothing"
        dollars = max(f"{price['price']:.2f}", f"{price['price']:.10f}".rstrip("0"), key=len)
        rows.append((f"[{price['what']}]({price['source']})", dollars, per, free, price["date"] or "no date"))
    return table(("", "$", "for", "free in a month, for the organization", "as of"), rows, right=(1,))


def amount(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 1 else f"{value:.1f}".removesuffix(".0")


def money(value):
    if 0 < value < 0.01:
        return "under 0.01"
    return f"{value:,.2f}"


def table(heads, rows, right=()):
    rule = ["---:" if column in right else "---" for column in range(len(heads))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, rule, *rows))


# Running --------------------------------------------------------------------------------------


def read_template():
    """By the loader of the end-to-end tests, which knows CloudFormation's tags."""
    sys.path.insert(0, str(REPO / "e2e"))
    from harness import deploy

    return Template(deploy.template())


def text():
    prices = json.loads((HERE / "prices.json").read_text())["prices"]
    measured = json.loads((HERE / "measured.json").read_text())
    parts = [f"{head}\n\n{body}" for head, body in tables(read_template(), measured, prices)]
    return "\n\n".join(parts) + "\n"


def write(printed):
    """Between the marks in docs/costs.md."""
    before, _, rest = DOCS.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    DOCS.write_text(f"{before}{MARKS[0]}\n\n{printed}\n{MARKS[1]}{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the tables into docs/costs.md")
    parser.add_argument("--measure", action="store_true", help="measure durations and sizes in the emulated account")
    options = parser.parse_args()
    if options.measure:
        from measuring import measure

        (HERE / "measured.json").write_text(json.dumps(measure(), indent=2) + "\n")
    printed = text()
    if options.write:
        write(printed)
    print(printed, end="")


if __name__ == "__main__":
    main()
