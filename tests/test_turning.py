"""However a volume is stored, its figures show the same body: head up, and the patient's right on the left."""

from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from pairreg import geometry
from pairreg.figures.views import SIDES
from pairreg.report.charts.planes import planes
from pairreg.runs.draw import draw
from pairreg.runs.figure_arrays import FigureArrays
from pairreg.turning import Turn, turned

AXES = ("LR", "AP", "IS")
ORIENTATIONS = ["".join(letters) for axes in permutations(AXES) for letters in product(*axes)]
SIZE, SPACING = (12, 9, 7), (1.5, 2.0, 4.0)  # x, y, z
ARRAYS = ("fixed", "moving", "warped", "fixed_labels", "moving_labels", "warped_labels")


def volume(seed: int) -> sitk.Image:
    values = np.random.default_rng(seed).random(SIZE[::-1], np.float32)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(SPACING)
    image.SetOrigin([-30.0, 12.0, 700.0])
    return image


def figure_arrays(orientation: str) -> FigureArrays:
    """The arrays of one body as a file of this orientation has them; the field is known in mm."""
    images = {name: sitk.DICOMOrient(volume(seed), orientation) for seed, name in enumerate(ARRAYS)}
    grid = images["fixed"]
    points = geometry.voxel_points(grid)
    in_space = np.stack([0.1 * points[..., 1], 3 + 0.05 * points[..., 0], 0.01 * points[..., 2]], -1)
    landmarks = np.array([[-28.0, 14.0, 704.0], [-20.0, 20.5, 713.0]])
    voxels = geometry.voxels_of(landmarks, grid)[:, ::-1]
    arrays = {name: geometry.array(image) for name, image in images.items()}
    labels = {name: np.round(3 * arrays[name]).astype(np.uint8) for name in ARRAYS[3:]}
    return FigureArrays(
        name="body", **arrays | labels, field=in_space @ np.linalg.inv(geometry.index_to_physical(grid)).T,
        spacing=geometry.spacing(grid), direction=grid.GetDirection(), label_names={}, channels={"ct": arrays["fixed"]},
        fixed_landmarks=voxels, moving_landmarks=voxels + 1,
    )  # fmt: skip


def test_there_are_48_ways_to_store_a_volume() -> None:
    assert len(set(ORIENTATIONS)) == 48


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_arrays_are_turned_as_images_are(orientation: str) -> None:
    """The truth is the volume that was made with axes to the left, back and head."""
    stored, body = figure_arrays(orientation), figure_arrays("LPS")
    drawn = stored.as_drawn()
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(drawn, name), getattr(body, name))
    np.testing.assert_array_equal(drawn.channels["ct"], body.fixed)
    np.testing.assert_allclose(drawn.field, body.field, atol=1e-12)
    np.testing.assert_allclose(drawn.fixed_landmarks, body.fixed_landmarks, atol=1e-9)
    assert drawn.spacing == SPACING[::-1]
    image = turned(sitk.DICOMOrient(volume(0), orientation))
    np.testing.assert_array_equal(geometry.array(image), body.fixed)
    np.testing.assert_allclose(image.GetDirection(), np.eye(3).ravel())


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_planes_are_the_same(orientation: str) -> None:
    found, expected = (planes(figure_arrays(one), count=3) for one in (orientation, "LPS"))
    for plane, wanted in zip(found, expected, strict=True):
        assert plane.view == wanted.view
        np.testing.assert_array_equal(plane.scene.fixed, wanted.scene.fixed)
        np.testing.assert_allclose(plane.scene.field, wanted.scene.field, atol=1e-12)


@pytest.mark.parametrize("orientation", ["RAI", "SLA", "PIR"])
def test_figures_are_the_same_picture(orientation: str, tmp_path: Path) -> None:
    for folder, one in (("stored", orientation), ("body", "LPS")):
        draw(figure_arrays(one), {}, tmp_path / folder)
    for name in ("overview.png", "grid.png"):
        stored, body = (np.asarray(Image.open(tmp_path / folder / name)) for folder in ("stored", "body"))
        np.testing.assert_array_equal(stored, body)


def test_planes_have_the_head_up_and_the_patients_right_on_the_left() -> None:
    """A voxel on each side of the body, in the plane that shows it; `up` says whether the last row is on top."""
    body = replace(figure_arrays("LPS"), fixed_labels=None).as_drawn()
    sides = [{"I": "bottom", "S": "top"}, {"A": "top", "P": "bottom"}, {"R": "left", "L": "right"}]
    for plane, (rows, columns) in zip(planes(body, count=3), ((1, 2), (0, 2), (0, 1)), strict=True):
        on_top = SIDES[rows][1 if plane.view.up else 0]
        assert sides[rows][on_top] == "top"
        assert SIDES[columns][0] == ("A" if columns == 1 else "R")
        np.testing.assert_allclose(plane.view.spacing, (SPACING[2 - rows], SPACING[2 - columns]))


def test_an_oblique_image_keeps_its_axes_and_a_2d_one_all() -> None:
    tilted = volume(0)
    cos, sin = np.cos(0.3), np.sin(0.3)
    tilted.SetDirection([cos, -sin, 0, sin, cos, 0, 0, 0, 1])
    for image in (tilted, sitk.DICOMOrient(tilted, "SAR")):
        turn = Turn.of(image.GetDirection())
        np.testing.assert_array_equal(turn.values(geometry.array(image)), geometry.array(volume(0)))
    plane = np.arange(6.0).reshape(2, 3)
    turn = Turn.of((-1.0, 0.0, 0.0, 1.0))
    np.testing.assert_array_equal(turn.values(plane), plane)
    assert turn.per_axis((1.0, 2.0)) == (1.0, 2.0)
