"""`pairreg-view` on runs that the command `pairreg` has left, and the pages of a report."""

import json
import re
import shutil

import numpy as np
import pytest
import SimpleITK as sitk

from command_helpers import installed, many, only_run
from view_helpers import content_of, labels, volume

QUICK = ("preset=smoke", "tracking=none", "transform=displacement", "initialization=none")


@pytest.fixture(scope="module")
def view():
    return installed("pairreg-view")


@pytest.fixture(scope="module")
def run(tmp_path_factory, pairreg):
    """The run of a 3-D phantom."""
    folder = tmp_path_factory.mktemp("volume")
    done = pairreg(*QUICK, "pair=phantom_3d", "pair.size=[32,24,16]", "pair.spacing=14", "study=made", cwd=folder)
    assert done.returncode == 0, done.stderr
    return only_run(folder)


def test_the_page_of_a_run_is_opened_from_disk(view, run, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    done = view(run, cwd=tmp_path, BROWSER=str(browser))
    page = run / "figures/view.html"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"view: {page}\n", "")
    assert (tmp_path / "opened").read_text() == f"file://{page}\n"
    browser.write_text("#!/bin/sh\nexit 1\n")
    done = view(run, cwd=tmp_path, BROWSER=str(browser), PATH="")
    assert done.stdout.splitlines()[1:] == ["no browser was found: open the file in one"]
    found, carried = content_of(page), sitk.GetArrayFromImage(sitk.ReadImage(str(run / "warped_labels.nii.gz")))
    assert [plane["name"] for plane in found["planes"]] == ["axial", "coronal", "sagittal"]
    assert volume(found, "warped").shape == carried.shape == (16, 24, 32)
    np.testing.assert_array_equal(labels(found, "warped") > 0, carried > 0)
    assert page.stat().st_size < 3_000_000 and "http" not in page.read_text().replace("http://www.w3.org", "")


def test_landmarks_are_as_far_apart_as_the_metrics_say(view, pairreg, tmp_path):
    """In the moving image before, and after the registration in the warped one."""
    rng = np.random.default_rng(0)
    for name in ("f", "m"):
        image = sitk.GetImageFromArray(rng.normal(size=(40, 48)).astype(np.float32))
        image.SetSpacing((1.5, 2.0))
        sitk.WriteImage(sitk.DiscreteGaussian(image, 9.0), str(tmp_path / f"{name}.nii.gz"))
        points = rng.uniform(12, 60, (6, 2))
        (tmp_path / f"{name}.csv").write_text("x,y\n" + "\n".join(f"{x:.3f},{y:.3f}" for x, y in points))
    files = [f"pair.{name}={name[0]}.nii.gz" for name in ("fixed", "moving")]
    files += [f"pair.{name}_landmarks={name[0]}.csv" for name in ("fixed", "moving")]
    done = pairreg(*QUICK, "pair=files", *files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = only_run(tmp_path)
    done = view(folder, "--no-open", "-o", "page.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    places = {name: np.array(one) for name, one in content_of(tmp_path / "page.html")["landmarks"].items()}
    truth = np.loadtxt(tmp_path / "f.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(places["fixed"][:, :0:-1] - [0.75, 1.0], truth, atol=0.006)
    metrics = json.loads((folder / "metrics.json").read_text())
    for name, key in {"moving": "before/tre_mean", "warped": "tre_mean"}.items():
        apart = np.linalg.norm(places[name] - places["fixed"], axis=1).mean()
        assert apart == pytest.approx(metrics[key], abs=0.02), name
    assert abs(metrics["before/tre_mean"] - metrics["tre_mean"]) > 0.1


def test_what_cannot_be_shown_is_said_and_nothing_written(run, tmp_path):
    for name in ("bare", "torn", "begun"):
        shutil.copytree(run, tmp_path / name)
        (tmp_path / name / "figures/view.html").unlink(missing_ok=True)
    (tmp_path / "bare/displacement.nii.gz").unlink()
    (tmp_path / "torn/result.h5").write_bytes((run / "result.h5").read_bytes()[:5000])
    (tmp_path / "begun/result.json").unlink()
    calls = {
        ("bare",): "displacement.nii.gz is missing; run it again",
        ("torn",): "result.h5 has no images to draw",
        ("begun",): "begun has no result.json; give the folder of a run that has finished",
        (str(run), "-o", f"{run}/metrics.json"): "is an input of this command",
        (str(run), "-o", "page.pdf"): "page.pdf does not end in .html",
        (str(run), "-o", "bare"): "bare is a folder",
    }
    (tmp_path / "said").mkdir()
    before = sorted(tmp_path.rglob("*"))
    answers = many("pairreg-view", [[*call, "--no-open"] for call in calls], tmp_path, tmp_path / "said")
    for answer, says in zip(answers, calls.values(), strict=True):
        assert answer.returncode == 2 and says in answer.stderr and len(answer.stderr.splitlines()) == 1, answer
    assert [path for path in sorted(tmp_path.rglob("*")) if path.parent.name != "said"] == before


def test_a_report_links_a_page_for_every_pair_if_asked(run, tmp_path):
    shutil.copytree(run.parent, tmp_path / "runs/made")
    (tmp_path / "said").mkdir()
    plain, viewed = many(
        "pairreg-report", [["made", "-o", "plain"], ["made", "-o", "viewed", "--view"]], tmp_path, tmp_path / "said"
    )
    assert (plain.returncode, viewed.returncode) == (0, 0), viewed.stderr
    assert not (tmp_path / "plain/views").exists() and "views/" not in (tmp_path / "plain/index.html").read_text()
    links = re.findall(r'href="(views/.*?)"', (tmp_path / "viewed/index.html").read_text())
    assert links == ["views/view_01.html"] == [f"views/{path.name}" for path in (tmp_path / "viewed/views").iterdir()]
    text = (tmp_path / "viewed" / links[0]).read_text()
    assert content_of(tmp_path / "viewed" / links[0])["shape"] == [16, 24, 32] and run.name in text


def test_a_repeated_run_has_no_page_of_the_earlier_one(view, run, pairreg, tmp_path):
    folder = shutil.copytree(run.parents[2], tmp_path / "work") / "runs/made" / run.name
    assert view(folder, "--no-open", cwd=tmp_path).returncode == 0
    done = pairreg("--from", folder, "rerun=true", "tracking=none", cwd=tmp_path / "work")
    assert done.returncode == 0, done.stderr
    assert (folder / "figures/overview.png").exists() and not (folder / "figures/view.html").exists()
