"""SimpleITK as a method of others: its version, and the number of threads for the time of a block."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import SimpleITK as sitk


@contextmanager
def itk_threads(count: int) -> Iterator[None]:
    """Have the filters of SimpleITK that are made in the block divide their work into `count` threads."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(count)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def simpleitk() -> dict[str, str]:
    """Return the version of SimpleITK by its name, as `Found` has it."""
    return {"SimpleITK": version("SimpleITK")}
