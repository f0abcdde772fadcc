"""The report of a study, by the function and by the command."""

import base64
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from command_helpers import installed
from pairreg.cli.report import find
from pairreg.errors import InputError
from pairreg.report.write import write_report
from pairreg.runs.comparison import Candidate, Comparison
from pairreg.runs.read import Run

Write = Callable[..., Path]


command = installed("pairreg-report")


def fail(study: Path, name: str, error: str | None) -> None:
    (study / name).mkdir(parents=True)
    (study / name / "config.yaml").write_text("seed: 0\n")
    if error is not None:
        (study / name / "error.txt").write_text(error)


TRACEBACK = (
    "Traceback (most recent call last):\n  File …\npairreg.errors.DivergedError: ncc became nan at iteration 3.\n"
)


def test_the_page_tells_all_and_needs_nothing_else(write_run: Write, study: Path) -> None:
    write_run("a", similarity="mse", ablation="similarity")
    write_run("b", similarity="ncc", ablation="similarity", provenance={"git_commit": "beef", "git_dirty": "true"})
    fail(study, "c", TRACEBACK)
    fail(study, "d", None)
    fail(study, "e", None)
    (study / "e" / "task.json").write_text('{"choices": {"simil')  # cut off by a copy
    path = write_report(study).page
    page = path.read_text()
    assert path == study / "report" / "index.html"
    assert "which similarity aligns the labels best" in page  # from experiments/ablation/similarity.yaml
    assert "different commits" in page and "not committed" in page
    row = "<tr><td>similarity</td><td>mse</td><td>1 of 2</td><td>weight 1</td></tr>"
    assert row in page and "<tr><td>regularizer</td><td>diffusion</td><td>all</td><td>weight 1</td></tr>" in page
    assert "beef, c0ffee" in page and "pairreg study=made -m" in page
    assert "DivergedError: ncc became nan at iteration 3." in page
    assert re.search(r"<code>d</code>: unfinished", page) and re.search(r"<code>e</code>: unfinished", page)
    outside = re.sub(r"data:[^\"]*", "", page)
    assert "http" not in outside and "<link" not in outside and "@import" not in outside
    sources = re.findall(r'<img src="data:image/(\w+);base64,([^"]+)"', page)
    assert len(sources) == page.count("<img ") == 4 + 2 * 3  # panel, tradeoff, cost, curves; 3 frames of 2 runs
    for kind, data in sources:
        assert Image.open(io.BytesIO(base64.b64decode(data))).format == kind.upper()
    assert all((study / "report" / link).is_file() for link in re.findall(r'href="([^"#]+)"', page))


def test_frames_show_what_they_say_and_nothing_is_said_without_reason(write_run: Write, study: Path) -> None:
    write_run("a", bend=0.0)  # warped is fixed
    page = write_report(study).page.read_text()
    frames = {
        name: uri for uri, name in re.findall(r'<img src="([^"]+)" alt="(moving \(initialised\)|warped|fixed)"', page)
    }
    assert frames["warped"] == frames["fixed"] != frames["moving (initialised)"]
    assert 'class="question"' not in page and 'class="warn"' not in page and 'id="incomplete"' not in page


def test_a_report_is_replaced_as_a_whole_or_not_at_all(write_run: Write, study: Path) -> None:
    folder = write_run("a")
    old = study / "report" / "figures" / "old.png"
    old.parent.mkdir(parents=True)
    old.touch()
    arrays = (folder / "result.h5").read_bytes()
    (folder / "result.h5").write_bytes(b"broken")
    with pytest.raises(InputError, match="a/result.h5 has no images to draw"):
        write_report(study)
    assert sorted(path.name for path in study.iterdir()) == ["a", "report"] and old.exists()
    (folder / "result.h5").write_bytes(arrays)
    assert write_report(study).page.exists() and not old.exists()
    assert sorted(path.name for path in study.iterdir()) == ["a", "report"]


