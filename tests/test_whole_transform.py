"""A transform that is defined everywhere: as found on the fixed grid, the initial one far outside, no step between."""

from functools import cache

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from pair_helpers import image
from pairreg import evaluate, geometry, points, whole_transform
from pairreg.pair.pair import Pair

INITIAL = ("none", "center_of_mass", "rigid", "affine")


def initial(kind: str, ndim: int) -> sitk.Transform:
    """What the initialisations of that name return."""
    shift = [12.03, -7.07, 4.01][:ndim]
    rigid = sitk.Euler2DTransform() if ndim == 2 else sitk.Euler3DTransform()
    rigid.SetParameters([0.3, *shift] if ndim == 2 else [0.1, -0.2, 0.3, *shift])
    affine = sitk.AffineTransform(ndim)
    affine.SetMatrix((np.eye(ndim) * 1.2 + 0.1 * np.eye(ndim, k=1)).ravel().tolist())
    affine.SetTranslation(shift)
    translation = sitk.TranslationTransform(ndim, shift)
    return dict(zip(INITIAL, (geometry.identity(ndim), translation, rigid, affine), strict=True))[kind]


def smooth(shape: tuple[int, ...], size: float = 1.0) -> np.ndarray:
    """A field in voxels that is not zero at the border."""
    grid = np.stack(np.meshgrid(*[np.linspace(0, 3, n) for n in shape], indexing="ij"), -1)
    field = np.stack([size * np.cos(grid + d).sum(-1) for d in range(len(shape))], -1)
    return field.astype(np.float32)


@cache
def case(ndim: int, kind: str, size: float = 1.0) -> tuple[sitk.Image, np.ndarray, sitk.CompositeTransform]:
    """An anisotropic, turned grid, a field on it, and the whole transform."""
    fixed = image((24, 20, 11)[:ndim])
    field = smooth(fixed.GetSize()[::-1], size)
    return fixed, field, whole_transform.whole(field, fixed, initial(kind, ndim))


def at(transform: sitk.Transform, where: np.ndarray) -> np.ndarray:
    return np.array([transform.TransformPoint(p) for p in where.tolist()])


def physical(fixed: sitk.Image, index: np.ndarray) -> np.ndarray:
    return np.array([fixed.TransformContinuousIndexToPhysicalPoint(i) for i in index.tolist()])


def way(fixed: sitk.Image) -> float:
    return 0.1 * max(n * h for n, h in zip(fixed.GetSize(), fixed.GetSpacing(), strict=True))


