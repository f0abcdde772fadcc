import importlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from scipy.ndimage import gaussian_filter, map_coordinates

from pairreg.figures import curves, grid, informative_slices, overview
from pairreg.figures.curves import draw_term, level_bands, log_scaled
from pairreg.figures.grid import grid_lines, jacobian_ticks, round_step
from pairreg.figures.labels import label_values, legend, outline
from pairreg.figures.sheet import sheet, show
from pairreg.figures.views import View, views

SHAPES = {2: (40, 50), 3: (12, 20, 26)}
SPACING = {2: (2.0, 1.0), 3: (5.0, 2.0, 2.0)}
NDIMS = pytest.mark.parametrize("ndim", [2, 3])


def images(ndim: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    f, m, w = (np.clip(0.5 + 3 * gaussian_filter(rng.normal(size=SHAPES[ndim]), 3), 0, 1) for _ in range(3))
    return {"fixed": f, "moving": m, "warped": w}


def label_maps(ndim: int) -> dict[str, np.ndarray]:
    maps = np.zeros((3, *SHAPES[ndim]), np.uint8)
    for shift, image in enumerate(maps):
        image[(slice(3, 9),) * ndim] = 1
        image[(slice(7 + shift, 10 + shift),) * ndim] = 4
    return dict(zip(("fixed_labels", "moving_labels", "warped_labels"), maps, strict=True))


def folded_field(ndim: int) -> np.ndarray:
    field = np.zeros((*SHAPES[ndim], ndim), np.float32)
    field[(slice(4, 8),) * ndim] = -6
    return field


def has_colour(picture: np.ndarray, colour: tuple[float, float, float], tolerance: float = 0.08) -> bool:
    return bool((abs(picture[..., :3] - colour).max(axis=-1) < tolerance).any())


def has_hue(picture: np.ndarray) -> bool:
    return bool((np.ptp(picture[..., :3], axis=-1) > 0.2).any())


@NDIMS
@pytest.mark.parametrize("labelled", [False, True])
def test_overview_draws_all_panels(tmp_path: Path, ndim: int, labelled: bool) -> None:
    maps = label_maps(ndim) if labelled else {}
    path = overview(tmp_path / "new" / "o.png", **images(ndim), **maps, spacing=SPACING[ndim], title="A pair")
    picture = imread(path)
    assert path == tmp_path / "new" / "o.png"
    assert picture.shape[1] > (1400 if labelled else 1000)
    assert has_hue(picture)
    spread = picture[..., :3].mean(axis=-1).std(axis=0)
    assert (spread < 0.01).mean() < 0.2  # no large empty margin at the sides


def drawn_overview(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], count: int, name: str = "") -> Figure:
    """The overview of images of a shape with as many labels, which are called `name` and a number if there is one."""
    kept: list[Figure] = []
    module = importlib.import_module("pairreg.figures.overview")  # its function has the same name
    monkeypatch.setattr(module, "save", lambda figure, path: kept.append(figure))
    maps = [np.arange(np.prod(shape)).reshape(shape) % (count + 1)] * 3 if count else [None] * 3
    names = {value: f"{name} {value}" for value in range(1, count + 1)} if name else {}
    image = np.random.default_rng(0).random(shape)
    overview("", fixed=image, moving=image, warped=image, spacing=(1.0,) * len(shape), label_names=names,
             **dict(zip(label_maps(2), maps, strict=True)))  # fmt: skip
    return kept[0]


@pytest.mark.parametrize("shape", [(128, 128), (160, 80), (64, 128), (40, 160), (20, 160), (12, 20, 26)])
@pytest.mark.parametrize(("count", "name"), [(0, ""), (1, ""), (5, "liver"), (10, "left white matter"), (20, "")])
def test_scale_and_legend_of_an_overview_lie_apart_and_inside(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], count: int, name: str
) -> None:
    figure = drawn_overview(monkeypatch, shape, count, name)
    FigureCanvasAgg(figure).draw()
    panels = [axes for axes in figure.findobj(Axes) if axes.images and axes.get_xlabel() == ""]
    scale = next(axes for axes in figure.findobj(Axes) if axes.get_xlabel() == "intensity difference")
    legends = [box for axes in figure.axes if (box := axes.get_legend())]
    assert len(legends) == (count > 0)
    boxes = [scale.get_tightbbox(), *(one.get_window_extent() for one in legends)]
    for i, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and figure.bbox.y0 <= box.y0
        assert not any(box.overlaps(other) for other in [*boxes[:i], *(panel.bbox for panel in panels)])


