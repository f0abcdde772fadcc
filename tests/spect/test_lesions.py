"""Lesions on a bone whose voxels are known."""

import numpy as np
import pytest
from scipy import ndimage

from pairreg import InputError
from pairreg.spect import draw_lesions

SPACING = (3.0, 2.0, 2.5)  # 0.015 cc


@pytest.fixture(scope="module")
def bone() -> np.ndarray:
    """Thin plates, in which a sphere of 0.5 cc does not fit, and a block."""
    mask = np.zeros((40, 50, 60), bool)
    mask[:, 5:8, :] = mask[:, 20:23, :] = mask[10:30, 30:45, 20:50] = True
    return mask


@pytest.mark.parametrize("seed", range(4))
def test_volumes_contrasts_and_places(bone: np.ndarray, seed: int) -> None:
    drawn = draw_lesions(bone, SPACING, count=8, seed=seed)
    counts = np.array([np.count_nonzero(drawn.mask == i) for i in range(1, 9)])
    assert np.allclose(counts * 0.015, drawn.volumes(SPACING))
    assert (drawn.volumes(SPACING) >= 0.2).all() and (drawn.volumes(SPACING) <= 0.5).all()
    assert np.ptp(counts) > 0 and all(3.5 <= c <= 4.5 for c in drawn.contrasts)
    assert bone[drawn.mask > 0].all()
    pieces, count = ndimage.label(drawn.mask > 0, np.ones((3, 3, 3)))
    assert count == 8 and len(np.unique(np.stack([pieces, drawn.mask])[:, drawn.mask > 0], axis=1).T) == 8


def test_they_are_compact(bone: np.ndarray) -> None:
    """None reaches beyond 1.5 times the radius of a ball of its volume, measured from the voxel it grew from."""
    drawn = draw_lesions(bone, SPACING, count=8, seed=1)
    for i, volume in enumerate(drawn.volumes(SPACING), start=1):
        points = np.argwhere(drawn.mask == i) * SPACING
        radius = np.cbrt(1000 * volume * 3 / (4 * np.pi))
        reach = np.linalg.norm(points[:, None] - points, axis=-1).max(axis=1).min()
        assert reach <= 1.5 * 1.5 * radius


def test_the_seed_chooses(bone: np.ndarray) -> None:
    one, same, other = (draw_lesions(bone, SPACING, seed=seed) for seed in (3, 3, 4))
    assert one.mask.tobytes() == same.mask.tobytes() and one.contrasts == same.contrasts
    assert (one.mask != other.mask).any()


def test_uptake_is_replaced_in_lesions_only(bone: np.ndarray) -> None:
    drawn = draw_lesions(bone, SPACING, count=2)
    activity = np.random.default_rng(0).uniform(size=bone.shape).astype(np.float32)
    hot = drawn.insert(activity, uptake=10.0)
    assert hot.dtype == np.float32 and (hot[drawn.mask == 0] == activity[drawn.mask == 0]).all()
    for i, contrast in enumerate(drawn.contrasts, start=1):
        assert hot[drawn.mask == i] == pytest.approx(10 * contrast)


def test_what_cannot_be_is_said(bone: np.ndarray) -> None:
    with pytest.raises(InputError, match="voxels of 1 cc are too large for lesions of 0.2 to 0.5 cc"):
        draw_lesions(bone, (10.0, 10.0, 10.0))
    with pytest.raises(InputError, match="1000 voxels of bone have room for [0-9]+ of 40 lesions"):
        draw_lesions(np.ones((10, 10, 10), bool), SPACING, count=40)
    with pytest.raises(InputError, match="0 voxels of bone"):
        draw_lesions(np.zeros_like(bone), SPACING)
