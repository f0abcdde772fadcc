"""The texture of the phantom: what it is, and that both images of a pair share it exactly."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from pairreg import geometry
from pairreg.pair.phantom import phantom, phantom_2d, phantom_3d
from pairreg.pair.phantom.block import Block
from pairreg.pair.phantom.pair import make_grid
from pairreg.pair.phantom.texture import texture
from pairreg.pair.phantom.torso import label_names

NUMBER = {name: label for label, name in label_names().items()}
ANATOMY = {"girth": 1.05, "scoliosis": 15.0}
SMALL = {2: {}, 3: {"size": [60, 44, 24], "spacing": 6.0, "level": 180.0}}


def inside(labels: sitk.Image, name: str, margin: float) -> np.ndarray:
    """Voxels of an organ more than `margin` mm from its surface."""
    region = geometry.array(labels) == NUMBER[name]
    return ndimage.distance_transform_edt(region, sampling=geometry.spacing(labels)) > margin


@pytest.mark.parametrize(("make", "fine", "organ"), [(phantom_2d, 0.5, "liver"), (phantom_3d, 1.5, "liver")])
def test_the_fixed_image_is_the_moving_one_at_the_displaced_points(make, fine, organ):
    """The moving image is sampled finely, so that interpolation hardly errs."""
    ndim = 2 if make is phantom_2d else 3
    pair = make(**SMALL[ndim], seed=4, anatomy=ANATOMY)
    level = {2: 200.0, 3: 180.0}[ndim]
    extent = [n * h for n, h in zip(pair.moving.GetSize(), pair.moving.GetSpacing(), strict=True)]
    moving = phantom(make_grid([int(e / fine) for e in extent], fine, level, ndim), level, texture=40.0).hu
    warp = geometry.displacement_transform(pair.true_displacement)
    warped, still = (geometry.array(sitk.Resample(moving, pair.fixed, t)) for t in (warp, sitk.Transform(ndim, 1)))
    fixed, where = geometry.array(pair.fixed), inside(pair.fixed_labels, organ, 15.0)
    assert where.sum() > 50
    assert np.abs(warped - fixed)[where].max() < 5 < 20 < np.abs(still - fixed)[where].std()


def test_its_waves_are_12_to_40_mm_long_and_its_deviation_1():
    step, n = 2.0, 96
    points = np.stack(np.meshgrid(*[np.arange(n) * step] * 3, indexing="ij")).astype(np.float32)
    values = texture(Block.of(*points[::-1]))
    assert abs(values.mean()) < 0.1 and values.std() == pytest.approx(1, abs=0.15)
    window = np.hanning(n)
    power = np.abs(np.fft.fftn(values * np.einsum("i,j,k", window, window, window))) ** 2
    frequency = np.linalg.norm(np.stack(np.meshgrid(*[np.fft.fftfreq(n, step)] * 3, indexing="ij")), axis=0)
    assert power[(frequency > 1 / 60) & (frequency < 1 / 11)].sum() > 0.97 * power.sum()
    assert power[frequency > 1 / 20].sum() > 0.2 * power.sum() and power[frequency < 1 / 25].sum() > 0.05 * power.sum()


def test_tissues_have_it_and_air_has_not():
    grid = make_grid((256, 192), 1.6, 380.0, 2)
    plain, rough = (phantom(grid, 380.0, texture=t) for t in (0.0, 30.0))
    difference = geometry.array(rough.hu) - geometry.array(plain.hu)
    for name in ("muscle", "lung_right", "fat"):
        assert 15 < difference[inside(plain.labels, name, 3.0)].std() < 45, name
    air = (geometry.array(plain.labels) == 0) & (geometry.array(plain.hu) == -1000)
    assert not difference[air | inside(plain.labels, "trachea", 2.0)].any()
    for name in ("labels", "mu", "activity"):
        np.testing.assert_array_equal(*(geometry.array(getattr(p, name)) for p in (plain, rough)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_default_method_finds_the_deformation_within_a_voxel(seed):
    import pairreg

    pair = phantom_2d(seed=seed)
    metrics = pairreg.register(pair).metrics
    assert metrics["epe_mean"] < pair.fixed.GetSpacing()[0]
    assert min(metrics[f"dice/{name}"] for name in ("spine", "ribs", "liver", "lung_left", "spleen")) > 0.9
