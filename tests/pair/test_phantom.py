"""The phantom against anatomy and geometry, and its true displacement against SimpleITK and the metrics."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from pairreg import InputError, geometry, metrics, option_files
from pairreg.evaluate import metrics_of_kind, truth_evidence, under_transform
from pairreg.pair.phantom import Anatomy, phantom, phantom_2d, phantom_3d
from pairreg.pair.phantom.deformation import RandomDeformation
from pairreg.pair.phantom.pair import make_grid
from pairreg.pair.phantom.ribcage import thoracic
from pairreg.pair.phantom.torso import label_names, table
from pairreg.pair.phantom.variation import LIMITS

NUMBER = {name: label for label, name in label_names().items()}
LARGE = ("lung_right", "lung_left", "heart", "liver", "stomach")
LITRES = {
    "lung_right": (2.0, 3.2),
    "lung_left": (1.8, 2.9),
    "heart": (0.5, 0.9),
    "liver": (1.2, 1.9),
    "spleen": (0.1, 0.3),
    "kidney_right": (0.12, 0.2),
    "kidney_left": (0.12, 0.2),
    "bladder": (0.1, 0.3),
}


@pytest.fixture(scope="module")
def whole():
    """Neck to mid-thigh at 4 mm."""
    return phantom(make_grid((104, 70, 204), 4.0, 106.0, 3))


@pytest.fixture(scope="module")
def chest():
    """Shoulders to kidneys at 2 mm."""
    return phantom(make_grid((140, 120, 192), 2.0, 280.0, 3)).labels


@pytest.fixture(scope="module")
def pair():
    return phantom_3d(seed=3)


@pytest.fixture(scope="module")
def plane():
    return phantom_2d(seed=3)


def mask(labels: sitk.Image, *names: str) -> np.ndarray:
    return np.isin(geometry.array(labels), [NUMBER[name] for name in names])


def litres(labels: sitk.Image, name: str) -> float:
    return mask(labels, name).sum() * np.prod(labels.GetSpacing()) / 1e6


def centroid(labels: sitk.Image, name: str) -> np.ndarray:
    return geometry.voxel_points(labels)[mask(labels, name)].mean(0)


def components(region: np.ndarray) -> int:
    """Number of pieces of more than 20 voxels that touch by their faces."""
    found, _ = ndimage.label(region)
    return int((np.bincount(found.ravel())[1:] > 20).sum())


def test_every_organ_is_there_with_a_human_volume(whole):
    assert set(np.unique(geometry.array(whole.labels))) == {0, *label_names()}
    for name, (low, high) in LITRES.items():
        assert low < litres(whole.labels, name) < high, name
    assert 4 < litres(whole.labels, "lung_right") + litres(whole.labels, "lung_left") < 6


def test_the_torso_has_the_size_of_an_adult(whole):
    body = geometry.array(whole.labels) > 0
    waist = geometry.voxel_points(whole.labels)[body]
    waist = waist[np.abs(waist[:, 2] - 300) < 3]
    width, depth = np.ptp(waist[:, 0]), np.ptp(waist[:, 1])
    assert 310 < width < 380 and 210 < depth < 250


@pytest.mark.parametrize("name", ["lung_right", "lung_left", "liver", "heart", "kidney_left", "spleen", "bladder"])
def test_an_organ_is_one_piece(whole, name):
    assert components(mask(whole.labels, name)) == 1


def test_sides_are_right(whole):
    at = {name: centroid(whole.labels, name) for name in label_names().values()}
    assert all(at[name][0] < -40 for name in ("lung_right", "kidney_right", "liver"))
    assert all(at[name][0] > 20 for name in ("lung_left", "kidney_left", "stomach", "spleen"))
    assert at["heart"][0] > 5
    assert at["sternum"][1] < at["heart"][1] < at["spine"][1] < 80  # front to back
    assert at["bladder"][2] < at["kidney_right"][2] < at["kidney_left"][2] < at["liver"][2] < at["heart"][2]
    assert at["kidney_right"][2] < at["spleen"][2]


def test_twelve_pairs_of_ribs_fall_to_the_front(chest):
    found, count = ndimage.label(mask(chest, "ribs"), np.ones((3, 3, 3)))
    assert count == 24
    index = np.argwhere(found)
    x, y, z = (index @ geometry.index_to_physical(chest).T + np.array(chest.GetOrigin())).T
    number = found[tuple(index.T)]
    for rib in range(1, count + 1):
        along, back, up = x[number == rib], y[number == rib], z[number == rib]
        assert np.ptp(along) > 30 and (np.all(along > 0) or np.all(along < 0))
        assert up[back > np.quantile(back, 0.9)].mean() > up[back < np.quantile(back, 0.1)].mean() + 15


def test_seven_pairs_of_cartilage_reach_the_sternum(chest):
    nearby = ndimage.binary_dilation(mask(chest, "sternum"), np.ones((3, 3, 3)), 2)
    touching = nearby & mask(chest, "cartilage")
    halves = (touching[:, :, :70], touching[:, :, 70:])
    assert [components(half) for half in halves] == [7, 7]


def test_vertebrae_are_separated_by_discs(chest):
    """In front of the canal, T12 to T1 are separate bodies."""
    spine = mask(chest, "spine")
    for v in thoracic():
        z = chest.TransformPhysicalPointToIndex((0.0, 0.0, v.z))[2]
        _, y, _ = chest.TransformPhysicalPointToIndex(v.point(0, 0, 0))
        assert spine[z, y, 70]
        low = chest.TransformPhysicalPointToIndex(v.point(0, 0, (v.disc - v.height) / 2))
        assert mask(chest, "discs")[low[2], low[1], 70], v.name


@pytest.mark.parametrize("name", ["lung_right", "lung_left", "heart", "stomach", "liver"])
def test_volume_does_not_depend_on_spacing(name, chest, whole):
    assert litres(chest, name) == pytest.approx(litres(whole.labels, name), rel=0.03)


def test_a_plane_is_a_slice_of_the_volume():
    volume = phantom(make_grid((100, 75, 5), 4.0, 200.0, 3))
    plane = phantom(make_grid((100, 75), 4.0, 200.0, 2), level=200.0)
    for name in ("labels", "hu", "mu", "activity"):
        middle = geometry.array(getattr(volume, name))[2]
        np.testing.assert_allclose(geometry.array(getattr(plane, name)), middle, atol=1e-3)


def test_tissues_have_their_values_inside_organs(whole):
    hu, mu, activity = (geometry.array(getattr(whole, name)) for name in ("hu", "mu", "activity"))
    inside = ndimage.binary_erosion(mask(whole.labels, "liver"), iterations=3)
    tissue = table()["tissues"]["liver"]
    for image, key in ((hu, "hu"), (mu, "mu"), (activity, "activity")):
        np.testing.assert_allclose(image[inside], tissue[key], rtol=1e-5)
    tissues = table()["tissues"]
    assert tissues["trabecular"]["activity"] == 10 * tissues["muscle"]["activity"]
    assert hu[0, 0, 0] == -1000 and mu[0, 0, 0] == 0 == activity[0, 0, 0]


def test_attenuation_follows_ct_numbers():
    """mu / mu_water - 1 in thousandths is the CT number at 140 keV: within 60 HU of that at 120 kVp without calcium."""
    for name, tissue in table()["tissues"].items():
        at_140 = 1000 * (tissue["mu"] / 0.1538 - 1)
        if name in ("trabecular", "cortical"):  # photoelectric absorption in calcium is gone at 140 keV
            assert 0.5 < at_140 / tissue["hu"] < 1
        else:
            assert at_140 == pytest.approx(tissue["hu"], abs=60), name


@pytest.mark.parametrize("name", ["plane", "pair"])
def test_the_true_displacement_warps_the_moving_labels_to_the_fixed(name, request):
    pair = request.getfixturevalue(name)
    transform = geometry.displacement_transform(pair.true_displacement)
    found = under_transform(pair, transform)
    before = under_transform(pair, sitk.Transform(pair.ndim, sitk.sitkIdentity))
    assert found["epe_mean"] < 1e-5 and before["epe_mean"] > 2
    for name in ("lung_right", "liver", "spleen", "muscle"):
        assert found[f"dice/{name}"] > 0.9 and found[f"dice/{name}"] > before[f"dice/{name}"]
    assert found["mse"] < before["mse"] / 5


def test_the_end_point_error_of_no_registration_is_the_mean_length_in_the_body(pair):
    identity = sitk.Transform(3, sitk.sitkIdentity)
    lengths = np.linalg.norm(geometry.array(pair.true_displacement), axis=-1)
    expected = lengths[geometry.array(pair.fixed_labels) > 0].mean()
    assert metrics_of_kind("truth", truth_evidence(pair, identity))["epe_mean"] == pytest.approx(expected)
    assert lengths.max() == pytest.approx(15, rel=0.05)


@pytest.mark.parametrize("extent", [(400.0, 300.0), (400.0, 280.0, 640.0)])
def test_a_deformation_is_smooth_and_does_not_fold(extent):
    for seed in range(5):
        shape = RandomDeformation(extent, 15.0, 60.0, seed)
        axes = [np.linspace(0, 1, 61) for _ in extent]
        u = shape.at(axes)
        step = [length / 60 for length in extent]
        numeric = [np.gradient(u, h, axis=d) for d, h in enumerate(step)]
        jacobian = np.linalg.det(np.stack(numeric, -1) + np.eye(len(extent)))
        assert jacobian.min() > 0.2
        np.testing.assert_allclose(shape.at(axes, derivative=1)[2:-2, 2:-2], numeric[1][2:-2, 2:-2], atol=0.02)
        assert np.linalg.norm(u, axis=-1).max() == pytest.approx(15, rel=0.02)
        assert all(np.abs(np.take(u, (0, -1), axis=d)).max() < 5 for d in range(len(extent)))


def test_the_deformation_does_not_depend_on_the_spacing(plane):
    coarse = phantom_2d(size=(64, 48), spacing=6.4, seed=3)
    transform = geometry.displacement_transform(plane.true_displacement)
    assert metrics_of_kind("truth", truth_evidence(coarse, transform))["epe_mean"] < 0.05


def test_moving_points_alone_keeps_the_truth():
    """Girth and the curvature of the spine are part of the true displacement, without folds."""
    pair = phantom_3d(
        spacing=6.0, size=(68, 48, 108), anatomy={"girth": 0.9, "height": 0.95, "scoliosis": 25.0, "kyphosis": -15.0}
    )
    found = under_transform(pair, geometry.displacement_transform(pair.true_displacement))
    assert min(found[f"dice/{name}"] for name in LARGE) > 0.9
    millimetres = geometry.array(pair.true_displacement)[..., ::-1]
    assert metrics.jacobian_determinant(millimetres / geometry.spacing(pair.fixed)).min() > 0.15


def test_other_shapes_have_no_true_displacement():
    pair = phantom_3d(spacing=6.0, size=(68, 48, 108), deformation=0.0, anatomy={"organ_scale": 1.1, "fat": 25.0})
    assert (
        pair.true_displacement is None
        and metrics_of_kind("truth", truth_evidence(pair, sitk.Transform(3, sitk.sitkIdentity))) == {}
    )
    assert litres(pair.fixed_labels, "kidney_left") > 1.2 * litres(pair.moving_labels, "kidney_left")
    assert litres(pair.fixed_labels, "fat") > 1.5 * litres(pair.moving_labels, "fat")
    assert litres(pair.fixed_labels, "lung_left") < litres(pair.moving_labels, "lung_left")


@pytest.mark.parametrize("end", [0, 1])
def test_at_the_ends_of_the_ranges_organs_are_whole(end):
    body = Anatomy.of({name: limits[end] for name, limits in LIMITS.items()})
    labels = phantom(make_grid((104, 72, 112), 5.0, 250 * body.height, 3), anatomy=body).labels
    assert all(components(mask(labels, organ)) == 1 for organ in ("lung_right", "lung_left", "heart", "liver"))


def test_the_same_seed_gives_the_same_bytes():
    first, again, other = (
        phantom_2d(size=(64, 48), spacing=6.4, seed=s, patient=True, anatomy="random") for s in (1, 1, 2)
    )
    for name in ("fixed", "moving", "fixed_labels", "moving_labels"):
        np.testing.assert_array_equal(*(geometry.array(getattr(p, name)) for p in (first, again)))
    assert not np.array_equal(geometry.array(first.fixed), geometry.array(other.fixed))


def test_a_patient_differs_in_intensities_only(plane):
    clean, patient = plane, phantom_2d(seed=3, patient=True)
    np.testing.assert_array_equal(geometry.array(clean.fixed_labels), geometry.array(patient.fixed_labels))
    difference = geometry.array(patient.fixed) - geometry.array(clean.fixed)
    inside = ndimage.binary_erosion(mask(clean.fixed_labels, "liver"), iterations=5)
    assert 18 < difference[inside].std() < 30 and abs(difference[inside].mean()) < 8
    np.testing.assert_array_equal(geometry.array(clean.moving), geometry.array(patient.moving))


def test_channels_belong_to_the_moving_image(pair):
    assert set(pair.channels) == {"activity", "attenuation"}
    assert all(image.GetSize() == pair.moving.GetSize() for image in pair.channels.values())
    assert geometry.array(pair.channels["attenuation"]).max() < 0.3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": [64]}, "size is .*give 2 whole numbers"),
        ({"spacing": -1.0}, "spacing should be above 0"),
        ({"spacing": [1.0, 2.0, 3.0]}, "give 2 numbers"),
        ({"deformation": 90.0}, "fold the body; give a smaller"),
        ({"deformation": -1.0}, "deformation should be at least 0"),
        ({"seed": -1}, "seed should be at least 0"),
        ({"texture": -1.0}, "texture should be at least 0"),
        ({"anatomy": {"girth": 3.0}}, "anatomy.girth should be from 0.85 to 1.2; it is 3.0"),
        ({"anatomy": {"waist": 1.0}}, "no parameter 'waist'; it has height"),
        ({"anatomy": "fat"}, "anatomy should be"),
    ],
)
def test_what_cannot_be_is_refused_with_one_sentence(arguments, message):
    with pytest.raises(InputError, match=message) as info:
        option_files.build("pair/phantom_2d", **arguments)
    assert "\n" not in str(info.value)
