import subprocess
import sys

import pytest
import tensorflow as tf

from pairreg.backend.gpu_memory import peak_gpu_memory_mb, reset_gpu_peak


def test_without_a_gpu_there_is_none():
    reset_gpu_peak()
    assert (peak_gpu_memory_mb() is None) == (not tf.config.list_logical_devices("GPU"))


def test_it_is_the_peak_of_the_gpu_with_most_since_the_reset(monkeypatch):
    """With TensorFlow's counters given, as there is no GPU here: which it is asked for, and in what unit."""
    peaks = {"GPU:0": 0, "GPU:1": 0}
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: list(peaks) if kind == "GPU" else [])
    monkeypatch.setattr(tf.config.experimental, "reset_memory_stats", lambda name: peaks.update({name: 0}))
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", lambda name: {"peak": peaks[name]})
    peaks.update({"GPU:0": 9 << 20, "GPU:1": 9 << 20})
    reset_gpu_peak()
    assert peak_gpu_memory_mb() == 0
    peaks.update({"GPU:0": 3 << 20, "GPU:1": 5 << 20})
    assert peak_gpu_memory_mb() == 5


CODE = """
import logging
import tensorflow as tf
from tensorflow.python.eager import context

logging.basicConfig()
tf.config.list_physical_devices()
gpu = context.PhysicalDevice("/physical_device:GPU:0", "GPU")
context.context()._physical_devices.append(gpu)
{before}
try:
    tf.config.experimental.set_memory_growth(gpu, True)
except (RuntimeError, ValueError) as error:
    print(error)
from pairreg.backend import configure
configure(3)
"""
USED = "tf.constant(1) + 1"
DIVIDED = "context.context()._virtual_device_map[gpu] = [tf.config.LogicalDeviceConfiguration(memory_limit=100)]"


@pytest.mark.parametrize(("before", "refused"), [(USED, "after being initialized"), (DIVIDED, "virtual devices")])
def test_a_gpu_that_was_in_use_before_is_left_as_it_is(before, refused):
    """By what TensorFlow itself refuses of a GPU; that there is one, which is not so here, it is only told."""
    done = subprocess.run([sys.executable, "-c", CODE.format(before=before)], capture_output=True, text=True)
    assert done.returncode == 0 and refused in done.stdout, done.stderr
    assert ("TensorFlow was in use before pairreg" in done.stderr) == (before == USED)
