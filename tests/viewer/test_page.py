"""The page of a run holds what the run has, where it lies in the body, in three megabytes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from pairreg import geometry
from pairreg.figures.style import colour
from pairreg.runs.figure_arrays import FigureArrays
from pairreg.viewer.page import LARGEST, coarser, content, page
from pairreg.viewer.scene import Scene
from view_helpers import displacement, embedded, labels, plane, volume

RNG = np.random.default_rng(0)


def scene(fixed: np.ndarray, spacing: tuple[float, ...], field: np.ndarray | None = None, **others: Any) -> Scene:
    """The scene of arrays in LPS, of which all images are alike unless others are given."""
    grid = sitk.GetImageFromArray(fixed.astype(np.float32))
    grid.SetSpacing(spacing[::-1])
    images = {name: others.pop(name, fixed).astype(np.float32) for name in ("moving", "warped")}
    still = np.zeros((*fixed.shape, fixed.ndim)) if field is None else field
    others = {"label_names": {}, **others}
    arrays = FigureArrays(
        name="<made>", fixed=fixed.astype(np.float32), **images, field=still, spacing=spacing, **others
    )
    return Scene.on(arrays, grid)


def content_shown(made: Scene) -> dict[str, Any]:
    return embedded(page(made, ""))


def smooth(shape: tuple[int, ...], wave: float) -> np.ndarray:
    waves = [np.sin(2 * np.pi * np.arange(n) / wave) for n in shape]
    return 0.5 + 0.5 * np.prod(np.meshgrid(*waves, indexing="ij"), axis=0)


def test_a_marked_place_is_shown_where_radiology_has_it() -> None:
    """A ball at the left, the back and the head of the patient."""
    z, y, x = np.indices((24, 30, 40))
    ball = ((2.0 * (z - 20)) ** 2 + (y - 24) ** 2 + (x - 33) ** 2 < 9).astype(float)
    found = content_shown(scene(ball, (4.0, 2.0, 2.0), fixed_labels=ball.astype(np.uint8)))
    assert found["start"] == [20.5 * 4, 24.5 * 2, 33.5 * 2]
    sides = {
        "axial": [["A", "P"], ["R", "L"]],
        "coronal": [["I", "S"], ["R", "L"]],
        "sagittal": [["I", "S"], ["A", "P"]],
    }
    assert {one["name"]: one["sides"] for one in found["planes"]} == sides
    # Patient left is on the right of the screen, the head on top; the front on top of axial, at the left of sagittal.
    for name, where in {"axial": (24, 33), "coronal": (3, 33), "sagittal": (3, 24)}.items():
        for values in (volume(found, "warped"), labels(found, "fixed")):
            shown = plane(found, values, name, found["start"]).astype(float)
            middle = np.average(
                np.indices(shown.shape).reshape(2, -1), axis=1, weights=(shown > 0.5 * shown.max()).ravel()
            )
            np.testing.assert_allclose(middle, where, atol=0.6)


def test_images_keep_their_values_and_slices_their_order() -> None:
    shape = (11, 20, 34)
    images = {name: smooth(shape, wave) for name, wave in {"fixed": 30, "moving": 20, "warped": 25}.items()}
    found = content_shown(scene(images["fixed"], (3.0, 1.0, 1.0), moving=images["moving"], warped=images["warped"]))
    assert found["shape"] == list(shape) and found["spacing"] == [3.0, 1.0, 1.0]
    for name, values in images.items():
        assert np.abs(volume(found, name) / 255 - values).max() < 0.06, name
        assert np.abs(volume(found, name) / 255 - values).mean() < 0.012, name


def test_labels_have_the_colours_of_the_figures_of_the_run() -> None:
    """Those of the fixed labels in their order, and then what only others have."""
    fixed, warped = np.zeros((2, 6, 8, 9), np.int32)
    fixed[:, :3], fixed[:, 3:], warped[:, :4], warped[:, 4:] = 40, 7, 7, 3
    made = scene(
        smooth((6, 8, 9), 8), (1.0,) * 3, fixed_labels=fixed, warped_labels=warped, label_names={7: "a</script>"}
    )
    text = page(made, "")
    found = embedded(text)
    assert found["names"] == ["a</script>", "label 40", "label 3"] and found["colours"] == [colour(i) for i in range(3)]
    np.testing.assert_array_equal(labels(found, "fixed"), np.where(fixed == 7, 1, 2))
    np.testing.assert_array_equal(labels(found, "warped"), np.where(warped == 7, 1, 3))
    assert "moving" not in found["labels"] and "<made>" not in text and "&lt;made&gt;" in text


def test_the_displacement_is_in_millimetres_of_coarser_voxels_where_these_suffice() -> None:
    shape = (40, 60, 70)
    spacing, waves = np.array([3.0, 1.5, 1.5]), np.stack([smooth(shape, 60), -smooth(shape, 70), smooth(shape, 80)], -1)
    found = content_shown(scene(smooth(shape, 9), tuple(spacing), 5 * waves))
    nodes, steps = found["displacement"]["shape"], np.array(found["displacement"]["spacing"])
    assert np.prod(nodes) <= 60_000 and nodes[0] == 40  # the coarsest axis stays
    np.testing.assert_allclose(nodes * steps, shape * spacing)
    got = displacement(found)
    where = [
        ((np.arange(n) + 0.5) * s / h - 0.5).round().astype(int) for n, s, h in zip(nodes, steps, spacing, strict=True)
    ]
    truth = 5 * waves[np.ix_(*where)] * spacing
    np.testing.assert_allclose(
        np.moveaxis(got, 0, -1), truth, atol=0.6
    )  # of 15 mm: the nearest voxel is half of one away


def test_of_thousands_of_landmarks_some_are_left_out_and_pairs_stay_together() -> None:
    at = RNG.uniform(0, 9, (5000, 3))
    found = content_shown(
        scene(smooth((10, 10, 10), 9), (1.0, 1.0, 1.0), fixed_landmarks=at, moving_landmarks=at + [0, 1, 2])
    )["landmarks"]
    assert 1000 < len(found["fixed"]) <= 2000
    np.testing.assert_allclose(
        np.subtract(found["moving"], found["fixed"]), [[0, 1, 2]] * len(found["fixed"]), atol=0.011
    )


def test_a_strip_is_no_longer_than_browsers_take() -> None:
    strip = np.tile(smooth((4, 100), 50), (1, 200))
    found = content_shown(scene(strip, (1.0, 1.0)))
    assert found["shape"][:2] == [1, 1] and 2000 < found["shape"][2] <= 4096


@pytest.mark.parametrize("ndim", [2, 3])
def test_landmarks_lie_in_the_image(ndim: int) -> None:
    shape, spacing = (12, 14, 16)[:ndim], (2.0, 1.5, 1.0)[:ndim]
    at = np.array([[3.0, 4.0, 5.0], [8.5, 2.25, 7.0]])[:, :ndim]
    field = np.broadcast_to([1.0, -2.0, 0.5][:ndim], (*shape, ndim))
    found = content_shown(scene(smooth(shape, 9), spacing, field, fixed_landmarks=at, moving_landmarks=at + 1))
    for name, moved in {"fixed": 0, "moving": 1, "warped": 1 - field[(0,) * ndim]}.items():
        expected = (at + moved + 0.5) * spacing
        np.testing.assert_allclose(np.array(found["landmarks"][name])[:, 3 - ndim :], expected, atol=0.006)
    assert all(len(place) == 3 for places in found["landmarks"].values() for place in places)


def test_a_2d_image_is_one_slice_as_it_is() -> None:
    picture = smooth((30, 50), 40)
    picture[:10, :10] = 1.0  # top left
    found = content_shown(scene(picture, (2.0, 1.0), np.broadcast_to([1.0, 3.0], (30, 50, 2))))
    assert found["shape"] == [1, 30, 50] and [one["up"] for one in found["planes"]] == [False]
    assert np.abs(plane(found, volume(found, "fixed"), "", [0.5, 0, 0]) / 255 - picture).mean() < 0.02
    np.testing.assert_allclose(
        displacement(found).reshape(3, -1).T, np.broadcast_to([0.0, 2.0, 3.0], (1500, 3)), atol=1e-3
    )
    assert len(found["corner"]) == 2


def test_coarser_voxels_take_nothing_from_the_coarse_axes() -> None:
    image = sitk.Image([100, 80, 20], sitk.sitkFloat32)
    image.SetSpacing([1.0, 1.0, 5.0])
    found = coarser(image, 40_000)
    assert found.GetSize()[2] == 20 and 0.9 * 40_000 < np.prod(found.GetSize()) <= 40_000
    np.testing.assert_allclose(np.multiply(found.GetSize(), found.GetSpacing()), [100, 80, 100])
    assert coarser(image, 160_000).GetSize() == image.GetSize()
    assert coarser(image, 1).GetSize() == (1, 1, 1)


def test_a_real_pair_takes_three_megabytes_at_most(shared_data: Path) -> None:
    """The largest of the pairs, and it remains finer than half of its voxels along an axis."""
    folder = shared_data / "ct_thorax_two_subjects_b"
    fixed = sitk.ReadImage(str(folder / "fixed.nii.gz"), sitk.sitkFloat32)
    own = sitk.ReadImage(str(folder / "fixed_labels.nii.gz"))
    values = np.clip((geometry.array(fixed) + 1000) / 1500, 0, 1)
    field = np.stack([smooth(values.shape, 90), smooth(values.shape, 70), smooth(values.shape, 80)], -1)
    maps = {f"{name}_labels": geometry.array(own) for name in ("fixed", "moving", "warped")}
    made = scene(values, geometry.spacing(fixed), 4 * field, **maps)
    text = page(made, "")
    found = embedded(text)
    assert LARGEST * 0.3 < len(text.encode()) <= LARGEST == 3_000_000
    assert np.all(np.array(found["shape"]) * 2 > values.shape)


def test_noise_is_shown_in_larger_voxels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is harder to compress; the limit is made small for the test to be fast."""
    monkeypatch.setattr("pairreg.viewer.page.LARGEST", 200_000)
    noise = scene(RNG.random((40, 60, 70)), (1.0, 1.0, 1.0))
    text = page(noise, "")
    assert 100_000 < len(text.encode()) <= 200_000
    assert np.prod(embedded(text)["shape"]) < 40 * 60 * 70 == np.prod(content(noise, 40 * 60 * 70)["shape"])
