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
