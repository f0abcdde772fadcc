"""What libraries say: quiet, or the line of it that matters."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2  # its number for C code, whatever Python has put in the place of sys.stderr
_CHATTY = ("pydicom", "nibabel.global", "PIL")  # loggers that would speak on stderr


@contextmanager
def quiet() -> Iterator[None]:
    """Without what libraries say on stderr, which users cannot tell from errors: warnings, logs, and C code."""
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    sys.stderr.flush()
    shown = os.dup(_STDERR)
    try:
        with open(os.devnull, "w") as nowhere, warnings.catch_warnings():
            os.dup2(nowhere.fileno(), _STDERR)
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(shown, _STDERR)
        os.close(shown)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def last_line(error: BaseException) -> str:
    """The line of a message that says what happened: TensorFlow puts nodes of its graph after it. Empty without one."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith("[[")), "")


def reason(error: Exception) -> str:
    """The last line of a library's message, which holds the cause, without ITK's address of a C++ object."""
    text = last_line(error) or type(error).__name__
    for mark in ("ERROR:", "): "):
        text = text.rpartition(mark)[2]
    return text.strip().rstrip(".")
