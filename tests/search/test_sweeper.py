"""`hydra/sweeper=pairreg_search` from the command line, with the launchers of `plugins/`."""

import json
import math
import os
import re
import shutil
import signal
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import optuna
import pytest
import SimpleITK as sitk
from omegaconf import OmegaConf
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from command_helpers import BIN, many
from pairreg.composition import composed_with_hydra
from pairreg.runs.spec import RunSpec
from pairreg.search.sweeper import shares
from pairreg.study.compose import spec_of

PLUGINS = Path(__file__).parent / "plugins"
SEARCH = ["-m", "hydra/sweeper=pairreg_search", "hydra/launcher=formula", "study=s"]
BOWL = ["hydra.sweeper.objectives={mse: minimize}"]
SPACE = ["regularizer.diffusion.weight=interval(0,8)", "optimizer.learning_rate=tag(log,interval(0.01,1))"]


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts `pairreg` in a folder of its own, without waiting."""
    (tmp_path / "started.txt").touch()

    def popen(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(BIN / "pairreg"), *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(PLUGINS)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return popen


@pytest.fixture
def pairreg(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., str]:
    def call(*arguments: str, code: int = 0, **environment: str) -> str:
        process = start(*arguments, **environment)
        out, err = process.communicate(timeout=600)
        assert process.returncode == code, err
        return out if code == 0 else err

    return call


def trials(folder: Path, *states: TrialState) -> list[optuna.trial.FrozenTrial]:
    storage = JournalStorage(JournalFileBackend(str(folder / "runs" / "s" / "search.log")))
    return optuna.load_study(study_name=None, storage=storage).get_trials(states=states or None)


def launched(folder: Path) -> list[list[str]]:
    """The overrides of every job, behind the id of the process that ran it."""
    return [line.split() for line in (folder / "started.txt").read_text().splitlines()]


def commands(shown: str) -> list[str]:
    """The printed lines that are commands, which may begin with variables of the environment."""
    return [line for line in shown.splitlines() if re.match(r"(\w+=\S+ )*pairreg ", line)]


def repeated(lines: Sequence[str], folder: Path) -> list[str]:
    """The signatures of the runs that commands ask for, which a shell calls in `folder` and in no other environment."""
    environment = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(folder)}
    found = []
    for line in lines:
        done = subprocess.run(["sh", "-c", f"{line} --cfg job"], cwd=folder, env=environment, capture_output=True)
        assert done.returncode == 0, done.stderr
        found.append(RunSpec(OmegaConf.to_container(OmegaConf.create(done.stdout.decode())), {}).signature)
    return found


def test_a_search_from_the_command_line(pairreg: Callable[..., str], tmp_path: Path) -> None:
    command = [*SEARCH, *BOWL, *SPACE, "hydra.sweeper.trials=14", "hydra.sweeper.batch=4", "seed=0,1"]
    shown = pairreg(*command)
    assert "Best of 14 complete trials" in shown
    done = trials(tmp_path, TrialState.COMPLETE)
    assert len(done) == 14 and len(launched(tmp_path)) == 28
    best = min(done, key=lambda trial: trial.values)
    assert best.values[0] == pytest.approx(0.5, abs=1.5)  # the mean of the two seeds adds 0.5
    assert " ".join(best.user_attrs["signatures"]) in shown

    assert repeated(commands(shown), tmp_path) == best.user_attrs["signatures"]

    assert pairreg(*command) == shown
    assert len(launched(tmp_path)) == 28  # nothing was left to do


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The folder of a run that was begun, of another pair than the usual one."""
    chosen = ["pair=phantom_2d", "transform=displacement", "seed=3"]
    spec = spec_of(composed_with_hydra(chosen), chosen)
    folder = tmp_path / "earlier" / spec.signature
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(spec.config_yaml)
    (folder / "task.json").write_text(spec.json)
    return folder


