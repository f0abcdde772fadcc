"""The identity of a run."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

BOOKKEEPING = ("tracking", "compute", "study", "output_dir", "dry_run", "rerun", "draw")  # cannot change a result


def signature(config: Mapping[str, Any]) -> str:
    """Eight hex digits of the scientific part of a config; the order of its keys does not matter."""
    scientific = flat({key: value for key, value in config.items() if key not in BOOKKEEPING})
    return hashlib.sha1(json.dumps(scientific, sort_keys=True).encode()).hexdigest()[:8]


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """`{"similarity.ncc.window": "9", …}`."""
    result: dict[str, str] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        result |= flat(value, f"{name}.") if isinstance(value, Mapping) and value else {name: str(value)}
    return result
