"""How many runs fit beside each other on one machine, as a first one has shown."""

from collections.abc import Mapping

from pairreg.backend.memory import free_mb
from pairreg.devices import free_on


def fitting(free: float, taken: float) -> int:
    """Return how many more runs fit into half of the `free` memory if each takes as much as the first has.

    The other half is for runs that take more than the first. None fit if it is not known what that took.
    """
    return int(free / 2 // taken) if taken > 0 else 0


def room(before: Mapping[str, float], taken: float) -> int:
    """Return how many more runs like a first one fit on this machine and on its GPUs.

    **Arguments:** `before`: MB that were free on each GPU before that run (see `devices.free_on`); `taken`: MB of this
    machine's memory that its process held at most.
    """
    now = free_on(list(before))
    on_gpus = [fitting(now.get(name, 0.0), free - now.get(name, 0.0)) for name, free in before.items()]
    return min([fitting(free_mb(), taken), *([min(on_gpus) * len(on_gpus)] if on_gpus else [])])
