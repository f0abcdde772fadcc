"""What the README shows, run."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from command_helpers import installed, only_run
from pairreg import geometry
from pairreg.pair.phantom import phantom_3d
from pairreg.runs.read import Run

README = (Path(__file__).parents[1] / "README.md").read_text()


def block_after(title: str, language: str) -> str:
    found = re.search(rf"`{re.escape(title)}`\n\n```{language}\n(.*?)```", README, re.DOTALL)
    assert found, title
    return found[1]


@pytest.fixture
def extension(tmp_path):
    (tmp_path / "my_losses.py").write_text(block_after("my_losses.py", "python"))
    (tmp_path / "my_conf" / "similarity").mkdir(parents=True)
    (tmp_path / "my_conf" / "similarity" / "huber.yaml").write_text(
        block_after("my_conf/similarity/huber.yaml", "yaml")
    )
    return tmp_path


MINE = ("--config-dir", "my_conf", "similarity=huber", "trusted_modules=[my_losses]")


def test_a_loss_of_ones_own(pairreg, extension):
    quick = ("preset=smoke", "transform=displacement", "tracking=none")
    done = pairreg(*MINE, "similarity.huber.delta=0.05", *quick, cwd=extension, PYTHONPATH=".")
    assert done.returncode == 0, done.stderr
    run = Run.complete(only_run(extension))
    assert run.config["similarity"]["huber"]["delta"] == 0.05 and "similarity/huber" in run.history


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*MINE, "similarity.huber.delta=wide"), "similarity.huber.delta should be a valid number"),
        (MINE[:-1], "_target_ 'my_losses.Huber' is outside the trusted modules"),
    ],
)
def test_its_settings_are_checked_like_ours(pairreg, extension, arguments, message):
    done = pairreg(*arguments, cwd=extension, PYTHONPATH=".")
    assert done.returncode == 2 and message in done.stderr, done.stderr


def test_every_command_of_the_readme_composes(pairreg, tmp_path):
    """Printed instead of run: their options and keys exist, also of those that begin at the folder of a run."""
    (tmp_path / "my_conf" / "ablation").mkdir(parents=True)
    own = block_after("my_conf/ablation/windows.yaml", "yaml")
    (tmp_path / "my_conf" / "ablation" / "windows.yaml").write_text(own)
    done = pairreg("transform=displacement", "preset=smoke", "tracking=none", "output_dir=runs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").glob("*/*/config.yaml")
    of_this = re.sub("runs/default/(0123abcd|4567cdef)", str(run.parent), README)
    commands = re.findall(r"^    pairreg (.*)$", of_this.replace("\\\n", " "), re.MULTILINE)
    assert len(commands) >= 12
    for command in commands:
        arguments = shlex.split(command, comments=True)
        if "-m" in arguments:
            one_each = [a for a in arguments if a != "-m" and "interval(" not in a]
            arguments = [a.split(",")[0] if "[" not in a else a for a in one_each]
        done = pairreg(*arguments, "--cfg", "job", cwd=tmp_path)
        assert done.returncode == 0, (command, done.stderr)
    (compared,) = re.findall(r"^    pairreg-diff (.*)$", of_this, re.MULTILINE)
    done = installed("pairreg-diff")(*shlex.split(compared, comments=True), cwd=tmp_path)
    assert done.returncode == 0 and "The runs are the same." in done.stdout, done.stderr


def test_every_look_at_the_options_in_the_readme_succeeds(extension):
    commands = re.findall(r"^    pairreg-options (.*)$", README, re.MULTILINE)
    assert len(commands) >= 3
    for command in commands:
        done = installed("pairreg-options")(*shlex.split(command, comments=True), cwd=extension)
        assert (done.returncode, done.stderr) == (0, ""), command


def test_the_python_example_runs(tmp_path, warped_2d, monkeypatch):
    code = re.search(r"## From Python\n\n```python\n(.*?)```", README, re.DOTALL)
    assert code
    monkeypatch.chdir(tmp_path)
    for name in ("fixed", "moving"):
        sitk.WriteImage(warped_2d.image(name), f"{name}.nii.gz")
    exec(code[1].replace('transform="displacement"', 'transform="displacement", schedule="single_level"'), {})
    assert (tmp_path / "my_result" / "result.json").exists()


@pytest.mark.slow
def test_a_phantom_in_raw_files(pairreg, pairreg_warp, tmp_path):
    """With headers as in the README, to a deformed one elsewhere in space; the total of its activity is kept."""
    pair = phantom_3d(size=(64, 64, 12), spacing=6.0, level=280.0, deformation=10.0)
    volumes = {"atn": pair.channels["attenuation"], "act": pair.channels["activity"], "organs": pair.moving_labels}
    text = block_after("atn.mhd", "").replace("256 256 500", "64 64 12").replace("3.125 3.125 3.125", "6 6 6")
    for name, volume in volumes.items():
        geometry.array(volume).astype("<f4").tofile(tmp_path / f"{name}.bin")
        (tmp_path / f"{name}.mhd").write_text(text.replace("xcat_atn_1.bin", f"{name}.bin"))
    pair.fixed.SetOrigin([x + 1000 for x in pair.fixed.GetOrigin()])
    sitk.WriteImage(pair.fixed, str(tmp_path / "ct.nii.gz"))
    given = ("pair.fixed=ct.nii.gz", "pair.moving=atn.mhd", "pair.moving_labels=organs.mhd")
    quick = ("preset=smoke", "transform=displacement", "tracking=none")
    done = pairreg("pair=files", *given, "pair.channels={activity: act.mhd}", *quick, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path)
    done = pairreg_warp(run, "act.mhd", "-o", "activity_on_ct.nii.gz", "--mass-preserving", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    carried = geometry.array(sitk.ReadImage(str(tmp_path / "activity_on_ct.nii.gz")))
    assert carried.sum() == pytest.approx(geometry.array(volumes["act"]).sum(), rel=0.1)
    found = set(np.unique(geometry.array(sitk.ReadImage(str(run / "warped_labels.nii.gz")))))
    assert len(found) > 10 and found <= set(np.unique(geometry.array(pair.moving_labels)))


def test_icrp_organ_numbers_with_the_lines_of_the_readme(tmp_path, monkeypatch):
    numbers = np.random.default_rng(0).choice([0, 1, 13, 140], (4, 5, 18))
    parts = (
        part for line in numbers.reshape(-1, 18) for part in (line[:16], line[16:])
    )  # 16 in a line, as ICRP has it
    (tmp_path / "AM.dat").write_text("\n".join(" ".join(map(str, part)) for part in parts))
    (tmp_path / "AM_organs.dat").write_text(
        "Organ ID   Organ/tissue        Tissue  Density\n"
        "  1        Adrenal, left          43    1.030\n"
        " 13        Humeri, upper half, cortical  2    1.920  \n"
        "140        Air inside body        53    0.001\n"
    )
    monkeypatch.chdir(tmp_path)
    exec(block_after("icrp.py", "python").replace("222, 127, 254", "4, 5, 18"), {})
    organs, ct = (sitk.ReadImage(str(tmp_path / name)) for name in ("AM_organs.nii.gz", "AM_ct.nii.gz"))
    np.testing.assert_array_equal(geometry.array(organs), numbers)
    expected = np.select([numbers == 1, numbers == 13, numbers == 140], [30, 920, -999], -1000)
    np.testing.assert_allclose(geometry.array(ct), expected, atol=1e-3)
    np.testing.assert_allclose((organs.GetSpacing(), ct.GetSpacing()), [(2.137, 2.137, 8.0)] * 2, rtol=1e-6)
    assert organs.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
