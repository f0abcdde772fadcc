"""What holds for every command of the package, including those to come."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

SCRIPTS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["scripts"]
HEAVY = ("tensorflow", "keras", "mlflow", "matplotlib", "scipy", "skimage", "optuna")


def call(command: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / command
    return subprocess.run([str(program), *arguments], cwd=cwd, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", SCRIPTS)
def test_help_is_an_answer(command, tmp_path):
    done = call(command, "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and command in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", SCRIPTS)
def test_a_call_that_cannot_be_is_one_sentence(command, tmp_path):
    done = call(command, "--no-such-option", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    if command != "pairreg":  # whose arguments Hydra reads
        assert done.stderr.startswith(f"{command}: ") and len(done.stderr.splitlines()) == 1
        assert f"{command} --help shows how to call it." in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", SCRIPTS)
def test_starting_imports_nothing_that_takes_long(command):
    module = SCRIPTS[command].partition(":")[0]
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    allowed = {"pairreg-spect": "['scipy']", "pairreg-warp": "['scipy']"}
    assert done.stdout.strip() in ("[]", allowed.get(command, "[]"))
