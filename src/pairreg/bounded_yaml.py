"""YAML files of a size and shape that people write."""

from pathlib import Path
from typing import Any

import yaml

from pairreg.errors import InputError

_BYTES = 1 << 20
_DEPTH = 50  # collections within collections
_NODES = 100_000  # with every alias (`*name`) as large as what it stands for
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_yaml(path: Path) -> None:
    """Raise `InputError` for a file that would fill the memory or the stack, or that is no YAML.

    A few lines of aliases of aliases can stand for more nodes than a machine has bytes. Only the events of the parser
    are looked at, so nothing is built.
    """
    size = path.stat().st_size
    if size > _BYTES:
        raise InputError(f"{path} has {size / _BYTES:.0f} MB; a config has 1 MB at most.")
    try:
        with path.open("rb") as file:
            _count(yaml.parse(file, Loader=_Loader), path)
    except yaml.YAMLError as error:
        raise InputError(f"{path} is no YAML ({' '.join(str(error).split())}).") from None


def _count(events: Any, path: Path) -> None:
    sizes: dict[str, int] = {}  # by the names of anchors
    open_at: list[tuple[str | None, int]] = []  # the collections that are not over: anchor, nodes before
    nodes = 0
    for event in events:
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            nodes += sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
            sizes |= {anchor: 1} if anchor else {}
        elif isinstance(event, yaml.CollectionStartEvent):
            open_at.append((anchor, nodes))
            nodes += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_at.pop()
            sizes |= {anchor: nodes - before} if anchor else {}
        if nodes > _NODES:
            raise InputError(f"{path} stands for more than {_NODES} values; a config has fewer.")
        if len(open_at) > _DEPTH:
            raise InputError(f"{path} has more than {_DEPTH} levels; a config has fewer.")
