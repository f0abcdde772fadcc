"""Terms on labels, channels, densities and landmarks: their data, and the derivative of the objective by the field."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pair_helpers import image
from pairreg import geometry, whole_transform
from pairreg.backend import tf
from pairreg.errors import InputError
from pairreg.metrics import tre
from pairreg.optimization.evidence import check_evidence, evidence
from pairreg.optimization.objective import Objective, Programs, as_inputs
from pairreg.optimization.optimize import level_inputs
from pairreg.optimization.resampled_pair import resample_pair
from pairreg.optimization.symmetric import reversed_inputs
from pairreg.pair.pair import Pair
from pairreg.per_level import at_level, parts_of
from pairreg.schedule.coarse_to_fine import CoarseToFine
from pairreg.similarity.landmarks import Landmarks
from pairreg.similarity.mse import MSE
from pairreg.transform.jacobian import determinant
from pairreg.transform.warp import warp

SIZES = {2: (22, 26), 3: (12, 14, 10)}
each_ndim = pytest.mark.parametrize("ndim", [2, 3])


def affine(ndim: int, scale: float = 1.2) -> sitk.AffineTransform:
    matrix = scale * np.eye(ndim)
    matrix[0, 1] = 0.15
    result = sitk.AffineTransform(ndim)
    result.SetMatrix(matrix.ravel().tolist())
    result.SetTranslation([0.7] * ndim)
    return result


def centred(pair: Pair, transform: sitk.AffineTransform) -> sitk.AffineTransform:
    size = pair.fixed.GetSize()
    transform.SetCenter(pair.fixed.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in size]))
    return transform


def evident(ndim: int) -> Pair:
    """A pair with three labels, a channel, and landmarks, on a turned grid of anisotropic voxels."""
    size = SIZES[ndim]
    fixed, moving = (sitk.Cast(image(size, seed=seed), sitk.sitkFloat32) for seed in (0, 1))
    labels = [sitk.Cast(image(size, seed=seed) / 26, sitk.sitkUInt8) for seed in (2, 3)]
    draw = np.random.default_rng(4)
    index = draw.uniform(2, np.array(size) - 3, (7, ndim))
    points = np.array([fixed.TransformContinuousIndexToPhysicalPoint(one) for one in index.tolist()])
    return Pair(
        name="evident",
        fixed=fixed,
        moving=moving,
        fixed_labels=labels[0],
        moving_labels=labels[1],
        fixed_landmarks=points,
        moving_landmarks=points + draw.normal(size=points.shape),
        channels={"pet": moving},
        fixed_channels={"pet": fixed},
        label_names={1: "liver"},
    )


def smooth_field(shape: tuple[int, ...], amplitude: float = 0.6) -> np.ndarray:
    turn = np.stack(np.meshgrid(*[np.linspace(0, 2, n) for n in shape], indexing="ij"), -1)
    return amplitude * np.stack([np.sin(turn.sum(-1) + d) for d in range(len(shape))], -1)


def inputs_of(pair: Pair, objective: Objective, initial: sitk.Transform, factor: int, preprocessing: str = "minmax"):
    how = pairreg.build(f"preprocessing/{preprocessing}")
    prepared = resample_pair(how(pair), initial)
    (others,) = evidence(prepared, [objective], partial(how.compared, prepared.pair))
    return level_inputs(prepared, prepared.grid((factor,) * pair.ndim), objective, others), others


def in_double(inputs):
    def cast(x):
        return tf.cast(x, tf.float64) if x is not None and x.dtype.is_floating else x

    return tf.nest.map_structure(cast, inputs)


TERMS = {
    "image": MSE(weight=0.5),
    "dice": pairreg.build("similarity/dice", label_weights={"liver": 2.0, 2: 1.0}),
    "mass": MSE(on="pet", mass_preserving=True, weight=3.0),
    "landmarks": Landmarks(),
}
PROGRAMS = Programs(16)  # compiled once for all tests of one grid


def test_label_maps_of_a_float_type_are_label_maps():
    """As SimpleITK reads them from many files."""
    pair, objective = evident(2), Objective({"dice": TERMS["dice"]}, {})
    floats = {role: sitk.Cast(getattr(pair, role), sitk.sitkFloat32) for role in ("fixed_labels", "moving_labels")}
    here = geometry.identity(2)
    found, of_integers = (
        inputs_of(one, objective, here, 1)[1][0] for one in (dataclasses.replace(pair, **floats), pair)
    )
    np.testing.assert_array_equal(found.fixed, of_integers.fixed)
    np.testing.assert_array_equal(found.moving, of_integers.moving)


@pytest.mark.parametrize(("ndim", "regularizer"), [(2, "gaussian_smoothing"), (3, "diffusion")])
def test_the_gradient_is_that_of_finite_differences(ndim, regularizer):
    """Of all terms together, through the constraint of a regulariser, in float64."""
    pair = evident(ndim)
    objective = Objective(TERMS, {regularizer: pairreg.build(f"regularizer/{regularizer}")})
    inputs = in_double(inputs_of(pair, objective, centred(pair, affine(ndim)), 2)[0])
    field = smooth_field(inputs.fixed.shape)
    function = Programs(1).of(objective)
    values, gradient = function(tf.constant(field), inputs)
    assert values.shape == (1 + len(objective.names),)
    assert float(values[0]) == pytest.approx(np.dot(objective.weights, values[1:]), rel=1e-6)
    draw, step = np.random.default_rng(5), 1e-6
    for _ in range(4):
        way = draw.normal(size=field.shape)
        ends = [float(function(tf.constant(field + sign * step * way), inputs)[0][0]) for sign in (1, -1)]
        assert np.sum(gradient.numpy() * way) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4)


def test_terms_keep_their_order_and_a_term_alone_its_value():
    pair, initial = evident(2), centred(evident(2), affine(2))
    terms = {"landmarks": Landmarks(), "image": MSE(), "pet": MSE(on="pet")}
    alone = {}
    for name, term in terms.items():
        objective = Objective({name: term}, {})
        inputs = inputs_of(pair, objective, initial, 1)[0]
        field = tf.constant(smooth_field(inputs.fixed.shape), tf.float32)
        alone[name] = float(PROGRAMS.of(objective)(field, inputs)[0][1])
    for names in (list(terms), list(terms)[::-1]):
        objective = Objective({name: terms[name] for name in names}, {})
        found = PROGRAMS.of(objective)(field, inputs_of(pair, objective, initial, 1)[0])[0].numpy()[1:]
        np.testing.assert_allclose(found, [alone[name] for name in names], rtol=1e-5)


@each_ndim
def test_the_other_direction_is_that_of_the_pair_turned_round(ndim):
    """Of all terms, on a coarse level."""
    pair, objective, here = evident(ndim), Objective(TERMS, {}), geometry.identity(ndim)
    turned = dataclasses.replace(
        pair,
        fixed=pair.moving,
        moving=pair.fixed,
        fixed_labels=pair.moving_labels,
        moving_labels=pair.fixed_labels,
        fixed_landmarks=pair.moving_landmarks,
        moving_landmarks=pair.fixed_landmarks,
        channels=pair.fixed_channels,
        fixed_channels=pair.channels,
    )
    back = reversed_inputs(inputs_of(pair, objective, here, 2)[0])
    expected = inputs_of(turned, objective, here, 2)[0]
    field = tf.constant(smooth_field(expected.fixed.shape), tf.float32)
    found, wanted = (PROGRAMS.of(objective)(field, inputs) for inputs in (back, expected))
    for mine, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)
    assert (wanted[0].numpy() != 0).all()


@each_ndim
@pytest.mark.parametrize("transform", ["displacement", "velocity", "bspline"])
def test_both_directions_of_terms_on_maps_are_optimised(ndim, transform):
    """In the compiled program, as in a run."""
    pair = dataclasses.replace(evident(ndim), fixed_landmarks=None, moving_landmarks=None)
    on_pet = {"pet": MSE(on="pet"), "mass": MSE(on="pet", mass_preserving=True)}
    terms = {"mse": MSE(), "labels": pairreg.build("similarity/dice"), **on_pet}
    result = pairreg.register(
        pair,
        preprocessing="minmax",
        initialization="none",
        transform=pairreg.build(f"transform/{transform}", symmetric=True),
        similarity=terms,
        schedule=CoarseToFine(scales=[2, 1], iterations=[2, 2]),
    )
    assert {f"similarity/{name}" for name in terms} < set(result.history.names)
    assert np.isfinite(result.history.rows).all()


@each_ndim
@pytest.mark.parametrize("factor", [1, 2])
def test_landmarks_are_the_squared_error_of_the_whole_transform(ndim, factor):
    """Of a field that is linear on the grid, so that every level holds it exactly."""
    pair = evident(ndim)
    initial, objective = centred(pair, affine(ndim)), Objective({"landmarks": Landmarks()}, {})
    inputs = inputs_of(pair, objective, initial, factor)[0]
    index = np.stack(np.meshgrid(*[np.arange(n) for n in pair.fixed.GetSize()[::-1]], indexing="ij"), -1)
    slope = np.array([[0.02, -0.03, 0.01], [0.01, 0.03, 0.02], [-0.02, 0.01, 0.02]])[:ndim, :ndim]
    field = 0.4 + index @ slope
    whole = whole_transform.whole(field, pair.fixed, initial)
    mapped = np.array([whole.TransformPoint(point) for point in pair.fixed_landmarks.tolist()])
    expected = np.mean(tre(mapped, pair.moving_landmarks) ** 2)
    level = np.stack(np.meshgrid(*[np.arange(n) for n in inputs.fixed.shape], indexing="ij"), -1)
    at_level = (0.4 + (level * factor + (factor - 1) / 2) @ slope) / factor
    values, _ = PROGRAMS.of(objective)(tf.constant(at_level, tf.float32), inputs)
    assert float(values[1]) == pytest.approx(expected, rel=1e-4)


def test_landmarks_are_carried_through_a_dense_start():
    """Where the field is none, the error is that of the start, to first order."""
    pair = evident(2)
    shift = geometry.total_displacement(
        0.5 * smooth_field(pair.fixed.GetSize()[::-1]), pair.fixed, geometry.identity(2)
    )
    dense = geometry.displacement_transform(shift)
    mapped = np.array([dense.TransformPoint(point) for point in pair.fixed_landmarks.tolist()])
    near = dataclasses.replace(pair, moving_landmarks=mapped + 0.05)
    objective = Objective({"landmarks": Landmarks()}, {})
    inputs = inputs_of(near, objective, dense, 1)[0]
    values, _ = PROGRAMS.of(objective)(tf.zeros((*inputs.fixed.shape, 2)), inputs)
    assert float(values[1]) == pytest.approx(2 * 0.05**2, rel=0.02)


def test_landmarks_are_carried_through_a_dense_start_whatever_the_size_of_voxels():
    """The start bends from voxel to voxel, so that its derivative is another one a few voxels on."""
    objective, factor = Objective({"landmarks": Landmarks()}, {}), 2.0**-7

    def found(scale: float):
        pair = evident(2)
        for one in (pair.fixed, pair.moving, pair.fixed_labels, pair.moving_labels):
            one.SetSpacing(np.multiply(one.GetSpacing(), scale).tolist())
            one.SetOrigin(np.multiply(one.GetOrigin(), scale).tolist())
        shape = pair.fixed.GetSize()[::-1]
        bends = 0.3 * np.sin(np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1))
        dense = dense_start(bends, pair.fixed, whole=False)
        points = pair.fixed_landmarks * scale
        mapped = np.array([dense.TransformPoint(point) for point in points.tolist()]) + 0.1 * scale
        near = dataclasses.replace(pair, fixed_landmarks=points, moving_landmarks=mapped)
        return inputs_of(near, objective, dense, 1)[1][0]

    usual, small = found(1.0), found(factor)
    np.testing.assert_allclose(small.targets, usual.targets, atol=0.01)
    np.testing.assert_allclose(small.matrices, usual.matrices * factor, atol=1e-3 * factor)
    np.testing.assert_allclose(small.offsets, usual.offsets * factor, atol=0.01 * factor)


def test_points_outside_the_fixed_image_are_said_and_do_not_count(caplog):
    pair = evident(2)
    points = pair.fixed_landmarks.copy()
    points[2] = pair.fixed.TransformContinuousIndexToPhysicalPoint([-5.0, 3.0])
    objective = Objective({"points": Landmarks()}, {})
    outside = dataclasses.replace(pair, fixed_landmarks=points)
    others = inputs_of(outside, objective, geometry.identity(2), 1)[1]
    assert len(others[0].voxels) == 6
    assert "similarity.points: 1 of its landmarks lies outside the fixed image" in caplog.text
    assert check_evidence(outside, [objective]).landmarks == {0, 1, 3, 4, 5, 6}


@each_ndim
def test_mass_is_kept_by_a_dilation_and_its_initialisation(ndim):
    """A blob well inside is made 1.25 times as long by the start, and again by the field."""
    shape = (48, 44, 40)[:ndim]
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1) - (np.array(shape) - 1) / 2
    blob = sitk.GetImageFromArray(np.exp(-(grid**2).sum(-1) / 18).astype(np.float32))
    blob.SetSpacing((2.0, 1.0, 1.5)[:ndim])
    pair = Pair(name="blob", fixed=blob, moving=blob)
    initial = centred(pair, affine(ndim, 0.8))
    objective = Objective({"mass": MSE(mass_preserving=True)}, {})
    how = pairreg.build("preprocessing/window", lower=0.0, upper=1.0)
    prepared = resample_pair(how(pair), initial)
    maps = evidence(prepared, [objective], partial(how.compared, prepared.pair))[0][0]
    moving = geometry.array(blob)
    assert maps.moving[0].sum() == pytest.approx(moving.sum(), rel=1e-3)
    assert prepared.moving.sum() > 1.4 * moving.sum()  # what it is without the determinant
    scale = 0.8
    field = tf.constant((scale - 1) * grid, tf.float32)
    np.testing.assert_allclose(determinant(field), scale**ndim, rtol=1e-5)
    wide = tf.constant(maps.moving[0])[..., None]
    warped = warp(wide, field, before=tf.constant(prepared.wide.before))[0][..., 0] * determinant(field)
    assert float(tf.reduce_sum(warped)) == pytest.approx(moving.sum(), rel=2e-3)


def dense_start(field: np.ndarray, fixed: sitk.Image, whole: bool) -> sitk.Transform:
    """`x + field(x)`, as the start of a run has it (`whole`), or as a file of another tool."""
    here = geometry.identity(fixed.GetDimension())
    if whole:
        return whole_transform.whole(field, fixed, here)
    return geometry.displacement_transform(geometry.total_displacement(field, fixed, here))


TURN = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
DIRECTIONS = {
    "x y z": np.eye(3),
    "flipped": np.diag([-1.0, -1.0, 1.0]),
    "mirrored": np.diag([-1.0, 1.0, 1.0]),
    "oblique": TURN,
    "permuted": np.eye(3)[[1, 0, 2]],
    "permuted and oblique": TURN @ np.eye(3)[[1, 0, 2]],
}


@each_ndim
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("axes", DIRECTIONS)
def test_mass_is_kept_by_a_dense_start_whatever_the_axes_of_the_image(ndim, whole, axes):
    """A blob is made shorter by a start that is 1 + 0.2 along each axis, and longer by one that is 1 - 0.2."""
    shape = (40, 36, 32)[:ndim]
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1) - (np.array(shape) - 1) / 2
    blob = sitk.GetImageFromArray(np.exp(-(grid**2).sum(-1) / 18).astype(np.float32))
    blob.SetSpacing((2.0, 1.0, 1.5)[:ndim])
    blob.SetDirection(DIRECTIONS[axes][:ndim, :ndim].ravel().tolist())
    how = pairreg.build("preprocessing/window", lower=0.0, upper=1.0)
    for stretch in (0.2, -0.2):
        initial = dense_start(stretch * grid, blob, whole)
        prepared = resample_pair(how(Pair(name="blob", fixed=blob, moving=blob)), initial)
        objective = Objective({"mass": MSE(mass_preserving=True)}, {})
        maps = evidence(prepared, [objective], partial(how.compared, prepared.pair))[0][0]
        inner = (slice(2, -2),) * ndim
        plain, dense = (prepared.wide.inner(one)[inner] for one in (prepared.moving, maps.moving[0]))
        np.testing.assert_allclose(dense, (1 + stretch) ** ndim * plain, rtol=1e-4, atol=1e-7)
        assert dense.sum() == pytest.approx(geometry.array(blob).sum(), rel=2e-3)


def test_densities_need_a_window():
    objective = Objective({"mass": MSE(mass_preserving=True)}, {})
    with pytest.raises(InputError, match="similarity.mass: mass_preserving compares densities; choose prepr"):
        inputs_of(evident(2), objective, geometry.identity(2), 1)


def test_labels_have_no_mass():
    with pytest.raises(InputError, match="mass_preserving is for intensities"):
        pairreg.build("similarity/mse", on="labels", mass_preserving=True)


def test_a_channel_of_an_integer_type_is_a_label_map():
    pair = evident(2)
    labels = {"fixed_channels": {"organs": pair.fixed_labels}, "channels": {"organs": pair.moving_labels}}
    both = dataclasses.replace(pair, **labels)
    terms = {"labels": MSE(on="labels"), "organs": MSE(on="organs")}
    of_labels, of_channel = inputs_of(both, Objective(terms, {}), geometry.identity(2), 1)[1]
    assert len(of_labels.fixed) == 3 and np.ptp(of_labels.shares) == 0
    np.testing.assert_array_equal(of_channel.moving, of_labels.moving)
    expected = geometry.array(pair.fixed_labels) == 2
    np.testing.assert_allclose(of_channel.fixed[1], expected, atol=1e-5)
    assert check_evidence(both, [Objective({"organs": terms["organs"]}, {})]).labels == set()  # no metric is over it
    with pytest.raises(InputError, match="'organs' is a label map"):
        check_evidence(both, [Objective({"mass": MSE(on="organs", mass_preserving=True)}, {})])


def test_a_channel_has_its_own_range_and_densities_one_scale():
    pair = evident(2)
    how = pairreg.build("preprocessing/minmax")
    channels = {"fixed_channels": {"pet": 3 * pair.fixed}, "channels": {"pet": pair.moving / 2}}
    both = dataclasses.replace(pair, **channels)
    ranges = [(geometry.array(one).min(), geometry.array(one).max()) for one in how.compared(both, "pet", False)]
    assert ranges == [(0, 1), (0, 1)]
    fixed, moving = map(geometry.array, how.compared(both, "pet", True))
    assert fixed.max() == pytest.approx(1)
    np.testing.assert_allclose(
        moving / fixed.max(), geometry.array(pair.moving) / 2 / (3 * geometry.array(pair.fixed).max())
    )
    below = dataclasses.replace(both, channels={"pet": pair.moving - 50})
    with pytest.raises(InputError, match="the channel 'pet' has none, or is below 0"):
        how.compared(below, "pet", True)


REFUSED = {
    "labels of one side": ({"fixed_labels": None}, MSE(on="labels"), "has no fixed_labels: give both maps"),
    "a channel of one side": ({"fixed_channels": {}}, MSE(on="pet"), "'pet', which pair 'evident' has not in fixed_ch"),
    "a misspelt channel": ({}, MSE(on="ped"), "has not in fixed_channels and channels; channels of both sides: pet"),
    "no landmarks": (
        {"fixed_landmarks": None, "moving_landmarks": None},
        Landmarks(),
        "compares landmarks, which pair 'evident' has not",
    ),
    "an unknown label": (
        {},
        pairreg.build("similarity/dice", label_weights={"live": 1.0}),
        "similarity.one: label_weights names 'live'; both label maps have liver, 2, 3",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_pair_has_not_is_refused(case):
    without, term, said = REFUSED[case]
    with pytest.raises(InputError, match=said):
        check_evidence(dataclasses.replace(evident(2), **without), [Objective({"one": term}, {})])


def per_level(*names_and_terms: tuple[str, object]) -> list[Objective]:
    """An objective for each level, of terms that have a list of settings or are alike."""
    levels = max(len(parts_of(term)) for _, term in names_and_terms)
    return [Objective({name: at_level(term, i) for name, term in names_and_terms}, {}) for i in range(levels)]


def data_of(pair: Pair, objectives: list[Objective]):
    how = pairreg.build("preprocessing/minmax")
    prepared = resample_pair(how(pair), geometry.identity(pair.ndim))
    return evidence(prepared, objectives, partial(how.compared, prepared.pair))


def arrays(levels) -> list[np.ndarray]:
    """All arrays of all levels, each once."""
    found = {}
    for one in (one for level in levels for one in level):
        for value in vars(one).values():
            found.update({id(array): array for array in (value if isinstance(value, list | tuple) else [value])})
    return list(found.values())


FOUR = [4.0, 2.0, 1.0, 1.0]
SHARED = {
    "weights of one term": [("dice", pairreg.build("similarity/dice", weight=FOUR))],
    "weights of another term": [
        ("dice", pairreg.build("similarity/dice")),
        ("landmarks", pairreg.build("similarity/landmarks", weight=FOUR)),
    ],
    "shares of labels": [
        ("dice", pairreg.build("similarity/dice", label_weights=[{1: w, 2: 1.0, 3: 1.0} for w in FOUR]))
    ],
    "labels": [("dice", pairreg.build("similarity/dice", label_weights=[{1: 1.0}, {2: 1.0}, {1: 1.0, 3: 1.0}]))],
    "terms": [("dice", pairreg.build("similarity/dice")), ("mse", MSE(on="labels"))],
}


@pytest.mark.parametrize("case", SHARED)
def test_terms_and_levels_share_their_maps(case):
    """Each label of each side is there once, and so is the mask of each side."""
    levels = data_of(evident(2), per_level(*SHARED[case]))
    grids = [array for array in arrays(levels) if array.shape == SIZES[2][::-1]]
    assert len([array for array in grids if array.dtype == np.float32]) == 2 * 3
    assert len([array for array in grids if array.dtype == bool]) == 2


def test_levels_share_channels_and_densities_are_others():
    terms = [
        ("plain", pairreg.build("similarity/mse", on="pet", weight=FOUR)),
        ("mass", pairreg.build("similarity/mse", on="pet", mass_preserving=True, weight=FOUR)),
    ]
    levels = data_of(evident(2), per_level(*terms))
    for plain, mass in levels:
        assert plain is levels[0][0] and mass is levels[0][1]
        assert abs(plain.moving[0] - mass.moving[0]).max() > 0.005


def test_each_level_has_the_labels_and_shares_of_its_own_term():
    pair = evident(2)
    lists = pairreg.build("similarity/dice", label_weights=[{1: 1.0, 2: 3.0}, {3: 1.0}])
    levels = data_of(pair, per_level(("dice", lists)))
    for (of_level,), term in zip(levels, lists.parts, strict=True):
        ((alone,),) = data_of(pair, [Objective({"dice": term}, {})])
        np.testing.assert_array_equal(of_level.fixed, alone.fixed)
        np.testing.assert_array_equal(of_level.moving, alone.moving)
        np.testing.assert_array_equal(of_level.shares, alone.shares)
    np.testing.assert_allclose(levels[0][0].shares, [0.25, 0.75])


def test_a_warning_about_points_comes_once_for_all_levels(caplog):
    pair = evident(2)
    points = pair.fixed_landmarks.copy()
    points[2] = pair.fixed.TransformContinuousIndexToPhysicalPoint([-5.0, 3.0])
    lists = pairreg.build("similarity/landmarks", weight=FOUR), pairreg.build("similarity/landmarks", subset="even")
    terms = per_level(("all", lists[0]), ("even", lists[1]))
    levels = data_of(dataclasses.replace(pair, fixed_landmarks=points), terms)
    assert [caplog.text.count(f"similarity.{name}: 1 of its") for name in ("all", "even")] == [1, 1]
    assert all(one is levels[0][0] for one, _ in levels) and [len(one.voxels) for one in levels[3]] == [6, 3]


def test_inputs_without_others_are_those_of_images_alone():
    pair = evident(2)
    inputs = inputs_of(pair, Objective({"mse": MSE()}, {}), geometry.identity(2), 1)[0]
    assert inputs.others == ()
    assert as_inputs(inputs._asdict()).others == ()
