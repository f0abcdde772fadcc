"""Start-up without garbage collection."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Run the block without garbage collection; what is made in it stays as long as the process does.

    This is for imports and traces: Python would look through thousands of modules and graphs for garbage again and
    again, which takes 2 of the 9 seconds to the first step of a run.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
