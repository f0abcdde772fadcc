"""What `scripts/check_gpu` compares, on made-up measurements and on the CPU in the place of a GPU."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import check_gpu
import pairreg
from check_gpu import Entry, Measured, difference, is_right, menu

ROOT = Path(__file__).parents[2]
ENTRY = Entry(lambda: Measured())
GOOD = Measured({"value": np.array([2.0]), "gradient": np.array([1e-3, -4e-3])}, repeats=True)


def test_every_term_transform_and_optimizer_is_on_the_menu():
    names = [name.partition(" ")[0] for name in menu()]
    for group in ("similarity", "regularizer", "transform", "optimizer"):
        assert {f"{group}/{name}" for name in pairreg.options(group)} <= set(names)


def test_the_difference_is_relative_to_the_largest_value_and_that_of_a_field_in_voxels():
    other = replace(GOOD, values={"value": np.array([2.002]), "gradient": np.array([1e-3, -5e-3])})
    assert difference(ENTRY, GOOD, GOOD) == 0
    assert difference(ENTRY, GOOD, other) == pytest.approx(0.25)
    assert difference(replace(ENTRY, of_field=True), GOOD, other) == pytest.approx(2e-3)


@pytest.mark.parametrize(
    "found",
    [
        replace(GOOD, repeats=False),
        replace(GOOD, values={"value": np.array([2.1]), "gradient": np.array([1e-3, -4e-3])}),
        replace(GOOD, values={"value": np.array([np.nan]), "gradient": np.array([1e-3, -4e-3])}),
        Measured(error="UnimplementedError: no deterministic form"),
    ],
    ids=("does not repeat", "differs", "is not a number", "fails"),
)
def test_what_does_not_repeat_or_differs_or_fails_is_wrong(found):
    assert is_right(ENTRY, GOOD, GOOD) and not is_right(ENTRY, GOOD, found)


def test_an_entry_that_fails_is_a_line_and_stops_nothing(tmp_path, monkeypatch):
    def fails() -> Measured:
        raise NotImplementedError("no deterministic form\nof it")

    monkeypatch.setattr(check_gpu, "menu", lambda: {"bad": Entry(fails), "good": Entry(lambda: GOOD)})
    check_gpu.measure(["bad", "good"], tmp_path / "measured")
    assert (tmp_path / "measured").stat().st_size
    shown = check_gpu.table(
        ["bad", "good"], "GPU", {"bad": GOOD, "good": GOOD}, {"bad": Measured(error="E"), "good": GOOD}
    )
    assert shown.row_count == 2


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/check_gpu.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_the_cpu_agrees_with_itself():
    done = called("--cpu-only", "--only", "mse 2-D,diffusion 2-D,transform/displacement 2-D")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 entries agree between CPU and CPU, and repeat" in done.stdout


@pytest.mark.slow
def test_without_a_gpu_it_says_so_after_the_cpu_was_measured(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    done = called("--only", "mse 2-D")
    assert done.returncode == 1 and done.stderr.startswith("check_gpu: TensorFlow has no GPU here"), done.stderr


def test_an_unknown_name_is_refused():
    done = called("--only", "nothing")
    assert done.returncode == 2 and "--only nothing is part of no name" in done.stderr
