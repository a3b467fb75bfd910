"""How fast `portcullis replay` reads, beside `zcat | wc -c` as the floor and beside parsing each file whole.

    bench/replay.py PROGRAM [--megabytes 100 1000] [--stream 10000] [--findings 40000] [--runs 5]

PROGRAM is the binary `replay` of bench, optimised. Everything runs on one processor; a figure is the processor time of
the median run, so that what else the machine does counts less. The trail is made by trail.py. What is more than fits on
a disk is a stream: the same 100 MB over and over. Fails above 0.7 of the floor, or above 100 MB.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

MOST_OF_FLOOR, MOST_MEMORY = 0.7, 100


def measured(command, runs, stream=None):
    """Seconds of the processor, the median, and the most memory that a run had, in MB."""
    seconds, memory = [], 0
    for _ in range(runs):
        feed = stream and subprocess.Popen(stream, stdout=subprocess.PIPE)
        child = subprocess.Popen(command, stdin=feed and feed.stdout, stdout=subprocess.DEVNULL)
        if feed:
            feed.stdout.close()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds.append(used.ru_utime + used.ru_stime)
        if child.returncode or (feed and feed.wait()):
            sys.exit(f"{command} ended with {child.returncode}")
        memory = max(memory, used.ru_maxrss // 1024)
    return statistics.median(seconds), memory


def made(path, *options):
    """In a process of its own, for a child counts the memory of who starts it as its own."""
    subprocess.run([sys.executable, pathlib.Path(__file__).with_name("trail.py"), path, *map(str, options)], check=True)


def rows(unpacked, files, ways, runs, stream=None):
    """Prints a row for each way, the first of which is the floor. Whether the replay keeps what it promises."""
    base, holds = None, True
    for way, command in ways.items():
        seconds, memory = measured(command, runs, stream)
        base = base or seconds
        row = f"| {unpacked} | {files} | {way} | {seconds:.2f} | {seconds / base:.2f} | {memory} MB |"
        print(row, flush=True)
        holds &= way != "replay" or (seconds <= MOST_OF_FLOOR * base and memory <= MOST_MEMORY)
    return holds


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("program", type=pathlib.Path)
    arguments.add_argument("--megabytes", type=int, nargs="*", default=[100, 1000])
    arguments.add_argument("--stream", type=int, nargs="*", default=[])
    arguments.add_argument("--findings", type=int, nargs="*", default=[])
    arguments.add_argument("--runs", type=int, default=5)
    chosen = arguments.parse_args()
    program, runs, holds = chosen.program, chosen.runs, True
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print("| unpacked | files | way | seconds | of the floor | memory |\n|---|---|---|---|---|---|")
    for megabytes in chosen.megabytes:
        for kind in ("small", "of 100 MB"):
            with tempfile.TemporaryDirectory() as path:
                made(path, "--megabytes", megabytes, *(["--large"] if kind != "small" else []))
                ways = {
                    "`zcat \\| wc -c`": ["sh", "-c", f"find {path} -name '*.json.gz' -print0 | xargs -0 zcat | wc -c"],
                    "find what matters": [program, "split", path],
                    "replay": [program, "replay", path],
                    "parse each file whole": [program, "whole", path],
                }
                holds &= rows(f"{megabytes} MB", kind, ways, runs)
    for megabytes in chosen.stream:
        with tempfile.TemporaryDirectory() as path:
            made(path, "--megabytes", 100, "--large")
            again = (
                f"files=$(find {path} -name '*_CloudTrail_*'); for n in $(seq {megabytes // 100}); do cat $files; done"
            )
            ways = {"`zcat \\| wc -c`": ["sh", "-c", "zcat | wc -c"], "replay": [program, "replay", "-"]}
            holds &= rows(f"{megabytes} MB", "a stream", ways, runs, ["sh", "-c", again])
    for count in chosen.findings:
        with tempfile.TemporaryDirectory() as path:
            made(path, "--findings", count)
            _, ordered = measured([program, "split", path], 1)
            seconds, memory = measured([program, "replay", path], runs)
            print(f"{count} findings: {memory} MB, {ordered} MB of them to order them; {seconds:.2f} s")
            holds &= memory <= MOST_MEMORY
    return int(not holds)


if __name__ == "__main__":
    sys.exit(main())
