import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pairreg.metrics import jacobian_determinant
from pairreg.schedule.coarse_to_fine import CoarseToFine

RUN = {
    "preprocessing": "minmax",
    "initialization": "none",
    "transform": "displacement",
    "similarity": "ncc",
    "schedule": CoarseToFine(scales=[2, 1], iterations=[60, 60]),
}


@pytest.fixture(scope="module")
def labelled(warped_2d):
    labels = np.zeros(warped_2d.fixed.shape, np.uint8)
    labels[20:44, 24:48] = 4
    return dataclasses.replace(
        warped_2d.pair(), fixed_labels=sitk.GetImageFromArray(labels), label_names={4: "bone"}
    ), labels == 4


@pytest.mark.parametrize("label", ["bone", "4", 4])
def test_a_stiff_label_deforms_less_and_the_rest_as_before(labelled, label):
    pair, bone = labelled
    spread = {}
    for factor in (1.0, 200.0):
        regularizer = pairreg.build("regularizer/diffusion", stiffness={label: factor})
        determinant = jacobian_determinant(pairreg.register(pair, regularizer=regularizer, **RUN).field)
        spread[factor] = {inside: abs(determinant[bone == inside] - 1).mean() for inside in (True, False)}
    assert spread[200.0][True] < 0.2 * spread[1.0][True]
    assert spread[200.0][False] > 0.5 * spread[1.0][False]


def test_a_label_that_is_not_there_is_named_with_those_that_are(labelled):
    regularizer = pairreg.build("regularizer/diffusion", stiffness={"bones": 2.0})
    with pytest.raises(pairreg.InputError, match="stiffness names the label 'bones', the fixed label map has 0, bone"):
        pairreg.register(labelled[0], regularizer=regularizer, **RUN)


def test_stiffness_needs_labels(warped_2d):
    regularizer = pairreg.build("regularizer/diffusion", stiffness={"bone": 2.0})
    with pytest.raises(pairreg.InputError, match="has no fixed label map"):
        pairreg.register(warped_2d.pair(), regularizer=regularizer, **RUN)