@pytest.mark.parametrize("beginning", ["--from", "--from, a study", "--config-dir"])
def test_the_commands_of_a_search_begin_as_its_own_does(
    pairreg: Callable[..., str], tmp_path: Path, earlier: Path, beginning: str
) -> None:
    """They are called from a shell without the environment of the search."""
    options = tmp_path / "it's own" / "similarity"
    options.mkdir(parents=True)
    (options / "narrow.yaml").write_text("narrow:\n  _target_: pairreg.similarity.ncc.NCC\n  window: 5\n")
    given = {
        "--from": ["--from", str(earlier)],
        "--from, a study": ["--from", str(earlier), "sweep=tradeoff"],
        "--config-dir": ["--config-dir", str(options.parent), "similarity=narrow"],
    }[beginning]
    shown = pairreg(*given, *SEARCH, *BOWL, *SPACE, "hydra.sweeper.trials=3")
    best = min(trials(tmp_path), key=lambda trial: trial.values)
    assert repeated(commands(shown), tmp_path) == best.user_attrs["signatures"]


def test_a_sweep_file_and_its_front(pairreg: Callable[..., str], tmp_path: Path) -> None:
    objectives = "hydra.sweeper.objectives={folds_percent: minimize, hd95_mean: minimize}"  # replace those of the file
    settings = [objectives, "hydra.sweeper.trials=12", "hydra/launcher=formula", "study=s", "transform.stride=2"]
    shown = pairreg("sweep=tradeoff", *settings)
    values = [trial.values for trial in trials(tmp_path)]
    front = [one for one in values if not any(a <= one[0] and b <= one[1] and [a, b] != one for a, b in values)]
    assert f"Pareto front: {len(front)} of 12 complete trials" in shown
    assert shown.count("hydra.mode=RUN") == len(front) > 1
    assert all("transform.stride=2" in job and "sweep=tradeoff" in job for job in launched(tmp_path))
    assert "transform.stride" not in trials(tmp_path)[0].params


MODULE = """
from dataclasses import dataclass
from pairreg.backend import tf
from pairreg.similarity.base import Similarity, masked_mean

@dataclass(frozen=True, kw_only=True)
class Huber(Similarity):
    delta: float = 0.1
    def loss(self, fixed, warped, mask):
        error = tf.abs(warped - fixed)
        return masked_mean(tf.where(error < self.delta, error**2 / 2, self.delta * (error - self.delta / 2)), mask)
"""


