"""Start-up without garbage collection."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """What is made in here, such as imported modules, stays as long as the process does.

    Python would look through all of it for garbage several times while thousands of modules are imported, and again
    whenever a graph is traced: 2 of the 9 seconds to the first step of a run.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
