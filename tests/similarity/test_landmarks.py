import numpy as np
import pytest

import pairreg
from pairreg.errors import InputError
from pairreg.similarity.landmarks import Landmarks


def test_it_is_the_mean_squared_length() -> None:
    assert float(Landmarks()(np.array([[3.0, 4.0], [0.0, 1.0]]))) == 13.0


@pytest.mark.parametrize(
    ("subset", "chosen"),
    [(None, [0, 1, 2, 3, 4]), ("even", [0, 2, 4]), ("odd", [1, 3]), ([0, 3], [0, 3])],
)
def test_a_subset_leaves_the_others(subset: object, chosen: list[int]) -> None:
    assert np.flatnonzero(pairreg.build("similarity/landmarks", subset=subset).chosen(5)).tolist() == chosen


@pytest.mark.parametrize(
    ("subset", "count", "said"),
    [([5], 5, "names the landmark 5; they have the numbers 0 to 4"), ("odd", 1, "'odd' chooses none of 1 landmarks")],
)
def test_a_subset_of_other_points_is_refused(subset: object, count: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        pairreg.build("similarity/landmarks", subset=subset).chosen(count)


@pytest.mark.parametrize("subset", ["some", [], [-1], [0.5]])
def test_a_subset_that_means_nothing_is_refused(subset: object) -> None:
    with pytest.raises(InputError, match=r"subset"):
        pairreg.build("similarity/landmarks", subset=subset)