@pytest.mark.parametrize(
    "values",
    [["similarity=mse,huber"], ["similarity=huber,mse"], ["transform=unet,velocity", "similarity=mse,ncc,huber"]],
)
def test_a_search_begins_anew_once_one_of_its_values_stands_for_something_else(
    pairreg: Callable[..., str], tmp_path: Path, values: list[str]
) -> None:
    """A value stands for an option file of the user, and for the source of a module."""
    module, option = tmp_path / "code" / "my_losses.py", tmp_path / "own" / "similarity" / "huber.yaml"
    for path in (module, option):
        path.parent.mkdir(parents=True)
    module.write_text(MODULE)
    option.write_text("huber:\n  _target_: my_losses.Huber\n  weight: 1.0\n  delta: 0.1\n")
    command = [*SEARCH, *BOWL, SPACE[0], *values, "hydra.sweeper.trials=2", "--config-dir=own"]
    path = {"PYTHONPATH": f"{PLUGINS}:{module.parent}"}

    def begun() -> int:
        """How many searches there are after the command."""
        pairreg(*command, "trusted_modules=[my_losses]", **path)
        return len(optuna.get_all_study_names(JournalStorage(JournalFileBackend(str(log)))))

    log = tmp_path / "runs" / "s" / "search.log"
    assert begun() == begun() == 1
    option.write_text(option.read_text().replace("0.1", "0.2"))
    assert begun() == begun() == 2
    module.write_text(MODULE.replace("/ 2", "/ 3"))
    assert begun() == begun() == 3


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["transform=displacement,bspline", "transform.stride=int(interval(1,3))"],
            "transform.stride does not exist with transform=bspline; leave out the setting, or what does not have it.",
        ),
        (
            ["transform=bspline,displacement", "transform.stride=int(interval(1,3))"],
            "transform.stride does not exist with transform=bspline; leave out the setting, or what does not have it.",
        ),
        (
            ["transform=displacement,bspline", "transform.stride=int(interval(1,3))", "hydra.sweeper.per=[transform]"],
            "transform.stride does not exist with transform=bspline; leave out the setting, or what does not have it.",
        ),
        (["similarity=ncc", "similarity.ncc.window=3,5,4"], "similarity.ncc.window should be an odd number; it is 4."),
        (
            ["similarity=mse,ncc", "similarity.ncc.window=3", "regularizer.diffusion.weight=interval(0,1)"],
            "similarity.ncc does not exist with similarity=mse; leave out the setting, or what does not have it.",
        ),
        (["similarity=mse,nnc", SPACE[0]], "similarity option 'nnc' is not one of"),
        (["initialization=affine,file", SPACE[0]], "initialization.path is missing: give initialization.path=VALUE."),
    ],
)
def test_a_choice_without_runs_is_one_sentence_before_any_trial(
    pairreg: Callable[..., str], tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    for more in ([], ["dry_run=true"]):
        error = pairreg(*SEARCH, *BOWL, *arguments, *more, code=2)
        assert error.startswith(f"pairreg: {complaint}") and error.count("\n") == 1
    assert not launched(tmp_path) and [path.name for path in tmp_path.iterdir()] == ["started.txt"]


FILES = ["pair=files", "pair.fixed=f.nii.gz", "pair.moving=f.nii.gz"]
NOWHERE = ["method=command", "method.command=nowhere {fixed} {moving} {output}", "method.start=own,initialization"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([*FILES, "pair.fixed=bad.nii.gz", SPACE[0]], "bad.nii.gz"),
        (
            [*FILES, "pair.fixed=f.nii.gz,bad.nii.gz", "hydra.sweeper.tune=[f]", SPACE[0]],
            "bad.nii.gz",
        ),
        ([*FILES, "pair.moving=bad.nii.gz", "sweep=tradeoff", "study=s"], "bad.nii.gz"),
        (NOWHERE, "there is no program 'nowhere'"),
        (["output_dir=folder", "study=taken", SPACE[0]], "folder/taken is no folder that you may write to"),
        (["hydra.sweeper.storage=folder/taken/search.log", SPACE[0]], "folder/taken is no folder that you may write"),
    ],
)
def test_a_search_that_cannot_begin_leaves_nothing(
    pairreg: Callable[..., str], tmp_path: Path, arguments: list[str], complaint: str, request: pytest.FixtureRequest
) -> None:
    """By the launcher that computes."""
    sitk.WriteImage(request.getfixturevalue("warped_2d").image("fixed"), tmp_path / "f.nii.gz")
    (tmp_path / "bad.nii.gz").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "taken").touch()
    before = sorted(tmp_path.rglob("*"))
    error = pairreg(*SEARCH, *BOWL, "hydra/launcher=pairreg", *arguments, code=2)
    assert error.startswith("pairreg: ") and error.count("\n") == 1 and complaint in error
    assert sorted(tmp_path.rglob("*")) == before


def test_a_method_that_is_one_of_several_choices_has_to_be_there(pairreg: Callable[..., str], tmp_path: Path) -> None:
    """The second of the two is a program that no machine has."""
    option = tmp_path / "own" / "method" / "absent.yaml"
    option.parent.mkdir(parents=True)
    option.write_text("_target_: pairreg.method.command.Command\ncommand: nowhere {fixed} {moving} {output}\n")
    error = pairreg(*SEARCH, *BOWL, "hydra/launcher=pairreg", "--config-dir=own", "method=demons,absent", code=2)
    assert "there is no program 'nowhere'" in error and error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own", "started.txt"]


def test_a_search_that_has_its_trials_needs_no_program(pairreg: Callable[..., str], tmp_path: Path) -> None:
    program = tmp_path / "program"  # no script: that would count by its content
    shutil.copy(str(shutil.which("true")), program)
    method = ["method=command", f"method.command={program} {{fixed}} {{moving}} {{output}}"]
    command = [*SEARCH, *BOWL, *SPACE, *method]
    shown = pairreg(*command, "hydra.sweeper.trials=2")
    program.unlink()
    assert pairreg(*command, "hydra.sweeper.trials=2") == shown
    assert "there is no program" in pairreg(*command, "hydra.sweeper.trials=3", code=2)
    assert len(trials(tmp_path)) == 2


