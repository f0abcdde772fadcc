"""What `pairreg-options` prints of one option."""

import re
from collections.abc import Iterable
from textwrap import fill

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pairreg.reference.options import NEEDED, Group, Option, Part
from pairreg.trust import ENV, SETTING


def print_option(terminal: Console, group: Group, option: Option, trusted: Iterable[str], whole: bool) -> None:
    """Print an option with its settings; with `whole`, all that its code says of it."""
    default = "  (taken if nothing else is asked for)" if group.is_default(option) else ""
    terminal.print(Text.assemble((f"{group.name}/{option.name}", "bold underline"), default), soft_wrap=True)
    _paragraph(terminal, option.summary)
    for part in option.parts:
        if whole:
            for details in part.docstring.details:
                terminal.print()
                _paragraph(terminal, details)
            terminal.print()
        _print_part(terminal, option, part, tuple(trusted))
    if not option.parts:
        _print_choices(terminal, option)
    terminal.print()


def _print_part(terminal: Console, option: Option, part: Part, trusted: tuple[str, ...]) -> None:
    facts = {"source": part.docstring.source, "code": part.target}
    settings = part.settings(trusted)
    facts["command"] = f"pairreg {option.group}={option.name}" + (f" {part.where}.KEY=VALUE" if settings else "")
    _grid(terminal, [(name, text) for name, text in facts.items() if text])
    if settings:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for title, least in (("KEY", 8), ("DEFAULT", 7), ("WHAT IT MAY BE", 14), ("WHAT IT MEANS", 20)):
            table.add_column(title, min_width=least, overflow="fold")
        for one in settings:
            table.add_row(Text(one.key, "cyan"), one.default.replace(NEEDED, "needed"), str(one.words), one.meaning)
        terminal.print(Padding(table, (0, 0, 0, 4)))
    if settings and not part.is_known(trusted):
        module = part.target.rpartition(".")[0]
        _paragraph(terminal, f"What they may be is shown if its code may run: {SETTING}=[{module}], or {ENV}={module}.")


def _print_choices(terminal: Console, option: Option) -> None:
    """Print what a variant, a preset or a study says of itself, and what it chooses."""
    remarks = {key.lower(): text for key, text in option.remarks.items() if key != "Question"}
    chosen = [("chooses" if i == 0 else "", text) for i, text in enumerate(option.choices)]
    _grid(terminal, [*remarks.items(), *chosen])


def _grid(terminal: Console, rows: Iterable[tuple[str, str]]) -> None:
    table = Table.grid(padding=(0, 2))
    for name, text in rows:
        table.add_row(Text(name, "dim"), Text(text))
    terminal.print(Padding(table, (0, 0, 0, 2)))


def _paragraph(terminal: Console, text: str) -> None:
    """Print a paragraph of a docstring, or each entry of a list, as wide as the terminal."""
    plain = text.replace("`", "").replace("**", "")
    for entry in re.split(r"\n(?=- )", plain):
        is_entry = entry.startswith("- ")
        lines = fill(
            " ".join(entry.split()), terminal.width, initial_indent="  ", subsequent_indent="    " if is_entry else "  "
        )
        terminal.print(Text(lines), soft_wrap=True)
