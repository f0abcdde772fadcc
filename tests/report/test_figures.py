"""What the figures show, and where."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from pairreg.figures.views import View
from pairreg.report.charts.curves import mean_curve, terms_of
from pairreg.report.charts.draw import draw
from pairreg.report.charts.panel import panel, start_of, wrap
from pairreg.report.charts.planes import planes
from pairreg.report.charts.setting_style import PRINTED, SettingStyle, broken, legend, setting_styles
from pairreg.report.charts.tradeoff import pareto
from pairreg.report.charts.zoom import boxes
from pairreg.report.design import Design
from pairreg.report.figures.draw import draw_figure
from pairreg.report.page import page
from pairreg.report.ranking import rank
from pairreg.report.shown import shown
from pairreg.report.study_runs import read_study
from pairreg.runs.figure_arrays import FigureArrays
from pairreg.runs.read import Run

Write = Callable[..., Path]
VIEW = View("", None, None, (2.0, 1.0), (60, 80), up=False)


def design(study: Path) -> Design:
    return Design.of(read_study(study).runs)


def test_boxes_lie_where_the_images_disagree() -> None:
    images = [np.full(VIEW.shape, 0.5) for _ in range(3)]
    images[1][40:44, 60:66] = 1.0
    images[2][10:13, 5:9] = 0.0
    found = boxes(images, images[0], VIEW)
    for box, (row, column) in zip(found, [(41.5, 62.5), (11, 6.5)], strict=True):
        assert box.y + box.side / 2 == pytest.approx(2 * row, abs=2.1)
        # near the border a box is moved inside
        assert box.x + box.side / 2 == pytest.approx(max(column, box.side / 2 - 0.5), abs=1.1)


def test_boxes_do_not_overlap_and_stay_inside() -> None:
    noise = np.random.default_rng(0).uniform(size=(4, *VIEW.shape))
    a, b = boxes(list(noise), noise[0], VIEW)
    assert abs(a.x - b.x) >= 0.95 * a.side or abs(a.y - b.y) >= 0.95 * a.side
    assert all(-0.5 <= box.x <= 80 - box.side and -1 <= box.y <= 120 - box.side for box in (a, b))


def test_what_the_moving_image_does_not_reach_is_not_enlarged() -> None:
    fixed = np.full(VIEW.shape, 0.5)
    fixed[0] = 0.0
    images = [fixed.copy() for _ in range(2)]
    images[0][50:] = 0.0
    images[1][10:13, 60:63] = 0.6  # far less than that
    box = boxes(images, fixed, VIEW)[0]
    assert box.x < 61 < box.x + box.side and box.y < 22 < box.y + box.side


def test_boxes_lie_within_the_body() -> None:
    fixed, body = np.full(VIEW.shape, 0.5), np.zeros(VIEW.shape, bool)
    body[:, 40:] = True
    images = [fixed.copy() for _ in range(2)]
    images[1][40:44, 5:9] = 1.0
    images[1][10:13, 60:63] = 0.6  # far less than that
    box = boxes(images, fixed, VIEW, within=body)[0]
    assert box.x < 61 < box.x + box.side and box.y < 22 < box.y + box.side


def test_one_setting_is_compared_to_the_fixed_image() -> None:
    fixed, warped = np.zeros(VIEW.shape), np.zeros(VIEW.shape)
    warped[30:33, 40:43] = 1
    box = boxes([warped], fixed, VIEW)[0]
    assert box.x < 41 < box.x + box.side and box.y < 62 < box.y + box.side


def test_images_of_another_grid_are_compared_too() -> None:
    other = np.zeros((30, 40))
    other[15:18, 20:22] = 1
    box = boxes([np.zeros(VIEW.shape), other], np.zeros(VIEW.shape), VIEW)[0]
    assert box.x < 41 < box.x + box.side and box.y < 64 < box.y + box.side


def test_pareto_front_by_hand() -> None:
    points = np.array([[0, 0.7], [1, 0.8], [2, 0.75], [1, 0.6], [3, 0.9], [4, 0.9], [np.nan, 1.0]])
    assert pareto(points, 1).tolist() == [[0, 0.7], [1, 0.8], [3, 0.9]]
    assert pareto(points, -1).tolist() == [[0, 0.7], [1, 0.6]]


def test_a_run_that_ended_early_keeps_its_last_value() -> None:
    assert mean_curve([np.array([4.0, 2.0]), np.array([2.0, 2.0, 0.0])]).tolist() == [3, 2, 1]


def test_planes_keep_the_field_within_them(write_run: Write, study: Path) -> None:
    write_run("a", ndim=3)
    scene = read_study(study).runs[0].figure_arrays
    scene.field[:] = [1, 2, 3]
    axial, coronal = planes(scene)
    assert axial.scene.field.shape == (20, 26, 2) and (axial.scene.field == [2, 3]).all()
    assert coronal.scene.field.shape == (12, 26, 2) and (coronal.scene.field == [1, 3]).all()
    assert (axial.scene.warped == scene.warped[6]).all()


def on_grid(scene: FigureArrays, voxels: tuple[int, ...]) -> FigureArrays:
    """Arrays on another grid over the same field of view, the depth of each voxel as its fixed and warped intensity."""
    depth = np.broadcast_to(((np.arange(voxels[0]) + 0.5) / voxels[0]).reshape(-1, 1, 1), voxels).astype(np.float32)
    spacing = tuple(s * n / m for s, n, m in zip(scene.spacing, scene.fixed.shape, voxels, strict=True))
    return FigureArrays(
        name="a", fixed=depth, moving=depth, warped=depth, field=np.zeros((*voxels, 3), np.float32), spacing=spacing,
        label_names={},
    )  # fmt: skip


def test_planes_of_one_place_show_it_on_every_grid(write_run: Write, study: Path) -> None:
    """Settings with voxels of 2, 4 and 3 mm, in places of one depth in mm within half a voxel."""
    write_run("a", ndim=3)
    scene = read_study(study).runs[0].figure_arrays
    first = planes(scene, count=3)
    assert planes(scene, count=3, at=first[0].at)[2].view == first[2].view
    for voxels in ((12, 20, 26), (6, 10, 13), (8, 13, 17)):
        for part in (0.01, 0.3, 0.5, 0.99):
            cut = planes(on_grid(scene, voxels), at=(part, 0.5, 0.5))[0]
            assert cut.at == (part, 0.5, 0.5)
            assert np.ptp(cut.scene.fixed) == 0 and abs(cut.scene.fixed[0, 0] - part) <= 0.5 / voxels[0] + 1e-6


def test_settings_that_are_preprocessed_differently_are_cut_in_one_place(
    write_run: Write, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In panels, the page and the figures of a paper: what tells most lies elsewhere in the image of the second."""
    write_run("a", similarity="mse", ndim=3, labels=False)
    write_run("b", similarity="ncc", ndim=3, labels=False)
    first, second = read_study(study).runs
    scene = first.figure_arrays
    coarse = on_grid(scene, (6, 10, 13))
    edge = coarse.fixed.copy()
    edge[:2, ::2] = 0.0  # edges that are seen in the lowest slices alone
    arrays = {"a": scene, "b": replace(coarse, fixed=edge)}
    assert planes(arrays["b"])[0].at != (at := planes(scene)[0].at)
    monkeypatch.setattr(Run, "figure_arrays", property(lambda run: arrays[run.signature]))
    cuts: list[tuple[int | None, int | None, int]] = []
    cut = View.cut

    def noted(view: View, array: np.ndarray) -> np.ndarray:
        cuts.append((view.axis, view.index, len(array)))
        return cut(view, array)

    monkeypatch.setattr(View, "cut", noted)
    ranking = rank(design(study))
    for drawing in (
        lambda: panel(study, "panel", design(study), "thorax_ct_2d", None),
        lambda: draw_figure("loss_comparison", [first, second], study / "figures"),
        lambda: page(read_study(study), ranking, shown(ranking), None, [], [], [], [], {}),
    ):
        cuts.clear()
        drawing()
        assert {one for one in cuts if one[0] == 0} == {(0, int(at[0] * n), n) for n in (12, 6)}


