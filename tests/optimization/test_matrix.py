"""Every similarity with every transform, tiny: each run ends, with a lower loss than it began with."""

import numpy as np
import pytest

import pairreg
from pairreg.schedule.single_level import SingleLevel
from similarity_helpers import ON_IMAGES

NETWORK = {"width": 4, "depth": 2}


@pytest.mark.slow
@pytest.mark.parametrize("transform", pairreg.options("transform"))
@pytest.mark.parametrize("similarity", ON_IMAGES)
def test_every_similarity_with_every_transform(similarity, transform, warped_2d):
    result = pairreg.register(
        warped_2d.pair(),
        preprocessing="minmax",
        initialization="none",
        transform=pairreg.build(f"transform/{transform}", **(NETWORK if transform == "unet" else {})),
        similarity=similarity,
        regularizer="none",
        schedule=SingleLevel(iterations=15),
    )
    loss = result.history["loss"]
    assert np.isfinite(loss).all() and np.isfinite(result.field).all()
    assert loss[-1] < loss[0]


@pytest.mark.parametrize("regularizer", pairreg.options("regularizer"))
def test_every_regularizer_in_a_run(regularizer, warped_3d):
    result = pairreg.register(
        warped_3d.pair(spacing=2.0),
        preprocessing="minmax",
        initialization="none",
        transform="displacement",
        similarity="mse",
        regularizer=[regularizer],
        schedule=SingleLevel(iterations=10),
    )
    assert np.isfinite(result.history.rows).all() and np.abs(result.field).max() > 0
