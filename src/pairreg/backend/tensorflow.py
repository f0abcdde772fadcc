"""TensorFlow and Keras, imported when first used.

Losses, transforms and optimizers are described (and their arguments checked) without the seconds that importing
TensorFlow takes; the first tensor operation imports it, with the process-wide settings that reproducible runs need.
"""

import contextlib
import functools
import importlib
import logging
import os
import sys
import tempfile
import time
from types import ModuleType
from typing import Any

from pairreg.backend.compile_cache import use_compile_cache
from pairreg.backend.gc_pause import gc_paused
from pairreg.backend.memory import check_address_space
from pairreg.errors import InputError


class _Lazy(ModuleType):
    """A module that is imported, with our settings, when the first of its attributes is used."""

    def __getattr__(self, name: str) -> Any:
        configure()
        module = importlib.import_module(self.__name__)
        value = getattr(module, name)
        setattr(self, name, value)
        return value


THREADS = 4  # as in conf/config.yaml

_log = logging.getLogger("pairreg")
_threads: int | None = None  # that TensorFlow was configured with
_start_up = 0.0  # seconds that its import took, until somebody has asked for them


def configure(threads: int | None = None) -> None:
    """Import TensorFlow with our settings; call it before anything else imports TensorFlow or Keras.

    Its convolutions and sums add up one part per thread, so the last bits of a result depend on the number of threads,
    not on that of the cores which run them. Hence a stated number, `threads`; None is the usual one, or the one that
    an earlier call of this process gave.

    Raises `InputError` if TensorFlow is in use in this process with another number, which cannot be changed any more,
    or if it does not fit into the memory that the process may have.
    """
    global _threads, _start_up
    began = time.perf_counter()
    if _threads is not None:
        if threads not in (None, _threads):
            raise InputError(
                f"threads should be {_threads}, with which TensorFlow runs in this process already; it is {threads}. "
                "Start another process for it."
            )
        return
    check_address_space()
    _threads = threads or THREADS
    # What TensorFlow reads from the environment has to be there before it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # 3: the oneDNN notice and device probing are no news
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    use_compile_cache()
    with gc_paused():
        tensorflow = _import_quietly("tensorflow")
    tensorflow.get_logger().setLevel("ERROR")  # it warns of "retracing" when a study compiles its next objective
    tensorflow.config.experimental.enable_op_determinism()
    _set_threads(tensorflow, _threads)
    # TF32 keeps 10 bits of mantissa: not enough for E[x²] - E[x]² in a window, which was 22 % off
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)
    _leave_out_stack_traces()
    for gpu in tensorflow.config.list_physical_devices("GPU"):
        # Something may have computed with it before, see `_set_threads`, or have divided it: its memory is taken then.
        with contextlib.suppress(RuntimeError, ValueError):
            tensorflow.config.experimental.set_memory_growth(gpu, True)
    _start_up = time.perf_counter() - began


def take_start_up() -> float:
    """Return the seconds that the import of TensorFlow took if this was not asked before, else 0."""
    global _start_up
    taken, _start_up = _start_up, 0.0
    return taken


def is_configured() -> bool:
    """Return whether this process computes with TensorFlow."""
    return _threads is not None


def threads_in_use() -> int | None:
    """Return the number of threads with which this process computes with TensorFlow; None if it does not."""
    return _threads


def _set_threads(tensorflow: Any, threads: int) -> None:
    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:  # something has computed with it before
        _log.warning(
            f"TensorFlow was in use before pairreg, with threads of its own choice instead of {threads}: the last bits "
            "of a network's result can differ from those of other processes."
        )


def _leave_out_stack_traces() -> None:
    """Build graphs without the Python stack of every operation: TensorFlow never frees these, 10 MB for a grid.

    An operation that fails when it is built still raises where that happens. There is no public switch.
    """
    from tensorflow.python.framework import ops

    ops._create_c_op = functools.partial(ops._create_c_op, extract_traceback=False)


def _import_quietly(name: str) -> Any:
    """Import a module whose native code writes notices to the terminal whatever its log level.

    The notices are shown if the import fails.
    """
    with tempfile.TemporaryFile() as notices:
        sys.stderr.flush()
        terminal = os.dup(2)
        os.dup2(notices.fileno(), 2)
        try:
            module = importlib.import_module(name)
        except Exception:
            notices.seek(0)
            os.write(terminal, notices.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
    return module


tf: Any = _Lazy("tensorflow")
keras: Any = _Lazy("keras")
Tensor = Any  # TensorFlow has no types that a checker could use
