"""What is read from run folders, whole and damaged."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.runs.read import Run, read_metrics

Write = Callable[..., Path]


def test_a_complete_run_has_everything(write_run: Write) -> None:
    folder = write_run("abcd1234", similarity="ncc", seed=3)
    run = Run.complete(folder)
    assert run.is_complete and run.signature == "abcd1234" and run.error is None
    assert run.choices["similarity"] == "ncc" and run.config["seed"] == 3
    assert run.metrics["ssim"] == 0.9
    (folder / "metrics.json").write_text('{"ssim": 0.5, "mse": NaN}')
    assert read_metrics(folder)["ssim"] == 0.5 and Run(folder).metrics["ssim"] == 0.9
    assert run.finished_at == (folder / "result.json").stat().st_mtime
    assert run.input_notes == []


def test_what_is_not_complete_or_damaged_is_refused(write_run: Write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no result.json; give the folder of a run that has finished"):
        Run.complete(tmp_path)
    folder = write_run("a")
    whole = json.loads((folder / "result.json").read_text())
    parts = ("metrics", "choices", "config", "provenance")
    lacking = [json.dumps({key: value for key, value in whole.items() if key != part}) for part in parts]
    for damaged in (*lacking, "", "[]", "3", "null", '{"metrics": 1}', "[" * 100_000):
        (folder / "result.json").write_text(damaged)
        with pytest.raises(InputError, match=r"is not the result of a run .* run it again with rerun=true"):
            Run.complete(folder)


def test_a_run_that_has_only_begun_tells_what_was_asked(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.asked == {} and not run.is_asked_for and not run.has_history
    (tmp_path / "task.json").write_text('{"choices": {"pair": "files"}, "command": "pairreg"}')
    (tmp_path / "config.yaml").write_text("seed: 4\npair: {name: x}\n")
    (tmp_path / "metrics.json").write_text('{"ssim": 0.25}')
    run = Run(tmp_path)
    assert run.is_asked_for and not run.is_complete
    assert run.choices == {"pair": "files"} and run.asked["command"] == "pairreg"
    assert run.config == {"seed": 4, "pair": {"name": "x"}} and run.metrics == {"ssim": 0.25}


def test_notes_of_inputs_are_repairs_and_warnings(write_run: Write) -> None:
    folder = write_run("a")
    content = json.loads((folder / "result.json").read_text())
    content["inputs"] = [{"path": "f", "repairs": ["one"], "warnings": ["two"]}, {"path": "m"}, {"warnings": ["three"]}]
    (folder / "result.json").write_text(json.dumps(content))
    assert Run(folder).input_notes == ["one", "two", "three"]


def test_the_error_is_the_end_of_the_traceback(tmp_path: Path) -> None:
    for text, said in (
        ("To repeat it: x\n\nTraceback\npairreg.errors.InputError: no such file\n\n", "InputError: no such file"),
        ("ValueError: pairreg.errors.x\n", "ValueError: pairreg.errors.x"),
        ("\n", "no message"),
    ):
        (tmp_path / "error.txt").write_text(text)
        assert Run(tmp_path).error == said


def test_a_history_of_no_or_some_iterations(tmp_path: Path) -> None:
    for rows in ([], [[1, 0.5], [2, 0.25], [3, 0.125]]):
        lines = ["iteration,loss", *(f"{i},{loss}" for i, loss in rows)]
        (tmp_path / "history.csv").write_text("\n".join(lines) + "\n")
        run = Run(tmp_path)
        assert run.has_history and list(run.history) == ["iteration", "loss"]
        np.testing.assert_array_equal(np.stack([*run.history.values()], axis=1), np.reshape(rows, (-1, 2)))


def test_a_history_that_was_cut_off_is_one_sentence(tmp_path: Path) -> None:
    for text in ("iteration,loss\n1,0.5\n2", ""):
        (tmp_path / "history.csv").write_text(text)
        with pytest.raises(InputError, match="history.csv is damaged"):
            _ = Run(tmp_path).history


def test_missing_or_damaged_arrays_images_and_transforms_say_what_to_do(write_run: Write) -> None:
    folder = write_run("a")
    assert Run(folder).figure_arrays.fixed.ndim == 2
    for damaged in (b"no HDF5", None):
        (folder / "result.h5").unlink()
        if damaged:
            (folder / "result.h5").write_bytes(damaged)
        with pytest.raises(InputError, match=r"result\.h5 has no images to draw .* run it again with rerun=true"):
            _ = Run(folder).figure_arrays
    with pytest.raises(InputError, match=r"jacobian\.nii\.gz is missing; run it again\."):
        Run(folder).image("jacobian")
    with pytest.raises(InputError, match=r"warped_labels\.nii\.gz is missing; take another\."):
        Run(folder).image("warped_labels", "take another")
    sitk.WriteImage(sitk.Image([3, 4], sitk.sitkFloat32) + 2, str(folder / "jacobian.nii.gz"))
    assert Run(folder).image("jacobian")[0, 0] == 2
    (folder / "transform.h5").write_bytes(b"no transform")
    with pytest.raises(InputError, match=r"transform\.h5 cannot be read; run it again with rerun=true"):
        _ = Run(folder).transform
