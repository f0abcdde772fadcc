import numpy as np
import pytest

from pairreg.metrics import tre


def test_distances() -> None:
    assert tre(np.array([[0, 0, 0], [1, 2, 3]]), np.array([[3, 4, 0], [1, 2, 3]])) == pytest.approx([5, 0])


def test_shapes_have_to_agree() -> None:
    with pytest.raises(ValueError, match=r"\(n, ndim\)"):
        tre(np.zeros((3, 2)), np.zeros((2, 2)))