@pytest.mark.parametrize("more", [[], ["hydra.sweeper.batch=4"], ["hydra.sweeper.pruner=median"]])
def test_a_number_without_runs_fails_its_trial_alone(
    pairreg: Callable[..., str], tmp_path: Path, more: list[str]
) -> None:
    window = ["similarity=ncc", "similarity.ncc.window=int(interval(3,9))", "hydra.sweeper.sampler=random"]
    shown = pairreg(*SEARCH, *BOWL, *window, *more, "hydra.sweeper.trials=6")
    done, failed = trials(tmp_path, TrialState.COMPLETE), trials(tmp_path, TrialState.FAIL)
    assert len(done) == 6 and failed and len(trials(tmp_path)) == len(done) + len(failed)
    assert {trial.params["similarity.ncc.window"] % 2 for trial in done} == {1}
    for trial in failed:
        window = trial.params["similarity.ncc.window"]
        assert trial.user_attrs["error"] == f"similarity.ncc.window should be an odd number; it is {window}."
        assert window % 2 == 0
    assert f"Best of 6 complete trials, {len(failed)} failed" in shown


@pytest.mark.parametrize("batch", [1, 3])
def test_a_killed_search_goes_on(
    start: Callable[..., subprocess.Popen[str]], pairreg: Callable[..., str], tmp_path: Path, batch: int
) -> None:
    command = [*SEARCH, *BOWL, *SPACE, "hydra.sweeper.trials=9", f"hydra.sweeper.batch={batch}"]
    with start(*command, HANG_AT="5") as killed:
        deadline = time.monotonic() + 60
        while not (tmp_path / "hanging").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
    abandoned = trials(tmp_path, TrialState.RUNNING)
    assert len(abandoned) == batch and len(trials(tmp_path, TrialState.COMPLETE)) == (4 if batch == 1 else 3)
    pairreg(*command)
    done = trials(tmp_path, TrialState.COMPLETE)
    failed = trials(tmp_path, TrialState.FAIL)
    assert [trial.params for trial in failed] == [trial.params for trial in abandoned]
    assert len(trials(tmp_path)) == 9 + batch and len(done) == 9  # none lost
    counts = Counter(tuple(trial.params.values()) for trial in done)
    assert set(counts.values()) == {1}  # none double
    assert all(counts[tuple(trial.params.values())] == 1 for trial in abandoned)


@pytest.mark.parametrize("lost", [1, 5, 200])
def test_a_search_goes_on_after_a_full_disk(pairreg: Callable[..., str], tmp_path: Path, lost: int) -> None:
    """It had kept the beginning of a record."""
    command = [*SEARCH, *BOWL, *SPACE, "hydra.sweeper.trials=5"]
    pairreg(*command)
    first, log = [trial.params for trial in trials(tmp_path)], tmp_path / "runs" / "s" / "search.log"
    os.truncate(log, log.stat().st_size - lost)
    shown = pairreg(*command)
    assert [trial.params for trial in trials(tmp_path, TrialState.COMPLETE)] == first
    assert pairreg(*command) == shown and len(launched(tmp_path)) == 6  # one trial has lost what was told of it
    log.write_text("nonsense\n" + log.read_text())
    said = pairreg(*command, code=2)
    assert f"{log.relative_to(tmp_path)} is damaged" in said and said.count("\n") == 1


