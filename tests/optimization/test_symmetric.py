"""Both directions of a pair at once: the same whichever image is fixed."""

import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk
import tensorflow as tf
from scipy.ndimage import gaussian_filter

import pairreg
from pairreg.composition import composed
from pairreg.metrics import inverse_consistency
from pairreg.metrics.consistency import inverse_consistency_in_mm
from pairreg.optimization import symmetric
from pairreg.optimization.objective import Objective, Programs, as_inputs
from pairreg.regularizer.base import Regularizer
from pairreg.runs.spec import RunSpec
from pairreg.schedule.coarse_to_fine import CoarseToFine
from pairreg.transform.warp import usable_cells

SHAPES = [(14, 17), (9, 10, 11)]
TWO = CoarseToFine(scales=[2, 1], iterations=[30, 20], tolerance=0)
PLAIN = {"preprocessing": "minmax", "initialization": "none", "similarity": "ncc", "schedule": TWO}


def smooth_field(shape, seed, amplitude=1.5):
    """A field that is 0 at the border, so that no way leaves the grid."""
    unit = np.stack(np.meshgrid(*[np.linspace(0, np.pi, n) for n in shape], indexing="ij"), -1)
    phases = np.random.default_rng(seed).uniform(0, 6, len(shape))
    bump = amplitude * np.prod(np.sin(unit), -1)
    return np.stack([bump * np.cos(unit[..., d] + p) for d, p in enumerate(phases)], -1).astype(np.float32)


def inputs_of(fixed, moving, spacing):
    mask = np.ones(fixed.shape, bool)
    more = {"mask": mask, "usable": usable_cells(mask).numpy(), "weights": np.array([1, 0.5], np.float32)}
    steps = np.array(spacing, np.float32)
    more["before"] = np.zeros(fixed.ndim, np.int32)
    return as_inputs({"fixed": fixed, "moving": moving, "spacing": steps, "stiffness": (None,)} | more)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Half(Regularizer):
    """A user's own constraint."""

    def constrain(self, field, spacing):
        return field / 2


SMOOTHING = pairreg.build("regularizer/gaussian_smoothing", sigma=2.0)
# what they make of a field, too, by NumPy and SciPy
CONSTRAINTS = {
    "none": ({}, lambda field, spacing: field),
    "smoothing": ({"s": SMOOTHING}, lambda field, spacing: smoothed(field, 2.0, spacing)),
    "both": ({"s": SMOOTHING, "h": Half()}, lambda field, spacing: smoothed(field, 2.0, spacing) / 2),
}
each_constraint = pytest.mark.parametrize("constraint", CONSTRAINTS)


def smoothed(field, sigma, spacing):
    """A Gaussian of `sigma` mm, whose weights at the border are those of the voxels inside."""
    ones = np.ones(field.shape[:-1])
    widths = [sigma / h for h in spacing]
    inside = gaussian_filter(ones, widths, mode="constant", truncate=9)
    parts = [gaussian_filter(field[..., d], widths, mode="constant", truncate=9) for d in range(field.shape[-1])]
    return np.stack([part / inside for part in parts], -1).astype(np.float32)


