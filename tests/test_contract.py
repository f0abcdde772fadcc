"""What holds for every option file of every config group, including those to come."""

import inspect
import types
import typing

import pytest
from omegaconf import OmegaConf

import pairreg
from pairreg import option_files, validation

ALL = [(group, option) for group in option_files.groups() for option in pairreg.options(group)]
NEEDS_FILES = {("pair", "files"), ("pair", "hdf5")}


def file_of(group: str, option: str) -> str:
    return (option_files.conf_folder() / group / f"{option}.yaml").read_text()


@pytest.mark.parametrize(("group", "option"), ALL)
def test_an_option_builds_with_its_defaults(group, option):
    if (group, option) in NEEDS_FILES:
        with pytest.raises(pairreg.InputError, match="is missing: give"):
            pairreg.build(f"{group}/{option}")
    else:
        assert pairreg.build(f"{group}/{option}") is not None


@pytest.mark.parametrize(("group", "option"), ALL)
def test_the_file_names_every_argument_that_the_code_takes(group, option):
    """A setting that is not in the file cannot be found by users, nor overridden without `+`."""
    node = option_files.option_node(f"{group}/{option}")
    target = option_files.locate(node["_target_"], option, option_files.TRUSTED)
    parameters = set(inspect.signature(target).parameters)
    if group == "regularizer" and not pairreg.build(f"{group}/{option}").has_penalty:
        parameters -= {"weight", "stiffness"}  # nothing to weigh
    assert set(node) - {"_target_"} == parameters


@pytest.mark.parametrize(("group", "option"), ALL)
def test_every_value_has_a_comment(group, option):
    lines = [line for line in file_of(group, option).splitlines() if line.strip() and "_target_" not in line]
    values = [line for line in lines if not line.rstrip().endswith(":")]
    assert all("#" in line for line in values), [line for line in values if "#" not in line]


@pytest.mark.parametrize(("group", "option"), ALL)
def test_an_unknown_key_is_refused_with_the_known_ones(group, option):
    with pytest.raises(pairreg.InputError, match="key 'wiegth' is not one of") as info:
        pairreg.build(f"{group}/{option}", wiegth=1)
    assert "\n" not in str(info.value)


def numbers() -> list[tuple[str, str, str]]:
    found = []
    for group, option in ALL:
        node = option_files.option_node(f"{group}/{option}")
        target = option_files.locate(node["_target_"], option, option_files.TRUSTED)
        _, hints = validation.constructor(target)
        for key in node:
            hint = hints.get(key)
            kinds = set(typing.get_args(hint)) if isinstance(hint, types.UnionType) else {hint}
            if kinds & {int, float, bool} and str not in kinds:
                found.append((group, option, key))
    return found


@pytest.mark.parametrize(("group", "option", "key"), numbers())
def test_text_in_place_of_a_number_is_refused(group, option, key):
    needed = {"fixed": "f.nii", "moving": "m.nii"} if (group, option) in NEEDS_FILES else {}
    with pytest.raises(pairreg.InputError, match=rf"{key} should be .*it is 'many'"):
        pairreg.build(f"{group}/{option}", **needed, **{key: "many"})


@pytest.mark.parametrize(("group", "option"), ALL)
def test_the_file_mirrors_the_package(group, option):
    """`conf/similarity/ncc.yaml` describes `pairreg.similarity.ncc`; pairs that are bundled share a module."""
    target = option_files.option_node(f"{group}/{option}")["_target_"]
    expected = {f"pairreg.{group}.{option}", f"pairreg.{group}.bundled", f"pairreg.{group}.phantom"}
    assert target.rpartition(".")[0] in expected


def test_the_primary_config_holds_every_group():
    groups = {key for entry in OmegaConf.load(option_files.conf_folder() / "config.yaml").defaults for key in entry}
    assert set(option_files.groups()) <= groups
