"""Each similarity finds a deformation that is known, with each transform."""

import numpy as np
import pytest

import pairreg
from pairreg.schedule.coarse_to_fine import CoarseToFine
from similarity_helpers import ON_IMAGES

SCHEDULE = CoarseToFine(scales=[4, 2, 1], iterations=[100, 100, 100])
# the default weight suits losses near 1; mse of these images is some hundredths
WEIGHT = {"mse": 0.1}


@pytest.mark.parametrize("dimension", ["2d", "3d"])
@pytest.mark.parametrize("similarity", ON_IMAGES)
def test_each_similarity_recovers_a_known_warp(similarity, dimension, request):
    warped = request.getfixturevalue(f"warped_{dimension}")
    result = pairreg.register(
        warped.pair(),
        preprocessing="minmax",
        initialization="none",
        transform="displacement",
        similarity=similarity,
        regularizer=pairreg.build("regularizer/diffusion", weight=WEIGHT.get(similarity, 2.0)),
        schedule=SCHEDULE,
    )
    assert warped.error(np.zeros_like(warped.truth)) > 1.0
    assert warped.error(result.field) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("dimension", ["2d", "3d"])
@pytest.mark.parametrize("transform", pairreg.options("transform"))
def test_each_transform_recovers_a_known_warp(transform, dimension, request):
    warped = request.getfixturevalue(f"warped_{dimension}")
    result = pairreg.register(
        warped.pair(),
        preprocessing="minmax",
        initialization="none",
        transform=transform,
        similarity="ncc",
        schedule=SCHEDULE,
    )
    assert warped.error(result.field) < 0.5