@pytest.mark.parametrize("shape", [(40, 50), (12, 20, 26)])
def test_what_an_overview_shows_of_the_start_is_called_initialised(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]
) -> None:
    titles = {axes.get_title() for axes in drawn_overview(monkeypatch, shape, 1).axes}
    assert titles - {""} == {"Fixed", "Moving (initialised)", "Warped", "Initialised − fixed", "Warped − fixed",
                             "Labels (initialised)", "Labels (warped)"}  # fmt: skip


def test_equal_images_differ_nowhere(tmp_path: Path) -> None:
    same = images(2)["fixed"]
    path = overview(tmp_path / "o.png", fixed=same, moving=same, warped=same, spacing=SPACING[2])
    picture = imread(path)
    left = picture[: picture.shape[0] // 2]  # above the colour scale
    assert not has_hue(left)


@NDIMS
def test_constant_images_without_labels_in_the_maps_can_be_drawn(tmp_path: Path, ndim: int) -> None:
    flat = dict.fromkeys(images(ndim), np.zeros(SHAPES[ndim]))
    empty = dict.fromkeys(label_maps(ndim), np.zeros(SHAPES[ndim], int))
    assert overview(tmp_path / "o.png", **flat, **empty, spacing=SPACING[ndim]).exists()
    field = np.zeros((*SHAPES[ndim], ndim), np.float32)
    assert grid(tmp_path / "g.png", warped=flat["warped"], field=field, spacing=SPACING[ndim]).exists()


def test_label_names_appear_and_many_labels_are_not_named() -> None:
    axes = Figure().add_axes((0, 0, 1, 1))
    legend(axes, [1, 4], {1: "lung"})
    assert [t.get_text() for t in axes.get_legend().get_texts()][:2] == ["lung", "label 4"]
    legend(axes, list(range(1, 40)), {})
    assert len(axes.get_legend().get_texts()) == 2


def test_an_outline_follows_its_region_in_mm() -> None:
    axes = Figure().add_axes((0, 0, 1, 1))
    region = np.zeros((40, 50), bool)
    region[10:20, 5:8] = True
    outline(axes, views((40, 50), (2.0, 1.0), (0, 0))[0], region, "red", 1.0)
    points = np.concatenate([path.vertices for path in axes.collections[-1].get_paths()])
    assert points.min(axis=0) == pytest.approx([4.5, 19])  # half a voxel around; x in columns, y in rows
    assert points.max(axis=0) == pytest.approx([7.5, 39])
    assert label_values(np.array([[0, 3], [1, 3]])) == [1, 3]


def contour_points(field: np.ndarray, view: View, spacing: tuple[float, ...], step: float) -> list[np.ndarray]:
    """Vertices (x, y) in mm of the lines of each in-plane coordinate."""
    axes = Figure().add_axes((0, 0, 1, 1))
    grid_lines(axes, view, field, spacing, step)
    return [np.concatenate([p.vertices for p in lines.get_paths()]) for lines in axes.collections]


def test_grid_lines_move_like_the_moving_image() -> None:
    # pull by +3 columns: what is at column 10 of the moving image appears at column 7
    field = np.zeros((40, 50, 2), np.float32)
    field[..., 1] = 3
    rows, columns = contour_points(field, views((40, 50), (2.0, 1.0), (0, 0))[0], (2.0, 1.0), step=10.0)
    assert np.unique(rows[:, 1].round(3)).tolist() == [0, 10, 20, 30, 40, 50, 60, 70]
    assert np.unique(columns[:, 0].round(3)).tolist() == [7, 17, 27, 37, 47]


def test_grid_lines_lie_where_a_warped_picture_of_a_grid_has_them() -> None:
    shape, step = (60, 70), 12
    rng = np.random.default_rng(0)
    field = np.stack([80 * gaussian_filter(rng.normal(size=shape), 8) for _ in shape], axis=-1)
    # bright lines of some width, so that interpolation does not lose them
    profile = [np.cos(np.pi * np.arange(n) / step) ** 8 for n in shape]
    moving = np.maximum.outer(*profile)
    warped = map_coordinates(moving, np.indices(shape) + np.moveaxis(field, -1, 0), order=1, mode="nearest")

    def brightness(u: np.ndarray) -> float:
        lines = np.concatenate(contour_points(u, views(shape, (1, 1), (0, 0))[0], (1.0, 1.0), step=step))
        return float(map_coordinates(warped, lines[:, ::-1].T, order=1).mean())

    assert abs(field).max() > 3
    assert brightness(field) > 0.9
    assert brightness(-field) < 0.7  # the inverse, which points drawn at x + u(x) would show


@pytest.mark.parametrize(("axis", "levels"), [(0, [7, 17, 27]), (1, [7, 17, 27]), (2, [0, 10, 20, 30])])
def test_grid_lines_in_3d_use_the_components_of_their_plane(axis: int, levels: list[float]) -> None:
    field = np.zeros((12, 20, 26, 3), np.float32)
    field[..., 2] = 1.5  # along columns of the axial and coronal planes, across the sagittal one
    view = views((12, 20, 26), (5.0, 2.0, 2.0), (6, 10, 13))[axis]
    _, columns = contour_points(field, view, (5.0, 2.0, 2.0), step=10.0)
    assert np.unique(columns[:, 0].round(3))[: len(levels)].tolist() == levels


@NDIMS
def test_grid_figure_marks_folds_and_only_those(tmp_path: Path, ndim: int) -> None:
    bright = np.ones(SHAPES[ndim])  # dark pixels then come from folds and from text
    at = (6,) * ndim
    smooth = np.zeros((*SHAPES[ndim], ndim), np.float32)
    dark = []
    for field in (smooth, folded_field(ndim)):
        path = grid(tmp_path / "g.png", warped=bright, field=field, spacing=SPACING[ndim], at=at)
        picture = imread(path)
        assert has_colour(picture, (0.94, 0.89, 0.26), 0.2)  # grid lines
        dark.append((picture[..., :3].max(axis=-1) < 0.05).mean())
    assert dark[1] > dark[0] + 0.002


def test_round_numbers() -> None:
    assert [round_step(s) for s in (0.9, 1.2, 4.0, 10.7, 16.7, 230.0)] == [1, 1, 5, 10, 20, 250]
    for top in np.linspace(np.log2(1.1), 3, 40):
        ticks = jacobian_ticks(float(top))
        assert 1.0 in ticks and len(ticks) >= 3
        assert max(abs(np.log2(ticks))) <= top + 1e-6
        assert np.diff(np.log2(ticks)).min() > 0.27 * top  # labels do not overlap


def test_planes_are_shown_as_radiologists_do() -> None:
    shape, spacing = SHAPES[3], SPACING[3]
    planes = views(shape, spacing, (3, 4, 5))
    assert [view.name for view in planes] == ["axial", "coronal", "sagittal"]
    page = sheet(planes, 1, title=None, width=4)
    volume = np.random.default_rng(0).random(shape)
    for view, (axes,) in zip(planes, page.axes, strict=True):
        assert view.cut(volume).shape == view.shape
        image = show(axes, view, view.cut(volume))
        low, high = axes.get_ylim()
        assert (low < high) == (view.name != "axial")  # head up; in the axial plane the front, row 0, on top
        box, width = axes.bbox, abs(np.diff(axes.get_xlim()))[0]
        assert box.height / abs(high - low) == pytest.approx(box.width / width)  # a mm is a mm in both directions
        assert image.get_extent()[1] - image.get_extent()[0] == pytest.approx(view.size[1])
    assert (planes[0].cut(volume) == volume[3]).all()
    assert (planes[2].cut(volume) == volume[:, :, 5]).all()


def test_slices_show_the_small_label_too() -> None:
    labels = np.zeros((20, 20, 20), int)
    labels[2:18, 2:18, 2:18] = 1
    labels[5, 6:8, 9] = 2
    z, y, x = informative_slices(np.zeros((20, 20, 20)), labels)
    assert (z, x) == (5, 9) and y in (6, 7)


def test_without_labels_slices_cross_the_object() -> None:
    image = np.zeros((30, 30, 30))
    image[4:10, 12:20, 15:29] = 1
    z, y, x = informative_slices(image)
    assert 4 <= z < 10 and 12 <= y < 20 and 15 <= x < 29
    assert informative_slices(np.zeros((30, 20))) == (15, 10)


def history(n: int = 60) -> dict[str, np.ndarray]:
    t = np.arange(n)
    return {
        "loss": np.exp(-t / 10) - 0.5,
        "similarity/ncc": np.exp(-t / 10),
        "regularizer/diffusion": 1e-3 * t,
        "level": t // 20,
        "seconds": t,
    }


@pytest.mark.parametrize("terms", [1, 2, 3, 4, 7])
def test_curves_draw_one_panel_per_term(tmp_path: Path, terms: int) -> None:
    named = history() | {f"regularizer/r{i}": np.ones(60) for i in range(4)}
    chosen = [k for k in named if k not in ("level", "seconds")][:terms]
    path = curves(tmp_path / "c.png", history={k: named[k] for k in [*chosen, "level", "seconds"]}, title="A run")
    rows = {1: 1, 2: 1, 3: 1, 4: 2, 7: 3}[terms]
    height, width = imread(path).shape[:2]
    assert width / height == pytest.approx({1: 1, 2: 2, 3: 3, 4: 2, 7: 3}[terms] * 2.7 / (rows * 1.9 + 0.3), rel=0.02)
    assert has_colour(imread(path), (0, 0, 0))


def test_a_curve_holds_its_values_and_levels() -> None:
    axes = Figure().add_subplot()
    draw_term(axes, "similarity/ncc", history()["similarity/ncc"], level_bands(history()["level"], ["a", "b", "c"]))
    x, y = axes.lines[0].get_data()
    assert (x[0], x[-1]) == (1, 60) and (y == history()["similarity/ncc"]).all()
    assert axes.get_yscale() == "log" and axes.get_title() == "similarity: ncc"
    assert [t.get_text() for t in axes.texts] == ["a", "b", "c"]
    assert [line.get_xdata()[0] for line in axes.lines[1:]] == [20.5, 40.5]
    assert axes.get_ylim()[1] > 1.2  # room above the curve for the names


def test_ticks_are_plain_numbers_also_of_small_values() -> None:
    small = np.linspace(0, 6e-5, 60)
    for values in (small, small - 6e-5, 0.9 + small, np.geomspace(0.02, 0.7, 60)):
        axes = Figure().add_subplot()
        draw_term(axes, "regularizer/jacobian", values, [])
        FigureCanvasAgg(axes.figure).draw()
        ticks = [tick for tick in axes.yaxis.get_ticklabels(which="both") if tick.get_text()]
        assert len(ticks) >= 2 and axes.yaxis.get_offset_text().get_text() == ""
        for tick in ticks:
            assert float(tick.get_text().replace("−", "-")) == pytest.approx(tick.get_position()[1], abs=1e-9)


def test_a_note_stands_below_the_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Figure] = []
    monkeypatch.setattr(importlib.import_module("pairreg.figures.curves"), "save", lambda f, _: kept.append(f))
    note = "loss = " + " + ".join(f"2 × term_{i}" for i in range(12))
    curves(tmp_path / "c.png", history={"loss": np.ones(9), "similarity/mse": np.ones(9)}, note=note)
    (figure,) = kept
    FigureCanvasAgg(figure).draw()
    shown = figure.findobj(lambda artist: getattr(artist, "get_text", str)().startswith("loss = "))[0]
    box = shown.get_window_extent()
    assert " ".join(shown.get_text().split()) == note and box.x0 >= 0 and box.x1 <= figure.bbox.x1
    assert not any(box.overlaps(axes.get_tightbbox()) for axes in figure.axes)


