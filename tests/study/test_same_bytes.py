"""The same config and seed give the same bytes: with any number of threads and cores, in any process, after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command_helpers import BIN, Command, only_run
from pairreg import composition, option_files
from pairreg.runs.folder import CHECKPOINT
from worker_helpers import LIMIT

PRESETS = [name for name in option_files.variants("preset") if name != "default"]  # which is none
PAIRS = {"published_2d": "thorax_ct_2d", "smoke": "thorax_ct_2d"}
FEW = ["tracking=none", "schedule.iterations=[6,6,6,6]"]
COMPARED = ("displacement.nii.gz", "history.csv", "warped.nii.gz")
KILLED = ["tracking=none", "transform=displacement", "schedule.iterations=[30,30,30,1500]", "schedule.tolerance=0"]
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
ITK = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"


def content(folder: Path) -> dict[str, bytes]:
    found = only_run(folder)
    return {name: (found / name).read_bytes() for name in COMPARED}


def same_over_threads(pairreg: Command, folder: Path, *arguments: str) -> None:
    found = []
    for count in (1, 8):
        limits = dict.fromkeys((*LIMITS, ITK), str(count))
        output = folder / str(count)
        done = pairreg(*arguments, "tracking=none", f"output_dir={output}", cwd=folder, **limits)
        assert done.returncode == 0, done.stderr
        found.append(content(output))
    assert found[0] == found[1]


@pytest.mark.slow
def test_the_default_network(pairreg, tmp_path):
    same_over_threads(pairreg, tmp_path, *FEW)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "pair"), [(None, "thorax_ct_3d"), *((name, PAIRS.get(name, "thorax_ct_3d")) for name in PRESETS)]
)
def test_every_preset(preset, pair, pairreg, tmp_path):
    chosen = [f"preset={preset}"] if preset else []
    scales = composition.composed(chosen)["schedule"].get("scales")
    few = [3] * len(scales) if scales else 3
    arguments = [f"pair={pair}", *chosen, f"schedule.iterations={few}"]
    same_over_threads(pairreg, tmp_path, *arguments)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken away here")
def test_one_core_and_processes(pairreg, tmp_path):
    few = [*FEW, "seed=0,1", "-m"]
    for name, more in (("local", []), ("processes", ["compute=processes", "compute.workers=2"])):
        assert pairreg(*few, *more, f"output_dir={name}", cwd=tmp_path).returncode == 0
    one_core = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    script = f"import sys; {one_core}; sys.argv[1:] = {[*FEW, 'seed=1', 'output_dir=core']}"
    run = f"{script}; from pairreg.cli.run import main; main()"
    subprocess.run([Path(sys.executable), "-c", run], cwd=tmp_path, check=True, capture_output=True)
    core = only_run(tmp_path / "core")
    for name in COMPARED:
        contents = {(tmp_path / kind / "default" / core.name / name).read_bytes() for kind in ("local", "processes")}
        assert contents == {(core / name).read_bytes()}


@pytest.fixture(scope="module")
def undisturbed(pairreg, tmp_path_factory) -> dict[str, bytes]:
    """What the run that is killed below leaves if it is not."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert pairreg(*KILLED, cwd=folder).returncode == 0
    return content(folder)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_goes_on_where_it_was_killed(number, undisturbed, pairreg, tmp_path):
    command = [str(BIN / "pairreg"), *KILLED]
    killed = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until = time.monotonic() + 60
    while sum(1 for _ in tmp_path.glob(f"runs/*/*/{CHECKPOINT}")) == 0:
        assert killed.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.5)
    killed.send_signal(number)
    began = time.monotonic()
    killed.communicate(timeout=60)
    assert time.monotonic() - began < LIMIT
    done = pairreg(*KILLED, cwd=tmp_path)
    assert done.returncode == 0 and "goes on after iteration" in done.stdout
    assert content(tmp_path) == undisturbed
    assert not list(tmp_path.rglob(CHECKPOINT))


@pytest.mark.slow
def test_rerun_begins_anew(pairreg, tmp_path):
    arguments = ["tracking=none", "preset=smoke"]
    assert pairreg(*arguments, cwd=tmp_path).returncode == 0
    (only_run(tmp_path) / CHECKPOINT).write_bytes(b"left behind")
    done = pairreg(*arguments, "rerun=true", cwd=tmp_path)
    assert done.returncode == 0 and "checkpoint" not in done.stdout
    assert not list(tmp_path.rglob(CHECKPOINT))