def test_the_last_line_of_a_traceback_is_the_error(tmp_path: Path) -> None:
    assert Run(tmp_path).error is None
    (tmp_path / "error.txt").write_text(TRACEBACK)
    assert Run(tmp_path).error == "DivergedError: ncc became nan at iteration 3."


def test_the_command_prints_the_table_and_where_the_page_is(write_run: Write, study: Path) -> None:
    write_run("a", similarity="mse", metrics={"dice_mean": 0.5})
    write_run("b", similarity="ncc", metrics={"dice_mean": 0.75})
    done = command("made", "--reference", "similarity=mse", cwd=study.parents[1])
    assert (done.returncode, done.stderr) == (0, "")
    assert "0.750" in done.stdout and "runs/made/report/index.html" in done.stdout


def test_a_study_is_found_by_name_and_by_path(study: Path) -> None:
    study.mkdir(parents=True)
    assert find("made", study.parent) == find(str(study), Path("nowhere")) == study


def test_command_says_in_a_sentence_what_is_wrong(write_run: Write, study: Path) -> None:
    (write_run("a", similarity="mse") / "config.yaml").touch()
    write_run("b", similarity="ncc")
    fail(study.parent / "empty", "c", None)
    (study.parent / "empty" / "d").mkdir()
    home = study.parents[1]
    (home / "images").mkdir()
    missing = "there is no study 'typo', which would be the folder"
    for arguments, words in {
        ("typo",): f"{missing} 'runs/typo' or 'typo'; runs has empty, made.",
        ("typo", "--output-dir", "nowhere"): f"{missing} 'nowhere/typo' or 'typo'; nowhere has none.",
        ("images",): "images has no run of a study; give the name of a study, or its folder, runs/STUDY.",
        ("empty",): "study runs/empty has no complete run (0 failed, 1 unfinished); run it first.",
        ("made", "--reference", "similarity=mi"): "--reference similarity=mi: similarity is one of mse, ncc.",
    }.items():
        done = command(*arguments, cwd=home)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"pairreg-report: {words}\n"
    (study / "a" / "result.json").write_text("{")
    broken = command("made", cwd=home)
    assert broken.returncode == 2 and "runs/made/a/result.json is not the result of a run" in broken.stderr
    assert not list(home.glob("runs/*/report")) and not list(home.glob("runs/*/.report*"))


def test_the_command_imports_heavy_libraries_only_when_it_draws() -> None:
    heavy = ("tensorflow", "matplotlib", "scipy", "SimpleITK", "pandas")
    code = f"import sys, pairreg.cli.report, pairreg.runs.factors; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.slow
def test_several_studies_are_one_report_over_the_pairs_that_they_share(write_run: Write, study: Path) -> None:
    other = study.with_name("other")
    for pair in ("thorax_ct_2d", "phantom_2d"):
        write_run(f"a_{pair}", similarity="mse", pair=pair, metrics={"dice_mean": 0.8})
    study.rename(other)
    write_run("b", similarity="ncc", pair="phantom_2d", metrics={"dice_mean": 0.9})
    write_run("a_phantom_2d", similarity="mse", pair="phantom_2d", metrics={"dice_mean": 0.8})  # of both: once
    cwd = study.parents[1]
    done = command("made", "other", "-o", "together", cwd=cwd)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "3 runs" in said and "Left out, as not every setting has a result there: thorax_ct_2d." in said
    assert said.index("ncc") < said.index("mse"), "the better one is first"
    assert re.search(r"<h1>together</h1>", (cwd / "together" / "index.html").read_text())
    assert not (study / "report").exists() and not (other / "report").exists()
    assert command("made", "other", "-o", "together", cwd=cwd).returncode == 0, "a report takes the place of a report"


