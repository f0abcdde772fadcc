"""The phantom beside a patient's CT."""

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pairreg import InputError, geometry, option_files
from pairreg.pair.bundled import bundled
from pairreg.pair.phantom import phantom_to_ct_2d, phantom_to_ct_3d
from pairreg.pair.phantom.to_ct import BUNDLED_ANATOMY
from pairreg.pair.phantom.torso import label_names

BONES = {"spine", "ribs", "sternum", "scapulae", "clavicles", "humeri", "pelvis", "femurs"}
SMALL = {2: {"size": [100, 76], "spacing": 4.0}, 3: {"size": [52, 36, 52], "spacing": 8.0}}
MAKE = {2: phantom_to_ct_2d, 3: phantom_to_ct_3d}


@pytest.fixture(params=[2, 3])
def pair(request):
    return MAKE[request.param](**SMALL[request.param])


def test_by_default_the_patient_is_the_bundled_one_up_to_the_shoulders(pair):
    example = bundled(f"thorax_ct_{pair.ndim}d")
    for name in ("fixed", "fixed_labels"):
        whole, shown = (geometry.array(getattr(p, name)) for p in (example, pair))
        np.testing.assert_array_equal(shown, whole[:50] if pair.ndim == 3 else whole)
    assert pair.label_names == example.label_names
    np.testing.assert_allclose(geometry.centred_origin(pair.moving, pair.fixed), pair.moving.GetOrigin())


def test_the_body_counts_and_the_table_does_not(pair):
    body, mask, hu = (geometry.array(i) for i in (pair.fixed_labels, pair.fixed_mask, pair.fixed))
    assert mask[body > 0].all() and mask.sum() < 1.35 * (body > 0).sum()
    table = (hu > -700) & (mask == 0)
    assert table.any()


def test_both_sides_have_the_same_classes(pair):
    organs, classes = geometry.array(pair.channels["organs"]), geometry.array(pair.moving_labels)
    assert set(np.unique(classes)) == set(np.unique(geometry.array(pair.fixed_labels))) == {0, *pair.label_names}
    for value, name in label_names().items():
        same = {"lung_right": "lung_right", "lung_left": "lung_left", "trachea": "airway"}
        expected = "bone" if name in BONES else same.get(name, "body_other")
        assert {pair.label_names[c] for c in np.unique(classes[organs == value])} <= {expected}
    assert ((classes > 0) == (organs > 0)).all()


def test_left_is_left_on_both_sides(pair):
    for labels in (pair.fixed_labels, pair.moving_labels):
        points, values = geometry.voxel_points(labels), geometry.array(labels)
        assert points[values == 2][:, 0].mean() < points[values == 5][:, 0].mean() < points[values == 3][:, 0].mean()


def test_channels_lie_with_the_moving_image(pair):
    assert set(pair.channels) == {"activity", "attenuation", "organs"}
    for channel in pair.channels.values():
        assert (channel.GetSize(), channel.GetOrigin()) == (pair.moving.GetSize(), pair.moving.GetOrigin())


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_ct_of_ones_own_with_and_without_labels(ndim, tmp_path):
    example = bundled(f"thorax_ct_{ndim}d")
    sitk.WriteImage(example.moving, str(tmp_path / "ct.nii.gz"))
    sitk.WriteImage(example.moving_labels, str(tmp_path / "labels.nii.gz"))
    bare = MAKE[ndim](**SMALL[ndim], fixed=tmp_path / "ct.nii.gz")
    assert bare.fixed_labels is None is bare.fixed_mask and bare.fixed.GetSize() == example.moving.GetSize()
    np.testing.assert_allclose(geometry.centred_origin(bare.moving, bare.fixed), bare.moving.GetOrigin())
    labelled = MAKE[ndim](**SMALL[ndim], fixed=tmp_path / "ct.nii.gz", fixed_labels=tmp_path / "labels.nii.gz")
    np.testing.assert_array_equal(geometry.array(labelled.fixed_labels), geometry.array(example.moving_labels))


def test_the_anatomy_of_the_bundled_patient_is_not_that_of_others(tmp_path):
    path = tmp_path / "ct.nii.gz"
    sitk.WriteImage(phantom_to_ct_3d(**SMALL[3]).fixed, str(path))
    asked = [{}, {"anatomy": BUNDLED_ANATOMY[3]}, {"fixed": path}, {"anatomy": {}}]
    default, same, other, average = (geometry.array(phantom_to_ct_3d(**SMALL[3], **kw).moving) for kw in asked)
    np.testing.assert_array_equal(default, same)
    np.testing.assert_array_equal(other, average)
    assert not np.array_equal(default, other)


def test_organs_are_left_out():
    value = {name: label for label, name in label_names().items()}["humeri"]
    some, none = (phantom_to_ct_2d(**SMALL[2], level=410.0, without=w) for w in ([], ["humeri"]))
    assert (geometry.array(some.channels["organs"]) == value).any()
    assert not (geometry.array(none.channels["organs"]) == value).any()


def test_a_collapsed_left_lung_is_small_whole_and_inside_the_chest():
    whole, small = (phantom_to_ct_3d(**SMALL[3], anatomy={"left_lung": size}) for size in (1.0, 0.5))
    before, after = (geometry.array(p.moving_labels) for p in (whole, small))
    assert 0.08 < (after == 3).sum() / (before == 3).sum() < 0.18, "half of every length: an eighth"
    np.testing.assert_array_equal(after == 2, before == 2)
    np.testing.assert_array_equal(after > 0, before > 0)


def test_a_run_carries_organs_as_labels(tmp_path):
    pair = phantom_to_ct_2d(**SMALL[2])
    schedule = pairreg.build("schedule/single_level", iterations=2)
    pairreg.register(pair, transform="displacement", schedule=schedule).save(tmp_path)
    organs = sitk.ReadImage(str(tmp_path / "warped_organs.nii.gz"))
    assert "integer" in organs.GetPixelIDTypeAsString() and organs.GetSize() == pair.fixed.GetSize()
    assert set(np.unique(geometry.array(organs))) <= set(np.unique(geometry.array(pair.channels["organs"])))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fixed": "nowhere.nii.gz"}, "nowhere.nii.gz does not exist"),
        ({"fixed_labels": "nowhere.nii.gz"}, "nowhere.nii.gz does not exist"),
        ({"without": ["tail"]}, "no organ 'tail'; it has body, fat"),
        ({"anatomy": {"left_lung": 0.1}}, "anatomy.left_lung should be from 0.3 to 1; it is 0.1"),
        ({"size": [64]}, "size is .*give 2 whole numbers"),
        ({"seed": -1, "anatomy": "random"}, "seed should be at least 0; it is -1"),
    ],
)
def test_what_cannot_be_is_refused_with_one_sentence(arguments, message):
    with pytest.raises(InputError, match=message) as info:
        option_files.build("pair/phantom_to_ct_2d", **arguments)
    assert "\n" not in str(info.value)


def test_a_volume_for_the_slice_is_refused(tmp_path):
    path = tmp_path / "volume.nii.gz"
    sitk.WriteImage(bundled("thorax_ct_3d").fixed, str(path))
    with pytest.raises(InputError, match="volume.nii.gz is 3-D; give a 2-D image, or pair=phantom_to_ct_3d"):
        phantom_to_ct_2d(fixed=path)
