"""Presets, options and studies compose with each other, and give configs that pass the check."""

import functools
import re
from collections.abc import Iterator
from itertools import combinations, pairwise, product

import pytest
from hydra import compose, initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from pairreg import option_files
from pairreg.cli.hydra_errors import as_input_errors
from pairreg.cli.plugins import register_plugins
from pairreg.errors import InputError
from pairreg.option_files import TERM_GROUPS
from pairreg.runs.spec import STUDY_FILES
from pairreg.search.space import read_space
from pairreg.study.checked_config import check
from pairreg.study.compose import spec_of

PRESETS = [(), *((f"preset={name}",) for name in option_files.variants("preset") if name != "default")]
STUDIES = [f"{kind}={name}" for kind in STUDY_FILES for name in option_files.variants(kind)]
# what an option asks the user for
GIVEN = {
    "pair=files": ["pair.fixed=a.nii", "pair.moving=b.nii"],
    "pair=hdf5": ["pair.file=a.h5", "pair.case=a"],
    "pair=learn2reg": ["pair.dataset=a.json"],
    "pair=dirlab": ["pair.root=a"],
    "initialization=file": ["initialization.path=a.h5"],
    "initialization=run": ["initialization.path=a"],
    "method=field": ["method.path=a.h5"],
    "method=command": ["method.command=a"],
}
ids = "+".join


@pytest.fixture(scope="module", autouse=True)
def hydra() -> Iterator[None]:
    register_plugins()
    with initialize_config_module("pairreg.conf", version_base="1.3"):
        yield


def choices(group: str) -> list[str]:
    return [*option_files.options(group), *option_files.variants(group)]


def fails(*overrides: str) -> str | None:
    """The sentence that refuses a run, if it is refused."""
    try:
        with as_input_errors():
            check(spec_of(compose("config", list(overrides), return_hydra_config=True), overrides).config)
    except InputError as error:
        return str(error)
    return None


def values_of(axis: Override) -> list[str]:
    """The values of a setting of a study, which may be one only."""
    if axis.is_sweep_override():
        return list(axis.sweep_string_iterator())
    return [axis.get_value_element_as_str()]


def jobs(*study: str) -> Iterator[list[str]]:
    """The runs of a study, or one trial of a search."""
    sweeper = compose("config", list(study), return_hydra_config=True).hydra.sweeper
    parser = OverridesParser.create()
    if "space" in sweeper:
        space = read_space(parser.parse_overrides([f"{key}={value}" for key, value in sweeper.space.items()]))
        yield from space.jobs(space.example())
        return
    axes = [parser.parse_override(f"{key}={values}") for key, values in (sweeper.params or {}).items()]
    named = [[f"{axis.key_or_group}={value}" for value in values_of(axis)] for axis in axes]
    yield from map(list, product(*named))


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS, ids=ids)
def test_every_option_takes_its_group_over_from_every_preset(preset):
    asked = [[f"{group}={option}"] for group in option_files.groups() for option in choices(group)]
    assert len(asked) > 55
    refused = {one[0]: said for one in asked if (said := fails(*preset, *one, *GIVEN.get(one[0], ())))}
    assert not refused


@pytest.mark.slow
@pytest.mark.parametrize("group", option_files.TERM_GROUPS)
@pytest.mark.parametrize("preset", PRESETS, ids=ids)
def test_so_does_a_list_of_two_terms(preset, group):
    """Every list without a preset; under one, which leaves terms as they are, each term in a list or two."""
    several = pairwise(choices(group)) if preset else combinations(choices(group), 2)
    lists = [f"{group}=[{one},{other}]" for one, other in several]
    assert len(lists) > (8 if preset else 50)
    assert not {one: said for one in lists if (said := fails(*preset, one))}


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS, ids=ids)
def test_every_study_runs_under_every_preset(preset):
    """All its runs without a preset; under one, the first and the last, which have both ends of all that varies."""
    asked = []
    for study in STUDIES:
        every = [[study, *job] for job in jobs(*preset, study)]
        asked += [every[0], every[-1]] if preset and len(every) > 1 else every
    assert len(asked) > (40 if preset else 60)
    assert not {" ".join(one): said for one in asked if (said := fails(*preset, *one))}


