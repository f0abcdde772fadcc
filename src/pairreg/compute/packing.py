"""How many runs fit beside each other on one machine, as a first one has shown."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def fitting(free: float, taken: float) -> int:
    """Return how many more runs fit into half of the `free` memory if each takes as much as the first has.

    The other half is for runs that take more than the first. None fit if it is not known what that took.
    """
    return int(free / 2 // taken) if taken > 0 else 0


def room(before: Mapping[str, float], taken: float) -> int:
    """Return how many more runs like a first one fit on this machine and on its GPUs.

    **Arguments:** `before`: MB that were free on each GPU before that run (see `free_on`); `taken`: MB of this
    machine's memory that its process held at most.
    """
    now = free_on(list(before))
    on_gpus = [fitting(now.get(name, 0.0), free - now.get(name, 0.0)) for name, free in before.items()]
    return min([fitting(_free(), taken), *([min(on_gpus) * len(on_gpus)] if on_gpus else [])])


def free_on(gpus: Sequence[str]) -> dict[str, float]:
    """Return the free memory of NVIDIA devices in MB, by name; those that the driver does not tell are left out."""
    found = {}
    for name in gpus:
        command = ["nvidia-smi", f"--id={name}", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
        told = subprocess.run(command, capture_output=True, text=True)
        if told.returncode == 0 and told.stdout.strip().isdecimal():
            found[name] = float(told.stdout)
    return found


def _free() -> float:
    """Return the memory of this machine that processes can still have, in MB; 0 where the system does not tell."""
    file = Path("/proc/meminfo")
    if not file.exists():
        return 0.0
    facts = dict(line.split(":") for line in file.read_text().splitlines())
    return int(facts["MemAvailable"].split()[0]) / 1024
