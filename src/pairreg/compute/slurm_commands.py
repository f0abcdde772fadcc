"""What Slurm's own commands say and do: how large an array may be, which tasks are in the queue, and their end."""

import os
import re
import subprocess
from collections.abc import Sequence

from pairreg.errors import InputError

_ALIVE = "--states=PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING"
_ANSWER = 30.0  # seconds; a busy controller takes several


def most_in_array() -> int:
    """Return how many tasks a job array of this cluster may have (`MaxArraySize`).

    Raises `InputError` if the controller does not answer.
    """
    try:
        done = _asked(["scontrol", "show", "config"])
    except subprocess.TimeoutExpired:
        raise InputError(f"Slurm's controller does not answer within {_ANSWER:g} s; try `sinfo`.") from None
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", done.stdout, re.MULTILINE)
    if found is None:
        reason = done.stderr.strip().rpartition("\n")[2] or "no MaxArraySize"
        raise InputError(f"Slurm's controller does not say how it is set up ({reason}); try `scontrol show config`.")
    return max(1, int(found[1]))


def in_queue() -> set[str] | None:
    """Return the ids (`12_3`) of the tasks of this user that wait or run; None if the controller does not answer now.

    A controller that is restarted comes back: that says nothing of the tasks.
    """
    try:
        done = _asked(["squeue", "--noheader", "--array", "--format=%i", _ALIVE, f"--user={os.getuid()}"])
    except subprocess.TimeoutExpired:
        return None
    return set(done.stdout.split()) if done.returncode == 0 else None


def cancel(jobs: Sequence[str], pending_only: bool) -> None:
    """Cancel what has not ended of jobs and job arrays, or only what has not begun.

    A task passes over the SIGTERM that scancel sends, as submitit has it wait for another signal to be queued again,
    and would go on until Slurm kills it half a minute later. SIGINT ends it at once. Tasks that wait are cancelled
    first: scancel would try for seconds to send them a signal.
    """
    if not jobs:
        return
    steps: list[list[str]] = [["--state=PENDING"]]
    if not pending_only:
        steps += [["--signal=INT"], []]
    for options in steps:
        subprocess.run(["scancel", *options, *jobs], capture_output=True, check=False)


def _asked(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER)
    except OSError as error:
        raise InputError(f"compute=slurm needs {command[0]}, which cannot be started ({error.strerror}).") from None
