"""Writes the script into the document of infra/template.yaml: `make document`.

CloudFormation takes a document's content only from the template itself, so the template has a copy of the script.
e2e/tests/test_documents_stack.py holds it to the file.
"""

import pathlib
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
TEMPLATE = HERE.parent / "template.yaml"
BEGIN = "                # harden-memcached.sh, as `make document` writes it.\n"
END = "                # The end of harden-memcached.sh.\n"


def written(template, script):
    """The template with this script between the two comments."""
    before, _, rest = template.partition(BEGIN)
    _, _, after = rest.partition(END)
    block = textwrap.indent(script, " " * 18)
    return f"{before}{BEGIN}                - |\n{block}{END}{after}"


if __name__ == "__main__":
    TEMPLATE.write_text(written(TEMPLATE.read_text(), (HERE / "harden-memcached.sh").read_text()))
