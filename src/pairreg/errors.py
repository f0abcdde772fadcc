"""The kinds of error with which a run ends without a result."""

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