@pytest.mark.parametrize("kind", INITIAL)
@pytest.mark.parametrize("ndim", [2, 3])
def test_on_the_grid_it_is_the_displacement_and_far_outside_the_initial_transform(ndim, kind):
    fixed, field, transform = case(ndim, kind)
    size = np.array(fixed.GetSize())
    draw = np.random.default_rng(0)
    inside = physical(fixed, draw.uniform(0, 1, (200, ndim)) * (size - 1))
    total = geometry.displacement_transform(geometry.total_displacement(field, fixed, initial(kind, ndim)))
    np.testing.assert_allclose(at(transform, inside), at(total, inside), atol=1e-5)
    assert abs(at(transform, inside) - at(initial(kind, ndim), inside)).max() > 0.5
    margin = way(fixed) / np.array(fixed.GetSpacing()) + 2
    beyond = draw.uniform(0, 300, (200, ndim))
    sides = draw.choice([-1, 1], (200, ndim))
    outside = physical(fixed, np.where(sides < 0, -margin - beyond, size - 1 + margin + beyond))
    np.testing.assert_allclose(at(transform, outside), at(initial(kind, ndim), outside), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", INITIAL)
@pytest.mark.parametrize("ndim", [2, 3])
def test_there_is_no_step_across_the_border(ndim, kind):
    """Along lines from inside to far outside the derivative stays what the field and the fading account for."""
    fixed, field, transform = case(ndim, kind)
    size, largest = np.array(fixed.GetSize()), np.linalg.norm(field * geometry.spacing(fixed), axis=-1).max()
    turns = np.random.default_rng(1).normal(size=(20, ndim))
    for turn in turns:
        end = physical(fixed, size / 2 + np.outer([0, 1], turn / abs(turn).max() * size * 1.5))
        line = end[0] + np.linspace(0, 1, 4000)[:, None] * (end[1] - end[0])
        step = np.linalg.norm(np.diff(line, axis=0), axis=1).max()
        moved = at(transform, line) - at(initial(kind, ndim), line)
        assert np.linalg.norm(np.diff(moved, axis=0), axis=1).max() < step * 2 * (1.5 * largest / way(fixed) + 1)


def test_the_deformation_fades_as_is_said():
    """A constant field along a line: unchanged to one voxel beyond the outermost centre, then a smooth step."""
    fixed = sitk.Image(100, 50, sitk.sitkFloat32)  # 1 mm: it fades over 10 mm
    transform = whole_transform.whole(np.full((50, 100, 2), 2.0, np.float32), fixed, geometry.identity(2))
    x = np.arange(90.0, 120.0)
    t = np.clip((x - 100) / 10, 0, 1)
    moved = at(transform, np.stack([x, np.full(30, 25.0)], 1)) - np.stack([x, np.full(30, 25.0)], 1)
    np.testing.assert_allclose(moved, np.repeat(2 * (1 - t**2 * (3 - 2 * t))[:, None], 2, 1), atol=1e-6)
    np.testing.assert_allclose(at(transform, np.array([[-0.49, 25.0], [25.0, 49.49]])), [[1.51, 27], [27, 51.49]])


@settings(max_examples=30, deadline=None)
@given(
    st.integers(2, 3),
    st.lists(st.floats(0.01, 20), min_size=3, max_size=3),
    st.integers(-180, 180).map(np.deg2rad),
    st.permutations(range(3)),
    st.sampled_from(INITIAL),
)
def test_any_grid(ndim, spacing, angle, order, kind):
    """At the voxel centres it leads where the closed form `A(x + u)` leads; a grid's length away it is A."""
    fixed = sitk.Image([7, 6, 5][:ndim], sitk.sitkFloat32)
    fixed.SetSpacing(spacing[:ndim])
    turn = np.eye(ndim)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    fixed.SetDirection(turn[[i for i in order if i < ndim]].ravel().tolist())
    field = smooth(fixed.GetSize()[::-1], 0.5)
    transform = whole_transform.whole(field, fixed, initial(kind, ndim))
    index = np.argwhere(np.ones(field.shape[:-1]))
    centres = physical(fixed, index[:, ::-1].astype(float))
    ends = physical(fixed, (index + field.reshape(-1, ndim))[:, ::-1].astype(float))
    scale = np.max(np.multiply(spacing[:ndim], fixed.GetSize()))
    np.testing.assert_allclose(at(transform, centres), at(initial(kind, ndim), ends), atol=1e-5 * max(scale, 1))
    far = physical(fixed, np.array(fixed.GetSize()) + np.full((1, ndim), 1.0) * scale / np.array(spacing[:ndim]))
    np.testing.assert_allclose(at(transform, far), at(initial(kind, ndim), far), atol=1e-9 * max(scale, 1))


@pytest.mark.parametrize("kind", INITIAL)
@pytest.mark.parametrize("ndim", [2, 3])
def test_simpleitk_reads_the_file(ndim, kind, tmp_path):
    fixed, _, transform = case(ndim, kind)
    whole_transform.write(transform, tmp_path / "a.h5")
    whole_transform.write(transform, tmp_path / "b.h5")
    where = physical(fixed, np.random.default_rng(0).uniform(-1, 2, (300, ndim)) * fixed.GetSize())
    np.testing.assert_array_equal(at(sitk.ReadTransform(str(tmp_path / "a.h5")), where), at(transform, where))
    np.testing.assert_array_equal(at(whole_transform.read(tmp_path / "a.h5"), where), at(transform, where))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize("kind", INITIAL)
def test_it_is_recovered_from_field_and_displacement(kind):
    fixed, field, transform = case(3, kind)
    displacement = geometry.total_displacement(field, fixed, initial(kind, 3))
    where = physical(fixed, np.random.default_rng(0).uniform(-3, 4, (300, 3)) * fixed.GetSize())
    again = whole_transform.recovered(field, displacement)
    np.testing.assert_allclose(at(again, where), at(transform, where), atol=1e-4)


@pytest.mark.parametrize("ndim", [2, 3])
def test_points_come_back_from_everywhere(ndim):
    fixed, _, transform = case(ndim, "affine", size=0.3)
    where = physical(fixed, np.random.default_rng(0).uniform(-1, 2, (100, ndim)) * fixed.GetSize())
    moved = points.to_moving(where, transform)
    np.testing.assert_array_equal(moved, at(transform, where))
    np.testing.assert_allclose(points.to_fixed(moved, transform), where, atol=0.05)


@pytest.mark.parametrize("scale", [1.0, 2.0**-7])
def test_a_point_to_which_nothing_leads_has_no_counterpart_whatever_the_size_of_voxels(scale):
    """A field of others ends at its border, here with a step of 3 voxels: nothing leads to where it has come from."""
    grid = sitk.Image([16, 16], sitk.sitkFloat32)
    grid.SetSpacing([scale, scale])
    shift = np.full((16, 16, 2), 3.0)
    transform = geometry.displacement_transform(geometry.total_displacement(shift, grid, geometry.identity(2)))
    where = scale * np.array([[2.2, 8.0], [8.25, 8.5]])
    lost, found = points.to_fixed(where, transform)
    assert np.isnan(lost).all()
    np.testing.assert_allclose(found, where[1] - 3 * scale, atol=0.01 * scale)


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_determinant_is_that_of_the_derivative(ndim):
    fixed, _, transform = case(ndim, "affine", size=0.3)
    index = np.random.default_rng(0).uniform(-1, 2, (100, ndim)) * fixed.GetSize()
    nodes = physical(fixed, np.round(index))
    edges = np.eye(ndim) * np.array(fixed.GetSpacing())
    turn = np.reshape(fixed.GetDirection(), (ndim, ndim))
    derivative = [(at(transform, nodes + turn @ e) - at(transform, nodes - turn @ e)) / (2 * e.max()) for e in edges]
    expected = np.linalg.det(np.stack(derivative, -1)) * np.linalg.det(turn)
    grid = sitk.Image([3 * n for n in fixed.GetSize()], sitk.sitkFloat32)
    grid.SetSpacing(fixed.GetSpacing())
    grid.SetDirection(fixed.GetDirection())
    grid.SetOrigin(physical(fixed, -np.array([fixed.GetSize()], float))[0].tolist())
    found = whole_transform.determinant(transform, grid)
    numbers = np.round(index).astype(int) + np.array(fixed.GetSize())
    values = found[tuple(numbers.clip(0, np.array(grid.GetSize()) - 1).T[::-1])]
    np.testing.assert_allclose(values, expected, atol=0.02)


@pytest.mark.parametrize("kind", INITIAL)
@pytest.mark.parametrize("ndim", [2, 3])
def test_labels_and_landmarks_beyond_the_image_are_carried(ndim, kind):
    """Under the true transform the labels of a larger map and all landmarks agree."""
    fixed = sitk.Image([20] * ndim, sitk.sitkFloat32)
    true = initial(kind, ndim)
    moving_labels = sitk.Image([120] * ndim, sitk.sitkUInt8)
    moving_labels.SetOrigin([-50.0] * ndim)
    distance = np.linalg.norm(geometry.voxel_points(moving_labels) - 15, axis=-1)
    moving_labels = geometry.image((distance // 12).clip(0, 3).astype(np.uint8), moving_labels)
    wide = sitk.Image([70] * ndim, sitk.sitkUInt8)  # 25 mm more than the image on each side, where labels lie
    wide.SetOrigin([-25.0] * ndim)
    landmarks = np.random.default_rng(0).uniform(-40, 60, (50, ndim))
    pair = Pair(
        name="wide",
        fixed=fixed,
        moving=fixed,
        fixed_labels=geometry.resample(moving_labels, wide, true, nearest=True),
        moving_labels=moving_labels,
        fixed_landmarks=landmarks,
        moving_landmarks=at(true, landmarks),
    )
    found = evaluate.under_transform(pair, whole_transform.whole(np.zeros((*[20] * ndim, ndim)), fixed, true))
    assert found["tre_mean"] == pytest.approx(0, abs=1e-9)
    assert found["dice_mean"] > 0.9999 and found["hd95_mean"] == 0
