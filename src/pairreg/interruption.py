"""Interruptions that no library can swallow.

The `KeyboardInterrupt` of a signal can come up inside a library. Of 178 signals at random moments of runs that trace
and compile, TensorFlow's `except: pass` in a `__del__` and Python's weak references dropped three, and three came out
as another error (`SystemError`, `ValueError`, `AssertionError`).
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 4.0  # seconds
EXIT_CODE = 130
_came = False


def listen(late: Callable[[], object]) -> None:
    """Have the first SIGINT (unless it is ignored) or SIGTERM from now on raise `KeyboardInterrupt`, and remember it.

    The exception has to wait until Python code runs again. If the process is still there `PATIENCE` seconds after a
    signal, because it is within a long call of a library, `late` is called in another thread, and the process ends.
    So no later signal is needed, and none disturbs how the first one is answered.
    """
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)  # as Python wants it
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(woken, wakes, late), daemon=True).start()
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)


def leave() -> None:
    """Have a signal end the process without a word again: the work is done, and only Python's own end follows."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, signal.SIG_DFL)


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


def _watch(woken: socket.socket, wakes: socket.socket, late: Callable[[], object]) -> None:
    """Wait for a signal, and end the process if that does not end by itself."""
    while woken.recv(1)[0] not in (signal.SIGINT, signal.SIGTERM):  # the system wakes us for every signal
        pass
    time.sleep(PATIENCE)
    late()
    os._exit(EXIT_CODE)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _came
    if not _came:
        _came = True
        raise KeyboardInterrupt
