"""What every option of `regularizer` promises; a new one is tested by having its YAML file."""

import subprocess
import sys

import numpy as np
import pytest

import pairreg
from pairreg.backend import tf
from regularizer_helpers import (
    NDIMS,
    OPTIONS,
    PENALTIES,
    SHAPES,
    SPACINGS,
    build,
    checkerboard,
    factors,
    noise,
    points_in_mm,
    scalar,
    settings,
    value,
    value_and_gradient,
)

EVERY = pytest.mark.parametrize("name", OPTIONS)
EVERY_PENALTY = pytest.mark.parametrize("name", PENALTIES)
NUMBERS = [(name, key) for name in OPTIONS for key, number in settings(name).items() if isinstance(number, float)]


def test_nothing_needs_tensorflow_before_it_is_used() -> None:
    code = (
        "import sys, pairreg\n"
        "for name in pairreg.options('regularizer'): pairreg.build('regularizer/' + name).has_penalty\n"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@EVERY
@NDIMS
@pytest.mark.parametrize("amplitude", [0, 1e-20, 1, 1e8])
def test_finite_with_a_finite_gradient(name: str, ndim: int, amplitude: float) -> None:
    field = noise(SHAPES[ndim], amplitude)
    loss, gradient = value_and_gradient(build(name), field, SPACINGS[ndim], dtype=np.float32)
    assert np.isfinite(loss) and loss >= 0
    assert gradient.shape == field.shape and np.isfinite(gradient).all()


@EVERY
@NDIMS
@pytest.mark.parametrize("amount", [0.0, -1.7, 1e8])
def test_a_translation_is_free(name: str, ndim: int, amount: float) -> None:
    term = build(name)
    field = tf.fill((*SHAPES[ndim], ndim), np.float32(amount))
    np.testing.assert_allclose(term.constrain(field, SPACINGS[ndim]), field, rtol=1e-6)
    if term.has_penalty:
        loss, gradient = value_and_gradient(term, field, SPACINGS[ndim], dtype=np.float32)
        assert loss == 0
        assert np.isfinite(gradient).all()


@EVERY_PENALTY
@NDIMS
def test_a_checkerboard_costs(name: str, ndim: int) -> None:
    assert value(build(name), checkerboard(SHAPES[ndim]), (1.0,) * ndim) > 0.1
    assert value(build(name), checkerboard(SHAPES[ndim]), SPACINGS[ndim]) > 0.1


@EVERY
@NDIMS
def test_spacing_as_numbers_and_as_a_tensor(name: str, ndim: int) -> None:
    field, spacing = noise(SHAPES[ndim]), SPACINGS[ndim]
    expected = value(build(name), field, spacing)
    for given in (list(spacing), np.array(spacing), tf.constant(spacing, tf.float64)):
        assert value(build(name), field, given) == expected
    assert value(build(name), field, tf.constant(spacing, tf.float32)) == pytest.approx(expected, rel=1e-6)


@EVERY
@NDIMS
def test_gradient_is_that_of_central_differences(name: str, ndim: int) -> None:
    field, spacing, stiffness = noise(SHAPES[ndim], 0.7), SPACINGS[ndim], factors(SHAPES[ndim])
    term = build(name)
    _, gradient = value_and_gradient(term, field, spacing, stiffness)
    for seed in range(3):
        direction = 1e-6 * noise(SHAPES[ndim], seed=10 + seed)
        ahead, behind = (value(term, field + s * direction, spacing, stiffness) for s in (1, -1))
        assert (gradient * direction).sum() == pytest.approx((ahead - behind) / 2, rel=1e-6, abs=1e-15)


@EVERY
@NDIMS
def test_compiled_as_eagerly(name: str, ndim: int) -> None:
    """As the objective does it: XLA, static shapes, the spacing a tensor that is known when it runs."""
    term = build(name)
    field = noise(SHAPES[ndim]).astype(np.float32)
    stiffness = factors(SHAPES[ndim]).astype(np.float32)

    @tf.function(jit_compile=True, autograph=False)
    def compiled(field, spacing, stiffness):  # type: ignore[no-untyped-def]
        with tf.GradientTape() as tape:
            tape.watch(field)
            loss = scalar(term, field, spacing, stiffness)
        return loss, tape.gradient(loss, field, unconnected_gradients="zero")

    for spacing in (SPACINGS[ndim], SPACINGS[ndim][::-1]):
        loss, gradient = compiled(tf.constant(field), tf.constant(spacing, tf.float32), tf.constant(stiffness))
        expected, expected_gradient = value_and_gradient(term, field, spacing, stiffness, np.float32)
        assert float(loss) == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-5 * abs(expected_gradient).max())


