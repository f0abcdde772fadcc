"""The memory of GPUs, and its peak during a run, as TensorFlow counts it: tensors, without the libraries' own part."""

from pairreg.backend.tensorflow import tf


def reset_gpu_peak() -> None:
    """Begin to measure the peak of every GPU anew."""
    for name in _names():
        tf.config.experimental.reset_memory_stats(name)


def peak_gpu_memory_mb() -> float | None:
    """Return the highest memory in MB since `reset_gpu_peak` of the GPU with most; None without a GPU."""
    peaks = [tf.config.experimental.get_memory_info(name)["peak"] for name in _names()]
    return max(peaks) / 1024**2 if peaks else None


def _names() -> list[str]:
    return [f"GPU:{number}" for number in range(len(tf.config.list_logical_devices("GPU")))]
