"""Which changes of the intensities leave a similarity as it was."""

import numpy as np
import pytest

from similarity_helpers import SHAPES, Array, pair, some_mask, value

each_shape = pytest.mark.parametrize("shape", SHAPES, ids=["2d", "3d"])
MAPS = [(2.0, 0.0), (0.3, 0.4), (1e-3, 0.5), (50.0, -10.0)]


def maps(warped: Array, sign: int = 1) -> list[Array]:
    return [sign * a * warped + b for a, b in MAPS]


@each_shape
@pytest.mark.parametrize(
    ("name", "overrides"),
    [("pcc", {}), ("ncc", {}), ("ncc", {"signed": True}), ("ncc", {"kernel": "gaussian"}), ("ngf", {}), ("mind", {})],
)
@pytest.mark.parametrize("masked", [False, True])
def test_affine_maps_change_nothing(
    shape: tuple[int, ...], name: str, overrides: dict[str, object], masked: bool
) -> None:
    (fixed, warped), mask = pair(shape), some_mask(shape) if masked else None
    expected = value(name, fixed, warped, mask, **overrides)
    for mapped in maps(warped):
        assert value(name, fixed, mapped, mask, **overrides) == pytest.approx(expected, abs=1e-7)
        assert value(name, mapped, fixed, mask, **overrides) == pytest.approx(expected, abs=1e-7)  # symmetric, too


@each_shape
@pytest.mark.parametrize("name", ["ncc", "ngf", "mind"])
def test_inverted_maps_change_nothing(shape: tuple[int, ...], name: str) -> None:
    fixed, warped = pair(shape)
    expected = value(name, fixed, warped)
    for mapped in maps(warped, sign=-1):
        assert value(name, fixed, mapped) == pytest.approx(expected, abs=1e-7)


@each_shape
def test_signed_correlations_tell_inverted_images(shape: tuple[int, ...]) -> None:
    fixed, warped = pair(shape)
    for name, overrides in [("pcc", {}), ("ncc", {"signed": True})]:
        assert value(name, fixed, 1 - warped, **overrides) == pytest.approx(
            2 - value(name, fixed, warped, **overrides), abs=1e-7
        )
        assert value(name, fixed, 1 - fixed, **overrides) > 1.98


@each_shape
def test_ncc_published_knows_scales_but_no_offsets(shape: tuple[int, ...]) -> None:
    fixed, warped = pair(shape)
    expected = value("ncc_published", fixed, warped)
    assert value("ncc_published", fixed, 3 * warped) == pytest.approx(expected, abs=1e-5)
    assert abs(value("ncc_published", fixed, warped + 1) - expected) > 0.01  # the border is an edge


@each_shape
@pytest.mark.parametrize("name", ["mi", "nmi"])
def test_information_does_not_see_one_to_one_maps(shape: tuple[int, ...], name: str) -> None:
    """Inversion mirrors the bins. A gamma curve stretches some and squeezes others, which moves the value as much as
    other bins would, here by less than 10 % of the distance to unrelated images."""
    fixed, warped = pair(shape)
    unrelated = 1.0 if name == "nmi" else 0.0
    gain = unrelated - value(name, fixed, warped)
    assert value(name, fixed, 1 - warped) == pytest.approx(unrelated - gain, abs=1e-9)
    for gamma in (0.8, 1.25):
        assert unrelated - value(name, fixed, warped**gamma) == pytest.approx(gain, rel=0.1)
    folded = np.abs(warped - 0.5) + 0.5  # not one-to-one: information is lost
    assert unrelated - value(name, fixed, folded) < 0.7 * gain


@each_shape
def test_mind_and_ngf_hardly_see_a_bias_field(shape: tuple[int, ...]) -> None:
    """A gain that varies by 30 % across the image costs them less than a tenth of what noise of 2 % does."""
    fixed, _ = pair(shape)
    bias = np.linspace(0.85, 1.15, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    noise = np.random.default_rng(0).normal(scale=0.02, size=shape)
    for name in ("mind", "ngf"):
        best = value(name, fixed, fixed)
        biased, noisy = value(name, fixed, (fixed - 0.5) * bias), value(name, fixed, fixed + noise)
        assert biased - best < 0.1 * (noisy - best)