@EVERY_PENALTY
def test_numpy_arrays_and_whole_numbers(name: str) -> None:
    field = np.round(noise((5, 6), 3.0)).astype(int)
    expected = value(build(name), field, (0.7, 2.5), np.full((5, 6), 2))
    assert float(build(name).penalty(field, (0.7, 2.5), np.full((5, 6), 2))) == pytest.approx(expected, rel=1e-6)


@EVERY_PENALTY
@NDIMS
def test_stiffness_is_a_factor(name: str, ndim: int) -> None:
    term, field, shape = build(name), noise(SHAPES[ndim]), SHAPES[ndim]
    plain = value(term, field, SPACINGS[ndim])
    assert value(term, field, SPACINGS[ndim], np.ones(shape)) == plain
    assert value(term, field, SPACINGS[ndim], np.full(shape, 2, int)) == pytest.approx(2 * plain, rel=1e-12)
    assert value(term, field, SPACINGS[ndim], np.full(shape, True)) == plain
    assert value(term, field, SPACINGS[ndim], np.zeros(shape)) == 0


@EVERY_PENALTY
@NDIMS
def test_stiffness_acts_where_it_is(name: str, ndim: int) -> None:
    shape = (12,) * ndim
    inside, deep = np.zeros(shape), (slice(5, 8),) * ndim
    inside[(slice(3, 10),) * ndim] = 1
    field = noise(shape)
    other = field.copy()
    other[deep] = noise(shape, 3.0, seed=5)[deep]
    only = np.zeros_like(field)
    only[deep] = field[deep]
    term, spacing = build(name), SPACINGS[ndim]
    assert value(term, other, spacing, 1 - inside) == value(term, field, spacing, 1 - inside)
    assert value(term, other, spacing, inside) != value(term, field, spacing, inside)
    assert value(term, only, spacing, 1 + 4 * inside) == pytest.approx(5 * value(term, only, spacing), rel=1e-12)
    _, gradient = value_and_gradient(term, field, spacing, 1 - inside)
    assert (gradient[deep] == 0).all() and (gradient != 0).any()


@EVERY_PENALTY
@pytest.mark.parametrize("refinement", [(2, 2), (1, 2), (2, 1), (2, 2, 2), (2, 1, 1), (1, 1, 2)])
def test_the_grid_does_not_matter(name: str, refinement: tuple[int, ...]) -> None:
    """The same field in mm on a finer grid. At 24 voxels a period the discretisation is 1 % (jacobian: 4 %, where
    steep gradients of both signs are multiplied)."""
    coarse = value(build(name), *waves((24,) * len(refinement), (1,) * len(refinement)), dtype=np.float32)
    fine = value(build(name), *waves((24,) * len(refinement), refinement), dtype=np.float32)
    assert fine == pytest.approx(coarse, rel=0.045 if name == "jacobian" else 0.01)
    assert coarse > 0


def test_the_grid_does_not_matter_to_smoothing() -> None:
    term = build("gaussian_smoothing", sigma=8.0)
    for refinement in [(2, 2), (1, 2)]:
        coarse, fine = (
            np.asarray(term.constrain(tf.constant(field), spacing)) * spacing
            for field, spacing in (waves((24, 24), (1, 1)), waves((24, 24), refinement))
        )
        blocks = fine.reshape(24, refinement[0], 24, refinement[1], 2).mean(axis=(1, 3))
        np.testing.assert_allclose(blocks, coarse, atol=0.02 * abs(coarse).max())


