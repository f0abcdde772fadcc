"""`pairreg --from RUN_FOLDER` and the commands that are printed repeat a run from anywhere."""

import json
import os
import re
import subprocess

import pytest
import SimpleITK as sitk

from command_helpers import BIN, many, only_run

QUICK = ("preset=smoke", "transform=displacement", "tracking=none")
MODULE = """
from dataclasses import dataclass
from pairreg.backend import tf
from pairreg.similarity.base import Similarity, masked_mean

@dataclass(frozen=True, kw_only=True)
class Mine(Similarity):
    power: float = 2.0
    def loss(self, fixed, warped, mask):
        return masked_mean(tf.abs(fixed - warped) ** self.power, mask)
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory, warped_2d):
    """A folder with two images, and a module and an option of the user's own."""
    folder = tmp_path_factory.mktemp("it's work")
    for name in ("fixed", "moving"):
        sitk.WriteImage(warped_2d.image(name), folder / f"{name} image.nii.gz")
    (folder / "code").mkdir()
    (folder / "code" / "my_losses.py").write_text(MODULE)
    (folder / "own" / "similarity").mkdir(parents=True)
    (folder / "own" / "similarity" / "mine.yaml").write_text(
        "mine:\n  _target_: my_losses.Mine\n  power: 2.0\n  weight: 1.0\n"
    )
    return folder


