"""A picture of a real run: its terminal text, rendered as SVG. Nothing is fetched, now or when it is shown."""

import io
import pathlib
import re

from .screen import ANSI

WIDTH = 128


def draw(text, path):
    """The opening, the first scene and the summary of a recorded run."""
    # Imported here: the demo itself does without.
    from rich.console import Console
    from rich.terminal_theme import MONOKAI
    from rich.text import Text

    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="standard")
    for line in chosen(text.splitlines()):
        console.print(Text.from_ansi(line), overflow="ellipsis", no_wrap=True, highlight=False)
    svg = console.export_svg(title="make demo", theme=MONOKAI, unique_id="demo")
    # Without the fonts, which would be fetched from elsewhere.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas")
    pathlib.Path(path).write_text(svg)


def chosen(lines):
    plain = [ANSI.sub("", line) for line in lines]
    second = next(at for at, line in enumerate(plain) if line.startswith("2. "))
    end = next(at for at, line in enumerate(plain) if line == "What was seen")
    return [*lines[:second], "", "   [...]", "", *lines[end:]]