def test_names_of_short_levels_do_not_overlap() -> None:
    """The text of each level that `preset=fast` has ends where the next one begins."""
    figure = Figure(figsize=(2.7, 1.9), layout="constrained", dpi=150)
    axes = figure.add_subplot()
    level = np.repeat([1, 2, 3, 4], [100, 100, 50, 10])
    draw_term(axes, "loss", np.linspace(1, 0.5, 260), level_bands(level, None))
    FigureCanvasAgg(figure).draw()
    assert [text.get_text() for text in axes.texts] == ["level 1", "level 2", "level 3", "4"]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))


def test_levels_are_numbered_as_given() -> None:
    assert level_bands(np.array([2, 2, 1, 0]), None) == [(1, 2, "level 2"), (3, 3, "level 1"), (4, 4, "level 0")]
    assert level_bands(np.zeros(5), None) == [] == level_bands(None, None)


def test_logarithmic_axes_only_where_they_make_sense() -> None:
    assert log_scaled(np.array([1.0, 11.0, np.nan]))
    for values in ([1.0, 9.0], [0.0, 100.0], [-1.0, 100.0], [np.nan]):
        assert not log_scaled(np.array(values))


def test_short_and_broken_histories_can_be_drawn(tmp_path: Path) -> None:
    for values in ([0.5], [0.5, np.nan, np.inf], [np.nan, np.nan]):
        history = {"loss": np.array(values), "level": np.arange(len(values))}
        assert curves(tmp_path / "c.png", history=history).exists()
    with pytest.raises(ValueError, match="history should have"):
        curves(tmp_path / "c.png", history={"level": np.zeros(3)})
