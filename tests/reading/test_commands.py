"""Every command reads in the same way: files that are cut off are refused in one line, and nothing is left behind."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg as library
from command_helpers import Command
from pair_helpers import image, written


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two iterations, with labels."""
    folder = tmp_path_factory.mktemp("finished")
    fixed = written(folder / "f.nii.gz", image((40, 36)))
    map_ = sitk.Cast(image((40, 36)) > 50, sitk.sitkUInt8)
    labels = written(folder / "l.nii.gz", map_)
    pair = library.load_pair(fixed, fixed, fixed_labels=labels, moving_labels=labels)
    schedule = library.build("schedule/single_level", iterations=2)
    library.register(pair, transform="displacement", initialization="none", schedule=schedule).save(folder / "run")
    return folder


def cut(path: Path, source: Path) -> Path:
    path.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    return path


@pytest.mark.parametrize("options", [[], ["--interpolation", "label"], ["--grid"]])
def test_pairreg_warp(tmp_path: Path, finished: Path, pairreg_warp: Command, options: list[str]) -> None:
    short = cut(tmp_path / "short.nii.gz", finished / "f.nii.gz")
    image_file, grid = (finished / "f.nii.gz", [short]) if options == ["--grid"] else (short, [])
    done = pairreg_warp(finished / "run", image_file, "-o", "out.nii.gz", *options, *grid, cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and str(short) in line and "cut off" in line
    assert not (tmp_path / "out.nii.gz").exists()


def test_the_files_of_a_run(tmp_path: Path, finished: Path, pairreg_warp: Command) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for file in (finished / "run").glob("*.*"):
        (run / file.name).write_bytes(file.read_bytes())
    whole = pairreg_warp(run, finished / "f.nii.gz", "-o", "out.nii.gz", cwd=tmp_path)
    assert whole.returncode == 0 and not whole.stderr
    cut(run / "transform.h5", finished / "run" / "transform.h5")
    done = pairreg_warp(run, finished / "f.nii.gz", "-o", "again.nii.gz", cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and str(run / "transform.h5") in line and "cannot be read" in line


@pytest.mark.parametrize("role", ["fixed", "moving", "fixed_labels", "moving_mask", "channels.a"])
def test_pairreg(tmp_path: Path, finished: Path, pairreg: Command, role: str) -> None:
    short = cut(tmp_path / "short.nii.gz", finished / "f.nii.gz")
    given = {"fixed": finished / "f.nii.gz", "moving": finished / "f.nii.gz"}
    settings = [f"pair.{key}={path}" for key, path in given.items() if key != role]
    settings.append(f"pair.channels={{a:{short}}}" if role == "channels.a" else f"pair.{role}={short}")
    done = pairreg("pair=files", *settings, "tracking=none", cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and str(short) in line and "cut off" in line


def test_pairreg_pack(tmp_path: Path, finished: Path, pairreg_pack: Command) -> None:
    cut(tmp_path / "short.nii.gz", finished / "f.nii.gz")
    (tmp_path / "cases.csv").write_text(f"case,fixed,moving\na,{finished / 'f.nii.gz'},short.nii.gz\n")
    done = pairreg_pack("cases.csv", "cases.h5", cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and "line 2, case 'a'" in line and "cut off" in line
    assert not (tmp_path / "cases.h5").exists()


def test_a_repair_is_one_line(tmp_path: Path, finished: Path, pairreg_warp: Command) -> None:
    labels = sitk.Cast(sitk.ReadImage(str(finished / "l.nii.gz")), sitk.sitkFloat32) * 1.0002
    path = written(tmp_path / "l.nii.gz", labels)
    done = pairreg_warp(finished / "run", path, "-o", "out.nii.gz", "--interpolation", "label", cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 0 and line.startswith(str(path)) and "rounded" in line
    assert set(np.unique(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out.nii.gz"))))) == {0, 1}
