"""What a velocity promises and a displacement does not."""

import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pairreg import geometry
from pairreg.schedule.coarse_to_fine import CoarseToFine


def flipped(warped):
    """Two textures with little in common: what matches them best is far from smooth."""
    return dataclasses.replace(warped.pair(), moving=sitk.GetImageFromArray(warped.moving[::-1].copy()))


@pytest.mark.parametrize(("dimension", "weight"), [("2d", 2.0), pytest.param("3d", 6.0, marks=pytest.mark.slow)])
def test_a_velocity_does_not_fold_where_a_displacement_does(dimension, weight, request):
    """The same data, objective and schedule."""
    folds = []
    network = pairreg.build("transform/unet", diffeomorphic=True, width=8, stride=4)
    for transform in ("displacement", "velocity", network):
        result = pairreg.register(
            flipped(request.getfixturevalue(f"warped_{dimension}")),
            preprocessing="minmax",
            initialization="none",
            transform=transform,
            similarity="ncc",
            regularizer=pairreg.build("regularizer/diffusion", weight=weight),
            schedule=CoarseToFine(scales=[4, 2, 1], iterations=[100, 100, 60]),
        )
        assert result.history["loss"][-1] < result.history["loss"][200]  # it got somewhere on the last level
        folds.append(result.metrics["folds_percent"])
    assert folds[0] > 0.1
    assert folds[1:] == [0, 0]


@pytest.mark.slow
def test_the_same_on_two_real_patients():
    folds, dice = [], []
    for transform in ("displacement", "velocity"):
        result = pairreg.register(
            pairreg.build("pair/thorax_ct_2d"),
            transform=transform,
            similarity=["pcc", "ssim"],
            regularizer="diffusion",  # that penalises no folds
            schedule=pairreg.build("schedule/coarse_to_fine"),
        )
        folds.append(result.metrics["folds_percent"])
        dice.append(result.metrics["dice_mean"])
    assert folds[0] > 0.5 and folds[1] == 0
    assert min(dice) > 0.9


@pytest.mark.parametrize("name", ["thorax_ct_2d", pytest.param("thorax_ct_3d", marks=pytest.mark.slow)])
def test_the_inverse_file_brings_the_fixed_image_to_the_moving_one(name, tmp_path):
    pair = pairreg.build(f"pair/{name}")
    result = pairreg.register(
        pair, transform="velocity", schedule=CoarseToFine(scales=[8, 4], iterations=[60, 40]), similarity="mse"
    )
    assert result.metrics["inverse_consistency"] < 0.2
    result.save(tmp_path)
    inverse = sitk.ReadImage(str(tmp_path / "inverse_displacement.nii.gz"), sitk.sitkVectorFloat64)
    assert inverse.GetSize() == pair.moving.GetSize()
    there = sitk.DisplacementFieldTransform(
        sitk.ReadImage(str(tmp_path / "displacement.nii.gz"), sitk.sitkVectorFloat64)
    )
    back = sitk.DisplacementFieldTransform(inverse)
    rng = np.random.default_rng(0)
    size = np.array(pair.fixed.GetSize())
    errors = []
    for index in rng.uniform(0.25, 0.75, (200, pair.ndim)) * (size - 1):
        point = pair.fixed.TransformContinuousIndexToPhysicalPoint(index.tolist())
        errors.append(np.linalg.norm(np.subtract(back.TransformPoint(there.TransformPoint(point)), point)))
    assert np.mean(errors) < 0.3 * max(pair.fixed.GetSpacing())
    identity = sitk.Transform(pair.ndim, sitk.sitkIdentity)
    backward = geometry.array(geometry.resample(pair.fixed, pair.moving, back, fill=-1000))
    unmoved = geometry.array(geometry.resample(pair.fixed, pair.moving, identity, fill=-1000))
    moving = geometry.array(pair.moving)
    assert np.mean((backward - moving) ** 2) < 0.6 * np.mean((unmoved - moving) ** 2)


@pytest.mark.parametrize(
    ("name", "settings"), [("velocity", {}), ("velocity", {"symmetric": True}), ("unet", {"diffeomorphic": True})]
)
def test_a_constraint_on_the_field_leaves_no_inverse(name, settings, warped_2d):
    result = pairreg.register(
        warped_2d.pair(),
        initialization="none",
        transform=pairreg.build(f"transform/{name}", **settings),
        regularizer="gaussian_smoothing",
        schedule=CoarseToFine(scales=[4], iterations=[5]),
    )
    assert result.inverse is None and "inverse_consistency" not in result.metrics
