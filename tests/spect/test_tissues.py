"""Activity and attenuation of labels, against the phantom that is made of the same tissues."""

import numpy as np
import pytest
import SimpleITK as sitk

import pairreg
from pairreg import geometry
from pairreg.errors import InputError
from pairreg.pair.phantom.torso import label_names
from pairreg.spect.tissues import tissue_values


@pytest.mark.parametrize("channel", ["activity", "attenuation"])
def test_labels_of_the_phantom_have_the_values_of_its_channels(channel: str) -> None:
    """But at edges, which the channels blend, and in bones, whose shells attenuate more."""
    pair = pairreg.build("pair/phantom_2d")
    labels, wanted = geometry.array(pair.moving_labels), geometry.array(pair.channels[channel])
    found = tissue_values(labels, label_names(), channel)
    inside = geometry.array(sitk.LabelContour(pair.moving_labels)) == 0
    soft = inside & (labels > 0) & ~np.isin(labels, [k for k, v in label_names().items() if v in ("ribs", "spine")])
    assert soft.mean() > 0.2
    assert np.isclose(found, wanted, rtol=1e-3)[soft].mean() > 0.9, "vessels of the lungs count as lung"
    assert np.median(found[soft] / wanted[soft]) == pytest.approx(1, abs=1e-6) and (found[labels == 0] == 0).all()


def test_bone_of_the_bundled_cts_is_ten_times_as_hot_as_the_body() -> None:
    pair = pairreg.build("pair/xcat_to_ct_2d")
    labels = geometry.array(pair.moving_labels)
    found = tissue_values(labels, pair.label_names, "activity")
    assert {value: found[labels == value].mean() for value in (1, 2, 3, 4)} == {1: 1.0, 2: 0.25, 3: 0.25, 4: 10.0}


def test_a_label_without_a_known_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no tissue is known for labels hippocampus; name labels as in .*bone"):
        tissue_values(np.array([0, 3]), {3: "hippocampus"}, "activity")
    with pytest.raises(InputError, match="no tissue is known for labels 7;"):
        tissue_values(np.array([0, 7]), {}, "attenuation")
