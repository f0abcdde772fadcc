"""The search for a factor: on functions whose solution is known."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairreg.search.bisection import STEP, Bisection


def solved(function, goal=0.3, tolerance=0.05):
    search = Bisection(goal, tolerance)
    while (factor := search.factor) is not None:
        search.tell(function(factor))
    return search


@given(power=st.floats(0.1, 2), at_one=st.floats(0.02, 5))
def test_a_power_is_found_with_few_measurements(power, at_one):
    found = solved(lambda factor: at_one * factor**-power)
    exact = (at_one / 0.3) ** (1 / power)
    if not 2e-5 < exact < 5e4:
        return
    assert found.found and found.best[1] == pytest.approx(0.3, rel=0.05)
    assert len(found.told) <= 4 + abs(math.log(exact, STEP))


@given(middle=st.floats(-3, 3), width=st.floats(0.05, 2), tolerance=st.floats(0.01, 0.2))
def test_so_is_a_value_on_a_steep_slope_between_two_plains(middle, width, tolerance):
    found = solved(lambda factor: 0.02 + 1 / (1 + math.exp((math.log(factor) - middle) / width)), 0.3, tolerance)
    assert found.found and found.best[1] == pytest.approx(0.3, rel=tolerance)


@pytest.mark.parametrize("value", [0.5, 0.1])
def test_what_no_factor_changes_is_given_up(value):
    found = solved(lambda factor: value)
    assert not found.found and found.best[1] == value and len(found.told) < 10


def test_a_value_of_zero_lies_below_every_goal():
    found = solved(lambda factor: max(0.0, 1 - factor))
    assert found.found and found.best[0] == pytest.approx(0.7, rel=0.03)


def test_a_jump_over_the_goal_is_given_up_and_the_nearest_is_known():
    found = solved(lambda factor: 0.4 if factor < 3 else 0.1)
    assert not found.found and found.best[1] == 0.4 and found.factor is None


def test_factors_are_short_numbers():
    found = solved(lambda factor: factor**-0.37, 0.123, 0.001)
    assert found.found and all(float(f"{factor:.4g}") == factor for factor, _ in found.told)
    assert len({factor for factor, _ in found.told}) == len(found.told)
