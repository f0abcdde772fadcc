"""Ends the programs that a process has started, and removes their folder, once that process has ended.

    python guard.py FOLDER < PIPE

The process holds the other end of the pipe, which the system closes however the process ends, by SIGKILL, too. Until
then it writes the session of each program that it starts, a line each. This file is a script that needs nothing but
Python's own library, so it is there within some hundredths of a second.
"""

import contextlib
import os
import shutil
import signal
import sys
import time

_PATIENCE = 2.0  # seconds for which a process that is killed may still write a file
_POLL = 0.02  # seconds


def main(folder: str) -> None:
    """Wait for the process, end what it has started, and remove the folder."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the process answers them, and this one ends after it
    for session in [int(line) for line in sys.stdin]:
        end(session)
    until = time.monotonic() + _PATIENCE
    while os.path.isdir(folder) and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(_POLL if os.path.isdir(folder) else 0)


def end(session: int) -> None:
    """Kill every process of a session, in whatever group of it, and those that they start meanwhile."""
    with contextlib.suppress(OSError):
        os.killpg(session, signal.SIGKILL)  # most of them, and all where the system does not list processes
    ended: set[int] = set()
    while left := members(session) - ended:
        for process in left:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        ended |= left


def members(session: int) -> set[int]:
    """Return the ids of the processes of a session; none where the system has no list of processes (`/proc`)."""
    names = os.listdir("/proc") if os.path.isdir("/proc") else []
    return {int(name) for name in names if name.isdigit() and _session_of(int(name)) == session}


def _session_of(process: int) -> int | None:
    try:
        return os.getsid(process)
    except OSError:  # it has ended
        return None


if __name__ == "__main__":
    main(sys.argv[1])
