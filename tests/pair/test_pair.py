"""What a pair that Python code makes has to be."""

import time

import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import image, refused
from pairreg import geometry
from pairreg.pair.pair import Pair

FLAT, SOLID, VECTOR = image((6, 5)), image((6, 5, 4)), sitk.Image([6, 5], sitk.sitkVectorFloat64, 2)
POINTS = np.array([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"fixed": geometry.array(FLAT)}, "pair 'p': fixed is of the type ndarray; give an image of SimpleITK."),
        ({"fixed": sitk.Image([2, 2, 2, 2], sitk.sitkUInt8)}, "fixed is 4-D; give 2-D or 3-D images."),
        ({"moving": SOLID}, "moving is 3-D; give images of one dimension, as fixed is 2-D."),
        ({"fixed_mask": SOLID}, "pair 'p': fixed_mask is 3-D"),
        ({"moving_labels": SOLID}, "pair 'p': moving_labels is 3-D"),
        ({"evaluation_mask": SOLID}, "pair 'p': evaluation_mask is 3-D"),
        ({"channels": {"pet": SOLID}}, "pair 'p': channels.pet is 3-D"),
        ({"fixed_channels": {"pet": VECTOR}}, "fixed_channels.pet has 2 numbers per voxel; give one."),
        ({"moving": VECTOR}, "moving has 2 numbers per voxel; give one."),
        ({"true_displacement": FLAT}, "true_displacement has 1 numbers per voxel; give 2."),
        ({"fixed_labels": FLAT / 2}, "pair 'p': fixed_labels holds the label"),
        ({"moving_labels": sitk.Cast(FLAT, sitk.sitkFloat32) / 0}, "moving_labels holds the label inf"),
        ({"moving_labels": sitk.Cast(FLAT, sitk.sitkFloat64) * np.nan}, "moving_labels holds the label nan"),
        ({"fixed_landmarks": POINTS}, "pair 'p' has 2 fixed and 0 moving landmarks; give corresponding points."),
        ({"moving_landmarks": POINTS}, "pair 'p' has 0 fixed and 2 moving landmarks"),
        ({"fixed_landmarks": POINTS, "moving_landmarks": POINTS[:1]}, "has 2 fixed and 1 moving landmarks"),
        ({"fixed_landmarks": POINTS[0]}, "fixed_landmarks has the shape (2,); give points (n, 2), or none."),
        ({"fixed_landmarks": POINTS[:0]}, "fixed_landmarks has the shape (0, 2)"),
        ({"fixed_landmarks": np.ones((2, 3))}, "fixed_landmarks has the shape (2, 3)"),
        ({"fixed_landmarks": [["a", "b"]]}, "fixed_landmarks is list without numbers"),
        ({"fixed_landmarks": POINTS * np.inf}, "fixed_landmarks has NaN or infinite coordinates"),
    ],
    ids=lambda one: one[:40] if isinstance(one, str) else "+".join(one),
)
def test_parts_that_do_not_go_together_are_refused(parts, said):
    refused(said, Pair, **{"name": "p", "fixed": FLAT, "moving": FLAT} | parts)


@pytest.mark.parametrize("kind", [sitk.sitkFloat32, sitk.sitkFloat64])
def test_labels_of_another_type_are_made_integers(kind, caplog):
    labels = sitk.Cast(FLAT, kind)
    pair = Pair(name="p", fixed=FLAT, moving=FLAT, fixed_labels=labels, moving_labels=labels + 1e-4)
    for side in (pair.fixed_labels, pair.moving_labels):
        assert side.GetPixelID() == sitk.sitkInt32
        np.testing.assert_array_equal(geometry.array(side), geometry.array(FLAT))
        assert side.GetOrigin() == FLAT.GetOrigin() and side.GetDirection() == FLAT.GetDirection()
    assert [record.getMessage() for record in caplog.records] == [
        "pair 'p': moving_labels has labels up to 0.0001 beside whole numbers: rounded."
    ]


def test_points_may_be_lists():
    given = {"fixed_landmarks": POINTS.tolist(), "moving_landmarks": POINTS.astype(np.float32)}
    pair = Pair(name="p", fixed=FLAT, moving=FLAT, **given)
    for points in (pair.fixed_landmarks, pair.moving_landmarks):
        assert points.dtype == np.float64
        np.testing.assert_array_equal(points, POINTS)


def test_a_pair_of_large_volumes_is_made_at_once():
    large = sitk.Image([400, 400, 400], sitk.sitkUInt8)
    began = time.process_time()
    for _ in range(50):
        Pair(name="p", fixed=large, moving=large, fixed_labels=large, moving_labels=large, fixed_mask=large)
    assert time.process_time() - began < 0.5
