"""Where commands are called: streams that are closed or full, no home, folders that cannot be written or are gone."""

import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from command_helpers import BIN, OF_COVERAGE, environment_without, only_run
from pair_helpers import write_noise
from pairreg import private_folder

SMOKE = ("preset=smoke", "transform=displacement", "initialization=none")
PHANTOM = ("pair=phantom_2d", "pair.size=[64,48]", "pair.spacing=6", "pair.deformation=5")
NOBODY = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]
# it may read everything, as where Python lies may be closed to others, and writes what the modes of files allow
NOBODY += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
as_nobody = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can become a user whom the system lacks"
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Two images, a manifest, and a run of a phantom, which every command takes something of."""
    folder = tmp_path_factory.mktemp("inputs")
    write_noise(folder, "f", "m")
    (folder / "m.csv").write_text("case,fixed,moving\nΔé,f.nii.gz,m.nii.gz\n")
    done = call(["pairreg", *SMOKE, *PHANTOM, "tracking=none", "study=made"], folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def commands(inputs):
    """A command line of every command that succeeds in any folder that can be written."""
    run = str(only_run(inputs))
    return {
        "help": ["pairreg", "--help"],
        "options": ["pairreg-options", "similarity"],
        "dry": ["pairreg", "tracking=none", "dry_run=true", "study=Δé"],
        "check": ["pairreg-check", f"{inputs}/f.nii.gz", f"{inputs}/m.nii.gz", "--figure", "o.png"],
        "pack": ["pairreg-pack", f"{inputs}/m.csv", "c.h5"],
        "warp": ["pairreg-warp", run, f"{run}/warped.nii.gz", "-o", "o.nii.gz"],
        "convert": ["pairreg-convert", run, "t.h5"],
        "spect": ["pairreg-spect", run, "-o", "scan"],
        "diff": ["pairreg-diff", run, run],
        "view": ["pairreg-view", run, "-o", "o.html", "--no-open"],
        "report": ["pairreg-report", f"{inputs}/runs/made"],
    }


def call(line, cwd, redirection="", before="", prefix=(), **environment):
    """The command in a shell, as users redirect its output."""
    command = shlex.join([*prefix, str(BIN / line[0]), *line[1:]])
    script = f"set -o pipefail; {before} {command} {redirection}"
    usual = environment_without(*OF_COVERAGE)
    given = {key: value for key, value in (usual | environment).items() if value is not None}
    return subprocess.run(
        ["bash", "-c", script], cwd=cwd, env=given, capture_output=True, encoding="utf-8", errors="replace", timeout=300
    )


def clean(done, code=0):
    said = done.stderr.splitlines()
    assert done.returncode == code and len(said) == (code != 0), done
    assert "Traceback" not in done.stdout + done.stderr and "Exception ignored" not in done.stderr


ALL = ("help", "options", "dry", "check", "pack", "warp", "spect", "diff", "view", "report")
MADE = {"check": "o.png", "pack": "c.h5", "warp": "o.nii.gz", "spect": "scan/spect.nii.gz", "view": "o.html"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("redirection", [">&-", "<&- >&- 2>&-", "| true"])
def test_closed_streams_cost_nothing(name, redirection, commands, tmp_path):
    clean(call(commands[name], tmp_path, redirection))
    assert (tmp_path / MADE.get(name, "")).exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_a_full_disk_below_the_output_is_said(name, commands, tmp_path):
    done = call(commands[name], tmp_path, "> /dev/full")
    clean(done, 1)
    assert "cannot be written (No space left on device)" in done.stderr
    assert (tmp_path / MADE.get(name, "")).exists()


@pytest.mark.parametrize("redirection", [">&- 2>&-", "| head -1"])
def test_a_run_is_completed_without_anybody_who_listens(redirection, tmp_path):
    clean(call(["pairreg", *SMOKE, *PHANTOM, "tracking=none"], tmp_path, redirection))
    assert only_run(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("redirection", [">&- 2>&-", "| head -1"])
def test_so_are_those_of_other_processes_and_their_index(redirection, tmp_path):
    study = ("similarity=mse,pcc", "-m", "compute=processes")
    clean(call(["pairreg", *SMOKE, *PHANTOM, *study], tmp_path, redirection))
    assert len(list((tmp_path / "runs/default").glob("*/result.json"))) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TERM": "dumb", "COLUMNS": "1"},
        {"TERM": None, "LANG": None},
        {"PYTHONUNBUFFERED": "1"},
        {"TMPDIR": "/nonexistent"},
        {"HOME": "/nonexistent"},
    ],
    ids=str,
)
def test_any_terminal_and_any_environment_will_do(environment, commands, tmp_path):
    for name in ("help", "check"):
        done = call(commands[name], tmp_path, **environment)
        clean(done)
        assert len(done.stdout.splitlines()) > 5
    done = call(["pairreg", "study=Δ/é"], tmp_path, **environment)
    clean(done, 2)


@pytest.mark.parametrize("name", ALL)
def test_a_working_folder_that_is_gone_is_said(name, commands, tmp_path):
    done = call(commands[name], tmp_path, before="mkdir gone; cd gone; rmdir ../gone;")
    clean(done, 2)
    assert "the working folder does not exist any more" in done.stderr


@as_nobody
@pytest.mark.parametrize("name", [*ALL, "run"])
def test_nobody_without_a_home(name, commands, inputs, tmp_path):
    """A user whom the system does not know has no home: no library makes a folder `~`."""
    for folder in (tmp_path, inputs):
        folder.chmod(0o777)
        for above in folder.parents:
            if above.owner() == folder.owner() and above.is_relative_to(tempfile.gettempdir()):
                above.chmod(above.stat().st_mode | 0o011)
    line = {"run": ["pairreg", *SMOKE, *PHANTOM, "study=Δ"], **commands}[name]  # with MLflow
    if name == "report":
        shutil.copytree(inputs / "runs", tmp_path / "runs")
        subprocess.run(["chown", "-R", "12345", tmp_path / "runs"], check=True)
        line = ["pairreg-report", "made"]
    clean(call(line, tmp_path, prefix=NOBODY, HOME=None, XDG_CACHE_HOME=None, XDG_RUNTIME_DIR=None))
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize(
    "line",
    [
        ["pairreg", *SMOKE, *PHANTOM, "tracking=none"],
        ["pairreg", *SMOKE, *PHANTOM, "tracking=none", "output_dir=closed"],
        ["pairreg", *SMOKE, *PHANTOM, "output_dir=closed"],
        ["pairreg", *SMOKE, *PHANTOM, "tracking=none", "output_dir={inputs}/runs", "study=made", "rerun=true"],
        ["pairreg-check", "{inputs}/f.nii.gz", "--figure", "closed/o.png"],
        ["pairreg-pack", "{inputs}/m.csv", "closed/c.h5"],
        ["pairreg-warp", "{run}", "{run}/warped.nii.gz", "-o", "closed/o.nii.gz"],
        ["pairreg-spect", "{run}"],
        ["pairreg-view", "{run}"],
        ["pairreg-report", "{inputs}/runs/made"],
    ],
    ids=lambda line: " ".join(line[:1] + line[-2:]),
)
def test_folders_that_cannot_be_written_are_refused_first(line, inputs, tmp_path):
    """The working folder, the results of somebody else: in one sentence, before anything is computed."""
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere")
    (tmp_path / "closed").mkdir()
    folders = [tmp_path / "closed", tmp_path, *(path for path in inputs.rglob("*") if path.is_dir())]
    before = sorted(tmp_path.rglob("*")) + sorted(inputs.rglob("*"))
    modes = {folder: folder.stat().st_mode for folder in folders}
    for folder in folders:
        folder.chmod(0o555)
    try:
        line = [text.format(inputs=inputs, run=only_run(inputs)) for text in line]
        done = call(line, tmp_path, prefix=NOBODY if os.getuid() == 0 else ())
    finally:
        for folder, mode in modes.items():
            folder.chmod(mode)
    clean(done, 2)
    assert "is no folder that you may write to" in done.stderr, done
    assert sorted(tmp_path.rglob("*")) + sorted(inputs.rglob("*")) == before


def test_libraries_get_a_home_where_there_is_none(monkeypatch, tmp_path):
    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    private_folder.give_home()
    assert os.environ["HOME"] == str(tmp_path / "pairreg") and Path.home().stat().st_mode & 0o777 == 0o700
