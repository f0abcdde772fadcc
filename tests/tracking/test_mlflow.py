"""What arrives in a real MLflow store: SQLite, and a server."""

import json
import math
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from command_helpers import installed
from worker_helpers import wait_for

ZIP = "hydra.sweeper.zip=[[similarity,regularizer.diffusion.weight]]"
QUICK = ("preset=smoke", "transform=displacement")


PAIRS = "pair=thorax_ct_2d,phantom_2d"


@pytest.fixture(scope="module")
def study(pairreg, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    varied = ("similarity=mse,[pcc,ssim]", "regularizer.diffusion.weight=0.5,2", ZIP, PAIRS)
    done = pairreg(*varied, *QUICK, "study=two", "-m", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def client(uri: str):
    from mlflow import MlflowClient

    return MlflowClient(uri)


def runs_of(store, study: str):
    experiment = store.get_experiment_by_name(study)
    found = store.search_runs([experiment.experiment_id], max_results=50)
    return experiment, [r for r in found if "mlflow.parentRunId" in r.data.tags], found


@pytest.mark.slow
def test_children_of_one_parent_are_comparable(study):
    store = client(f"sqlite:///{study}/runs/mlflow.db")
    experiment, children, everything = runs_of(store, "two")
    assert len(children) == 4 and len(everything) == 5
    (parent,) = [run for run in everything if run not in children]
    assert parent.data.tags["pairreg.role"] == "parent"
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert {run.data.params["similarity"] for run in children} == {"mse", "pcc+ssim"}
    assert {run.data.params["regularizer"] for run in children} == {"diffusion+jacobian"}
    assert all(run.info.status == "FINISHED" for run in everything)
    assert Path(experiment.artifact_location.removeprefix("file://")).is_absolute()


@pytest.mark.slow
def test_what_became_of_the_runs_is_read_as_mlflow_finds_it(study):
    from pairreg.tracking.mlflow_database import statuses

    address = f"sqlite:///{study}/runs/mlflow.db"
    experiment, children, _ = runs_of(client(address), "two")
    found = {run.data.tags["pairreg.signature"]: (run.info.status, run.info.end_time) for run in children}
    assert statuses(address, experiment.experiment_id) == found
    assert {status for status, _ in found.values()} == {"FINISHED"} and min(ended for _, ended in found.values()) > 0
    with pytest.raises(sqlite3.OperationalError):
        statuses(f"{address}.away", experiment.experiment_id)
    assert not (study / "runs" / "mlflow.db.away").exists()


def parent_of(store, study: str):
    _, children, everything = runs_of(store, study)
    (parent,) = [run for run in everything if run not in children]
    return parent


@pytest.mark.slow
def test_the_parent_has_mean_and_deviation_of_every_setting(study):
    """As the report's table and, from the run folders, as NumPy has them."""
    parent = parent_of(client(f"sqlite:///{study}/runs/mlflow.db"), "two")
    results = [json.loads(path.read_text()) for path in (study / "runs/two").glob("*/result.json")]
    for similarity, weight in (("mse", "0.5"), ("pcc+ssim", "2")):
        for name in ("dice_mean", "sdlogj", "seconds"):
            values = [one["metrics"][name] for one in results if one["choices"]["similarity"] == similarity]
            where = f"{name}/{similarity.replace('+', '_')} - diffusion.weight {weight}"
            assert len(values) == 2
            assert parent.data.metrics[f"{where}/mean"] == pytest.approx(np.mean(values))
            assert parent.data.metrics[f"{where}/sd"] == pytest.approx(np.std(values, ddof=1))
    assert all(np.isfinite(list(parent.data.metrics.values())))


@pytest.mark.slow
def test_children_are_found_by_every_choice_that_varies(study):
    """By the names that the command line takes, as a user of MLflow would ask."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{study}/runs/mlflow.db")
    try:
        for query, count in {
            "params.similarity = 'pcc+ssim'": 2,
            "params.`regularizer.diffusion.weight` = '0.5'": 2,
            "params.pair = 'phantom_2d'": 2,
            "params.similarity = 'mse' and params.pair = 'thorax_ct_2d' and params.seed = '0'": 1,
            "params.similarity = 'mse' and params.`regularizer.diffusion.weight` = '2'": 0,
        }.items():
            found = mlflow.search_runs(experiment_names=["two"], filter_string=query)
            assert len(found) == count, query
    finally:
        mlflow.set_tracking_uri(None)


def test_a_setting_that_is_no_longer_compared_keeps_no_mean(tmp_path):
    """More runs may split a setting in two: then its name stands for nothing."""
    from pairreg.tracking.mlflow import MLflowTracker

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    for summary in ({"dice_mean/mse/mean": 0.5}, {"dice_mean/mse - seed 1/mean": 0.6, "dice_mean/mse/sd": math.inf}):
        tracker = MLflowTracker(uri)
        tracker.open("made", tmp_path, {})
        tracker.close(summary=summary)
    metrics = parent_of(client(uri), "made").data.metrics
    assert metrics.pop("dice_mean/mse - seed 1/mean") == 0.6
    assert list(metrics) == ["dice_mean/mse/mean"] and math.isnan(metrics["dice_mean/mse/mean"])


def completed(folder: Path, address: str):
    """The run of `folder` as the index has it after a command that tracked nothing while it ran."""
    from pairreg.tracking.mlflow import MLflowTracker

    tracker = MLflowTracker(address)
    tracker.open("made", folder.parents[1], {})
    tracker.complete([folder])
    tracker.close()
    ((run,),) = [runs_of(client(address), "made")[1]]
    time.sleep(0.05)  # what is written next is newer than that, also to a clock of 10 ms
    return run


@pytest.mark.parametrize("opened", ["", "?timeout=30"])  # as a database file, and as any store
def test_a_result_that_was_repeated_without_the_index_takes_the_place_of_the_earlier(write_run, tmp_path, opened):
    """As with `compute=slurm` or `tracking=none` and `rerun=true`."""
    address = f"sqlite:///{tmp_path}/mlflow.db"
    result = write_run("0123abcd", metrics={"dice_mean": 0.5}) / "result.json"
    runs = [completed(result.parent, address)]
    result.write_text(result.read_text().replace('"dice_mean": 0.5', '"dice_mean": 0.9'))
    (result.parent / "history.csv").write_text("iteration,loss,level\n1,0.25,1\n")
    runs += [completed(result.parent, address + opened) for _ in range(2)]
    assert [run.data.metrics["dice_mean"] for run in runs] == [0.5, 0.9, 0.9]
    assert [run.data.metrics["loss"] for run in runs] == [0.1, 0.25, 0.25]
    kept = Path(runs[1].info.artifact_uri.removeprefix("file://")) / "result.json"
    assert json.loads(kept.read_text())["metrics"]["dice_mean"] == 0.9
    first, second, third = (run.info.run_id for run in runs)
    assert first != second == third, "what the index has already is not added again"


def test_results_that_python_has_saved_are_added(write_run, tmp_path):
    """With no config, or one of the user's own; by the command, which closes the run of the study."""
    saved = {"mine": ({}, {}), "noted": ({"note": 1}, {}), "of_a_command": None}
    for name, kept in saved.items():
        result = write_run(name, metrics={"dice_mean": 0.75}) / "result.json"
        if kept is not None:
            content = dict(zip(("config", "choices"), kept, strict=True))
            result.write_text(json.dumps(json.loads(result.read_text()) | content))
    done = installed("pairreg-report")("made", "--log-mlflow", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    _, children, everything = runs_of(client(f"sqlite:///{tmp_path}/runs/mlflow.db"), "made")
    assert {run.info.run_name: run.data.tags["pairreg.study"] for run in children} == {
        "mine": "made", "noted": "made", "thorax_ct_2d | mse | diffusion": "made",
    }  # fmt: skip
    assert {run.data.metrics["dice_mean"] for run in children} == {0.75}
    assert {run.info.status for run in everything} == {"FINISHED"}


def test_a_run_that_failed_again_without_the_index_has_its_latest_error(tmp_path):
    address, folder = f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "runs" / "made" / "0123abcd"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("seed: 0\nstudy: made\n")
    (folder / "task.json").write_text('{"choices": {}, "command": "pairreg", "inputs": {}}')
    ids = []
    for error in ("ValueError: one", "ValueError: two", None):
        if error is not None:
            (folder / "error.txt").write_text(f"{error}\n")
        run = completed(folder, address)
        ids.append(run.info.run_id)
        assert run.info.status == "FAILED"
        kept = Path(run.info.artifact_uri.removeprefix("file://")) / "error.txt"
        assert kept.read_text() == (folder / "error.txt").read_text()
    assert ids[0] != ids[1] == ids[2]


def test_curves_metrics_tags_and_artifacts_are_those_of_the_run_folder(study):
    store = client(f"sqlite:///{study}/runs/mlflow.db")
    for run in runs_of(store, "two")[1]:
        folder = study / "runs" / "two" / run.data.tags["pairreg.signature"]
        summary = json.loads((folder / "result.json").read_text())
        for name, value in summary["metrics"].items():
            assert run.data.metrics[name] == pytest.approx(value), name
        terms = [name for name in run.data.metrics if name.startswith(("similarity/", "regularizer/"))]
        given = {f"{group}/{t}" for group in ("similarity", "regularizer") for t in run.data.params[group].split("+")}
        assert set(terms) == given
        for name in ("loss", "level", *terms):
            assert [m.step for m in store.get_metric_history(run.info.run_id, name)] == list(range(1, 9)), name
        artifacts = {a.path for a in store.list_artifacts(run.info.run_id)}
        assert {"result.h5", "warped.nii.gz", "result.json", "figures", "config.yaml"} <= artifacts
        assert run.data.tags["pairreg.device"]
        kept = Path(run.info.artifact_uri.removeprefix("file://"))  # under other names, which take no room
        for path in (path for path in folder.rglob("*") if path.is_file()):
            assert path.samefile(kept / path.relative_to(folder)), path
        assert run.data.tags["pairreg.version/tensorflow"].startswith("2.")
        assert run.data.params["transform.stride"] == "1"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/store.db", "--artifacts-destination", str(folder / "files")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    uri = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, "it has ended: another process may have taken its port"
        try:
            urllib.request.urlopen(f"{uri}/health", timeout=1).close()
        except OSError:
            return False
        return True

    try:
        wait_for(answers)
        yield uri
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
def test_a_server_named_by_the_environment_is_used(pairreg, server, tmp_path):
    done = pairreg(*QUICK, cwd=tmp_path, MLFLOW_TRACKING_URI=server)
    assert done.returncode == 0, done.stderr
    assert f"MLflow: {server}" in done.stdout
    assert not list(tmp_path.rglob("mlflow.db"))
    store = client(server)
    ((run,),) = [runs_of(store, "default")[1]]
    assert run.info.status == "FINISHED" and run.data.metrics["iterations"] == 8
    assert "result.h5" in {a.path for a in store.list_artifacts(run.info.run_id)}


def test_a_server_that_is_down_is_one_sentence_before_any_compute(pairreg, tmp_path):
    done = pairreg(*QUICK, cwd=tmp_path, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert done.returncode == 2
    assert done.stderr.startswith("pairreg: MLflow at http://127.0.0.1:9 cannot be used")
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.rglob("*"))


def test_a_failed_run_is_marked_as_failed_and_keeps_its_curves(pairreg, tmp_path):
    done = pairreg(*QUICK, "optimizer.beta_1=0.999999999999", cwd=tmp_path)
    assert done.returncode == 1
    store = client(f"sqlite:///{tmp_path}/runs/mlflow.db")
    ((run,),) = [runs_of(store, "default")[1]]
    assert run.info.status == "FAILED"
    assert "error.txt" in {a.path for a in store.list_artifacts(run.info.run_id)}
    # the next attempt writes into the same folder
    (error,), kept = tmp_path.glob("runs/default/*/error.txt"), Path(run.info.artifact_uri.removeprefix("file://"))
    assert error.read_bytes() == (kept / "error.txt").read_bytes() and not error.samefile(kept / "error.txt")
    assert store.get_metric_history(run.info.run_id, "loss")
