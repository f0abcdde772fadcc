"""Pairwise deformable registration of medical images, configured, optimised and tracked."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pairreg import metrics
    from pairreg.errors import DivergedError, InputError
    from pairreg.option_files import build, options
    from pairreg.pair.files import load_pair
    from pairreg.pair.pair import Pair
    from pairreg.registration import register
    from pairreg.result import Result

__all__ = ["DivergedError", "InputError", "Pair", "Result", "build", "load_pair", "metrics", "options", "register"]

_HOME = {
    "DivergedError": "errors",
    "InputError": "errors",
    "Pair": "pair.pair",
    "Result": "result",
    "build": "option_files",
    "load_pair": "pair.files",
    "options": "option_files",
    "register": "registration",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when used: `pairreg --help` should not wait for image libraries."""
    if name == "metrics":
        return importlib.import_module("pairreg.metrics")
    if name not in _HOME:
        raise AttributeError(f"module 'pairreg' has no attribute {name!r}")
    return getattr(importlib.import_module(f"pairreg.{_HOME[name]}"), name)
