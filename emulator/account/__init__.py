"""An emulated AWS account for Portcullis: MiniStack, pinned, with documented patches.

Start it with ``python -m account`` (see ``README.md``). Importing the package
changes nothing; ``account.__main__`` prepares the environment first and only
then imports MiniStack, because MiniStack reads its settings when imported.
"""

MINISTACK_VERSION = "1.5.33"
