"""The scene of a run lies as the body does, however its file was oriented."""

import numpy as np
import pytest
import SimpleITK as sitk

from pairreg import geometry
from pairreg.runs.figure_arrays import FigureArrays
from pairreg.viewer.scene import Scene

MARKED = (9, 2, 5)  # the voxel of the body, x first: at its left, front and middle
LANDMARK = np.array([[3.25, 6.5, 1.0], [8.0, 1.5, 6.75]])


def body() -> sitk.Image:
    image = sitk.Image([12, 9, 8], sitk.sitkFloat32)
    image.SetSpacing([1.5, 2.0, 4.0])
    image.SetOrigin([-30.0, 12.0, 700.0])
    image[MARKED] = 1.0
    return image


def displacement(image: sitk.Image) -> np.ndarray:
    """Millimetres to the left, back and head `(*spatial, 3)`, which are others at every voxel."""
    points = geometry.voxel_points(image)
    return np.stack([3 + 0.1 * points[..., 0], -2 + 0.05 * points[..., 2], 0.2 * points[..., 1]], -1)


def arrays_of(image: sitk.Image, space: np.ndarray, landmarks: np.ndarray) -> FigureArrays:
    """The figure arrays on the grid of an image; the field is what SimpleITK says of where each voxel leads."""
    field = np.empty((*image.GetSize()[::-1], 3))
    points = geometry.voxel_points(image)
    for index in np.ndindex(field.shape[:-1]):
        to = image.TransformPhysicalPointToContinuousIndex((points[index] + space[index]).tolist())
        field[index] = np.array(to)[::-1] - index
    voxels = np.array([image.TransformPhysicalPointToContinuousIndex(point) for point in landmarks.tolist()])[:, ::-1]
    values = geometry.array(image)
    return FigureArrays(
        name="body", fixed=values, moving=values, warped=values, field=field, spacing=geometry.spacing(image),
        fixed_labels=values.astype(np.uint8), label_names={}, fixed_landmarks=voxels, moving_landmarks=voxels,
    )  # fmt: skip


@pytest.mark.parametrize("orientation", ["LPS", "RAI", "PIR", "SLA"])
def test_it_is_turned_to_left_back_and_head(orientation: str) -> None:
    grid = sitk.DICOMOrient(body(), orientation)
    landmarks = np.array([body().TransformContinuousIndexToPhysicalPoint(index) for index in LANDMARK.tolist()])
    scene = Scene.on(arrays_of(grid, displacement(grid), landmarks), grid)
    for image in (*scene.images.values(), *scene.labels.values()):
        assert image[MARKED] == 1 and geometry.array(image).sum() == 1
        np.testing.assert_allclose(image.GetOrigin(), body().GetOrigin(), atol=1e-9)
    np.testing.assert_allclose(geometry.array(scene.displacement), displacement(body()), atol=1e-4)
    np.testing.assert_allclose(scene.landmarks["fixed"], LANDMARK, atol=1e-6)
    np.testing.assert_allclose(scene.landmarks["moving"], LANDMARK, atol=1e-6)
    # Both images have them at one place, so that all of the displacement there is error.
    at = np.array([3 + 0.1 * landmarks[:, 0], -2 + 0.05 * landmarks[:, 2], 0.2 * landmarks[:, 1]]).T
    np.testing.assert_allclose(scene.landmarks["warped"], LANDMARK - at / body().GetSpacing(), atol=1e-4)


def test_a_tilted_image_keeps_its_own_axes() -> None:
    """Its displacement is along them, as the slices that are shown are its own."""
    grid = body()
    angle = np.radians(20)
    grid.SetDirection([np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle), 0, 0, 0, 1])
    space = np.broadcast_to(np.reshape(grid.GetDirection(), (3, 3)) @ [1.0, 2.0, 3.0], (8, 9, 12, 3))
    scene = Scene.on(arrays_of(grid, space, np.array([grid.GetOrigin()])), grid)
    np.testing.assert_allclose(
        geometry.array(scene.displacement), np.broadcast_to([1.0, 2.0, 3.0], space.shape), atol=1e-4
    )


def test_a_2d_image_stays_as_it_is() -> None:
    grid = sitk.Image([5, 4], sitk.sitkFloat32)
    grid.SetDirection([-1, 0, 0, 1])
    values = np.arange(20.0, dtype=np.float32).reshape(4, 5)
    field = np.dstack([np.full((4, 5), 2.0), np.full((4, 5), -1.0)])
    arrays = FigureArrays(
        name="2-D", fixed=values, moving=values, warped=values, field=field, spacing=(1.0, 1.0), label_names={}
    )
    scene = Scene.on(arrays, grid)
    np.testing.assert_array_equal(geometry.array(scene.images["fixed"]), values)
    np.testing.assert_allclose(geometry.array(scene.displacement), np.broadcast_to([-1.0, 2.0], (4, 5, 2)))
    assert scene.labels == {} and scene.landmarks == {}
