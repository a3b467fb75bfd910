"""The tables of the documentation, as lists of cells."""

import re

from . import places


def read(path):
    return (places.REPO / path).read_text()


def tables_of(path):
    """Each table of a document: its head, and its rows as lists of cells."""
    lines = read(path).splitlines()
    for at, line in enumerate(lines[:-1]):
        if line.startswith("|") and re.fullmatch(r"\|[-|: ]+\|", lines[at + 1]):
            rows = []
            for row in lines[at + 2 :]:
                if not row.startswith("|"):
                    break
                rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]])
            yield line, rows


def rows(path, head):
    """The rows of the tables with this head."""
    found = [row for first, cells in tables_of(path) for row in cells if first == head]
    assert found, f"{path} has no table {head}"
    return found


def code(cell):
    """What is written as code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def names(path, head):
    """What the first cells of a table name."""
    return [name for row in rows(path, head) for name in code(row[0])]


def defaults(path, head):
    """Each name of a first cell with its default; several share a row in the same order."""
    for row in rows(path, head):
        keys, values = code(row[0]), [value.strip() for value in row[1].split(",")]
        assert len(values) in (1, len(keys)), row
        for at, key in enumerate(keys):
            yield key, values[at if len(values) > 1 else 0].strip('`"')
