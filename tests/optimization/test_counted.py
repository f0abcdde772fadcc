"""A term that would compare no voxel is refused: its value would be a constant, which reads like a perfect match."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pair_helpers import refused
from pairreg import geometry
from pairreg.backend import tf
from pairreg.optimization.counted import Counted
from pairreg.optimization.evidence import evidence
from pairreg.optimization.objective import Objective
from pairreg.optimization.optimize import LevelParts, check_compared
from pairreg.optimization.resampled_pair import resample_pair
from pairreg.pair.pair import Pair
from pairreg.schedule.base import Level
from pairreg.schedule.coarse_to_fine import CoarseToFine
from pairreg.similarity.landmarks import Landmarks
from pairreg.similarity.mse import MSE
from pairreg.transform.warp import usable_cells, warp

SHAPE = (32, 10, 12)


def noise(seed: int) -> sitk.Image:
    return sitk.GetImageFromArray(np.random.default_rng(seed).uniform(size=SHAPE).astype(np.float32))


def mask(*slices: int) -> sitk.Image:
    """1 in these slices of the first axis, 0 in the others."""
    values = np.zeros(SHAPE, np.uint8)
    values[list(slices)] = 1
    return sitk.GetImageFromArray(values)


def labels(first: int, last: int) -> sitk.Image:
    """A label map whose field of view is these slices."""
    return sitk.Cast(noise(2) > 0.5, sitk.sitkUInt8)[:, :, first : last + 1]


POINTS = np.array([[3.0, 4.0, 5.0], [6.0, 5.0, 20.0]])
PAIR = Pair(name="noise", fixed=noise(0), moving=noise(1), fixed_landmarks=POINTS, moving_landmarks=POINTS)
ON_IMAGES, ON_PET = {"images": MSE()}, {"pet": MSE(on="pet")}
ON_LABELS = {"labels": pairreg.build("similarity/dice")}
PET = noise(3)

# what the pair has, the terms, the scale of the finest level, whether both directions are optimised
NOTHING = {
    "a moving mask on one slice": ({"moving_mask": mask(5)}, ON_IMAGES, 1, False),
    "on the first slice": ({"moving_mask": mask(0)}, ON_IMAGES, 1, False),
    "on the last slice": ({"moving_mask": mask(31)}, ON_IMAGES, 1, False),
    "on every second slice": ({"moving_mask": mask(*range(0, 32, 2))}, ON_IMAGES, 1, False),
    "one slice against a volume": ({"moving": noise(1)[:, :, 5:6]}, ON_IMAGES, 1, False),
    "masks of neighbours": ({"moving_mask": mask(5, 6), "fixed_mask": mask(7)}, ON_IMAGES, 1, False),
    "a mask that holds one block of a level": ({"moving_mask": mask(*range(2, 9))}, ON_IMAGES, 4, False),
    "a fixed mask on one slice, backward": ({"fixed_mask": mask(5)}, ON_IMAGES, 1, True),
    "channels of other slices": (
        {"fixed_channels": {"pet": PET[:, :, :16]}, "channels": {"pet": PET[:, :, 16:]}},
        ON_PET,
        1,
        False,
    ),
    "channels and a thin mask": (
        {"fixed_channels": {"pet": PET}, "channels": {"pet": PET}, "moving_mask": mask(5)},
        ON_PET,
        1,
        False,
    ),
    "label maps of other slices": (
        {"fixed_labels": labels(0, 15), "moving_labels": labels(16, 31)},
        {**ON_IMAGES, **ON_LABELS},
        1,
        False,
    ),
    "a label map of one slice": (
        {"fixed_labels": labels(0, 31), "moving_labels": labels(7, 7)},
        {**ON_IMAGES, **ON_LABELS},
        1,
        False,
    ),
}
SOMETHING = {
    "everything": ({}, ON_IMAGES, 1, True),
    "a moving mask on two slices": ({"moving_mask": mask(5, 6)}, ON_IMAGES, 1, False),
    "on the last two": ({"moving_mask": mask(30, 31)}, ON_IMAGES, 1, True),
    "a fixed mask on one slice": ({"fixed_mask": mask(5)}, ON_IMAGES, 1, False),
    "on the last one": ({"fixed_mask": mask(31)}, ON_IMAGES, 1, False),
    "two blocks of a level": ({"moving_mask": mask(*range(4, 12))}, ON_IMAGES, 4, False),
    "points alone, which have no mask": ({"moving_mask": mask(5)}, {"points": Landmarks()}, 1, True),
    "labels that meet in two slices": (
        {"fixed_labels": labels(0, 16), "moving_labels": labels(15, 31)},
        ON_LABELS,
        1,
        False,
    ),
}


def check(has, terms, scale, symmetric):
    pair, how = dataclasses.replace(PAIR, **has), pairreg.build("preprocessing/minmax")
    prepared = resample_pair(how(pair), geometry.identity(3))
    objective = Objective(terms, {})
    (others,) = evidence(prepared, [objective], partial(how.compared, prepared.pair))
    transform = pairreg.build("transform/displacement", symmetric=symmetric)
    parts = LevelParts(transform, objective, pairreg.build("optimizer/adam"))
    check_compared(prepared, parts, others, Level(scale, 1))


@pytest.mark.parametrize("case", NOTHING)
def test_a_term_over_no_voxel_is_refused_by_name(case):
    *_, name = NOTHING[case][1]
    said = refused(f"similarity.{name} compares no voxel of 'noise'", check, *NOTHING[case])
    assert ("what counts on the fixed side (" in said) == NOTHING[case][3]


@pytest.mark.parametrize(
    "name, slices, scale", [("mind", range(5, 11), 1), ("mind", range(4, 28), 4), ("ssim", (0, 1, 2, 3, 4), 1)]
)
def test_a_term_that_counts_none_of_the_voxels_is_refused(name, slices, scale):
    """Patches that reach out of a mask of 6 slices, windows that reach out of the image."""
    terms = {"images": MSE(), name: pairreg.build(f"similarity/{name}")}
    said = refused(
        f"similarity.{name} counts no voxel of 'noise'", check, {"moving_mask": mask(*slices)}, terms, scale, False
    )
    assert "voxels to every side" in said or "from the border" in said


def test_a_mask_as_thick_as_the_patches_is_enough():
    check({"moving_mask": mask(*range(5, 13))}, {"mind": pairreg.build("similarity/mind")}, 1, False)


@pytest.mark.parametrize("name", ["mi", "nmi", "ssim", "ssim_slicewise"])
@pytest.mark.parametrize("limits", [[0.0, 255.0], [-1.0, 1.0]])
def test_a_similarity_for_intensities_from_0_to_1_is_refused_for_others(name, limits):
    def run(similarity):
        schedule = CoarseToFine(scales=[2], iterations=[1])
        how = pairreg.build("preprocessing/minmax", range=limits)
        given = {"initialization": "none", "transform": "displacement", "regularizer": "none"}
        return pairreg.register(PAIR, preprocessing=how, similarity=similarity, schedule=schedule, **given)

    assert "intensities" in refused(f"similarity.{name}: ", run, name)
    run("ncc")
    if "ssim" in name:
        run(pairreg.build(f"similarity/{name}", data_range=limits[1] - limits[0]))


@pytest.mark.parametrize("case", SOMETHING)
def test_a_term_over_some_voxels_is_not(case):
    check(*SOMETHING[case])


def test_a_run_is_refused_by_its_finest_level_before_it_begins():
    pair = dataclasses.replace(PAIR, moving_mask=mask(*range(2, 9)))
    begun = []

    class Watcher(pairreg.Observer):
        def begin(self, names, levels):
            begun.append(levels)

    def run(scale):
        pairreg.register(
            pair,
            preprocessing="minmax",
            initialization="none",
            transform="displacement",
            similarity="mse",
            schedule=CoarseToFine(scales=[scale], iterations=[1]),
            observers=[Watcher()],
        )

    refused("similarity.mse compares no voxel", run, 4)
    assert not begun
    run(1)
    assert begun


@pytest.mark.parametrize("shapes", [((9, 8), (9, 8)), ((6, 5), (10, 11)), ((4, 1, 5), (4, 1, 7)), ((1, 6), (3, 6))])
def test_what_is_compared_is_what_the_warp_covers(shapes):
    """Without a displacement, in both directions, for masks with many holes."""
    draw, (shape, wide) = np.random.default_rng(0), shapes
    before = np.array([(m - n) // 2 for n, m in zip(shape, wide, strict=True)], np.int32)
    for _ in range(10):
        fixed, moving = draw.uniform(size=shape) > 0.3, draw.uniform(size=wide) > 0.2
        one = Counted(fixed, usable_cells(moving).numpy(), before)
        for way in (one, one.reversed()):
            field = tf.zeros((*way.mask.shape, len(shape)))
            covered = warp(tf.zeros(way.usable.shape), field, tf.constant(way.usable), tf.constant(way.before))[1]
            np.testing.assert_array_equal(way.compared(), covered.numpy() & way.mask)
