"""How a group or a setting is given that is written otherwise, such as `--preset fast`, `dry_run` or `window=7`."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from pairreg import option_files
from pairreg.reference.options import NEEDED, groups, top_level

_ANY = "VALUE"
_OTHER = {"false": "true", "true": "false", "null": _ANY}  # than the default, which else shows how a value looks


def example(name: str) -> str | None:
    """Return how a group, or a setting beside or in one, may be given, such as `dry_run=true`; None for other names."""
    known = _examples()
    group, is_within, _ = name.partition(".")
    if group not in known:
        return None
    return f"{name}={_ANY if is_within else known[name]}"


def names() -> list[str]:
    """Return the names of all groups, and of all settings beside them."""
    return list(_examples())


def takes_a_list(name: str) -> bool:
    """Return whether a list may be the value of a group or setting: not of a group of one option."""
    return "." in name or name in option_files.TERM_GROUPS or _examples().get(name, _ANY).startswith("[")


def _examples() -> dict[str, str]:
    """Return a value for each group, which is its default or an option, and for each setting beside them."""
    found = {group.name: group.default or group.options[0].name for group in groups().values()}
    found |= {one.key: _OTHER.get(one.text, one.text) for one in top_level() if one.key not in found}
    return {name: value.replace(" ", "") for name, value in found.items()}


def as_option(option: str, arguments: Sequence[str]) -> str | None:
    """Return the sentence on a group or setting that is given as `--NAME`, `--NAME VALUE` or `--NAME=VALUE`.

    None if `option`, one of the arguments, has another name.
    """
    word, is_joined, value = option.partition("=")
    name = word.lstrip("-").replace("-", "_")
    shown = example(name)
    if shown is None:
        return None
    if not is_joined:
        following = next((after for before, after in pairwise(arguments) if before == option), "")
        value = "" if following.startswith("-") or "=" in following else following
    return f"argument {option!r} is no option; write {shlex.quote(f'{name}={value}') if value else shown}."


def within_chosen(config: Mapping[str, Any], where: str, key: str) -> list[str]:
    """Return how a setting `key` is given of what a config has chosen, as in `similarity.ncc.window=VALUE`.

    `where` is the group in which it is looked for; empty: all groups.
    """
    found = []
    for group in option_files.groups():
        parts = {group: config.get(group)}  # none after ~GROUP
        if group in option_files.TERM_GROUPS:
            parts = {f"{group}.{term}": settings for term, settings in (config.get(group) or {}).items()}
        found += [part for part, settings in parts.items() if isinstance(settings, Mapping) and key in [*settings]]
    return [f"{part}.{key}={_ANY}" for part in found if part.startswith(where)]


def of_others(key: str) -> list[str]:
    """Return how a setting `key` is given of any option, chosen or not, with all that the option needs.

    Options that need this very setting come before those that have a default for it, which are left out then.
    """
    found = list(_of_others(key))
    return [given for given, is_needed in found if is_needed] or [given for given, _ in found]


def _of_others(key: str) -> Iterator[tuple[str, bool]]:
    for group in option_files.groups():
        for option in option_files.options_with(group, key):
            node = option_files.option_node(f"{group}/{option}")
            where = f"{group}.{option}" if group in option_files.TERM_GROUPS else group
            settings = [f"{where}.{name}={_ANY}" for name, value in node.items() if name == key or value == NEEDED]
            yield " ".join([f"{group}={option}", *settings]), node[key] == NEEDED
