"""Give back the memory of what was compiled in this process."""

import ctypes
import ctypes.util
import functools
import gc
import logging
import sys
import weakref
from typing import Any, TypeVar

from pairreg.backend.compile_cache import clear_compile_cache
from pairreg.backend.tensorflow import tf
from pairreg.foreign_messages import last_line

Cache = TypeVar("Cache", bound="functools._lru_cache_wrapper[Any]")
_caches: weakref.WeakSet[Any] = weakref.WeakSet()

_log = logging.getLogger("pairreg")
_COMPILER = "xla_device_compiler"  # the resource in which TensorFlow keeps what XLA has compiled
_COMPILER_TYPE = "N10tensorflow14DeviceCompilerIN3xla15LocalExecutableENS1_11LocalClientEEE"  # its C++ type, mangled


def forgettable(cache: Cache) -> Cache:
    """Decorate a `functools.cache` of traced functions that `forget_compiled` clears."""
    _caches.add(cache)
    return cache


def forget_compiled() -> None:
    """Free the compiled programs of this process; those that are needed again are compiled again.

    TensorFlow itself frees them with the process only, 20 MB and more for every size of image. What follows uses
    parts of it that are not public: where a version of it has other ones, memory grows, and nothing else changes.
    """
    from tensorflow.python.eager import context

    for cache in _caches:
        cache.cache_clear()
    gc.collect()  # graphs hold themselves in cycles
    for device in tf.config.list_logical_devices():
        with tf.device(device.name):
            _destroy_compiler(tf.zeros(()).device)
    context.context().clear_kernel_cache()
    gc.collect()
    if sys.platform == "linux":  # without this, the C library keeps most of it for later
        trim = getattr(ctypes.CDLL(ctypes.util.find_library("c")), "malloc_trim", None)
        if trim is not None:
            trim(0)


def drop_damaged_code(error: Exception) -> bool:
    """Return whether a failed run is worth another try, after the compiled code that is kept on disk was deleted.

    A damaged file there makes TensorFlow fail with errors of many kinds, none of which names the file.
    """
    if "tensorflow" not in sys.modules:  # which takes seconds to import, and cannot have failed
        return False
    if not isinstance(error, tf.errors.OpError) or isinstance(error, tf.errors.ResourceExhaustedError):
        return False
    if not clear_compile_cache():
        return False
    _log.warning(
        f"TensorFlow failed ({last_line(error)}): the compiled code kept on disk was deleted, and the run begins anew."
    )
    forget_compiled()
    return True


def _destroy_compiler(device: str) -> None:
    """Destroy the resource of `device` (its full name) that holds compiled programs, if there is one."""
    from tensorflow.core.framework import graph_pb2, types_pb2

    graph = graph_pb2.GraphDef()
    handle = graph.node.add(name="handle", op="Const")
    handle.attr["dtype"].type = types_pb2.DT_RESOURCE
    tensor = handle.attr["value"].tensor
    tensor.dtype = types_pb2.DT_RESOURCE
    tensor.tensor_shape.SetInParent()
    value = tensor.resource_handle_val.add()
    value.device, value.container, value.name = device, "localhost", _COMPILER
    value.maybe_type_name, value.hash_code = _COMPILER_TYPE, _hash(_COMPILER_TYPE)
    destroy = graph.node.add(name="destroy", op="DestroyResourceOp", input=["handle"])
    destroy.attr["ignore_lookup_error"].b = True
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    wrapped.prune([], [wrapped.graph.get_operation_by_name("destroy")])()


def _hash(text: str) -> int:
    """TensorFlow's 64-bit hash of a text, put together from what is left of it by two numbers of buckets."""
    first, second = 2**63 - 1, 2**62
    rest, low = (int(tf.strings.to_hash_bucket(text, buckets)) for buckets in (first, second))
    return next(rest + k * first for k in range(3) if (rest + k * first) % second == low)
