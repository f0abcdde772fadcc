import pytest

import pairreg
from pairreg import option_files


def test_a_near_miss_is_named():
    with pytest.raises(pairreg.InputError, match="similarity option 'nc' is not one of .*; did you mean 'ncc'?"):
        pairreg.build("similarity/nc")


def test_overrides_reach_the_object():
    assert pairreg.build("similarity/ncc", window=7).window == 7


@pytest.mark.parametrize("target", ["os.system", "pairregister.Loss", "subprocess.run"])
def test_targets_outside_the_trusted_modules_are_refused(target):
    with pytest.raises(pairreg.InputError, match="outside the trusted modules"):
        option_files.instantiate({"_target_": target}, "similarity.mine")


def test_a_target_that_does_not_exist_is_one_sentence():
    with pytest.raises(pairreg.InputError, match="similarity.x: _target_ 'pairreg.similarity.nowhere.X' cannot be im"):
        option_files.instantiate({"_target_": "pairreg.similarity.nowhere.X"}, "similarity.x", ["pairreg.similarity"])


def test_a_whole_number_passes_as_a_float_but_not_the_reverse():
    assert pairreg.build("similarity/ssim", sigma=2).sigma == 2
    with pytest.raises(pairreg.InputError, match="window should be a valid integer"):
        pairreg.build("similarity/ncc", window=9.5)


def test_an_option_of_another_group_is_found_there():
    with pytest.raises(pairreg.InputError, match="'ncc' is an option elsewhere: similarity=ncc"):
        pairreg.build("regularizer/ncc")
    assert option_files.groups_with("fast") == ["preset", "regularizer", "schedule"]


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("ncc+mi", "several terms are a list: similarity=[ncc,mi]."),
        ("2*pet:ncc", "a weight is a setting: similarity.pet.weight=2."),
        ("ncc@1e-3", "a weight is a setting: similarity.ncc.weight=1e-3."),
        ("ncc+nothing", None),
        ("accurate:0.5", None),
        ("0.5", None),
    ],
)
def test_terms_as_a_formula(given, advice):
    known = sorted([*option_files.options("similarity"), *option_files.variants("similarity")])
    said = option_files.unknown_option("similarity", given, known)
    assert said.endswith(advice or "ssim_slicewise.")
