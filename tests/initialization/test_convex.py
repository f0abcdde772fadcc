"""The dense start on images whose motion is known."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

import pairreg
from pairreg import geometry, metrics, whole_transform
from pairreg.errors import InputError
from pairreg.initialization.control_points import ControlPoints
from pairreg.pair.pair import Pair


def chest(ndim: int) -> Pair:
    """The bundled pair; in 3-D with voxels of 8 mm."""
    settings = {} if ndim == 2 else {"spacing": 8.0}
    return pairreg.build("preprocessing/percentile", **settings)(pairreg.build(f"pair/thorax_ct_{ndim}d"))


def found_displacement(pair: Pair, transform: sitk.Transform) -> np.ndarray:
    """In mm, `(*spatial, ndim)`, x first."""
    ends = whole_transform.field_of(transform, sitk.AffineTransform(pair.ndim), pair.fixed)
    return ends @ geometry.index_to_physical(pair.fixed).T


def body(pair: Pair) -> np.ndarray:
    return geometry.mask_on(pair.fixed, pair.fixed_labels)


def moved_far(ndim: int, millimetres: float) -> Pair:
    """The chest against itself, sheared to and fro along x by a smooth wave that is zero at the border; no folds."""
    pair = chest(ndim)
    turns = np.meshgrid(*[np.linspace(0, np.pi, n) for n in pair.fixed.GetSize()[::-1]], indexing="ij")
    shift = np.zeros((*pair.fixed.GetSize()[::-1], ndim))
    shift[..., 0] = (
        millimetres * np.sin(2 * turns[-2]) * np.prod([np.sin(t) for d, t in enumerate(turns) if d != ndim - 2], 0)
    )
    truth = geometry.image(shift, pair.fixed, vector=True)
    back = sitk.InvertDisplacementField(truth, 200, 1e-3, 1e-4)
    moving = geometry.resample(pair.fixed, pair.fixed, sitk.DisplacementFieldTransform(back))
    return Pair(name="far", fixed=pair.fixed, moving=moving, fixed_labels=pair.fixed_labels, true_displacement=truth)


def noise(image: sitk.Image) -> np.ndarray:
    return np.random.default_rng(image.GetNumberOfPixels()).uniform(size=image.GetSize()[::-1]).astype(np.float32)


def turned(image: sitk.Image, degrees: float) -> sitk.Image:
    """The same voxels on an oblique grid."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    direction = np.eye(image.GetDimension())
    direction[:2, :2] = [[c, -s], [s, c]]
    result = sitk.Image(image)
    result.SetDirection(direction.ravel().tolist())
    return result


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("degrees", [0.0, 25.0])
def test_a_shift_by_whole_steps_is_found_exactly(ndim: int, degrees: float) -> None:
    """On grids that are oblique, with voxels that are not cubes (3-D: 8 mm of a grid of 3.9, 3.9 and 5)."""
    pair = chest(ndim)
    fixed, step = turned(pair.fixed, degrees), 7.0 if ndim == 2 else 25.0
    shift = np.array([2, -1, 1])[:ndim] * ControlPoints(fixed, step).spacing[::-1]
    shift = np.reshape(fixed.GetDirection(), (ndim, ndim)) @ shift
    moving = sitk.Image(fixed)
    moving.SetOrigin((np.array(fixed.GetOrigin()) + shift).tolist())
    start = pairreg.build("initialization/convex", linear="none", step=step, reach=3.2 * step)
    pair = replace(pair, fixed=fixed, moving=moving)
    found = found_displacement(pair, start(pair))
    middle = tuple(slice(n // 3, -(n // 3)) for n in found.shape[:-1])
    np.testing.assert_allclose(found[middle], np.broadcast_to(shift, found[middle].shape), atol=0.01)


@pytest.mark.parametrize("ndim", [2, 3])
def test_images_without_structure_stay(ndim: int) -> None:
    flat = sitk.Image([20, 24, 18][:ndim], sitk.sitkFloat32) + 0.5
    found = pairreg.build("initialization/convex", linear="none")(Pair(name="flat", fixed=flat, moving=flat * 0.5))
    assert not found_displacement(Pair(name="flat", fixed=flat, moving=flat), found).any()


@pytest.mark.parametrize("ndim", [2, 3])
def test_what_is_outside_the_masks_does_not_count(ndim: int) -> None:
    pair = chest(ndim)
    masks = [sitk.BinaryDilate(labels > 1, [3] * ndim) for labels in (pair.fixed_labels, pair.moving_labels)]
    start = pairreg.build("initialization/convex", linear="center_of_mass", step=7.0 if ndim == 2 else 20.0)

    def found(of: Pair) -> np.ndarray:
        transform = start(of)
        return whole_transform.field_of(transform, whole_transform.linear_part(transform), of.fixed)

    noisy = [
        geometry.image(np.where(geometry.mask_on(image, mask), geometry.array(image), noise(image)), image)
        for image, mask in zip((pair.fixed, pair.moving), masks, strict=True)
    ]
    bare = replace(pair, fixed=noisy[0], moving=noisy[1])
    masked = [replace(one, fixed_mask=masks[0], moving_mask=masks[1]) for one in (pair, bare)]
    inside = geometry.mask_on(pair.fixed, masks[0])
    apart = [np.linalg.norm(found(a) - found(b), axis=-1)[inside].mean() for a, b in ((pair, bare), masked)]
    assert apart[1] < 0.2 * apart[0], apart


def test_another_contrast_and_another_grid() -> None:
    """The moving image inverted, cropped, finer, turned on its grid: the same motion is found, without folds."""
    pair = moved_far(2, 45.0)
    size = [2 * n - 20 for n in pair.moving.GetSize()]
    grid = turned(sitk.Image(size, sitk.sitkFloat32), 10.0)
    grid.SetSpacing([h / 2 for h in pair.moving.GetSpacing()])
    grid.SetOrigin(geometry.centred_origin(grid, pair.moving))
    other = replace(pair, moving=1 - geometry.resample(pair.moving, grid, geometry.identity(2)))
    found = pairreg.build("initialization/convex", linear="none")(other)
    error = np.linalg.norm(found_displacement(pair, found) - geometry.array(pair.true_displacement), axis=-1)
    assert (
        error[body(pair)].mean()
        < 8
        < np.linalg.norm(geometry.array(pair.true_displacement), axis=-1)[body(pair)].mean()
    )
    field = whole_transform.field_of(found, sitk.AffineTransform(2), pair.fixed)
    assert np.isfinite(field).all() and metrics.folds_percent(field) == 0


@pytest.mark.parametrize("ndim", [2, 3])
def test_displacements_after_which_the_images_share_less_are_not_taken(ndim: int) -> None:
    """A faint texture that moved leads astray where the shapes, which are all that a reader sees, stayed."""
    shape = (160, 144) if ndim == 2 else (60, 56, 52)
    random = np.random.default_rng(0)
    shapes = np.zeros(shape)
    for centre in random.uniform(0.25, 0.75, (3, ndim)) * shape:
        apart = np.indices(shape) - np.reshape(centre, (ndim, *[1] * ndim))
        shapes += np.exp(-(apart**2).sum(0) / (2 * (min(shape) / 8) ** 2)) * random.choice([-1, 1])
    texture = gaussian_filter(random.normal(size=shape), 2)
    texture *= 0.005 / texture.std()

    def image(moved: int) -> sitk.Image:
        return sitk.GetImageFromArray((shapes + np.roll(texture, moved, 0)).astype(np.float32))

    initialization = pairreg.build("initialization/convex", linear="none")
    led_astray = initialization.start(Pair(name="faint", fixed=image(0), moving=image(shape[0] // 8)))
    assert led_astray.transform.IsLinear()
    assert led_astray.warnings[0].startswith("The images of faint share less information after the displacements")
    moved = image(0)
    moved.SetOrigin([shape[0] / 10] + [0.0] * (ndim - 1))
    kept = initialization.start(Pair(name="all of it", fixed=image(0), moving=moved))
    assert not kept.transform.IsLinear() and not kept.warnings


@pytest.mark.parametrize("shape", [(2, 2), (5, 4), (200, 3), (5, 5, 5), (2, 40, 44), (3, 3, 60)])
def test_images_of_few_voxels_have_a_start_too(shape: tuple[int, ...]) -> None:
    """The usual reach is a step at least, and what ITK wants of an image to be judged holds for any."""
    still = gaussian_filter(np.random.default_rng(0).normal(size=shape), 1)
    fixed, moving = (sitk.GetImageFromArray(values.astype(np.float32)) for values in (still, np.roll(still, 1, -1)))
    pair = Pair(name="small", fixed=fixed, moving=moving)
    assert np.isfinite(found_displacement(pair, pairreg.build("initialization/convex").start(pair).transform)).all()


def test_the_wide_search_is_that_of_the_linear_start() -> None:
    pair = chest(2)
    upside_down = replace(pair, moving=geometry.image(geometry.array(pair.fixed)[::-1, ::-1].copy(), pair.fixed))
    start = pairreg.build("initialization/convex", search="wide")
    linear = pairreg.build("initialization/affine", search="wide")(upside_down)
    assert geometry.linear_part(linear, 2)[0][0, 0] < -0.9
    np.testing.assert_array_equal(
        whole_transform.linear_part(start(upside_down)).GetParameters(), linear.GetParameters()
    )
    assert "initialization=file" in start.advice and "search=wide" not in start.advice


def test_two_runs_give_the_same_bits() -> None:
    pair = chest(2)
    start = pairreg.build("initialization/convex")
    first, second = (found_displacement(pair, start(pair)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"thetas": []}, "thetas should be one or more numbers that rise; they are"),
        ({"thetas": [0.1, 0.01]}, "numbers that rise"),
        ({"step": 0.0}, "step should be above 0"),
        ({"linear": "convex"}, "linear should be"),
        ({"dilation": 0}, "dilation should be at least 1"),
        (
            {"search": "wide", "linear": "none"},
            "search=wide should come with linear=rigid or affine; it came with none",
        ),
    ],
)
def test_wrong_values(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        pairreg.build("initialization/convex", **wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"step": 10.0, "reach": 4.0}, r"reach is 4 mm, less than half a step .* give a longer reach"),
        ({"step": 1e-6}, r"step=1e-06 with initialization.reach=.* GB of memory, .* choose a larger step"),
        ({"reach": 1e7}, r"reach=1e\+07 \(mm\) would need .* a shorter reach"),
    ],
)
def test_windows_that_cannot_be(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says) as refused:
        pairreg.build("initialization/convex", **wrong)(chest(2))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("ndim", "millimetres", "most", "times"),
    [(2, 45.0, 2.5, 3.0), pytest.param(3, 60.0, 5.5, 1.5, marks=pytest.mark.slow)],  # 3-D: voxels of 8 mm
)
def test_motion_that_is_too_large_for_the_optimisation_after_an_affine_start(
    ndim: int, millimetres: float, most: float, times: float
) -> None:
    pair = moved_far(ndim, millimetres)
    affine, convex = (pairreg.register(pair, preset="fast", initialization=one).metrics for one in ("affine", "convex"))
    assert convex["epe_mean"] < most and affine["epe_mean"] > times * convex["epe_mean"]
    assert convex["folds_percent"] <= 0.01