def test_two_processes_share_a_search(start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    command = [*SEARCH, *BOWL, *SPACE, "hydra.sweeper.trials=12", "hydra.sweeper.sampler=random"]
    both = [start(*command, RENDEZVOUS="2") for _ in range(2)]
    assert [(process.communicate(timeout=120)[1], process.returncode) for process in both] == [("", 0)] * 2
    done = trials(tmp_path)
    assert len(done) == 12 and {trial.state for trial in done} == {TrialState.COMPLETE}  # none stolen, none too many
    assert len({tuple(trial.params.values()) for trial in done}) == 12
    assert {job[0] for job in launched(tmp_path)} == {str(process.pid) for process in both}
    assert len(launched(tmp_path)) == 12


def test_failed_runs_do_not_end_a_search(pairreg: Callable[..., str], tmp_path: Path) -> None:
    pairreg(*SEARCH, *BOWL, "regularizer.diffusion.weight=interval(8,10)", "hydra.sweeper.trials=6")
    assert len(trials(tmp_path, TrialState.COMPLETE)) == 6
    failed = trials(tmp_path, TrialState.FAIL)
    assert failed and all(trial.user_attrs["error"].endswith("failed: too stiff") for trial in failed)


UNSEARCHABLE = [
    (SPACE, "hydra.sweeper.objectives is empty: give metrics, such as {dice_mean: maximize}."),
    (
        ["hydra.sweeper.objectives={mse: up}", *SPACE],
        "hydra.sweeper.objectives.mse 'up' is not one of minimize, maximize",
    ),
    (
        ["hydra.sweeper.objectives={mze: minimize}", *SPACE],
        "hydra.sweeper.objectives: metric 'mze' is not one of epe_mean, ",
    ),
    ([*BOWL, *SPACE, "hydra.sweeper.sampler=tpo"], "hydra.sweeper.sampler 'tpo' is not one of tpe, random"),
    ([*BOWL, *SPACE, "hydra.sweeper.trials=0"], "hydra.sweeper.trials should be at least 1"),
    ([*BOWL, "transform.strid=1,2"], "transform: key 'strid' is not one of"),
    (
        [*BOWL, "regularizer.diffusion.weight=interval(9.1,10)"],
        "10 trials in a row failed, the last because run ",
    ),
    ([*BOWL, "seed=1,2"], "a search needs something to vary: give hydra.sweeper.space"),
    ([*BOWL, *SPACE, "hydra.sweeper.per=[similarity]"], "hydra.sweeper.per: similarity has no values to compare"),
    (
        ["hydra.sweeper.objectives={mse: minimize, ssim: maximize}", *SPACE, "hydra.sweeper.per=[seed]"],
        "hydra.sweeper.per compares best settings, which one objective has",
    ),
    ([*BOWL, *SPACE, "hydra.sweeper.minutes=0"], "hydra.sweeper.minutes should be"),
    (
        [*BOWL, *SPACE, "hydra.sweeper.pruner=hyperband"],
        "hydra.sweeper.pruner 'hyperband' is not one of none, wilcoxon, median",
    ),
    (
        [*BOWL, *SPACE, "hydra.sweeper.pruner=median", "schedule=single_level"],
        "hydra.sweeper.pruner=median compares trials level by level: it needs a schedule of several levels.",
    ),
    (
        [*BOWL, "method=demons", "method.smoothing=interval(0.5,3)", "hydra.sweeper.pruner=median"],
        "hydra.sweeper.pruner=median compares trials level by level: it needs a schedule of several levels.",
    ),
    (
        ["hydra.sweeper.objectives={mse: minimize, ssim: maximize}", *SPACE, "hydra.sweeper.pruner=median"],
        "hydra.sweeper.pruner=median compares trials by one objective; there are several.",
    ),
    (
        [*BOWL, *SPACE, "hydra.sweeper.pruner=wilcoxon", "seed=0,1,2"],
        "hydra.sweeper.pruner=wilcoxon compares trials pair by pair: it needs at least 4 pairs or seeds, and has 3",
    ),
    ([*BOWL, *SPACE, "hydra.sweeper.trails=3"], "hydra.sweeper: key 'trails' is not one of"),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[subprocess.CompletedProcess[str]]:
    """What the command answers to each of `UNSEARCHABLE`, one of which runs trials."""
    folder = tmp_path_factory.mktemp("unsearchable")
    (folder / "started.txt").touch()
    calls = [[*SEARCH, *arguments] for arguments, _ in UNSEARCHABLE]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(PLUGINS))
        return many("pairreg", calls, folder, tmp_path_factory.mktemp("said"))


@pytest.mark.parametrize("number", range(len(UNSEARCHABLE)), ids=[" ".join(given) for given, _ in UNSEARCHABLE])
def test_a_config_that_cannot_be_searched(answers: list[subprocess.CompletedProcess[str]], number: int) -> None:
    done = answers[number]
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"pairreg: {UNSEARCHABLE[number][1]}") and done.stderr.count("\n") == 1


PRUNED = [*SEARCH, *BOWL, *SPACE, "hydra.sweeper.pruner=wilcoxon", "seed=range(0,6)"]