@pytest.mark.parametrize("preset", PRESETS, ids=ids)
def test_a_preset_sets_nothing_itself_but_the_precision_of_networks(preset):
    for name in preset:
        file = option_files.experiments_folder() / f"{name.replace('=', '/')}.yaml"
        assert set(OmegaConf.load(file)) <= {"defaults", "precision"}


def test_the_preset_default_is_none():
    assert compose("config", ["preset=default"]) == compose("config", [])


@functools.cache
def without_a_preset(group: str, option: str) -> DictConfig:
    return compose("config", [f"{group}={option}"])[group]


@pytest.mark.parametrize("preset", PRESETS[1:], ids=ids)
@pytest.mark.parametrize("group", ["transform", "similarity", "regularizer", "optimizer", "schedule", "preprocessing"])
def test_a_later_choice_brings_all_its_settings(preset, group):
    """An option under a preset is what it is without one."""
    for option in option_files.options(group):
        assert compose("config", [*preset, f"{group}={option}"])[group] == without_a_preset(group, option), option


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["regularizer.elastic.weight=3"], "regularizer=[default,elastic] chooses it."),
        (["+regularizer.elastic.weight=3"], "regularizer=[default,elastic] chooses it."),
        (
            ["similarity=[ncc,pet:mse]", "similarity.ssim.weight=3"],
            "similarity.ssim is not chosen; similarity=[ncc,pet:mse,ssim] chooses it.",
        ),
        (
            ["preset=fast", "regularizer=elastic", "regularizer.jacobian.weight=3"],
            "regularizer.jacobian is not chosen; regularizer=[elastic,jacobian] chooses it.",
        ),
        (["regularizer=none", "regularizer.elastic.mu=3"], "regularizer=elastic chooses it."),
        (["similarity.ncc.window=3"], "similarity.ncc is not chosen; similarity=[pcc,ssim,ncc] chooses it."),
        (
            ["transform=displacement", "transform.width=8"],
            "transform.width is a setting of implicit and unet, which are not chosen; ",
        ),
        (["pair.fixed=f.nii.gz"], "pair.fixed is a setting of files, phantom_to_ct_2d and phantom_to_ct_3d, which are"),
        (["optimizer.memory=3"], "optimizer=lbfgs chooses it."),
        (["transform.widht=8"], "did you mean 'width'"),
    ],
)
def test_a_setting_of_what_is_not_chosen_says_what_chooses_it(given, said):
    assert said in str(fails(*given))


def proposed(*given: str) -> str:
    """The choice that the message about a term which is not chosen proposes."""
    found = re.search(r"; (\S+) chooses it\.$", str(fails(*given)))
    assert found is not None
    return found[1]


def terms(group: str, *given: str) -> dict[str, object]:
    found = OmegaConf.to_container(compose("config", list(given))[group])
    assert isinstance(found, dict)
    return found


VARIANTS_OF_TERMS = [(group, name) for group in TERM_GROUPS for name in option_files.variants(group)]


@pytest.mark.parametrize(("group", "variant"), VARIANTS_OF_TERMS)
@pytest.mark.parametrize("plus", ["", "+"])
def test_what_is_proposed_adds_the_term_and_keeps_the_rest(group, variant, plus):
    """A setting of the variant that the user has changed stays, too."""
    before = terms(group, f"{group}={variant}")
    changed = f"{group}.{next(iter(before))}.weight=7"
    added = next(name for name in option_files.options(group) if name not in (*before, "none"))
    own = f"{group}.{added}.weight=0.5"
    choice = proposed(f"{group}={variant}", changed, plus + own)
    expected = terms(group, f"{group}={variant}", changed) | terms(group, f"{group}={added}", own)
    assert terms(group, choice, changed, own) == expected


@pytest.mark.parametrize("preset", PRESETS, ids=ids)
def test_what_is_proposed_under_a_preset_keeps_its_terms(preset):
    choice = proposed(*preset, "regularizer.bending_energy.weight=0.5")
    expected = terms("regularizer", *preset) | terms("regularizer", "regularizer=bending_energy")
    assert terms("regularizer", *preset, choice) == expected
