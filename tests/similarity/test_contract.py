"""What every option of the group has to do; a new loss is covered as soon as its YAML file exists."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

import pairreg
from pairreg.backend import tf
from pairreg.errors import InputError
from pairreg.similarity.base import Similarity
from similarity_helpers import COMPARING, SHAPES, pair, some_mask, texture, value_and_gradient

VARIANTS = {"ncc": [{"kernel": "gaussian"}, {"signed": True}], "mind": [{"radius": 0, "dilation": 1}]}
CASES = [(name, overrides) for name in COMPARING for overrides in ({}, *VARIANTS.get(name, []))]
each_case = pytest.mark.parametrize(("name", "overrides"), CASES, ids=lambda x: str(x) if x else "")
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=["2d", "3d"])
each_option = pytest.mark.parametrize("name", COMPARING)


def built(name: str, overrides: dict[str, object]) -> Similarity:
    return pairreg.build(f"similarity/{name}", **overrides)


@each_case
@each_shape
def test_is_best_for_equal_images(name: str, overrides: dict[str, object], shape: tuple[int, ...]) -> None:
    loss, image = built(name, overrides), texture(shape)
    best, _ = value_and_gradient(loss, image, image)
    rng = np.random.default_rng(1)
    others = [np.roll(image, step, axis) for axis in range(len(shape)) for step in (1, -2)]
    others += [np.clip(image + rng.normal(scale=s, size=shape), 0, 1) for s in (0.05, 0.2)]
    assert np.isfinite(best)
    for other in others:
        assert best < value_and_gradient(loss, image, other)[0]


@each_case
@each_shape
def test_only_the_mask_counts(name: str, overrides: dict[str, object], shape: tuple[int, ...]) -> None:
    loss, mask = built(name, overrides), some_mask(shape)
    fixed, warped = pair(shape)
    value, gradient = value_and_gradient(loss, fixed, warped, mask)
    for poison in (np.nan, np.inf, 1e6):
        f, w = (np.where(mask, image, poison) for image in (fixed, warped))
        poisoned, its_gradient = value_and_gradient(loss, f, w, mask)
        assert poisoned == value
        np.testing.assert_array_equal(its_gradient, gradient)
    assert (gradient[~mask] == 0).all() and abs(gradient).max() > 0
    assert value != value_and_gradient(loss, fixed, warped)[0]


@each_case
@each_shape
def test_a_full_mask_changes_nothing(name: str, overrides: dict[str, object], shape: tuple[int, ...]) -> None:
    loss, (fixed, warped) = built(name, overrides), pair(shape)
    for mask in (np.ones(shape, bool), np.ones(shape, np.float32), np.full(shape, 3)):
        value, gradient = value_and_gradient(loss, fixed, warped, mask)
        expected, its_gradient = value_and_gradient(loss, fixed, warped)
        assert value == expected
        np.testing.assert_array_equal(gradient, its_gradient)


@each_case
@each_shape
def test_is_finite_whatever_the_images(name: str, overrides: dict[str, object], shape: tuple[int, ...]) -> None:
    loss, image = built(name, overrides), texture(shape)
    half = np.where(np.arange(shape[-1]) < shape[-1] // 2, 0.0, image)
    for fixed, warped in [
        (image, image),
        (image, np.zeros(shape)),
        (np.zeros(shape), image),
        (np.zeros(shape), np.zeros(shape)),
        (np.full(shape, 0.9), np.full(shape, 0.3)),
        (half, half),
    ]:
        for mask in (None, some_mask(shape), np.zeros(shape, bool)):
            value, gradient = value_and_gradient(loss, fixed, warped, mask)
            assert np.isfinite(value) and np.isfinite(gradient).all()
    assert (gradient == 0).all()  # of an empty mask


@each_case
@pytest.mark.parametrize("shape", [(1, 20), (3, 4), (1, 12, 12), (5, 5, 5)])
def test_thin_images_have_a_value(name: str, overrides: dict[str, object], shape: tuple[int, ...]) -> None:
    value, gradient = value_and_gradient(built(name, overrides), *pair(shape))
    assert np.isfinite(value) and np.isfinite(gradient).all()


@each_case
@each_shape
def test_gradient_is_that_of_finite_differences(
    name: str, overrides: dict[str, object], shape: tuple[int, ...]
) -> None:
    """In float64 at random voxels, with steps far below the distance to the next kink.

    Kinks: histogram cells (0.008 wide) of mi and nmi, ties of the smallest patch distance of mind, clamped variances.
    """
    loss, (fixed, warped), mask = built(name, overrides), pair(shape), some_mask(shape)
    _, gradient = value_and_gradient(loss, fixed, warped, mask, np.float64)
    voxels = np.random.default_rng(2).permutation(np.argwhere(mask))[:6]
    step = 1e-6
    for voxel in voxels:
        up, down = warped.copy(), warped.copy()
        up[tuple(voxel)] += step
        down[tuple(voxel)] -= step
        numeric = np.subtract(*(value_and_gradient(loss, fixed, w, mask, np.float64)[0] for w in (up, down)))
        # the second term is the rounding of two values of about 1 over the step
        assert gradient[tuple(voxel)] == pytest.approx(numeric / (2 * step), rel=1e-4, abs=1e-9)


@each_case
def test_compiled_is_eager_and_float32_is_float64(name: str, overrides: dict[str, object]) -> None:
    shape = SHAPES[1] if not overrides else SHAPES[0]  # compiling takes seconds: variants in 2-D only
    loss, (fixed, warped), mask = built(name, overrides), pair(shape), some_mask(shape)
    eager, gradient = value_and_gradient(loss, fixed, warped, mask)
    value, its_gradient = compiled(loss)(*(tf.constant(x, tf.float32) for x in (fixed, warped)), tf.constant(mask))
    assert float(value) == pytest.approx(eager, abs=1e-5)
    scale = abs(gradient).max()
    np.testing.assert_allclose(its_gradient.numpy(), gradient, atol=1e-4 * scale)
    exact, exact_gradient = value_and_gradient(loss, fixed, warped, mask, np.float64)
    assert eager == pytest.approx(exact, abs=1e-5)
    # a few voxels lie on the other side of a kink in float32
    assert np.mean(abs(gradient - exact_gradient) > 1e-3 * scale) < 0.01


def compiled(loss: Similarity) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    def value_and_gradient(fixed: tf.Tensor, warped: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(warped)
            value = loss(fixed, warped, mask)
        return value, tape.gradient(value, warped)

    return tf.function(value_and_gradient, jit_compile=True, autograph=False)


@each_option
def test_rejects_bad_values(name: str) -> None:
    loss = pairreg.build(f"similarity/{name}")
    numbers = [f.name for f in dataclasses.fields(loss) if type(getattr(loss, f.name)) in (int, float)]
    assert "weight" in numbers
    for field in numbers:
        for bad in (-1, float("nan"), "many", None):
            if bad == -1 or type(getattr(loss, field)) is float or not isinstance(bad, float):
                with pytest.raises(InputError, match=field):
                    pairreg.build(f"similarity/{name}", **{field: bad})
        assert getattr(pairreg.build(f"similarity/{name}", **{field: getattr(loss, field)}), field)
    with pytest.raises(InputError, match="widow"):
        pairreg.build(f"similarity/{name}", widow=9)


ENDS = [
    ("mi", "bins", 4, 1024, 1),
    ("nmi", "sigma", 0.1, 32.0, 0.01),  # at most the bins
    ("mind", "radius", 0, 50, 1),
    ("mind", "dilation", 1, 50, 1),
    ("ncc", "window", 3, 999, 2),
    ("ncc_published", "window", 3, 999, 2),
    ("ssim", "sigma", 0.1, 100.0, 0.01),
]


@pytest.mark.parametrize(("name", "key", "least", "most", "step"), ENDS)
def test_settings_end_where_they_are_said_to(name: str, key: str, least: float, most: float, step: float) -> None:
    for end in (least, most):
        assert getattr(pairreg.build(f"similarity/{name}", **{key: end}), key) == end
    for beyond in (least - step, most + step):
        with pytest.raises(InputError, match=key):
            pairreg.build(f"similarity/{name}", **{key: beyond})


@each_option
def test_settings_go_by_name(name: str) -> None:
    with pytest.raises(TypeError, match="positional"):
        type(pairreg.build(f"similarity/{name}"))(1.0)


@each_option
def test_rejects_images_that_do_not_fit(name: str) -> None:
    loss, image = pairreg.build(f"similarity/{name}"), texture((12, 13)).astype(np.float32)
    with pytest.raises(ValueError, match=r"warped should have the shape of fixed, \(12, 13\); it has \(13, 12\)"):
        loss(image, image.T)
    with pytest.raises(ValueError, match="mask should have the shape of fixed"):
        loss(image, image, np.ones((1, 13), bool))
    with pytest.raises(ValueError, match="warped should be float32 like fixed; it is float64"):
        loss(image, image.astype(np.float64))
    with pytest.raises(ValueError, match="floating-point"):
        loss(np.ones((12, 13), np.uint8), image)


@each_option
def test_is_a_value_object(name: str) -> None:
    """Equal options are equal and hashable: compiled problems are reused on that account."""
    loss = pairreg.build(f"similarity/{name}")
    assert loss == pairreg.build(f"similarity/{name}") and hash(loss) == hash(pairreg.build(f"similarity/{name}"))
    assert loss != dataclasses.replace(loss, weight=0.5)
