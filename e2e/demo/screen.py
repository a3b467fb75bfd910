"""Plain text for a terminal, with colour where one looks at it."""

import os
import re
import shutil
import sys
import textwrap

STYLES = {"title": "1;36", "good": "32", "bad": "1;31", "dim": "2", "bold": "1", "call": "33"}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def wants_colour(choice, stream):
    """https://no-color.org"""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Screen:
    def __init__(self, colour="auto", stream=sys.stdout):
        self.stream = stream
        self.colour = wants_colour(colour, stream)
        self.width = min(shutil.get_terminal_size((110, 40)).columns, 140)

    def style(self, text, name):
        return f"\x1b[{STYLES[name]}m{text}\x1b[0m" if self.colour and name and text else text

    def line(self, text="", style=None):
        print(self.style(text, style), file=self.stream, flush=True)

    def heading(self, number, text):
        self.line()
        self.line(f"{number}. {text}", "title")

    def call(self, text):
        self.line(f"   $ {text}", "call")

    def verdict(self, good, text):
        mark, name = ("ok  ", "good") if good else ("FAIL", "bad")
        self.line(f"   {self.style(mark, name)} {text}")

    def table(self, titles, rows, styles=None, indent="   "):
        """Columns as wide as needed; `styles` gives the style of a row by its number."""
        rows = [[str(cell) for cell in row] for row in rows]
        widths = [max(len(row[at]) for row in [titles, *rows]) for at in range(len(titles))]

        def one(row):
            return (indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()

        self.line(one(titles), "dim")
        for at, row in enumerate(rows):
            self.line(one(row), (styles or {}).get(at))

    def mail(self, mail, lines=None):
        """A mail as it arrived: all of it, or only the lines that `lines` takes."""
        self.line(f"   Mail to {mail['to']}", "dim")
        bar = self.style("   | ", "dim")
        self.line(bar + self.style(mail["subject"], "bold"))
        self.line(bar.rstrip())
        skipped = False
        for text in mail["body"].rstrip().splitlines():
            if lines is not None and not lines(text):
                skipped = True
                continue
            for part in self.fold(text):
                self.line(bar + part)
        if skipped:
            self.line(bar + self.style("[...]", "dim"))

    def fold(self, text):
        """Long lines, as commands are, broken for the eye only."""
        room = self.width - 6
        parts = textwrap.wrap(text, room, break_on_hyphens=False, replace_whitespace=False) if len(text) > room else []
        return parts or [text]
