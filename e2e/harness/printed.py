"""The places of the Rust sources that make a command: what a plan, an alert, a mail, a page or an error prints.

A place is a text of the code in which a command begins (`aws elasticache create-snapshot`, `portcullis undo`), the name
of an action that is put into one (`delete-cache-cluster`, for `aws elasticache {call}`), or an option that is added to
one (` --tag-specifications`). So a branch that makes another command, or the same one anew, is another place.
"""

import re

import botocore.session
from botocore import xform_name

from . import places

#: A text of Rust, raw or with escapes. What is a quote by itself is taken out before.
TEXT = re.compile(r'r#"(.*?)"#|"((?:[^"\\]|\\.|\\\n)*)"', re.DOTALL)
COMMAND = re.compile(
    r"\baws ([a-z0-9-]+) ([a-z][a-z-]+|\{[a-z0-9_.]*\})|\bportcullis ([a-z]+|\{[a-z_]*\})(?= |\{|$|`|\n|\)|\.|')"
)
OPTION = re.compile(r" (--[a-z][a-z-]+)")
ESCAPES = {"\\n": "\n", '\\"': '"'}


def actions():
    """The actions of the services whose calls are put together, as the AWS CLI names them."""
    session = botocore.session.get_session()
    models = [session.get_service_model(service) for service in ("elasticache", "ec2")]
    return {xform_name(name, "-") for model in models for name in model.operation_names}


def texts(code):
    """The texts of a source file, as they are printed; those of its tests and comments aside."""
    code = code.partition("#[cfg(test)]")[0]
    code = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("//"))
    for raw, text in TEXT.findall(re.sub(r"'\\?\"'", "''", code)):
        text = re.sub(r"\\\n\s*", "", text)
        for escape, meant in ESCAPES.items():
            text = text.replace(escape, meant)
        yield raw or text


def pieces(text, known):
    """What of a command is in a text."""
    yield from (f"aws {one} {two}" if one else f"portcullis {verb}" for one, two, verb in COMMAND.findall(text))
    if text in known:
        yield text
    option = OPTION.match(text)
    if option:
        yield option[1]


def sources():
    """The Rust files of the programs by name, without those of tests."""
    for top in ("shared", "functions", "cli"):
        for path in sorted((places.REPO / top).glob("**/src/**/*.rs")):
            name = path.relative_to(places.REPO).as_posix()
            if "/tests" not in name and "/testkit/" not in name and path.name != "tests.rs":
                yield name, path.read_text()


def found():
    """How many places each piece of a command has, by file."""
    counted, known = {}, actions()
    for name, code in sources():
        for text in texts(code):
            for piece in pieces(text, known):
                of_file = counted.setdefault(name, {})
                of_file[piece] = of_file.get(piece, 0) + 1
    return counted