def test_settings_look_alike_where_they_agree(write_run: Write, study: Path) -> None:
    for i, (similarity, regularizer) in enumerate((s, r) for s in ("mse", "ncc") for r in ("diffusion", "elastic")):
        write_run(f"{i}", similarity=similarity, regularizer=regularizer)
    a, b, c, d = setting_styles(design(study))
    assert a.colour == b.colour != c.colour == d.colour
    assert a.marker == c.marker != b.marker == d.marker
    assert a.dash == c.dash != b.dash
    assert a.fill == b.fill != c.fill == d.fill


def test_settings_of_few_combinations_have_a_colour_each(write_run: Write, study: Path) -> None:
    """As where presets are those of one method alone: the first factor would have most of them look alike."""
    alone = [("mse", "diffusion"), ("mse", "elastic"), ("mse", "jacobian")]
    for similarity, regularizer in [*alone, *((s, "diffusion") for s in ("ncc", "mi", "pcc"))]:
        write_run(similarity + regularizer, similarity=similarity, regularizer=regularizer)
    styles = setting_styles(design(study))
    assert len(styles) == len({style.colour for style in styles}) == len({style.marker for style in styles}) == 6


def test_settings_are_told_apart_in_grey(write_run: Write, study: Path) -> None:
    for similarity in ("mse", "ncc", "mi", "pcc", "ssim", "nmi", "mse+ncc"):
        for regularizer in ("diffusion", "elastic", "jacobian"):
            write_run(similarity + regularizer, similarity=similarity, regularizer=regularizer)
    styles = setting_styles(design(study))
    looks = [(style.marker, style.fill, rgb_to_grey(style.colour)) for style in styles]
    for (marker, fill, grey), (other, filled, as_grey) in itertools.combinations(looks, 2):
        assert (marker, fill) != (other, filled) or abs(grey - as_grey) > 0.2