@pytest.mark.slow
def test_a_pruned_trial_is_worse_than_the_best_and_saves_its_last_runs(
    pairreg: Callable[..., str], tmp_path: Path
) -> None:
    shown = pairreg(*PRUNED, "hydra.sweeper.trials=15")
    done, pruned = trials(tmp_path, TrialState.COMPLETE), trials(tmp_path, TrialState.PRUNED)
    assert len(done) + len(pruned) == 15 and len(pruned) >= 5
    assert f"Best of {len(done)} complete trials, {len(pruned)} pruned" in shown
    runs = [len(trial.user_attrs["signatures"]) for trial in pruned]
    assert all(4 <= count < 6 for count in runs) and len(launched(tmp_path)) == 6 * len(done) + sum(runs)
    best = min(trial.values[0] for trial in done)
    for trial in pruned:  # the seed adds its number
        bowls = [value - seed for seed, value in enumerate(trial.intermediate_values.values())]
        assert len(bowls) == len(trial.user_attrs["signatures"]) and min(bowls) > best - 2.5
    assert pairreg(*PRUNED, "hydra.sweeper.trials=15") == shown
    assert len(trials(tmp_path)) == 15, "pruned trials count as wanted ones"


@pytest.mark.slow
def test_a_trial_ends_at_a_level_where_it_is_worse_than_most(pairreg: Callable[..., str], tmp_path: Path) -> None:
    command = [*SEARCH, *BOWL, *SPACE, "hydra.sweeper.pruner=median", "seed=0,1"]
    shown = pairreg(*command, "hydra.sweeper.trials=15", "hydra.sweeper.batch=2")
    done, pruned = trials(tmp_path, TrialState.COMPLETE), trials(tmp_path, TrialState.PRUNED)
    assert len(done) + len(pruned) == 15 and len(pruned) >= 3 and len(done) >= 5
    assert f"Best of {len(done)} complete trials, {len(pruned)} pruned" in shown
    assert len(launched(tmp_path)) == 2 * (3 * len(done) + sum(len(trial.intermediate_values) for trial in pruned))
    for trial in done:
        assert trial.intermediate_values == {level: pytest.approx(trial.values[0] + 3 - level) for level in (1, 2)}
    for trial in pruned:
        (level, value), before = max(trial.intermediate_values.items()), trial.datetime_complete
        others = [one.intermediate_values[level] for one in done if one.datetime_complete < before]
        assert len(others) >= 5 and value > statistics.median(others)
    assert pairreg(*command, "hydra.sweeper.trials=15", "hydra.sweeper.batch=2") == shown


def test_a_failed_run_ends_a_trial_between_levels(pairreg: Callable[..., str], tmp_path: Path) -> None:
    search = [*SEARCH, *BOWL, "regularizer.diffusion.weight=interval(8,10)", "hydra.sweeper.pruner=median"]
    shown = pairreg(*search, "hydra.sweeper.trials=4")
    failed, done = trials(tmp_path, TrialState.FAIL), trials(tmp_path, TrialState.COMPLETE)
    assert failed and len(launched(tmp_path)) == 3 * len(done) + len(failed)
    assert f"Best of {len(done)} complete trials, {len(failed)} failed" in shown


def test_searches_share_the_time_that_is_left() -> None:
    now = time.monotonic()
    assert [until - now for until in shares(6, 3)] == [pytest.approx(share, abs=5) for share in (120, 180, 360)]
    assert list(shares(None, 2)) == [math.inf] * 2


def test_a_search_ends_with_its_time(pairreg: Callable[..., str], tmp_path: Path) -> None:
    pairreg(*SEARCH, *BOWL, *SPACE, "hydra.sweeper.trials=100000", "hydra.sweeper.minutes=0.02")
    assert 0 < len(trials(tmp_path, TrialState.COMPLETE)) < 5000
    assert not trials(tmp_path, TrialState.RUNNING)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["hydra.sweeper.pruner=median"], "30 trials, of 1 run each; one of them would be"),
        (
            ["hydra.sweeper.pruner=wilcoxon", "hydra.sweeper.minutes=5", "seed=0,1,2,3"],
            "30 trials, of 4 runs each, begun within 5 minutes; one of them would be",
        ),
        (
            ["hydra.sweeper.per=[similarity]", "similarity=mse,ncc", "hydra.sweeper.trials=7"],
            "7 trials for each of 2 candidates, of 1 run each; one of them would be",
        ),
    ],
)
def test_a_dry_run_shows_a_trial_and_leaves_nothing(
    pairreg: Callable[..., str], tmp_path: Path, more: list[str], said: str
) -> None:
    shown = pairreg(*SEARCH, *BOWL, *SPACE, "hydra/launcher=pairreg", "dry_run=true", *more)
    runs = 4 if "seed=0,1,2,3" in more else 2 if "similarity=mse,ncc" in more else 1
    assert said in shown and f"{runs} run{'s' * (runs > 1)}, {runs} to do" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["started.txt"]


