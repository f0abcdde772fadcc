"""What a config may name is a list; whose code runs is for the command line to say."""

import os
import stat
import subprocess

import pytest

from command_helpers import BIN, many
from pairreg import InputError, option_files, trust
from pairreg.bounded_yaml import check_yaml
from pairreg.locks import Busy, is_held, lock
from pairreg.private_folder import lock_folder, private

# Each would make the file `owned`, or would let somebody else's code in.
CODE = "{_target_: pathlib.Path.touch, self: owned}"
OVERRIDES = {
    "any import by way of a schedule": "optimizer.learning_rate={_target_: pairreg.option_files.instantiate, node: {}}",
    "a function in a setting": "optimizer.learning_rate={_target_: pairreg.runs.write._write_json, path: owned}",
    "a module's import": "optimizer.learning_rate={_target_: pairreg.files.os.system, command: touch owned}",
    "behind the name of Keras": "optimizer.learning_rate={_target_: keras.optimizers.schedules.os.system}",
    "a class of Keras that is no schedule": "optimizer.learning_rate={_target_: keras.optimizers.Adam}",
    "a loader of Keras": "optimizer.learning_rate={_target_: keras.saving.load_model, filepath: owned}",
    "a method": "transform._target_=pairreg.transform.unet.UNet.__init__",
    "a base class": "transform._target_=pairreg.transform.base.Transform",
    "an option of another group": "transform._target_=pairreg.similarity.ncc.NCC",
    "a helper of the same package": "transform._target_=pairreg.transform.unet.published_network",
    "Python itself": "similarity.pcc._target_=builtins.exec",
    "a term": f"+similarity.x={CODE}",
    "a pair": "pair={_target_: subprocess.run, args: touch owned}",
    "compute": "compute={_target_: pairreg.compute.processes.Worker, cpus: 1}",
    "tracking": "tracking={_target_: pairreg.tracking.mlflow_client.connect, address: x}",
    "deep in a setting": f"+transform.x={{y: {{z: {CODE}}}}}",
    "no text": "transform._target_=5",
    "callbacks": f"+hydra.callbacks.mine={CODE}",
    "a handler of the log": "+hydra.job_logging.handlers.x.class=owned.Handler",
    "a factory of the log": "+hydra.hydra_logging.formatters={x: {'()': os.system}}",
    "an argument of the launcher": f"+hydra.launcher.x={CODE}",
    "another launcher": "hydra.launcher._target_=os.system",
    "another sweeper": "hydra.sweeper._target_=os.system",
    "the environment of processes": "+hydra.job.env_set.PYTHONPATH=.",
    "folders": "hydra.run.dir=owned",
    "folders of sweeps": "hydra.sweep.dir=owned",
    "folders of jobs": "hydra.sweep.subdir=owned",
    "Hydra's files": "hydra.output_subdir=owned",
    "a package on the search path": "hydra.searchpath=[pkg://this]",
}
OPTIONS = {
    "a pickle": ("--experimental-rerun", "job.pickle"),
    "another primary config": ("--config-name", "other"),
    "another folder of primary configs": ("--config-path", "/tmp"),
    "no folder of primary configs": ("--config-path", ""),
}
FILES = {
    "trusts a module": ("ablation/bad.yaml", "# @package _global_\ntrusted_modules: [evil]\n", "ablation=bad"),
    "sweeps over trusted modules": (
        "ablation/bad.yaml",
        "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper: {params: {trusted_modules: '[evil],[bad]'}}\n",
        "ablation=bad",
    ),
    "callbacks": ("preset/bad.yaml", f"# @package _global_\nhydra: {{callbacks: {{x: {CODE}}}}}\n", "preset=bad"),
    "an option of foreign code": ("similarity/bad.yaml", "bad: {_target_: evil.Loss}\n", "similarity=bad"),
    "aliases of aliases": (
        "similarity/bad.yaml",
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"{y}: &{y} [{','.join([f'*{x}'] * 10)}]\n" for x, y in zip("abcdefgh", "bcdefghi", strict=True)),
        "similarity=bad",
    ),
    "a million brackets": ("similarity/bad.yaml", "a: " + "[" * 1_000_000, "similarity=bad"),
    "levels": ("similarity/bad.yaml", "a: " + "{a: " * 60 + "1" + "}" * 60, "similarity=bad"),
    "size": ("similarity/bad.yaml", "a: 1\n" + "#" * 2_000_000, "similarity=bad"),
    "a Python object": (
        "similarity/bad.yaml",
        "a: !!python/object/apply:os.system ['touch owned']\n",
        "similarity=bad",
    ),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The answers of one process to all attacks."""
    folder = tmp_path_factory.mktemp("attacks")
    evil = "from pathlib import Path\nPath(__file__).with_name('owned').touch()\nclass Loss: pass\n"
    (folder / "evil.py").write_text(evil)
    calls = {name: ["dry_run=true", override] for name, override in OVERRIDES.items()}
    calls |= {name: ["dry_run=true", *options] for name, options in OPTIONS.items()}
    for i, (name, (path, content, chosen)) in enumerate(FILES.items()):
        file = folder / f"conf{i}" / path
        file.parent.mkdir(parents=True)
        file.write_text(content)
        calls[f"file: {name}"] = ["dry_run=true", "--config-dir", f"conf{i}", chosen]
    os.environ["PYTHONPATH"] = str(folder)
    try:
        done = many("pairreg", list(calls.values()), folder, tmp_path_factory.mktemp("said"))
    finally:
        del os.environ["PYTHONPATH"]
    return dict(zip(calls, done, strict=True)), folder


ATTACKS = [*OVERRIDES, *OPTIONS, *(f"file: {name}" for name in FILES)]


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_one_sentence(name, answers):
    done = answers[0][name]
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr[-2000:]
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.usefixtures("answers")
def test_no_attack_has_run_anything(answers):
    assert not list(answers[1].rglob("owned*")) and not (answers[1] / "__pycache__").exists()


def test_every_option_is_allowed_in_its_group_alone():
    for group in option_files.groups():
        for option in option_files.options(group):
            target = option_files.option_node(f"{group}/{option}")["_target_"]
            assert target in option_files.targets(group)
            others = [other for other in option_files.groups() if other != group]
            assert all(target not in option_files.targets(other) for other in others)
    assert option_files.targets("no_group") == ()


def test_a_module_is_trusted_by_the_command_line_or_the_environment(monkeypatch):
    monkeypatch.setenv(trust.ENV, "from_env, b")
    assert trust.trusted(["b"]) == ["b", "from_env"]
    with pytest.raises(InputError, match="names 'c' in a file"):
        trust.trusted(["b", "c"])
    trust.trust_arguments(["x=1", "trusted_modules=[c, d.e]", "+trusted_modules=f"])
    assert trust.trusted([]) == ["from_env", "b", "c", "d.e", "f"]


def test_schedules_of_keras_are_named_as_keras_names_them():
    import keras

    named = {name.rpartition(".")[2] for name in option_files._SCHEDULES}
    found = {
        name for name in dir(keras.optimizers.schedules) if isinstance(getattr(keras.optimizers.schedules, name), type)
    }
    assert named == found - {"LearningRateSchedule"}


@pytest.mark.parametrize(
    "text", ["a: 1\n", "a: &x {b: [1, 2]}\nc: *x\n", "", "# nothing\n", "a: " + "[" * 40 + "]" * 40]
)
def test_usual_files_pass(text, tmp_path):
    (tmp_path / "usual.yaml").write_text(text)
    check_yaml(tmp_path / "usual.yaml")


def test_a_lock_neither_empties_a_file_nor_follows_a_link(tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("precious")
    with lock(mine):
        assert is_held(mine)
        with pytest.raises(Busy), lock(mine):
            pass
    assert mine.read_text() == "precious"
    (tmp_path / "link").symlink_to(mine)
    with pytest.raises(OSError, match="symbolic links"), lock(tmp_path / "link"):
        pass


def test_a_private_folder_is_ours_alone(tmp_path):
    made = private(tmp_path / "a" / "b")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(made)
    with pytest.raises(PermissionError, match="it is a link"):
        private(tmp_path / "link")
    made.chmod(0o770)
    with pytest.raises(PermissionError, match="others may write to it"):
        private(made)
    if os.getuid() == 0:
        made.chmod(0o700)
        os.chown(made, 4711, -1)
        with pytest.raises(PermissionError, match="it belongs to user 4711"):
            private(made)


def test_without_a_folder_for_locks_there_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert lock_folder() == tmp_path / "pairreg"
    (tmp_path / "pairreg").chmod(0o777)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    assert lock_folder() == tmp_path / "tmp" / f"pairreg-{os.getuid()}"
    lock_folder().rmdir()
    (tmp_path / "tmp" / f"pairreg-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(InputError, match="There is no folder for locks .*it is a link.*set XDG_RUNTIME_DIR"):
        lock_folder()


def test_an_attack_through_json_is_a_sentence(tmp_path):
    """Too deep for the stack of Python: landmarks of 3-D Slicer, and the result of a run."""
    deep = "[" * 100_000
    (tmp_path / "points.mrk.json").write_text(deep)
    run = tmp_path / "runs" / "s" / "0123abcd"
    run.mkdir(parents=True)
    (run / "result.json").write_text(deep)
    (run / "config.yaml").write_text("a: 1\n")
    (run / "task.json").write_text(deep)
    commands = {
        "pairreg-check": [str(tmp_path / "points.mrk.json")],
        "pairreg-warp": [str(run), "x.nii", "-o", "y.nii"],
    }
    commands["pairreg"] = ["--from", str(run)]
    for command, arguments in commands.items():
        done = subprocess.run([str(BIN / command), *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, (command, done.stderr[-500:])
