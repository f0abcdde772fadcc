"""A result stays until another one is complete, and is then replaced as a whole."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from command_helpers import BIN, installed, only_run
from pairreg import files
from pairreg.files import exchanged
from pairreg.locks import lock
from pairreg.report.study_runs import read_study
from pairreg.runs import folder as names
from pairreg.runs.read import Run
from pairreg.runs.replace import discard, recover, take_place, tidy, workplace
from worker_helpers import wait_for


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def make(folder: Path, text: str, *more: str) -> Path:
    for name in (names.RESULT, names.METRICS, "figures/grid.png", *more):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{text} {name}")
    return folder


@pytest.fixture(params=[True, False], ids=["one rename", "two renames"])
def run(request, tmp_path, monkeypatch):
    if not request.param:  # as on a file system without RENAME_EXCHANGE
        monkeypatch.setattr(files, "exchanged", lambda first, second: False)
    return tmp_path / "study" / "abcd1234"


def test_an_exchange_is_one_rename(tmp_path):
    """Linux has the call; elsewhere two renames do it."""
    one, two = make(tmp_path / "one", "one"), make(tmp_path / "two", "two")
    assert exchanged(one, two) == (sys.platform == "linux")
    assert contents(one)[names.RESULT] == ("two" if sys.platform == "linux" else "one") + " result.json"


def test_the_new_result_takes_the_place_and_a_users_files_stay(run):
    make(run, "old", "notes.txt", "mine/a.txt")
    place = make(workplace(run), "new")
    assert place == names.beside(run)
    take_place(place, run)
    expected = {name: f"new {name}" for name in (names.RESULT, names.METRICS, "figures/grid.png")}
    assert contents(run) == expected | {name: f"old {name}" for name in ("notes.txt", "mine/a.txt")}
    assert os.listdir(run.parent) == [run.name]


def test_a_scan_of_the_earlier_result_does_not_outlive_it(run):
    make(run, "old", "spect/spect.nii.gz", "notes.txt")
    take_place(make(workplace(run), "new"), run)
    assert not (run / "spect").exists() and (run / "notes.txt").exists()


@pytest.mark.parametrize("left", [[names.RESULT], [names.METRICS], [names.METRICS, "displacement.nii.gz"]])
def test_what_is_left_of_a_result_counts(left, run):
    run.mkdir(parents=True)
    for name in left:
        (run / name).write_text("left")
    assert workplace(run) == names.beside(run)


@pytest.mark.parametrize("left", [[], [names.CONFIG], [names.METRICS, names.CHECKPOINT], [names.METRICS, names.ERROR]])
def test_an_unfinished_run_goes_on_in_its_folder(left, run):
    run.mkdir(parents=True)
    for name in left:
        (run / name).write_text("left")
    assert workplace(run) == run


def test_a_kill_between_two_renames_loses_nothing(run):
    for old, new, expected in (("old", "new", "new"), ("old", None, "old")):
        make(run.with_name(f".{run.name}.old"), old)
        if new:
            make(names.beside(run), new)
        recover(run)
        assert contents(run)[names.RESULT] == f"{expected} {names.RESULT}"
        tidy(run)
        assert os.listdir(run.parent) in ([run.name], [run.name, ".locks"], [".locks", run.name])
        discard(run)
        for path in run.rglob("*"):
            if path.is_file():
                path.unlink()
        (run / "figures").rmdir()
        run.rmdir()


def test_an_old_result_stays_until_there_is_another(run):
    """A folder without a result, such as that of an attempt that died, is no reason to delete it."""
    old = make(run.with_name(f".{run.name}.old"), "old")
    run.mkdir()
    recover(run)
    assert names.is_complete(old)
    make(run, "new")
    recover(run)
    assert not old.exists() and names.is_complete(run)


def test_python_saves_over_what_a_kill_between_two_renames_left(run, warped_2d, monkeypatch):
    """The result that waits beside the folder is complete, and stays if the next one cannot be written."""
    import pairreg as package

    make(run.with_name(f".{run.name}.old"), "old")
    make(names.beside(run), "new")
    parts = {"preprocessing": "minmax", "initialization": "none", "similarity": "mse", "transform": "displacement"}
    result = package.register(warped_2d.pair(), schedule=package.build("schedule/single_level", iterations=1), **parts)
    monkeypatch.setattr("pairreg.runs.write.write_arrays", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        result.save(run)
    assert contents(run)[names.RESULT] == f"new {names.RESULT}"


def test_a_repetition_that_is_going_on_is_left_alone(run):
    make(run, "old")
    make(names.beside(run), "new")
    with lock(run.parent / ".locks" / run.name):
        tidy(run)
        assert names.beside(run).exists()
    tidy(run)
    assert not names.beside(run).exists()


def test_links_of_a_user_stay_links(run):
    make(run, "old", "mine/a.txt")
    targets = {"link": "/nowhere", "folder": "mine", "mine/link": "a.txt", "mine/folder": "../figures"}
    for link, target in targets.items():
        (run / link).symlink_to(target)
    take_place(make(workplace(run), "new"), run)
    assert {link: os.readlink(run / link) for link in targets} == targets
    assert (run / "mine" / "link").read_text() == "old mine/a.txt"


def test_a_file_system_without_second_names_gets_copies(run, monkeypatch):
    monkeypatch.setattr("os.link", lambda *_, **__: (_ for _ in ()).throw(PermissionError("no links here")))
    make(run, "old", "notes.txt", "mine/a.txt")
    (run / "link").symlink_to("/nowhere")
    take_place(make(workplace(run), "new"), run)
    assert (run / "notes.txt").read_text() == "old notes.txt" and os.readlink(run / "link") == "/nowhere"
    assert (run / "mine" / "a.txt").read_text() == "old mine/a.txt"


def test_a_checkpoint_does_not_outlive_its_run_and_new_files_win(run):
    make(run, "old", names.CHECKPOINT, "both.txt")
    take_place(make(workplace(run), "new", "both.txt"), run)
    assert not (run / names.CHECKPOINT).exists() and (run / "both.txt").read_text() == "new both.txt"


ARGUMENTS = ["tracking=none", "preset=smoke", "transform=displacement", "schedule.iterations=[300,400]"]


@pytest.mark.slow
def test_a_repetition_that_is_killed_leaves_the_result(pairreg, tmp_path):
    first = pairreg(*ARGUMENTS, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    run = only_run(tmp_path)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    command = [str(BIN / "pairreg"), *ARGUMENTS, "rerun=true"]
    log, checkpoint = names.beside(run) / names.LOG, names.beside(run) / names.CHECKPOINT

    def iterates() -> bool:
        return log.exists() and "iteration 1 " in log.read_text()

    for is_there in (log.exists, iterates, checkpoint.exists):  # before the iterations, in them, between two levels
        for left in (log, checkpoint):  # by the one before
            left.unlink(missing_ok=True)
        killed = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda done=is_there, process=killed: process.poll() is not None or done())
        assert killed.poll() is None
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    kept = pairreg(*ARGUMENTS, cwd=tmp_path)
    assert kept.returncode == 0 and "complete since an earlier command" in kept.stdout
    assert sorted(os.listdir(run.parent)) == [".locks", run.name]
    assert pairreg(*ARGUMENTS, "rerun=true", cwd=tmp_path).returncode == 0
    assert (run / names.RESULT).read_bytes() != before[run / names.RESULT]  # the seconds differ
    for name in ("displacement.nii.gz", names.HISTORY):
        assert (run / name).read_bytes() == before[run / name]
    assert sorted(os.listdir(run.parent)) == [".locks", run.name]


@pytest.mark.slow
def test_a_repetition_that_fails_leaves_the_result_and_says_where_its_error_is(pairreg, tmp_path):
    assert pairreg(*ARGUMENTS, cwd=tmp_path).returncode == 0
    run = only_run(tmp_path)
    before = (run / names.RESULT).read_bytes()
    (tmp_path / "sitecustomize.py").write_text(  # a figure that cannot be drawn, after all results were written
        "import sys\n"
        "class Break:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'pairreg.figures.overview':\n"
        "            raise OSError('no overview today')\n"
        "sys.meta_path.insert(0, Break())\n"
    )
    failed = pairreg(*ARGUMENTS, "rerun=true", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert failed.returncode == 1
    error = names.beside(run) / names.ERROR
    assert f"the earlier result stays; see {error.relative_to(tmp_path)}" in failed.stderr, failed.stderr
    assert "no overview today" in error.read_text()
    assert (run / names.RESULT).read_bytes() == before


def test_a_result_that_python_saves_twice_is_replaced_as_a_whole(warped_2d, tmp_path):
    import pairreg as package

    parts = {"preprocessing": "minmax", "initialization": "none", "similarity": "mse", "transform": "displacement"}
    schedule = package.build("schedule/single_level", iterations=3)
    result = package.register(warped_2d.pair(), schedule=schedule, **parts)
    result.save(tmp_path / "kept")
    written = sorted(path.name for path in (tmp_path / "kept").iterdir())
    (tmp_path / "kept" / "notes.txt").write_text("mine")
    of_another_kind = ["inverse_displacement.nii.gz", "warped_labels.nii.gz", "warped_t2.nii.gz", names.LOG, names.SPEC]
    for name in of_another_kind:
        (tmp_path / "kept" / name).write_text("earlier")
    result.save(tmp_path / "kept")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == sorted([*written, "notes.txt"])
    assert (tmp_path / "kept" / "notes.txt").read_text() == "mine"
    assert os.listdir(tmp_path) == ["kept"] and names.is_complete(tmp_path / "kept")


@pytest.mark.slow
def test_commands_read_what_a_kill_between_two_renames_left(pairreg, tmp_path):
    """While another process holds the run's lock they change nothing; otherwise they finish the replacement."""

    def call(name, *arguments):
        done = installed(name)(*arguments, cwd=tmp_path)
        assert done.returncode == 0, (name, done.stderr)

    call("pairreg", *ARGUMENTS[:-1], "schedule.iterations=[1,1]", "study=a")
    run = only_run(tmp_path)
    settings = set(Run(run).config)
    shutil.copytree(run, tmp_path / "same")
    run.rename(names.beside(run))
    make(run.with_name(f".{run.name}.old"), "old", names.CONFIG)
    before = sorted(os.listdir(run.parent))
    with lock(run.parent / ".locks" / run.name):
        call("pairreg-warp", run, tmp_path / "same" / "warped.nii.gz", "-o", "warped.nii.gz")
        call("pairreg-diff", "same", run)
        assert [(one.signature, set(one.config)) for one in read_study(run.parent).runs] == [(run.name, settings)]
        assert sorted(os.listdir(run.parent)) == before
    call("pairreg", "--from", run, "dry_run=true")
    assert sorted(os.listdir(run.parent)) == [".locks", run.name] and names.is_complete(run)


def test_a_reader_gets_the_earlier_result_where_the_new_one_is_not_complete(run):
    make(run.with_name(f".{run.name}.old"), "old", names.CONFIG)
    names.beside(run).mkdir()
    assert names.run_folders(run.parent) == [run] and names.state(run) == "complete"
    with lock(run.parent / ".locks" / run.name):
        place = Run(run).place
        assert contents(place)[names.RESULT] == f"old {names.RESULT}" and Run.at(run).place == place
    assert Run.at(run).place == run == Run(run).place
    assert contents(run)[names.RESULT] == f"old {names.RESULT}"
