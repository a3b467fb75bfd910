"""How fast `portcullis replay` reads, beside `zcat | wc -c` as the floor and beside parsing each file whole.

    bench/replay.py PROGRAM [--megabytes 100 1000] [--runs 5]

PROGRAM is the binary `replay` of bench, optimised. Everything runs on one processor;
a figure is the processor time of the median run, so that what else the machine does counts less.
The trail is made by trail.py. Fails above 0.7 of the floor, or above 100 MB.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

MOST_OF_FLOOR, MOST_MEMORY = 0.7, 100


def measured(command, runs):
    """Seconds of the processor, the median, and the most memory that a run had, in MB."""
    seconds, memory = [], 0
    for _ in range(runs):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds.append(used.ru_utime + used.ru_stime)
        if child.returncode:
            sys.exit(f"{command} ended with {child.returncode}")
        memory = max(memory, used.ru_maxrss // 1024)
    return statistics.median(seconds), memory


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("program", type=pathlib.Path)
    arguments.add_argument("--megabytes", type=int, nargs="+", default=[100, 1000])
    arguments.add_argument("--runs", type=int, default=5)
    chosen = arguments.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    failed = False
    print("| unpacked | files | way | seconds | of the floor | memory, MB |\n|---|---|---|---|---|---|")
    for megabytes in chosen.megabytes:
        for large in (False, True):
            with tempfile.TemporaryDirectory() as directory:
                path = pathlib.Path(directory)
                kind = ["--large"] if large else []
                # Apart, for a child counts the memory of who starts it as its own.
                make = [
                    sys.executable,
                    pathlib.Path(__file__).with_name("trail.py"),
                    path,
                    "--megabytes",
                    str(megabytes),
                ]
                subprocess.run([*make, *kind], check=True)
                floor = f"find {path} -name '*.json.gz' -print0 | xargs -0 zcat | wc -c"
                ways = {
                    "`zcat \\| wc -c`": ["sh", "-c", floor],
                    "find what matters": [chosen.program, "split", path],
                    "replay": [chosen.program, "replay", path],
                    "parse each file whole": [chosen.program, "whole", path],
                }
                base = None
                for way, command in ways.items():
                    seconds, memory = measured(command, chosen.runs)
                    base = base or seconds
                    kind = "100 MB" if large else "small"
                    print(
                        f"| {megabytes} MB | {kind} | {way} | {seconds:.2f} | {seconds / base:.2f} | {memory} |",
                        flush=True,
                    )
                    failed |= way == "replay" and (seconds > MOST_OF_FLOOR * base or memory > MOST_MEMORY)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
