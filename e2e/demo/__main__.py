"""`make demo`: from nothing to a guarded account, then the story; the exit code says whether it came true."""

import argparse
import contextlib
import io
import signal
import sys
import time

from harness import places
from harness.account import FAST, Account
from harness.guard import Guard

from .picture import draw
from .screen import Screen
from .story import Story


def main():
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    parser.add_argument("--picture", metavar="FILE", help="also draw the first scene and the summary as SVG")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the account is stopped
    recording = io.StringIO()
    stream = Tee(sys.stdout, recording) if options.picture else sys.stdout
    screen = Screen("always" if options.picture else options.color, stream)
    scenes = run(screen)
    if options.picture:
        draw(recording.getvalue(), options.picture)
        print(f"\n{options.picture} is drawn.")
    return 0 if scenes and all(scene.passed for scene in scenes) else 1


def run(screen):
    started = time.monotonic()
    screen.line("Portcullis in an emulated AWS account: the real template, the real functions.", "bold")
    # A minute of a workflow is a third of a second.
    with Account(*FAST, "--wait-scale", "0.005") as account:
        guard = Guard(account)
        story = Story(guard, screen)
        guard.deploy()
        screen.line(
            f"Account 111122223333 in eu-west-1 at {account.endpoint}, stack deployed from "
            f"{places.TEMPLATE.relative_to(places.REPO)}, in {time.monotonic() - started:.1f} s.",
            "dim",
        )
        with contextlib.suppress(KeyboardInterrupt):
            scenes = story.tell()
            summary(screen, scenes, time.monotonic() - started)
            return scenes
    return []


def summary(screen, scenes, seconds):
    screen.line()
    screen.line("What was seen", "title")
    rows = [
        [
            at,
            scene.title,
            f"{scene.seconds:.2f} s" if scene.seconds else "-",
            scene.outcome,
            f"{sum(scene.verdicts)}/{len(scene.verdicts)}",
            "ok" if scene.passed else "FAIL",
        ]
        for at, scene in enumerate(scenes, 1)
    ]
    styles = {at: "good" if scene.passed else "bad" for at, scene in enumerate(scenes)}
    screen.table(["#", "scene", "closed in", "told as", "checks", ""], rows, styles)
    failed = sum(not scene.passed for scene in scenes)
    screen.line()
    screen.line(
        f"{len(scenes) - failed} of {len(scenes)} scenes went as they should, in {seconds:.1f} s.",
        "bad" if failed else "good",
    )


class Tee:
    """Writes to both."""

    def __init__(self, *streams):
        self.streams = streams

    def write(self, text):
        for stream in self.streams:
            stream.write(text)

    def flush(self):
        for stream in self.streams:
            stream.flush()

    def isatty(self):
        return False


if __name__ == "__main__":
    sys.exit(main())
