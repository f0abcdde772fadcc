"""What is known of GPUs from their driver, which a script stands for here."""

from pathlib import Path

import pytest

import pairreg
from pairreg import devices

A100 = "0, GPU-aa11, NVIDIA A100-SXM4-80GB, 81920, 550.54.15, 8.0"
V100 = "1, GPU-bb22, Tesla V100-SXM2-32GB, 32768, 550.54.15, 7.0"


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Puts an `nvidia-smi` into the place of all programs that runs a script, without any device being hidden."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(devices.VISIBLE, raising=False)

    def put(script: str) -> Path:
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        devices._listed.cache_clear()
        return path

    return put


def listing(*rows: str) -> str:
    return "\n".join(f"echo '{row}'" for row in rows)


def test_without_a_driver_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    assert (devices.gpu_names(), devices.gpus(), devices.driver_complaint()) == ([], [], None)


def test_they_are_those_that_the_driver_lists(driver, monkeypatch):
    driver(listing(A100, V100))
    assert devices.gpu_names() == ["0", "1"]
    assert str(devices.gpus()[0]) == "NVIDIA A100-SXM4-80GB, 81920 MB, driver 550.54.15, compute capability 8.0"
    for visible, models in {"1": ["Tesla V100-SXM2-32GB"], "GPU-aa": ["NVIDIA A100-SXM4-80GB"], "-1": []}.items():
        monkeypatch.setenv(devices.VISIBLE, visible)
        assert [gpu.model for gpu in devices.gpus()] == models
    assert devices.gpu_names() == []


def test_a_driver_that_fails_lists_none_and_says_why(driver):
    driver("echo 'NVIDIA-SMI has failed because it could not communicate with the driver.'; exit 9")
    assert devices.gpus() == [] and str(devices.driver_complaint()).startswith("NVIDIA-SMI has failed")


def test_a_driver_that_hangs_is_one_sentence(driver, monkeypatch):
    monkeypatch.setattr(devices, "_ANSWER", 0.2)
    driver("exec /bin/sleep 60")
    with pytest.raises(pairreg.InputError, match="nvidia-smi does not answer within 0.2 s; .* CUDA_VISIBLE_DEVICES=-1"):
        devices.gpus()


@pytest.mark.parametrize(
    ("rows", "precision"),
    [
        ([A100], "mixed_bfloat16"),
        ([V100], "float32"),
        ([A100, V100], "float32"),
        ([A100.replace("8.0", "12.0")], "mixed_bfloat16"),
        ([A100.replace("8.0", "[N/A]")], "float32"),
    ],
)
def test_bfloat16_is_native_from_compute_capability_8_on(driver, rows, precision):
    driver(listing(*rows))
    assert devices.native_precision() == precision


def test_with_the_gpus_hidden_it_is_the_cpu_that_counts(driver, monkeypatch):
    driver(listing(V100))
    monkeypatch.setenv(devices.VISIBLE, "-1")
    hidden = devices.native_precision()
    driver("exit 1")
    monkeypatch.delenv(devices.VISIBLE)
    assert devices.native_precision() == hidden