def rgb_to_grey(colour: str) -> float:
    """The lightness of a colour in a print without colours, 0 to 1."""
    return float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)))


@matplotlib.rc_context(PRINTED)
def test_long_names_are_broken_and_never_cut(write_run: Write, study: Path) -> None:
    label = " · ".join(f"group_{i}.setting 0.{i}" for i in range(12)) + " · " + "x" * 90
    lines = broken(label, 40).split("\n")
    assert max(map(len, lines)) <= 40 and "".join(lines).replace(" · ", "") == label.replace(" · ", "")
    assert broken("ncc · diffusion", 40) == "ncc · diffusion"
    figure = Figure(figsize=(4.6, 3.5), layout="constrained")
    figure.subplots()
    legend(figure, [SettingStyle(label, "#000000", "o", "-").handle, SettingStyle("mse", "#000000", "s", "-").handle])
    figure.draw_without_rendering()
    inside = figure.bbox.padded(1)
    box = figure.legends[0].get_window_extent()
    assert inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1


def test_many_settings_wrap_between_groups(write_run: Write, study: Path) -> None:
    for i in range(12):
        write_run(f"{i:02d}", similarity=f"s{i // 3}", regularizer=f"r{i % 3}")
    assert wrap(design(study)) == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]


def test_a_moving_image_that_not_all_settings_begin_with_is_named(write_run: Write, study: Path) -> None:
    for similarity in ("mse", "ncc"):
        write_run(similarity, similarity=similarity)
    one, other = (planes(run.figure_arrays) for run in read_study(study).runs)
    moved = [replace(other[0], scene=replace(other[0].scene, moving=other[0].scene.moving[::-1]))]
    assert start_of([None, one, other], ["a", "b", "c"]) == "initialised"
    assert start_of([None, one, moved], ["a", "b · c", "d"]) == "as begun by\nb\nc"


