import numpy as np
import pytest

from pairreg.metrics import tre
from pairreg.metrics.landmarks import tre_max, tre_mean, tre_median, tre_points, tre_std


def test_distances() -> None:
    assert tre(np.array([[0, 0, 0], [1, 2, 3]]), np.array([[3, 4, 0], [1, 2, 3]])) == pytest.approx([5, 0])


def test_shapes_have_to_agree() -> None:
    with pytest.raises(ValueError, match=r"\(n, ndim\)"):
        tre(np.zeros((3, 2)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"\(n, ndim\)"):  # one point without the axis of points
        tre(np.zeros(3), np.zeros(3))


def test_the_statistics_are_those_of_the_distances() -> None:
    """Distances of 0, 3, 4 and 5 mm."""
    points = np.zeros((4, 3)), np.array([[0, 0, 0], [0, 3, 0], [4, 0, 0], [0, 3, 4]])
    assert (tre_mean(*points), tre_median(*points), tre_max(*points)) == (3, 3.5, 5)
    assert tre_std(*points) == pytest.approx(np.sqrt((9 + 0 + 1 + 4) / 4))
    assert tre_points(np.array([True, False, True, True])) == 3
