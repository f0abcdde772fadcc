"""The figures of a paper: which panels there are, in which order, and from which runs."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from command_helpers import Command
from pairreg.errors import InputError
from pairreg.figures.style import colour
from pairreg.report.figures import (
    FIGURES,
    loss_comparison,
    phantom_to_patient,
    protocol_comparison,
    regularizer_comparison,
    weight_sweep,
)
from pairreg.report.figures.draw import draw_figure
from pairreg.report.figures.names import moving_name
from pairreg.report.figures.panels import Shown, label_map
from pairreg.report.write import write_report
from pairreg.runs.factors import factors
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.read import Run
from pairreg.runs.spec import RunSpec
from pairreg.study.figure import figure_of_command

Write = Callable[..., Path]
LOSSES = ("pcc", "ssim", "pcc+ssim", "mse", "ncc_published", "mi")
REGULARIZERS = ("none", "diffusion", "total_variation", "diffusion+jacobian", "gaussian_smoothing")


def shown(folders: list[Path]) -> list[Shown]:
    runs = [Run.complete(folder) for folder in folders]
    return [Shown.of(run, factors(runs)) for run in runs]


def losses(write_run: Write, **options: object) -> list[Path]:
    """Run `i` is `i` voxels away from the fixed image."""
    return [write_run(f"{9 - i}", similarity=s, bend=i, **options) for i, s in enumerate(LOSSES)]


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def titles(figure: Figure) -> list[str]:
    return [title for panel in figure.axes if (title := panel.get_title())]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for part in (figure, *figure.axes) for text in part.texts]


def picture(figure: Figure, title: str) -> np.ndarray:
    (panel,) = [panel for panel in figure.axes if panel.get_title() == title]
    return np.asarray(panel.images[0].get_array())


def boxed(figure: Figure) -> int:
    return sum(len(panel.patches) > 0 for panel in figure.axes)


def test_losses_follow_the_moving_and_the_fixed_image_in_the_order_of_the_command(write_run: Write) -> None:
    runs = shown(losses(write_run, preprocessing={"blur_fixed": 1.0}))
    figure = loss_comparison.figure(runs)
    names = ["Moving", "Fixed, blurred", "PCC", "SSIM", "PCC+SSIM", "MSE", "CC", "MI"]
    assert titles(figure) == [f"({letter}) {name}" for letter, name in zip("abcdefgh", names, strict=True)]
    assert (picture(figure, "(a) Moving") == runs[0].cut.scene.moving).all()
    assert (picture(figure, "(b) Fixed, blurred") == runs[0].cut.scene.fixed).all()
    assert (picture(figure, "(f) MSE") == runs[3].cut.scene.warped).all()
    assert boxed(figure) == 7, "all but the moving image"
    enlarged = [inset for panel in figure.axes for inset in panel.child_axes]
    assert len(enlarged) == 7 * 3 and len({inset.get_xlim() + inset.get_ylim() for inset in enlarged}) == 3


def test_the_moving_image_is_called_by_its_start_where_settings_begin_differently() -> None:
    begun = [RunSpec({}, {"initialization": option}) for option in ("none", "affine", "affine_rough")]
    assert [moving_name(run, []) for run in begun] == ["Moving", "Moving (initialised)", "Moving (initialised)"]
    among = factors(begun)
    assert [moving_name(run, among) for run in begun] == ["Moving", "Moving (affine)", "Moving (affine rough)"]


@pytest.mark.parametrize("labels", [True, False])
def test_regularisers_stand_beside_what_was_given(write_run: Write, labels: bool) -> None:
    bends = enumerate(REGULARIZERS)
    runs = shown([write_run(f"{9 - i}", regularizer=r, bend=i, labels=labels) for i, r in bends])
    figure = regularizer_comparison.figure(runs)
    assert titles(figure) == ["No regularisation", "Diffusion", "TV", "Diffusion +\nJacobian", "Gaussian\nsmoothing"]
    assert (picture(figure, "TV") == runs[2].cut.scene.warped).all()
    given = ["Deformed image", "Deformed labels", "Deformed grid", "Moving", "Fixed", "Moving labels"]
    assert [" ".join(t.split()) for t in texts(figure)] == [t for t in given if labels or "labels" not in t]
    assert boxed(figure) == (11 if labels else 6)


def test_labels_keep_their_colours_where_the_moving_plane_lacks_one(write_run: Write) -> None:
    scene = shown([write_run("a")])[0].cut.scene
    assert scene.warped_labels is not None
    scene.warped_labels[0, 0] = 2
    panel = Figure().add_subplot()
    label_map(panel, shown([write_run("b")])[0].cut, scene.warped_labels)
    picture = np.asarray(panel.images[0].get_array())
    assert to_hex(picture[0, 0]) == colour(1).lower() and to_hex(picture[20, 25]) == "#595959"
    assert (picture[scene.warped_labels == 0] == 0).all()


def test_weights_are_rows_and_gamma_darkens(write_run: Write) -> None:
    weights = (0.2, 0, 0.1)
    runs = shown([write_run(f"{i}", weights={"diffusion": w}, bend=i) for i, w in enumerate(weights)])
    figure = weight_sweep.figure(runs)
    assert titles(figure) == ["Deformed image", "Deformed image,\nγ-corrected", "Deformed labels", "Deformed grid"]
    assert texts(figure)[:3] == ["λ = 0.2", "λ = 0\n(no reg.)", "λ = 0.1"]
    dark = picture(figure, "Deformed image,\nγ-corrected")
    assert np.allclose(dark, runs[0].cut.scene.warped ** 1.8)


def test_the_grid_is_the_one_of_the_run(write_run: Write) -> None:
    """A shift of half a line moves all lines by half a line."""
    runs = [Run.complete(write_run(f"{i}", weights={"diffusion": i}, bend=4 - i)) for i in (0, 1)]
    figure = weight_sweep.figure([Shown.of(run, factors(runs)) for run in runs])
    still, moved = (panel for panel in figure.axes if not panel.images and panel.collections)
    lines = [panel.collections[1].get_paths()[0].vertices[0, 0] for panel in (still, moved)]
    step = 2.5  # mm, of 100 mm in 32 lines rounded
    assert (lines[0] - lines[1]) % step == pytest.approx(2.0 % step), "1 voxel of 2 mm"


COSTS = {"seconds": 12.3456, "iterations": 400.0, "pcc": 0.9, "ssim": 0.7, "folds_percent": 1.234, "sdlogj": 0.5}
SAID = {"Seconds": "12.3", "Iterations": "400", "1−½(PCC+SSIM)": "0.200", "Folds (%)": "1.2", "SD log J": "0.50"}


@pytest.mark.parametrize("labels", [True, False])
def test_protocols_say_what_they_cost_and_what_they_gave(write_run: Write, labels: bool) -> None:
    presets = ("published_2d", "default")
    dice = {"dice_mean": 0.9126, "dice/bone": 0.5} if labels else {}
    runs = shown([write_run(f"{9 - i}", preset=preset, bend=i, labels=labels, metrics=COSTS | dice)
                  for i, preset in enumerate(presets)])  # fmt: skip
    figure = protocol_comparison.figure(runs)
    assert titles(figure) == list(presets)
    assert (picture(figure, "default") == runs[1].cut.scene.warped).all()
    outlined = [panel for panel in figure.axes if len(panel.images) == 2]
    assert len(outlined) == (3 if labels else 0), "the moving labels and those of both protocols, tinted"
    said = SAID | ({"Dice, mean": "0.913", "Dice, bone": "0.500"} if labels else {})
    below = texts(figure)
    for title, value in said.items():
        assert below.count(title) == 1 and below.count(value) == 2, title
    assert ("Dice, mean" in below) == labels


def test_what_a_protocol_lacks_is_a_dash_and_what_all_lack_is_left_out(write_run: Write) -> None:
    costs = [COSTS, {"seconds": 1.0}]
    figure = protocol_comparison.figure(
        shown([write_run(f"{i}", preset=f"p{i}", bend=i, metrics=one) for i, one in enumerate(costs)])
    )
    said = texts(figure)
    assert "Seconds" in said and f"{COSTS['sdlogj']:.2f}" in said
    assert said.count("–") == 3, "the second run has no similarity, folds and SD log J"
    assert "Dice, mean" not in said


def carrying(run: Shown, ndim: int) -> Shown:
    """The run with the channels of a phantom: lungs on the left half, and 5 activity."""
    planes = []
    for cut in run.planes:
        organs = np.where(np.arange(cut.view.shape[1]) < cut.view.shape[1] // 2, 4, 0) * np.ones(cut.view.shape, int)
        scene = replace(cut.scene, channels={"organs": organs, "activity": np.full(cut.view.shape, 5.0)})
        planes.append(replace(cut, scene=scene))
    assert len(planes) == (1 if ndim == 2 else 3)
    return replace(run, planes=planes)


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_phantom_becomes_a_patient_plane_by_plane(write_run: Write, ndim: int) -> None:
    dice = {f"{stage}dice/lung_left": value for stage, value in (("before/", 0.1), ("initial/", 0.5), ("", 0.9))}
    (run,) = shown([write_run("a", ndim=ndim, metrics=dice)])
    figure = phantom_to_patient.figure([carrying(run, ndim)])
    names = ["Phantom", "Patient", "Deformed\nphantom", "Deformed\norgans", "Deformed\nactivity", "Deformed\ngrid"]
    assert titles(figure) == names
    assert len(figure.axes) == 6 * (1 if ndim == 2 else 3)
    assert (picture(figure, "Deformed\nphantom") == np.clip(run.cut.scene.warped, 0, 1)).all()
    organs = picture(figure, "Deformed\norgans")
    assert to_hex(organs[0, 0]).upper() == phantom_to_patient.ORGANS["lung_right"] and (organs[0, -1] == 0).all()
    assert [text for text in texts(figure) if "Dice" in text] == [
        "Dice (before → initialised → deformed): lung left 0.10 → 0.50 → 0.90"
    ]
    assert [t for t in texts(figure) if "Dice" not in t] == ([] if ndim == 2 else ["axial", "coronal", "sagittal"])


def test_a_phantom_that_carries_nothing_shows_the_activity_of_its_labels(write_run: Write) -> None:
    (run,) = shown([write_run("a")])
    assert "Deformed\nactivity" not in titles(phantom_to_patient.figure([run])), "a disc has no tissue"
    scene = replace(run.cut.scene, label_names={1: "lung_left"})
    figure = phantom_to_patient.figure([replace(run, planes=[replace(run.cut, scene=scene)])])
    assert titles(figure) == [
        "Phantom",
        "Patient",
        "Deformed\nphantom",
        "Deformed\nlabels",
        "Deformed\nactivity",
        "Deformed\ngrid",
    ]
    labels = run.cut.scene.warped_labels
    assert labels is not None and (picture(figure, "Deformed\nactivity") == np.where(labels == 1, 0.25, 0)).all()


@pytest.mark.slow
def test_the_command_makes_patients_of_phantoms(pairreg: Command, tmp_path: Path) -> None:
    quick = ("schedule.scales=[8]", "schedule.iterations=[3]", "transform=displacement", "tracking=none",
             "initialization.iterations=5")  # fmt: skip
    done = pairreg("figure=phantom_to_patient", *quick, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs" / "figure_phantom_to_patient"
    pictures = [folder / "report" / "figures" / f"phantom_to_patient_0{i}.png" for i in (1, 2)]
    assert size(pictures[1])[1] > size(pictures[0])[1] > 200, "three planes and one"
    assert len(list(folder.glob("*/warped_organs.nii.gz"))) == 1, "the other has the labels of its pair alone"


@pytest.mark.parametrize("layout", [name for name in FIGURES if name != "phantom_spect"])  # see tests/spect
def test_a_volume_is_drawn_as_its_axial_plane(write_run: Write, tmp_path: Path, layout: str) -> None:
    runs = [Run.complete(folder) for folder in losses(write_run, ndim=3)]
    (path,) = draw_figure(layout, runs, tmp_path / "figures")
    assert path == tmp_path / "figures" / f"{layout}.png"
    assert size(path)[0] > 1000 and path.with_suffix(".pdf").stat().st_size > 5000


def test_every_pair_has_a_figure_and_seeds_are_not_repeated(write_run: Write, tmp_path: Path) -> None:
    pairs = [{"_target_": "pairreg.pair.files", "case": case} for case in "ab"]
    runs = [Run.complete(write_run(f"{c}{s}{w}", pair=pair, seed=s, weights={"diffusion": w}))
            for c, pair in enumerate(pairs) for s in (0, 1) for w in (1, 2)]  # fmt: skip
    paths = draw_figure("weight_sweep", runs, tmp_path / "figures")
    assert [path.name for path in paths] == ["weight_sweep_01.png", "weight_sweep_02.png"]
    assert size(paths[0]) == size(paths[1]) == size(draw_figure("weight_sweep", runs[:2], tmp_path)[0])


def test_a_new_report_shows_and_keeps_the_figure(write_run: Write, study: Path) -> None:
    folders = losses(write_run)[:2]
    before = write_report(study).page.read_text().count("<img ")
    draw_figure("loss_comparison", [Run.complete(folder) for folder in folders], study / "report" / "figures")
    page = write_report(study).page.read_text()
    assert page.count("<img ") == before + 1 and 'href="figures/loss_comparison.pdf"' in page
    assert (study / "report" / "figures" / "loss_comparison.pdf").exists()


@pytest.mark.parametrize(("earlier", "later"), [("ab", "a"), ("a", "ab"), ("abc", "ab"), ("ab", "ab")])
def test_a_figure_of_other_pairs_takes_the_place_of_all_earlier_ones(
    write_run: Write, study: Path, earlier: str, later: str
) -> None:
    """Also in the report, which keeps figures; those of another layout, and files of the user, stay."""
    runs = {case: Run.complete(write_run(case, pair={"case": case})) for case in "abc"}
    figures = study / "report" / "figures"
    draw_figure("loss_comparison", [runs["a"]], figures)
    draw_figure("weight_sweep", [runs[case] for case in earlier], figures)
    (figures / "weight_sweep_of_mine.png").write_bytes((figures / "loss_comparison.png").read_bytes())
    drawn = draw_figure("weight_sweep", [runs[case] for case in later], figures)
    assert len(drawn) == len(later)
    expected = {*(path.stem for path in drawn), "loss_comparison"}
    assert {path.stem for path in figures.iterdir()} == {*expected, "weight_sweep_of_mine"}
    assert {path.stem for path in figures.glob("*.pdf")} == expected
    page = write_report(study).page.read_text()
    shown = {name for name in re.findall(r'href="figures/(\w+).pdf"', page) if name.startswith("weight_sweep")}
    assert shown - {"weight_sweep_of_mine"} == {path.stem for path in drawn}


QUICK = ("figure=weight_sweep", "schedule.scales=[8]", "schedule.iterations=[3]", "transform=displacement",
         "tracking=none")  # fmt: skip
REPORT = Path("runs/figure_weight_sweep/report")


@pytest.mark.slow
def test_the_command_runs_what_is_missing_and_draws_its_own_runs(pairreg: Command, tmp_path: Path) -> None:
    png = REPORT / "figures" / "weight_sweep.png"
    heights = []
    for weights, new in (("0,0.1,0.2", 3), ("0,0.2", 0)):
        done = pairreg(*QUICK, f"regularizer.diffusion.weight={weights}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"figure: {png}" in done.stdout and done.stdout.count(" done") == new
        assert 'href="figures/weight_sweep.pdf"' in (tmp_path / REPORT / "index.html").read_text()
        heights.append(size(tmp_path / png)[1])
    assert heights[1] == heights[0], "not the run of the first command"


def test_a_missing_run_is_named(write_run: Write, study: Path) -> None:
    folder = write_run("a")
    tasks = [RunSpec({}, {"pair": "p", "similarity": similarity}) for similarity in ("mi", "pcc")]
    outcomes = [RunOutcome("a", folder), RunOutcome("b", folder, error="diverged", state="failed")]
    with pytest.raises(InputError, match=r"weight_sweep is not drawn: 1 of 2 runs is missing \(similarity pcc\)\."):
        figure_of_command("weight_sweep", list(zip(tasks, outcomes, strict=True)), study)
    assert not (study / "report").exists()


@pytest.mark.parametrize(
    "content, message",
    {
        "# @package _global_\nfigure: wight_sweep\n": (
            f"figure 'wight_sweep' is not one of {', '.join(FIGURES)}; did you mean 'weight_sweep'?"
        ),
        "seed: 7\n": "The file of the figure sets nothing; begin it with the line '# @package _global_'.",
    }.items(),
)
def test_a_figure_file_that_cannot_be_is_refused_before_any_run(
    pairreg: Command, tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "mine" / "figure").mkdir(parents=True)
    (tmp_path / "mine" / "figure" / "own.yaml").write_text(content)
    done = pairreg(f"--config-dir={tmp_path}/mine", "figure=own", *QUICK[1:], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"pairreg: {message}\n")
    assert not list(tmp_path.glob("runs/*/*/"))