def test_a_search_among_the_options_that_fit_a_glob(pairreg: Callable[..., str], tmp_path: Path) -> None:
    pairreg(*SEARCH, *BOWL, "transform=glob([d*,u*])", "hydra.sweeper.trials=8", "hydra.sweeper.sampler=random")
    assert {trial.params["transform"] for trial in trials(tmp_path)} == {"displacement", "unet"}
    assert {word for job in launched(tmp_path) for word in job if word.startswith("transform=")} == {
        "transform=displacement",
        "transform=unet",
    }


@pytest.mark.slow
def test_real_runs_pause_between_levels_and_go_on(
    pairreg: Callable[..., str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    warped = request.getfixturevalue("warped_2d")
    for name in ("fixed", "moving"):
        sitk.WriteImage(warped.image(name), tmp_path / f"{name}.nii.gz")
    pairs = ["pair=files", "pair.fixed=fixed.nii.gz", "pair.moving=moving.nii.gz", "initialization=none"]
    quick = ["transform=displacement", "schedule.scales=[4,2]", "schedule.iterations=[5,5]", "tracking=none"]
    space = ["optimizer.learning_rate=tag(log,interval(0.001,1))", "hydra.sweeper.objectives={ssim: maximize}"]
    more = ["hydra.sweeper.pruner=median", "hydra.sweeper.trials=7", "hydra/launcher=pairreg"]
    shown = pairreg(*SEARCH, *pairs, *quick, *space, *more)
    done, pruned = trials(tmp_path, TrialState.COMPLETE), trials(tmp_path, TrialState.PRUNED)
    assert pruned and f"{len(pruned)} paused run" in shown
    study = tmp_path / "runs" / "s"
    for trial in done:
        (run,) = (study / name for name in trial.user_attrs["signatures"])
        assert json.loads((run / "metrics.json").read_text())["iterations"] == 10 and not (run / "checkpoint").exists()
        assert trial.intermediate_values[1] < trial.values[0]
    for trial in pruned:
        (run,) = (study / name for name in trial.user_attrs["signatures"])
        assert not (run / "result.json").exists() and not (run / "error.txt").exists()
    (first,) = done[0].user_attrs["signatures"]
    alone = pairreg(*pairs, *quick, f"optimizer.learning_rate={done[0].params['optimizer.learning_rate']!r}", "study=t")
    (other,) = (path.parent for path in (tmp_path / "runs" / "t").rglob("result.json"))
    assert other.name == first and alone
    assert (other / "displacement.nii.gz").read_bytes() == (study / first / "displacement.nii.gz").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("images", ["warped_2d", "warped_3d"])
def test_a_trial_of_real_registrations(
    pairreg: Callable[..., str], tmp_path: Path, images: str, request: pytest.FixtureRequest
) -> None:
    warped = request.getfixturevalue(images)
    for name in ("fixed", "moving"):
        sitk.WriteImage(warped.image(name), tmp_path / f"{name}.nii.gz")
    pairs = ["pair=files", "pair.fixed=fixed.nii.gz", "pair.moving=moving.nii.gz,fixed.nii.gz"]
    quick = ["initialization=none", "transform=displacement", "schedule=single_level", "schedule.iterations=5"]
    space = ["hydra.sweeper.space={regularizer.diffusion.weight: 'interval(0,4)'}", "hydra.sweeper.trials=1"]
    objectives = "hydra.sweeper.objectives={ssim: maximize, sdlogj: minimize}"
    pairreg(*SEARCH, "hydra/launcher=pairreg", "tracking=none", objectives, *pairs, *quick, *space)
    (trial,) = trials(tmp_path, TrialState.COMPLETE)
    runs = [tmp_path / "runs" / "s" / name for name in trial.user_attrs["signatures"]]
    metrics = [json.loads((run / "metrics.json").read_text()) for run in runs]
    assert trial.values == [pytest.approx(sum(m[key] for m in metrics) / 2) for key in ("ssim", "sdlogj")]
    assert metrics[0]["ssim"] < metrics[1]["ssim"] == pytest.approx(1, abs=0.01)  # the second pair is one image twice