FILES = ("pair=files", "pair.fixed=fixed image.nii.gz", "pair.moving=moving image.nii.gz")
OWN = ("similarity=mine", "similarity.mine.power=3.0", "trusted_modules=[my_losses]")
KINDS = {
    "files": FILES,
    "network with a variant of a regularizer": ("transform=unet", "regularizer=[total_variation,diffusion]", "seed=4"),
    "own term": (*FILES, "--config-dir=own", *OWN),
    "phantom": ("pair=phantom_2d", "pair.level=0.3", "initialization=none"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_repeated_from_its_folder_alone(kind, work, pairreg, tmp_path):
    path = {"PYTHONPATH": str(work / "code")}
    made = pairreg(*QUICK, *KINDS[kind], f"output_dir={tmp_path / 'first'}", cwd=work, **path)
    assert made.returncode == 0, made.stderr
    run = only_run(tmp_path / "first")
    trust = [argument for argument in KINDS[kind] if argument.startswith("trusted")]
    again = pairreg(f"--from={run}", "output_dir=again", *trust, cwd=tmp_path, **path)
    assert again.returncode == 0, again.stderr
    repeated = only_run(tmp_path / "again")
    assert repeated.name == run.name and "has changed" not in again.stdout
    for name in ("displacement.nii.gz", "history.csv"):
        assert (repeated / name).read_bytes() == (run / name).read_bytes()
    first, second = (json.loads((folder / "task.json").read_text())["choices"] for folder in (run, repeated))
    assert second == first and first["preset"] == "smoke"
    kept = pairreg("--from", run, *trust, cwd=tmp_path, **path)
    assert kept.returncode == 0 and "complete since an earlier command" in kept.stdout


@pytest.mark.slow
def test_a_folder_does_not_choose_which_code_runs(work, pairreg, tmp_path):
    path = {"PYTHONPATH": str(work / "code")}
    made = pairreg(*QUICK, *KINDS["own term"], f"output_dir={tmp_path / 'first'}", cwd=work, **path)
    assert made.returncode == 0, made.stderr
    refused = pairreg("--from", only_run(tmp_path / "first"), "output_dir=again", cwd=tmp_path, **path)
    assert refused.returncode == 2 and "trusted" in refused.stderr and refused.stderr.count("\n") == 1
    assert not (tmp_path / "again").exists()


@pytest.mark.slow
def test_its_options_are_replaced_like_any_others(pairreg, tmp_path):
    made = pairreg(*QUICK, "similarity=[mse,ncc]", "similarity.ncc.window=5", "seed=7", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    run = only_run(tmp_path)

    def printed(*arguments):
        done = pairreg("--from", run, *arguments, "--cfg", "job", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "window: 5" in printed() and "seed: 7" in printed() and "displacement.Displacement" in printed()
    assert "window: 9" in printed("similarity=ncc") and "mse" not in printed("similarity=ncc")
    assert "window: 7" in printed("similarity.ncc.window=7") and "mse" in printed("similarity.ncc.window=7")
    assert "iterations: 4000" in printed("preset=published_2d")
    table = pairreg("--from", run, "similarity=ncc,mi", "seed=1,2", "-m", "dry_run=true", cwd=tmp_path)
    assert table.returncode == 0 and table.stdout.count("missing") == 4


@pytest.mark.slow
def test_an_input_that_has_changed_is_a_warning(work, pairreg, tmp_path):
    for name in ("fixed", "moving"):
        (tmp_path / f"{name} image.nii.gz").write_bytes((work / f"{name} image.nii.gz").read_bytes())
    assert pairreg(*QUICK, *FILES, cwd=tmp_path).returncode == 0
    run = only_run(tmp_path)
    image = sitk.ReadImage(tmp_path / "fixed image.nii.gz")
    sitk.WriteImage(image * 0.5, tmp_path / "fixed image.nii.gz")
    again = pairreg("--from", run, "dry_run=true", cwd=tmp_path)
    assert again.returncode == 0 and again.stdout.count("has changed since") == 1 and "missing" in again.stdout
    other = pairreg("--from", run, "dry_run=true", f"pair.fixed={work / 'fixed image.nii.gz'}", cwd=tmp_path)
    assert "has changed since" not in other.stdout and "complete" in other.stdout


BROKEN = {
    "no folder": (["--from"], "followed by one run folder"),
    "missing": (["--from", "nowhere"], "nowhere does not exist"),
    "two": (["--from=a", "--from=b"], "followed by one run folder"),
    "empty": (["--from", "."], "has no config.yaml"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_folder_of_no_run_is_refused(case, pairreg, tmp_path):
    arguments, sentence = BROKEN[case]
    done = pairreg(*arguments, cwd=tmp_path)
    assert done.returncode == 2 and sentence in done.stderr and done.stderr.count("\n") == 1


DAMAGED = [
    ("config.yaml", ""),
    ("config.yaml", "a: [1"),
    ("config.yaml", "- 1\n- 2\n"),
    ("config.yaml", "pair: 3\n"),
    ("task.json", ""),
    ("task.json", "[]"),
    ("task.json", '{"choices": null}'),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory, pairreg):
    """What the command answers to a folder with each damage, and, at the end, to one without any."""
    here = tmp_path_factory.mktemp("damaged")
    sound = {"config.yaml": pairreg(*QUICK, "--cfg", "job", cwd=here).stdout, "task.json": '{"choices": {}}'}
    calls = []
    for number, damage in enumerate([*({name: content} for name, content in DAMAGED), {}]):
        folder = here / "runs" / "s" / f"{number}123abcd"
        folder.mkdir(parents=True)
        for name, content in (sound | damage).items():
            (folder / name).write_text(content)
        calls.append(["--from", str(folder), "dry_run=true"])
    return many("pairreg", calls, here, tmp_path_factory.mktemp("said"))


@pytest.mark.parametrize("number", range(len(DAMAGED)), ids=[": ".join(one) for one in DAMAGED])
def test_a_damaged_folder_is_refused(answers, number):
    done = answers[number]
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr


def test_a_folder_with_a_config_alone_can_be_run(answers):
    done = answers[len(DAMAGED)]
    assert done.returncode == 0 and "missing" in done.stdout, done.stderr


@pytest.mark.slow
def test_the_command_of_a_failed_run_works_when_pasted(work, pairreg, tmp_path):
    """Each run has its own, with the user's folder of configs and the path of their code; it fails as the run did."""
    output = tmp_path / "out put"
    steep = ("similarity.mine.power=-300.0",)  # too large for float32
    done = pairreg(
        *QUICK,
        *KINDS["own term"][:-1],
        *steep,
        "trusted_modules=[my_losses]",
        f"output_dir={output}",
        "seed=0,1",
        "-m",
        cwd=work,
        PYTHONPATH=str(work / "code"),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    pasted = re.findall(r"to repeat it: (.*)", done.stderr)
    assert len(pasted) == 2 and all("--config-dir" in one and "PYTHONPATH=" in one for one in pasted)
    errors = [error.read_text() for error in output.rglob("error.txt")]
    written = [re.fullmatch(r"To repeat it, in (.*?): (.*)", error.splitlines()[0]).groups() for error in errors]
    assert sorted(command for _, command in written) == sorted(set(pasted))
    folder, command = written[0]
    shell = f"cd {folder} && PATH={BIN}:$PATH; {command}"
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    again = subprocess.run(["bash", "-c", shell], cwd=tmp_path, env=bare, capture_output=True, text=True)
    assert again.returncode == 1 and "became" in again.stderr, again.stderr
    assert len(list(output.rglob("error.txt"))) == 2
