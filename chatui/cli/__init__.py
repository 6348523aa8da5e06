"""The command line: the same core calls as the tabs.

With `--json` a command prints exactly one JSON object on stdout; everything meant for people goes
to stderr. It exits with 0, or with 1 and a sentence on stderr.
"""

from chatui.cli.commands import main

__all__ = ["main"]
