"""What is asked for: the place of a run, the command that repeats it, and its name."""

import json
import shlex
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk

from pairreg import option_files
from pairreg.runs.spec import RunSpec

PAIR = dict(option_files.option_node("pair/phantom_2d"))
CHOICES = {"transform": "unet", "seed": "1", "pair": "phantom_2d", "similarity": "pcc+ssim"}


def spec(**more: Any) -> RunSpec:
    return RunSpec({"pair": PAIR, "seed": 0, "study": "s", "output_dir": "runs"}, CHOICES, **more)


def test_the_folder_is_named_by_study_and_signature() -> None:
    one = spec()
    assert one.folder == one.study_folder / one.signature == Path("runs") / "s" / one.signature
    assert len(one.signature) == 8 and set(one.signature) <= set("0123456789abcdef")


def test_a_request_stays_as_it_is() -> None:
    with pytest.raises(FrozenInstanceError):
        spec().config = {}  # type: ignore[misc]


def test_people_call_a_run_by_its_method() -> None:
    assert spec().name == "phantom_2d | pcc+ssim | unet"


@pytest.mark.parametrize("group", ["ablation", "sweep", "figure"])
def test_the_command_repeats_this_run_by_itself(group: str) -> None:
    assert spec().command == "pairreg"
    assert spec(overrides=("seed=1", "similarity=[a, b]"), program="python -m x").command == (
        "python -m x seed=1 'similarity=[a, b]'"
    )
    of_study = spec(overrides=(f"{group}=one", "seed=1")).command
    assert shlex.split(of_study) == ["pairreg", f"{group}=one", "seed=1", "hydra.mode=RUN"]


def test_the_kept_request_has_choices_command_and_digests(tmp_path: Path) -> None:
    for name in ("f.nii", "m.nii"):
        (tmp_path / name).write_bytes(name.encode())
    paths = {name: str(tmp_path / f"{name[0]}.nii") for name in ("fixed", "moving")}
    pair = dict(option_files.option_node("pair/files")) | paths
    one = RunSpec({"pair": pair, "study": "s", "output_dir": "runs"}, CHOICES, ("pair=files",))
    kept = json.loads(one.json)
    assert kept["choices"] == CHOICES and kept["command"] == "pairreg pair=files"
    assert kept["inputs"] == {found.name: found.digest for found in one.inputs}
    assert len(set(kept["inputs"].values())) == 2 and set(kept["inputs"]) == {"pair.fixed", "pair.moving"}


def test_the_inverse_of_a_file_is_kept_with_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ANTs' files have the same names in the folders of all patients; a name may begin with a bracket, too."""
    from omegaconf import OmegaConf

    monkeypatch.chdir(tmp_path)
    for name in ("[CT] f.nii", "m.nii"):
        Path(name).write_bytes(b"x")
    sitk.WriteTransform(sitk.TranslationTransform(3, (1.0, 2.0, 3.0)), "t.tfm")
    pair = dict(option_files.option_node("pair/files")) | {"fixed": "[CT] f.nii", "moving": "m.nii"}
    start = dict(option_files.option_node("initialization/file")) | {"path": ["[t.tfm,1]", "t.tfm"]}
    config = {"pair": pair, "initialization": start, "study": "s", "output_dir": "runs"}
    kept = OmegaConf.to_container(OmegaConf.create(RunSpec(config, CHOICES).config_yaml))
    assert kept["pair"]["fixed"] == str(tmp_path / "[CT] f.nii")
    assert kept["initialization"]["path"] == [f"[{tmp_path / 't.tfm'},1]", str(tmp_path / "t.tfm")]


def test_paths_in_lists_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also behind a setting whose name begins alike."""
    from omegaconf import OmegaConf

    from pairreg.runs.spec import _set

    config = {"pair": {"file": ["a"], "files": ["a", "b", {"c": ["d"]}]}}
    for name, value in (("pair.files[1]", "/b"), ("pair.files[2].c[0]", "/d")):
        _set(config, name, value)
    assert config == {"pair": {"file": ["a"], "files": ["a", "/b", {"c": ["/d"]}]}}
    assert OmegaConf.to_container(OmegaConf.create(spec().config_yaml))["study"] == "s"
