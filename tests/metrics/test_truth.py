import numpy as np
import pytest

from pairreg.metrics.truth import epe_mean


@pytest.mark.parametrize("vector", [(3.0, -4.0), (2.0, -3.0, 6.0)])
def test_the_length_of_the_one_error_counts_by_its_share(vector: tuple[float, ...]) -> None:
    """5 mm in 2-D, 7 mm in 3-D, at one of the voxels."""
    shape, length = (4, 5, 2)[: len(vector)], {2: 5, 3: 7}[len(vector)]
    true = np.random.default_rng(0).normal(size=(*shape, len(vector)))
    found = true.copy()
    found[(1,) * len(vector)] += vector
    assert epe_mean(found, true) == pytest.approx(length / np.prod(shape))
    mask = np.zeros(shape, bool)
    mask[1] = True
    assert epe_mean(found, true, mask) == pytest.approx(length / mask.sum())
    assert epe_mean(found, true, ~mask) == 0


def test_shapes_have_to_agree() -> None:
    with pytest.raises(ValueError, match="one shape"):  # it would be broadcast
        epe_mean(np.zeros((4, 5, 2)), np.zeros((1, 5, 2)))