def test_what_cannot_be_one_report_is_refused(write_run: Write, study: Path) -> None:
    write_run("a")
    cwd = study.parents[1]
    (cwd / "mine").mkdir()
    (cwd / "mine" / "table.csv").write_text("of something else")
    for arguments, said in (
        (["made", "made"], "give -o FOLDER"),
        (["made", "nothing", "-o", "x"], "there is no study 'nothing'"),
        (["made", "made", "-o", "mine"], "mine is there already, and is no report"),
        (["made", "made", "-o", "x", "--log-mlflow"], "--log-mlflow adds the report of one study"),
    ):
        done = command(*arguments, cwd=cwd)
        assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert sorted(path.name for path in cwd.iterdir()) == ["mine", "runs"]


@pytest.mark.parametrize("given", [".", "..", "../here", "nothing/..", "../.."])
@pytest.mark.parametrize("earlier", [False, True])
def test_the_working_folder_is_not_replaced_by_a_report(
    write_run: Write, study: Path, given: str, earlier: bool
) -> None:
    """Empty, or with an earlier report, which a new one takes the place of elsewhere."""
    write_run("a")
    here = study.parents[1] / "above" / "here"
    here.mkdir(parents=True)
    for name in ("index.html", "table.csv") if earlier else ():
        (here / name).write_text("earlier")
    before = sorted(study.parents[1].rglob("*"))
    done = command("made", "--output-dir", study.parent, "-o", given, cwd=here)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert f"{(here / given).resolve()} is the working folder" in done.stderr or given == "../here"
    assert sorted(study.parents[1].rglob("*")) == before


def test_a_report_goes_where_dots_lead(write_run: Write, study: Path) -> None:
    write_run("a")
    done = command("made", "-o", "elsewhere/nothing/..", cwd=study.parents[1])
    assert done.returncode == 0, done.stderr
    assert (study.parents[1] / "elsewhere" / "index.html").is_file()
    assert sorted(os.listdir(study.parents[1])) == ["elsewhere", "runs"]


def test_a_single_study_can_be_reported_on_elsewhere(write_run: Write, study: Path) -> None:
    write_run("a")
    done = command("made", "-o", "elsewhere", cwd=study.parents[1])
    assert done.returncode == 0 and (study.parents[1] / "elsewhere" / "index.html").is_file(), done.stderr
    assert not (study / "report").exists()
    assert sorted(os.listdir(study.parents[1])) == ["elsewhere", "runs"]


@pytest.mark.slow
def test_a_study_that_chose_its_settings_ranks_those_alone(write_run: Write, study: Path) -> None:
    """With a candidate that has no result at all, one that has no setting, and a run from before."""
    for name, similarity, weight, dice in (("a", "mse", 1, 0.7), ("b", "mse", 2, 0.8), ("c", "ncc", 1, 0.75)):
        metrics = {"dice_mean": dice, "sdlogj": 0.2 + dice}
        write_run(name, similarity=similarity, weights={"diffusion": weight}, metrics=metrics)
    write_run("d", similarity="pcc", metrics={"dice_mean": 0.99})
    candidates = [
        Candidate("mse", [["a"], ["b"]], 1, ["b"]),
        Candidate("ncc", [["c"]], 0, ["c"]),
        Candidate("ssim", [["c"]], None, problem="SD log J 0.3 was not reached; nearest 0.95"),
        Candidate("mi", [], None, problem="run e failed: it broke"),
    ]
    Comparison("at SD log J 1 ± 5 %", "sdlogj", [], candidates).write(study)
    done = command("made", cwd=study.parents[1])
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "2 runs" in said and said.index("mse") < said.index("ncc") and "pcc" not in said
    assert "1 other run is in the study, and not compared." in said
    assert "ssim: SD log J 0.3 was not reached; nearest 0.95. mi: run e failed: it broke." in said
    assert (study / "report" / "figures" / "regularity.pdf").is_file()
    (study / "comparison.json").write_text("{}")
    done = command("made", cwd=study.parents[1])
    assert done.returncode == 2 and "comparison.json is damaged" in done.stderr and done.stderr.count("\n") == 1
