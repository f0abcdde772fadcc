"""The kinds of error with which a run ends without a result, and the pause, which is no error."""

from collections.abc import Mapping
from typing import Any


class InputError(ValueError):
    """Raised for input that cannot be used; the message is one sentence that says what to do (exit code 2)."""


class DivergedError(RuntimeError):
    """Raised when a term of the objective has become NaN or infinite (exit code 1).

    `result` holds what was computed until the last finite iteration.
    """

    def __init__(self, message: str, result: Any = None):
        super().__init__(message)
        self.result = result


class MethodError(RuntimeError):
    """Raised when a method of others has found no transform; the message is a sentence (exit code 1)."""


class PausedRun(BaseException):
    """Raised at the end of a level after which a run is to pause; no error, so that nothing handles it as one.

    `metrics` has those of the deformation at the end of that level.
    """

    def __init__(self, metrics: Mapping[str, float]):
        super().__init__("paused")
        self.metrics = metrics
