"""All options as one page of Markdown."""

from collections.abc import Iterable, Iterator

from pairreg.reference.options import NEEDED, Group, Option, Part

_HEAD = """\
# Options

Every option of every group, with its settings. `pairreg --help` lists them, `pairreg-options GROUP/OPTION` prints one.
An option is chosen by `GROUP=OPTION`, a setting by `GROUP.KEY=VALUE`, or `GROUP.TERM.KEY=VALUE` for a similarity or a
regulariser. A setting of a transform, a similarity, a regulariser or an optimizer may be a list with a value for each
level of the schedule, coarse to fine, such as `similarity.ncc.window=[5,7,9,9]`. The page is made from the
option files and the code by `pairreg-options --markdown > conf/OPTIONS.md`.
"""


def page(groups: Iterable[Group], trusted: Iterable[str] = ()) -> str:
    """Return the page of these groups; `trusted`: modules of the user's that may run to say what their settings are."""
    return "\n".join([_HEAD, *(line for group in groups for line in _group(group, tuple(trusted)))])


def _group(group: Group, trusted: tuple[str, ...]) -> Iterator[str]:
    yield f"## {group.name}\n"
    default = f" Default: `{group.default}`." if group.default else ""
    if group.meaning or default:
        yield f"{group.meaning[:1].upper()}{group.meaning[1:]}.{default}\n"
    for option in group.options:
        yield f"### {group.name}/{option.name}\n"
        yield f"{option.summary}\n"
        for part in option.parts:
            yield from _part(part, trusted)
        if not option.parts:
            yield from _choices(option)


def _part(part: Part, trusted: tuple[str, ...]) -> Iterator[str]:
    for details in part.docstring.details:
        yield f"{details}\n"
    if part.docstring.source:
        yield f"Source: {part.docstring.source}\n"
    yield f"Code: `{part.target}`\n"
    settings = part.settings(trusted)
    if settings:
        yield f"| `{part.where}.` | default | what it may be | what it means |"
        yield "|---|---|---|---|"
        for one in settings:
            default = "needed" if one.default == NEEDED else f"`{one.default}`"
            yield f"| `{one.key}` | {_cell(default)} | {_cell(str(one.words))} | {_cell(one.meaning)} |"
        yield ""


def _choices(option: Option) -> Iterator[str]:
    for word, text in option.remarks.items():
        if word != "Question":
            yield f"- {word}: {f'`{text}`' if word == 'Command' else text}"
    if option.choices:
        yield f"- Chooses: {', '.join(f'`{choice}`' for choice in option.choices)}"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