def test_the_legend_of_a_panel_with_many_labels_is_not_cut(
    write_run: Write, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run("a")
    (run,) = read_study(study).runs
    labels = np.arange(2000).reshape(40, 50) % 11
    scene = replace(
        run.figure_arrays,
        fixed_labels=labels,
        warped_labels=labels,
        label_names={i: f"white matter {i}" for i in range(11)},
    )
    monkeypatch.setattr(Run, "figure_arrays", scene)
    kept: list[Figure] = []
    monkeypatch.setattr("pairreg.report.charts.panel.save_both", lambda figure, folder, name: kept.append(figure))
    panel(study, "panel", design(study), "thorax_ct_2d", None)
    (legend_,) = [box for axes in kept[0].axes if (box := axes.get_legend())]
    box = legend_.get_window_extent()
    assert box.y0 >= 0 and box.x0 >= 0 and box.x1 <= kept[0].bbox.x1


def test_losses_of_different_terms_are_not_drawn_together(write_run: Write, study: Path) -> None:
    write_run("a", similarity="mse")
    write_run("b", similarity="ncc")
    assert terms_of(design(study)) == ["similarity/mse", "similarity/ncc", "regularizer/diffusion"]


def test_losses_of_presets_are_not_drawn_together(write_run: Write, study: Path) -> None:
    """The preset is the only factor, and stands for what it has chosen."""
    for preset, weight in (("fast", 1), ("accurate", 2)):
        write_run(preset, preset=preset, weights={"diffusion": weight}, schedule={"iterations": [weight]})
    assert terms_of(design(study)) == ["similarity/mse", "regularizer/diffusion"]


def test_a_loss_of_the_same_terms_is_drawn(write_run: Write, study: Path) -> None:
    for preset, iterations in (("fast", 1), ("accurate", 2)):
        write_run(preset, preset=preset, schedule={"iterations": [iterations], "scales": [iterations]})
    assert terms_of(design(study)) == ["loss", "similarity/mse", "regularizer/diffusion"]


@pytest.mark.parametrize(("ndim", "labels"), [(2, False), (3, True)])
def test_every_figure_is_drawn_as_png_and_pdf(write_run: Write, study: Path, ndim: int, labels: bool) -> None:
    dice = {"dice_mean": 0.8, "dice/disc": 0.8} if labels else {}
    for i, similarity in enumerate(("mse", "ncc")):
        for case in "12":
            if (similarity, case) != ("ncc", "2"):  # a pair that a setting lacks
                write_run(similarity + case, similarity=similarity, pair={"case": case}, ndim=ndim, labels=labels,
                          bend=i, metrics=dice)  # fmt: skip
    ranking = rank(design(study))
    panels, charts = draw(read_study(study), ranking, shown(ranking), study / "figures", study / "none")
    names = ["panel_01", "panel_02", "tradeoff", *(["dice"] if labels else []), "cost", "curves"]
    assert [figure.path.stem for figure in (*panels, *charts)] == names
    for figure in (*panels, *charts):
        assert figure.path.stat().st_size > 5000 and figure.path.with_suffix(".pdf").stat().st_size > 5000


@pytest.mark.parametrize(("folds", "against"), [((0.0, 0.004), "regularity"), ((0.0, 0.02), "folding")])
def test_what_hardly_folds_is_drawn_against_regularity(
    write_run: Write, study: Path, folds: tuple[float, float], against: str
) -> None:
    for similarity, folded in zip(("mse", "ncc"), folds, strict=True):
        metrics = {"dice_mean": 0.8, "folds_percent": folded, "sdlogj": 0.3}
        write_run(similarity, similarity=similarity, metrics=metrics)
    ranking = rank(design(study))
    _, charts = draw(read_study(study), ranking, shown(ranking), study / "figures", study / "none")
    (tradeoff,) = (chart for chart in charts if chart.path.stem == "tradeoff")
    assert tradeoff.heading == f"Dice against {against}"
    assert ("Less than 0.01 % folds" in tradeoff.caption) == (against == "regularity")
