"""What holds for every option file of every config group, including those to come."""

import inspect
import types
import typing

import pytest
from omegaconf import OmegaConf

import pairreg
from pairreg import composition, option_files, registration, validation
from pairreg.backend import tensorflow
from pairreg.pair.pair import Pair

ALL = [(group, option) for group in option_files.groups() for option in pairreg.options(group)]
NEEDED = {"fixed": "f.nii", "moving": "m.nii"}  # what is missing in the files, if it may be any text


def file_of(group: str, option: str) -> str:
    return (option_files.conf_folder() / group / f"{option}.yaml").read_text()


@pytest.mark.parametrize(("group", "option"), ALL)
def test_an_option_builds_with_its_defaults(group, option):
    if "???" in option_files.option_node(f"{group}/{option}").values():
        with pytest.raises(pairreg.InputError, match="is missing: give"):
            pairreg.build(f"{group}/{option}")
    else:
        assert pairreg.build(f"{group}/{option}") is not None


@pytest.mark.parametrize(("group", "option"), ALL)
def test_the_file_names_every_argument_that_the_code_takes(group, option):
    """A setting that is not in the file cannot be found by users, nor overridden without `+`."""
    node = option_files.option_node(f"{group}/{option}")
    target = option_files.locate(node["_target_"], option, (), option_files.targets(group))
    parameters = set(inspect.signature(target).parameters)
    if group == "regularizer" and not pairreg.build(f"{group}/{option}").has_penalty:
        parameters -= {"weight", "stiffness"}  # nothing to weigh
    assert set(node) - {"_target_"} == parameters


@pytest.mark.parametrize(("group", "option"), ALL)
def test_the_file_is_the_only_default(group, option):
    """What the constructor has as a default is what the file says, so Python and the command line agree."""
    node = option_files.option_node(f"{group}/{option}")
    parameters, _ = validation.constructor(
        option_files.locate(node["_target_"], option, (), option_files.targets(group))
    )
    arguments = {key: p.default for key, p in parameters.items() if key in node and p.default is not p.empty}
    if any(type(value).__name__ == "_HAS_DEFAULT_FACTORY_CLASS" for value in arguments.values()):
        made = pairreg.build(f"{group}/{option}")
        arguments = {key: getattr(made, key) for key in arguments}
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in arguments.items()}
    assert plain == {key: node[key] for key in arguments}


def test_register_has_the_defaults_of_the_primary_config():
    """Nothing is repeated in Python: every part and every number of the method is None there."""
    parameters = inspect.signature(pairreg.register).parameters
    config = OmegaConf.load(option_files.conf_folder() / "config.yaml")
    chosen = {key: value for entry in config.defaults if not isinstance(entry, str) for key, value in entry.items()}
    for key in (*registration.KINDS, *option_files.NUMERICS):
        assert parameters[key].default is None
        assert option_files.defaults()[key] == (config[key] if key in config else chosen[key])


def test_threads_are_those_of_the_primary_config():
    assert option_files.defaults()["threads"] == tensorflow.THREADS


def test_register_without_arguments_is_the_command_without_arguments():
    of_command = composition.composed([])
    for group in registration.PARTS:
        assert registration.part(group, option_files.defaults()[group]) == option_files.instantiate(
            of_command[group], group
        )
    for group in option_files.TERM_GROUPS:
        built = registration.terms(group, option_files.defaults()[group])
        assert built == {n: option_files.instantiate(node, f"{group}.{n}") for n, node in of_command[group].items()}


VARIANTS = [(g, v) for g in option_files.groups() for v in option_files.variants(g)]


@pytest.mark.parametrize(("group", "variant"), VARIANTS)
def test_a_variant_is_built_from_python(group, variant):
    built = pairreg.build(f"{group}/{variant}")
    if group == "pair":
        assert isinstance(built, Pair)
        return
    for one in built.values() if group in option_files.TERM_GROUPS else [built]:
        registration.check_kind(group, one)


@pytest.mark.parametrize("preset", option_files.variants("preset"))
def test_a_preset_from_python_is_the_command_with_it(preset):
    of_command, found = composition.composed([f"preset={preset}"]), registration.of_preset(preset)
    assert all(found[key] == of_command[key] for key in option_files.NUMERICS)
    assert list(found["similarity"]) == list(of_command["similarity"])
    settings = {k: v for k, v in of_command["transform"].items() if k != "_target_"}
    assert {key: getattr(found["transform"], key) for key in settings} == settings


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
        target = option_files.locate(node["_target_"], option, (), option_files.targets(group))
        _, hints = validation.constructor(target)
        for key in node:
            hint = hints.get(key)
            kinds = set(typing.get_args(hint)) if isinstance(hint, types.UnionType) else {hint}
            if kinds & {int, float, bool} and str not in kinds:
                found.append((group, option, key))
    return found


@pytest.mark.parametrize(("group", "option", "key"), numbers())
def test_text_in_place_of_a_number_is_refused(group, option, key):
    missing = [name for name, value in option_files.option_node(f"{group}/{option}").items() if value == "???"]
    needed = {name: NEEDED.get(name, "any") for name in missing}
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
