"""Results of SimpleITK that are the same on every call."""

from collections.abc import Iterator
from contextlib import contextmanager

import SimpleITK as sitk


@contextmanager
def one_thread() -> Iterator[None]:
    """Run SimpleITK on one thread: with more, the sums of a metric differ in their last digits from call to call.

    The setting is the global one: `ImageRegistrationMethod.SetNumberOfThreads` does not reach the metric.
    """
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
