"""Every file of `experiments/`: what its head says, and that its runs can be made."""

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

FOLDER = Path(__file__).parents[1] / "experiments"
FILES = {f"{path.parent.name}={path.stem}": path for path in sorted(FOLDER.glob("*/*.yaml"))}


@pytest.mark.parametrize("name", FILES)
def test_it_says_what_it_is_for_and_defines_nothing(name):
    text = FILES[name].read_text()
    for word in ("Question", "Command", "Outcome"):
        assert re.search(rf"^# {word}: +\S", text, re.MULTILINE), word
    assert f"pairreg {name}" in text
    assert "_target_" not in text
    studies = OmegaConf.load(FILES[name]).get("hydra") is not None
    assert not studies or re.search(r"^# Minutes: +\S", text, re.MULTILINE)


@pytest.mark.parametrize("name", FILES)
def test_its_runs_compose_and_check(name, pairreg, tmp_path):
    done = pairreg(name, "dry_run=true", cwd=tmp_path)
    if name.startswith("benchmark="):  # whose data nobody may pass on
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
        assert "does not exist; get " in done.stderr and "https://" in done.stderr and " or give pair." in done.stderr
        return
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert " to do" in done.stdout and "missing" in done.stdout
    assert not list(tmp_path.rglob("result.json"))