def programs(constraint="none"):
    """The compiled objective of one direction, and the inverse consistency."""
    regularizers = {"d": pairreg.build("regularizer/diffusion"), **CONSTRAINTS[constraint][0]}
    terms = Objective({"mse": pairreg.build("similarity/mse")}, regularizers)
    return Programs(1).of(terms), symmetric.consistency_program(terms.constrained)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_images_may_be_exchanged(shape):
    fixed, moving = np.random.default_rng(0).uniform(size=(2, *shape)).astype(np.float32)
    u, w = (tf.constant(smooth_field(shape, seed)) for seed in (1, 2))
    spacing, of = (1.5, 0.7, 2.0)[: len(shape)], programs()
    values, by_fields = symmetric.value_and_gradients(*of, [u, w], inputs_of(fixed, moving, spacing), 0.3)
    turned, by_turned = symmetric.value_and_gradients(*of, [w, u], inputs_of(moving, fixed, spacing), 0.3)
    np.testing.assert_allclose(values, turned, rtol=1e-5)
    for mine, other in zip(by_fields, by_turned[::-1], strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@each_constraint
def test_the_loss_is_that_of_both_directions_and_what_the_metric_says_of_the_fields(shape, constraint):
    """Of the fields that are used: as regularisers change them before warping."""
    fixed, moving = np.random.default_rng(0).uniform(size=(2, *shape)).astype(np.float32)
    u, w = smooth_field(shape, 1), smooth_field(shape, 2)
    spacing = (1.5, 0.7, 2.0)[: len(shape)]
    of, consistency = programs(constraint)
    values, _ = symmetric.value_and_gradients(
        of, consistency, [tf.constant(u), tf.constant(w)], inputs_of(fixed, moving, spacing), 0.3
    )
    used = [CONSTRAINTS[constraint][1](field, spacing) for field in (u, w)]
    missed = np.mean([inverse_consistency_in_mm(a, b, spacing) ** 2 for a, b in (used, used[::-1])])
    assert float(values[-1]) == pytest.approx(missed, rel=1e-4) and missed > (0.1 if constraint == "none" else 0.01)
    there, back = (
        of(tf.constant(f), inputs_of(*i, spacing))[0] for f, i in ((u, (fixed, moving)), (w, (moving, fixed)))
    )
    np.testing.assert_allclose(values[1:-1], (there[1:] + back[1:]) / 2, rtol=1e-5)
    assert float(values[0]) == pytest.approx(float(there[0] + back[0]) / 2 + 0.3 * missed, rel=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
@each_constraint
def test_the_derivatives_are_those_of_finite_differences(shape, constraint):
    rng = np.random.default_rng(3)
    images = rng.uniform(size=(2, *shape)).astype(np.float32)
    inputs, of = inputs_of(*images, (1.0,) * len(shape)), programs(constraint)
    fields = [smooth_field(shape, seed) for seed in (1, 2)]
    # along fields that are 0 at the border, where a point on it would leave the grid
    ways = [smooth_field(shape, seed, 1.0) for seed in (4, 5)]

    def value(step):
        moved = [tf.constant(f + np.float32(step) * way) for f, way in zip(fields, ways, strict=True)]
        return symmetric.value_and_gradients(*of, moved, inputs, 1.0)

    _, slopes = value(0)
    expected = sum(float(np.sum(slope.numpy() * way)) for slope, way in zip(slopes, ways, strict=True))
    step = 2e-3
    found = float(value(step)[0][0] - value(-step)[0][0]) / (2 * step)
    assert found == pytest.approx(expected, rel=0.02)


CONSISTENT = [
    (name, regularizer)
    for name in ("displacement", "bspline", "velocity")
    for regularizer in ("diffusion", "gaussian_smoothing")
]


@pytest.mark.parametrize(("name", "regularizer"), CONSISTENT)
def test_the_history_has_the_consistency_of_the_fields_of_the_result(name, regularizer, warped):
    """L-BFGS ends at the parameters whose values are the last row; an inverse that a smoothing made wrong is none."""
    result = pairreg.register(
        warped.pair(spacing=2.0),
        transform=pairreg.build(f"transform/{name}", symmetric=True),
        regularizer=regularizer,
        optimizer="lbfgs",
        **PLAIN | {"schedule": CoarseToFine(scales=[1], iterations=[5], tolerance=0)},
    )
    found = result.history[symmetric.TERM][-1]
    assert found > 0
    if (name, regularizer) == ("velocity", "gaussian_smoothing"):
        assert result.inverse is None and "inverse_consistency" not in result.metrics
        return
    ways = (result.field, result.inverse), (result.inverse, result.field)
    missed = np.mean([inverse_consistency_in_mm(*way, (2.0, 2.0)) ** 2 for way in ways])
    assert found == pytest.approx(missed, rel=1e-3)


@pytest.fixture(scope="module")
def warped(warped_2d):
    return type(warped_2d)((32, 36), amplitude=1.5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["displacement", "velocity", "bspline"])
def test_a_run_finds_the_same_whichever_image_is_fixed(name, warped):
    transform = pairreg.build(f"transform/{name}", symmetric=True)
    pair = warped.pair()
    turned = pairreg.Pair(name="turned", fixed=pair.moving, moving=pair.fixed)
    one, other = (pairreg.register(p, transform=transform, **PLAIN) for p in (pair, turned))
    assert warped.error(one.field) < 0.3 < warped.error(np.zeros_like(one.field))
    inner = (slice(4, -4),) * 2
    assert abs(one.field - other.inverse)[inner].mean() < 0.05 and abs(one.inverse - other.field)[inner].mean() < 0.05
    assert one.history.names[-3:] == ["regularizer/inverse_consistency", "gradient_norm", "level"]
    assert one.metrics["inverse_consistency"] < 0.1


def test_the_weight_of_the_consistency_brings_the_directions_together(warped, tmp_path):
    missed = {}
    for weight in (0, 1):
        transform = pairreg.build("transform/displacement", symmetric=True, consistency=weight)
        result = pairreg.register(warped.pair(spacing=2.0), transform=transform, **PLAIN)
        missed[weight] = result.metrics["inverse_consistency"]
    assert missed[1] < 0.75 * missed[0]
    result.save(tmp_path / "run")
    image = sitk.ReadImage(str(tmp_path / "run/inverse_consistency.nii.gz"))
    assert image.GetSpacing() == pytest.approx((2, 2)) and image.GetSize() == (36, 32)
    map_in_mm = sitk.GetArrayFromImage(image)
    np.testing.assert_array_equal(map_in_mm, sitk.GetArrayFromImage(result.inverse_consistency))
    inside = np.isfinite(inverse_consistency(result.field, result.inverse))
    assert map_in_mm[inside].mean() == pytest.approx(2 * missed[1], rel=1e-4)


def test_a_way_that_leaves_the_grid_is_written_too(warped, tmp_path):
    """ITK reads NaN from NIfTI as 0."""
    pair = warped.pair()
    transform = pairreg.build("transform/displacement", symmetric=True)
    schedule = CoarseToFine(scales=[1], iterations=[2], tolerance=0)
    result = pairreg.register(pair, transform=transform, **PLAIN | {"schedule": schedule})
    outwards = np.full_like(result.field, 3)
    moved = dataclasses.replace(result, field=outwards, inverse=np.zeros_like(outwards))
    assert np.isnan(inverse_consistency(moved.field, moved.inverse)).any()
    moved.save(tmp_path / "run")
    image = sitk.ReadImage(str(tmp_path / "run/inverse_consistency.nii.gz"))
    np.testing.assert_allclose(sitk.GetArrayFromImage(image), np.sqrt(18), rtol=1e-6)


def test_runs_of_one_direction_keep_their_names_and_all_levels_have_as_many():
    for name, neutral in (
        ("displacement", {"symmetric": False, "consistency": 0.1}),
        ("bspline", {"symmetric": False, "consistency": 0.1}),
        ("velocity", {"symmetric": False}),
    ):
        config = dict(composed([f"transform={name}"]))
        earlier = {key: value for key, value in config["transform"].items() if key not in neutral}
        assert RunSpec(config, {}).signature == RunSpec(config | {"transform": earlier}, {}).signature
        both = config["transform"] | {"symmetric": True}
        assert RunSpec(config | {"transform": both}, {}).signature != RunSpec(config, {}).signature
        with pytest.raises(pairreg.InputError, match="symmetric cannot change between levels"):
            pairreg.build(f"transform/{name}", symmetric=[True, False])
