import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.spatial.distance import directed_hausdorff

from pairreg.metrics import dice, hd95, volume_change
from pairreg.metrics.surface import surface_points

SPACING = {2: (2.0, 0.5), 3: (2.5, 0.7, 1.3)}


def blobs(ndim: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two maps of labels 1 to 3, overlapping boxes; label 3 touches the border."""
    rng = np.random.default_rng(seed)
    maps = np.zeros((2, *(20,) * ndim), np.uint8)
    for image in maps:
        for label, low in ((1, 3), (2, 10), (3, 16)):
            start = low + rng.integers(-2, 3, ndim)
            image[tuple(slice(s, s + 5 + d) for d, s in enumerate(start))] = label
    return maps[0], maps[1]


def test_dice_of_known_regions() -> None:
    fixed, warped = np.zeros((4, 4), int), np.zeros((4, 4), int)
    fixed[:2], warped[1:3] = 1, 1
    assert dice(fixed, warped) == {1: 0.5}
    assert dice(fixed, fixed) == {1: 1.0}


@pytest.mark.parametrize("ndim", [2, 3])
def test_dice_equals_simpleitk(ndim: int) -> None:
    fixed, warped = blobs(ndim)
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(sitk.GetImageFromArray(fixed), sitk.GetImageFromArray(warped))
    expected = {label: overlap.GetDiceCoefficient(label) for label in (1, 2, 3)}
    assert dice(fixed, warped) == pytest.approx(expected)


def test_which_labels_count() -> None:
    fixed, warped = np.array([[1, 2, 3, 0]]), np.array([[1, 0, 3, 5]])
    assert sorted(dice(fixed, warped)) == [1, 3]
    # 2 was lost by warping, 5 is not in the fixed map, 0 is background
    assert dice(fixed, warped, labels=[0, 1, 2, 5]) == {1: 1.0, 2: 0.0}
    distances = hd95(fixed, warped, (1, 1), labels=[1, 2, 5])
    assert distances[1] == 0 and np.isnan(distances[2]) and 5 not in distances


def test_shapes_have_to_agree() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        dice(np.ones((2, 3)), np.ones((3, 2)))


@pytest.mark.parametrize(("axis", "spacing"), [(0, 3.0), (1, 0.5), (2, 1.0)])
def test_hd95_of_shifted_slabs_is_the_shift_in_mm(axis: int, spacing: float) -> None:
    fixed, warped = np.zeros((20, 20, 20), int), np.zeros((20, 20, 20), int)
    spans = [slice(None)] * 3
    for image, start in ((fixed, 4), (warped, 8)):
        spans[axis] = slice(start, start + 1)  # one voxel thick: its surface is the slab
        image[tuple(spans)] = 1
    assert hd95(fixed, warped, (3.0, 0.5, 1.0)) == {1: pytest.approx(4 * spacing)}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_hd95_equals_distance_maps(ndim: int, seed: int) -> None:
    fixed, warped = blobs(ndim, seed)

    def surface(region: np.ndarray) -> np.ndarray:
        return region & ~binary_erosion(region)

    def percentile(source: np.ndarray, target: np.ndarray) -> float:
        return float(np.percentile(distance_transform_edt(~surface(target), SPACING[ndim])[surface(source)], 95))

    for label, distance in hd95(fixed, warped, SPACING[ndim]).items():
        f, w = fixed == label, warped == label
        assert distance == pytest.approx(max(percentile(f, w), percentile(w, f)))


@pytest.mark.parametrize("ndim", [2, 3])
def test_surfaces_give_the_hausdorff_distance_of_scipy_and_simpleitk(ndim: int) -> None:
    fixed, warped = (image == 2 for image in blobs(ndim))
    f, w = surface_points(fixed, SPACING[ndim]), surface_points(warped, SPACING[ndim])
    ours = max(directed_hausdorff(f, w)[0], directed_hausdorff(w, f)[0])
    images = [sitk.GetImageFromArray(region.astype(np.uint8)) for region in (fixed, warped)]
    for image in images:
        image.SetSpacing(SPACING[ndim][::-1])
    hausdorff = sitk.HausdorffDistanceImageFilter()
    hausdorff.Execute(*images)
    assert ours == pytest.approx(hausdorff.GetHausdorffDistance(), rel=1e-5)


def test_hd95_is_symmetric_and_ignores_a_few_outliers() -> None:
    fixed = np.zeros((40, 40), int)
    fixed[10:30, 10:30] = 1
    warped = fixed.copy()
    warped[0, 0] = 1  # one of 77 surface voxels, 14 voxels away
    assert hd95(fixed, warped, (1, 1)) == {1: 0.0} == hd95(warped, fixed, (1, 1))


def test_volume_change_counts_mm3() -> None:
    moving, warped = np.zeros((10, 10, 10), int), np.zeros((20, 10, 10), int)
    moving[:4], warped[:4], moving[5, 5, 5] = 1, 1, 2
    change = volume_change(moving, (2.0, 1.0, 1.0), warped, (1.0, 1.0, 1.0))
    assert change == {1: pytest.approx(0.5), 2: 0.0}
    assert list(volume_change(moving, (2.0, 1.0, 1.0), warped, (1.0, 1.0, 1.0), labels=[1])) == [1]
