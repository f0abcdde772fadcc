"""The terminal that all commands write to. Text is shown as it is: `[red]` and `:smile:` in a name mean nothing."""

import sys

from rich.console import Console


def console(stderr: bool = False) -> Console:
    """Return standard output, or standard error, for printing with colours.

    It is as wide as the terminal. A pipe or a log file has no width of its own and gets 160 columns.
    """
    stream = sys.stderr if stderr else sys.stdout
    return Console(width=None if stream.isatty() else 160, stderr=stderr, markup=False, emoji=False)
