"""What the README shows, run."""

import json
import re
import shlex
from pathlib import Path

import pytest

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
    (result,) = extension.rglob("result.json")
    assert json.loads(result.read_text())["config"]["similarity"]["huber"]["delta"] == 0.05
    assert "similarity/huber" in (result.parent / "history.csv").read_text().splitlines()[0]


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
    """Printed instead of run: their options and keys exist."""
    (tmp_path / "my_conf" / "ablation").mkdir(parents=True)
    own = block_after("my_conf/ablation/windows.yaml", "yaml")
    (tmp_path / "my_conf" / "ablation" / "windows.yaml").write_text(own)
    commands = re.findall(r"^    pairreg (.*)$", README.replace("\\\n", " "), re.MULTILINE)
    assert len(commands) >= 12
    for command in commands:
        arguments = shlex.split(command, comments=True)
        if "-m" in arguments:
            arguments = [a.split(",")[0] if "[" not in a else a for a in arguments if a != "-m"]
        done = pairreg(*arguments, "--cfg", "job", cwd=tmp_path)
        assert done.returncode == 0, (command, done.stderr)


def test_the_python_example_runs(tmp_path, warped_2d, monkeypatch):
    import SimpleITK as sitk

    code = re.search(r"## From Python\n\n```python\n(.*?)```", README, re.DOTALL)
    assert code
    monkeypatch.chdir(tmp_path)
    for name in ("fixed", "moving"):
        sitk.WriteImage(warped_2d.image(name), f"{name}.nii.gz")
    exec(code[1].replace('transform="displacement"', 'transform="displacement", schedule="single_level"'), {})
    assert (tmp_path / "my_result" / "result.json").exists()
