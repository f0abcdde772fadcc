"""Soft Dice against the overlap of label maps, and how labels are weighed."""

import numpy as np
import pytest

import pairreg
from pairreg import metrics
from pairreg.errors import InputError
from similarity_helpers import SHAPES, texture, value

NAMES = {1: "liver", 3: "spleen"}


@pytest.mark.parametrize("shape", SHAPES, ids=["2d", "3d"])
def test_of_binary_maps_it_is_one_less_the_overlap(shape: tuple[int, ...]) -> None:
    fixed, warped = (texture(shape, seed) > 0.55 for seed in (0, 1))
    overlap = metrics.dice(fixed.astype(int), warped.astype(int), [1])[1]
    assert 0.05 < overlap < 0.95
    assert value("dice", fixed.astype(float), warped.astype(float)) == pytest.approx(1 - overlap, abs=1e-12)


def test_of_soft_maps_it_is_the_closed_form() -> None:
    fixed, warped = np.array([[0.5, 1.0, 0.0]]), np.array([[0.25, 0.5, 0.5]])
    assert value("dice", fixed, warped) == pytest.approx(1 - 2 * 0.625 / (1.25 + 0.5625))
    assert value("dice", fixed, fixed) == pytest.approx(0, abs=1e-12)  # soft as they are


def test_labels_are_weighed_by_name_or_value_and_others_left_out() -> None:
    dice = pairreg.build("similarity/dice", label_weights={"liver": 3.0, 2: 1.0})
    assert dice.label_shares([1, 2, 3], NAMES) == [3.0, 1.0, 0.0]
    assert pairreg.build("similarity/dice").label_shares([1, 2, 3], NAMES) == [1.0, 1.0, 1.0]


def test_a_label_that_is_not_there_is_named_with_those_that_are() -> None:
    dice = pairreg.build("similarity/dice", label_weights={"live": 1.0})
    with pytest.raises(InputError, match="label_weights names 'live'; both label maps have liver, 2, spleen"):
        dice.label_shares([1, 2, 3], NAMES)


def test_weights_of_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="similarity.dice: label_weights should have a weight above 0"):
        pairreg.build("similarity/dice", label_weights={1: 0.0})
