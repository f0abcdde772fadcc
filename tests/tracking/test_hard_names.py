"""Names that MLflow does not take, folders that an address cannot have, and a study that moves: real runs."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import SimpleITK as sitk

from pairreg.composition import quoted

QUICK = ("preset=smoke", "transform=displacement", "--config-dir=conf", "pair=hard")
STUDY = "it's [red] a,b=1 50%"
LABELS = {1: "lung (left)", 2: "lung [left]", 3: "..", 4: "Δ, $x$ [/red]", 5: "_y:smile:"}
HARD = """
_target_: pairreg.pair.files.load_pair
fixed: f.nii.gz
moving: m.nii.gz
fixed_labels: l.nii.gz
moving_labels: l.nii.gz
name: "肺 [red] $a_1$ & 50%"
channels: {"FDG (SUV)": m.nii.gz, "Ki %20?": m.nii.gz}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hard")
    rng = np.random.default_rng(0)
    for name in "fm":
        sitk.WriteImage(sitk.GetImageFromArray(rng.normal(size=(20, 24)).astype(np.float32)), folder / f"{name}.nii.gz")
    labels = np.repeat(np.arange(6, dtype=np.uint8), 4)[None].repeat(20, 0)
    sitk.WriteImage(sitk.GetImageFromArray(labels), folder / "l.nii.gz")
    (folder / "conf/pair").mkdir(parents=True)
    (folder / "conf/pair/hard.yaml").write_text(HARD + f"label_names: {json.dumps(LABELS)}\n", encoding="utf-8")
    return folder


def store(output_dir, study):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{output_dir}/mlflow.db")
    experiment = client.get_experiment_by_name(study)
    return client, experiment, client.search_runs([experiment.experiment_id])


@pytest.mark.slow
def test_a_study_with_hard_names_moves(folder, pairreg, tmp_path):
    """Run in a folder that no address can name, moved, and completed there."""
    first = "out ?%20#'[red]ü"
    several = (*QUICK, f"study={quoted(STUDY)}", "similarity=mse,pcc", "-m")  # a comma separates values with -m
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    done = pairreg(*QUICK, f"study={STUDY}", f"output_dir={first}", "similarity=mse", cwd=folder, **cache)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for name in LABELS.values()) and f"results: {first}/{STUDY}/" in done.stdout
    (result,) = (folder / first / STUDY).glob("*/result.json")
    metrics = json.loads(result.read_text(encoding="utf-8"), parse_constant=pytest.fail)["metrics"]
    assert {f"dice/{name}" for name in LABELS.values()} <= set(metrics)
    assert {"warped_FDG (SUV).nii.gz", "warped_Ki %20?.nii.gz"} <= {path.name for path in result.parent.iterdir()}

    shutil.move(folder / first, folder / "moved")
    done = pairreg(*several, "output_dir=moved", cwd=folder, **cache)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (folder / first).exists()
    client, experiment, runs = store(folder / "moved", STUDY)
    children = [run for run in runs if "pairreg.signature" in run.data.tags]
    assert len(runs) == 3 and {run.info.status for run in runs} == {"FINISHED"}
    assert len({run.data.tags["pairreg.signature"] for run in children}) == 2
    for run in children:
        dice = [name for name in run.data.metrics if name.startswith("dice/")]
        assert len(dice) == len(LABELS) and {"dice/lung _left_", "dice/__"} & set(dice)
        assert "result.json" in {one.path for one in client.list_artifacts(run.info.run_id)}
    page = (folder / "moved" / STUDY / "report/index.html").read_text(encoding="utf-8")
    assert "肺 [red] $a_1$ &amp; 50%" in page and "it&#39;s [red] a,b=1 50%" in page


def test_a_server_out_of_reach_tells_no_password(folder, pairreg, tmp_path):
    done = pairreg(*QUICK, "output_dir=none", cwd=folder, MLFLOW_TRACKING_URI="http://me:s3cret@127.0.0.1:9")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and not (folder / "none").exists()
    assert "http://me:***@127.0.0.1:9 cannot be used" in done.stderr and "s3cret" not in done.stderr + done.stdout


ADDRESSES = ["http://[::1", "nothing://x", "sqlite:////dev/null/x/mlflow.db", "postgresql+psycopg2://127.0.0.1:9/x"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_cannot_be_is_one_sentence(folder, pairreg, address):
    done = pairreg(*QUICK, "output_dir=none", cwd=folder, MLFLOW_TRACKING_URI=address)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert f"MLflow at {address} cannot be used" in done.stderr


@pytest.fixture
def refusing():
    """A server that is there and refuses everything that it is sent."""

    class Refusal(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(400)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "no s3cret name"}')

        def log_message(self, *_: object) -> None:
            """Nothing on the screen."""

    server = HTTPServer(("127.0.0.1", 0), Refusal)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://me:s3cret@127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_refusal_is_not_out_of_reach(refusing, caplog, write_run):
    from mlflow import MlflowClient

    from pairreg.runs.read import Run
    from pairreg.tracking.mlflow_run import MLflowRun

    run = MLflowRun(MlflowClient(refusing), "0" * 32, "", Run(write_run("a")), refusing)
    run.finish({"dice/a": 1.0})
    assert "rejected what was sent (INVALID_PARAMETER_VALUE: no *** name)" in caplog.text
    assert "s3cret" not in caplog.text and "does not answer" not in caplog.text
    assert not run.lost and not run.pending
