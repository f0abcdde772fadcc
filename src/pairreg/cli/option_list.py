"""All options of all groups, one line each, as `pairreg --help` and `pairreg-options` print them."""

from collections.abc import Mapping, Sequence
from textwrap import shorten

from rich.console import Console
from rich.text import Text

from pairreg.reference.options import Group

LEGEND = "* is taken if nothing else is asked for"
Row = tuple[str, str, str]  # a mark, a name, what it means


def print_options(terminal: Console, groups: Mapping[str, Group]) -> None:
    """Print every group with its options, the default ones with a star."""
    for group in groups.values():
        terminal.print(
            Text.assemble((group.name, "bold"), f": {group.meaning}" if group.meaning else ""), soft_wrap=True
        )
        print_rows(terminal, [("*" if group.is_default(o) else "", o.name, o.summary) for o in group.options])
        terminal.print()


def print_rows(terminal: Console, rows: Sequence[Row]) -> None:
    """Print a line for each row, in columns. What a line has no room for is left out."""
    width = max(len(name) for _, name, _ in rows)
    for mark, name, meaning in rows:
        begin = f"  {mark:1} {name:{width}}  "
        plain = meaning.replace("`", "")
        said = shorten(plain, max(terminal.width - len(begin), 20), placeholder=" ...")
        terminal.print(Text.assemble(begin[:4], (begin[4:], "cyan"), said), soft_wrap=True)
