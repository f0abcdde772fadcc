import numpy as np
import pytest

from pairreg.schedule.base import level_factors
from pairreg.schedule.coarse_to_fine import CoarseToFine
from pairreg.schedule.single_level import SingleLevel


@pytest.mark.parametrize(
    ("shape", "spacing", "scale", "expected"),
    [
        ((128, 128), (1.0, 1.0), 8, (8, 8)),
        ((64, 128, 128), (5.0, 1.0, 1.0), 8, (2, 8, 8)),  # thick slices are coarse already
        ((20, 512, 512), (1.0, 1.0, 1.0), 8, (2, 8, 8)),  # no axis below 8 voxels
        ((5, 512, 512), (1.0, 1.0, 1.0), 4, (1, 4, 4)),
        ((128, 128), (1.0, 1.0), 1, (1, 1)),
    ],
)
def test_level_voxels_are_as_isotropic_as_the_image_allows(shape, spacing, scale, expected):
    assert level_factors(shape, spacing, scale) == expected


def test_convergence_is_the_slope_relative_to_the_loss():
    schedule = SingleLevel(tolerance=0.01, window=10)
    falling = np.linspace(2, 1, 20)
    assert not schedule.converged(falling)
    assert schedule.converged(np.full(10, 0.3))
    assert schedule.converged(np.full(10, -0.3) - np.linspace(0, 0.001, 10))  # mutual information is negative
    assert not schedule.converged(np.full(9, 0.3))  # too short to tell
    assert not SingleLevel(tolerance=0.0).converged(np.full(100, 0.3))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scales": [4, 2], "iterations": [10]}, "one length"),
        ({"scales": [4, 2]}, "one length"),
        ({"scales": [1, 2], "iterations": [10, 10]}, "should fall"),
        ({"scales": [2, 1], "iterations": [10, 0]}, "at least 1"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"window": 1}, "window"),
    ],
)
def test_impossible_schedules_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        CoarseToFine(**settings)


def test_without_iterations_the_dimension_says_how_many():
    def per_level(schedule, ndim):
        return [(level.scale, level.iterations) for level in schedule.levels(ndim)]

    assert per_level(CoarseToFine(), 2) == [(8, 200), (4, 200), (2, 200), (1, 100)]
    assert per_level(CoarseToFine(), 3) == [(8, 200), (4, 200), (2, 100), (1, 50)]
    assert per_level(CoarseToFine(iterations=[4, 3, 2, 1]), 3) == [(8, 4), (4, 3), (2, 2), (1, 1)]
