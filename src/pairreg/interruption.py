"""Interruptions that no library can swallow.

The `KeyboardInterrupt` of a signal can come up inside a library. Of 178 signals at random moments of runs that trace
and compile, TensorFlow's `except: pass` in a `__del__` and Python's weak references dropped three, and three came out
as another error (`SystemError`, `ValueError`, `AssertionError`).
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_came = False


def listen() -> None:
    """Have SIGINT (unless it is ignored) and SIGTERM raise `KeyboardInterrupt` from now on, and remember it."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)


def check() -> None:
    """Raise `KeyboardInterrupt` if a signal came."""
    if _came:
        raise KeyboardInterrupt


@contextmanager
def unmasked() -> Iterator[None]:
    """Raise `KeyboardInterrupt` instead of any error in the block after a signal, which has caused it."""
    try:
        yield
    except Exception:
        check()
        raise


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _came
    _came = True
    raise KeyboardInterrupt
