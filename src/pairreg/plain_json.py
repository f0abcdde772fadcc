"""JSON that every reader takes: a number that is NaN or infinite is `null`."""

import json
import math
from collections.abc import Mapping
from typing import Any


def dumps(content: Any, indent: int | None = None) -> str:
    """`content` as JSON text; NumPy's numbers are numbers, and what is neither is an error."""
    return json.dumps(_plain(content), indent=indent, allow_nan=False)


def numbers(content: Mapping[str, float | None]) -> dict[str, float]:
    """Numbers that were read, with NaN for `null`."""
    return {name: math.nan if value is None else value for name, value in content.items()}


def _plain(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    if content is None or isinstance(content, str | bool | int):
        return content
    number = float(content)
    return number if math.isfinite(number) else None
