"""A setting is chosen by the pairs of the other anatomies only."""

import numpy as np

from benchmarks.wide import Score, chosen_without

ANATOMY = {"a": "brain", "b": "brain", "c": "brain", "d": "lung", "e": "spine"}


def dice(values, folds=0.0):
    return {pair: Score(value, np.nan, folds) for pair, value in zip(ANATOMY, values, strict=True)}


def test_the_anatomy_that_is_left_out_has_no_say():
    found = {"one": dice([0.9, 0.9, 0.9, 0.1, 0.1]), "other": dice([0.8, 0.8, 0.8, 0.2, 0.2])}
    assert chosen_without("brain", found, ANATOMY, 0.01) == "other"
    assert chosen_without("lung", {**found, "one": dice([0.9, 0.9, 0.9, 0.1, 0.3])}, ANATOMY, 0.01) == "one"


def test_every_anatomy_counts_once_however_many_pairs_it_has():
    found = {"one": dice([0.9, 0.9, 0.9, 0.1, 0.5]), "other": dice([0.8, 0.8, 0.8, 0.2, 0.6])}
    # three brains for the one, a spine for the other: a tie of anatomies, in which the first wins
    assert chosen_without("lung", found, ANATOMY, 0.01) == "one"
    assert chosen_without("lung", dict(reversed(found.items())), ANATOMY, 0.01) == "other"


def test_a_setting_that_folds_is_not_chosen():
    found = {"folds": dice([0.9] * 5, folds=0.02), "regular": dice([0.8] * 5)}
    assert chosen_without("lung", found, ANATOMY, 0.01) == "regular"
    assert chosen_without("lung", found, ANATOMY, 0.05) == "folds"


def test_a_smaller_error_at_landmarks_is_better():
    def error(mm):
        return {pair: Score(0.5, mm, 0.0) for pair in ANATOMY}

    assert chosen_without("lung", {"far": error(3.0), "near": error(2.0)}, ANATOMY, 0.01) == "near"