def waves(shape: tuple[int, ...], refinement: tuple[int, ...]) -> tuple[np.ndarray, tuple[float, ...]]:
    """One period of a smooth field on 96 mm, folded in places, in voxels of the refined grid; and its spacing."""
    spacing = tuple(96 / n / r for n, r in zip(shape, refinement, strict=True))
    x = points_in_mm(tuple(n * r for n, r in zip(shape, refinement, strict=True)), spacing) * 2 * np.pi / 96
    u = [28 * np.cos(x[..., d]) * np.sin(x[..., d - 1] + d) for d in range(len(shape))]
    return np.stack(u, -1) / spacing, spacing


@EVERY
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 1), (2, 2), (1, 2, 5), (5, 1, 4), (2, 2, 2), (1, 1, 1)])
def test_thin_images(name: str, shape: tuple[int, ...]) -> None:
    field, spacing = noise(shape, 2.0), SPACINGS[len(shape)]
    for stiffness in (None, factors(shape)):
        loss, gradient = value_and_gradient(build(name), field, spacing, stiffness)
        assert np.isfinite(loss) and loss >= 0
        assert np.isfinite(gradient).all()


@EVERY_PENALTY
def test_wrong_shapes(name: str) -> None:
    term, field = build(name), np.zeros((4, 5, 2))
    with pytest.raises(ValueError, match="field should be"):
        value(term, np.zeros((4, 5, 3)), (1, 1, 1))
    with pytest.raises(ValueError, match=r"stiffness should be \(4, 5\)"):
        value(term, field, (1, 1), np.ones((5, 4)))
    if name != "jacobian":
        with pytest.raises(ValueError, match="spacing should have 2 numbers"):
            value(term, field, (1, 1, 1))


@pytest.mark.parametrize("name, key", NUMBERS)
@pytest.mark.parametrize("wrong", [-1, -0.5, float("nan"), float("inf"), "1", None, True, ["1"]])
def test_numbers_out_of_range_or_of_another_type(name: str, key: str, wrong: object) -> None:
    with pytest.raises(pairreg.InputError, match=key):
        build(name, **{key: wrong})


@EVERY_PENALTY
@pytest.mark.parametrize("wrong", ["bone", 10, [1.0], {"bone": -1}, {"bone": float("nan")}, {"bone": "10"}, {1.5: 2}])
def test_stiffness_out_of_range_or_of_another_type(name: str, wrong: object) -> None:
    with pytest.raises(pairreg.InputError, match="stiffness"):
        build(name, stiffness=wrong)


@EVERY_PENALTY
def test_stiffness_is_no_part_of_the_identity(name: str) -> None:
    stiff = build(name, stiffness={"bone": 10, 3: 0.5})
    assert stiff.stiffness == {"bone": 10, 3: 0.5}
    assert stiff == build(name) and hash(stiff) == hash(build(name))


@EVERY_PENALTY
def test_weight_and_stiffness_can_be_set(name: str) -> None:
    assert {"weight", "stiffness"} <= settings(name).keys()


@pytest.mark.parametrize("name", sorted(set(OPTIONS) - set(PENALTIES)))
def test_no_stiffness_without_a_penalty(name: str) -> None:
    with pytest.raises(pairreg.InputError, match="stiffness scales a penalty"):
        build(name, stiffness={"bone": 10})


@EVERY
def test_settings_go_by_name(name: str) -> None:
    with pytest.raises(TypeError, match="positional"):
        type(build(name))(1.0)


@pytest.mark.parametrize("name", sorted(set(OPTIONS) - set(PENALTIES)))
def test_what_has_no_penalty_gives_none(name: str) -> None:
    with pytest.raises(NotImplementedError):
        build(name).penalty(noise((4, 5)), (1, 1))


@EVERY_PENALTY
@NDIMS
def test_a_constraint_changes_nothing_where_there_is_none(name: str, ndim: int) -> None:
    field = noise(SHAPES[ndim])
    assert not build(name).has_constraint and build(name).constrain(field, SPACINGS[ndim]) is field
