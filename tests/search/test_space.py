from collections.abc import Sequence

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pairreg.errors import InputError
from pairreg.search.space import Space, read_space


class Groups:
    """What Hydra's parser asks of a config loader: the options of a group, here four transforms."""

    def get_group_options(self, group_name: str, results_filter: object = None) -> list[str]:
        return ["bspline", "displacement", "unet", "velocity"] if group_name == "transform" else []


def space(*overrides: str, per: Sequence[str] = ()) -> Space:
    parser = OverridesParser.create(config_loader=Groups())  # type: ignore[arg-type]
    return read_space(parser.parse_overrides(list(overrides)), per)


@pytest.mark.parametrize(
    ("sweep", "distribution"),
    [
        ("interval(0.1, 10)", FloatDistribution(0.1, 10)),
        ("interval(1, 10)", FloatDistribution(1, 10)),
        ("tag(log, interval(0.1, 10))", FloatDistribution(0.1, 10, log=True)),
        ("int(interval(1, 5))", IntDistribution(1, 5)),
        ("tag(log, int(interval(1, 64)))", IntDistribution(1, 64, log=True)),
        ("range(1, 5)", IntDistribution(1, 4)),
        ("range(7, 0, -2)", IntDistribution(1, 7, step=2)),
        ("range(0, 1, 0.3)", FloatDistribution(0, 0.9, step=0.3)),
        ("choice(1, 2, 4)", CategoricalDistribution(["1", "2", "4"])),
        ("[pcc,ssim],ncc,true", CategoricalDistribution(["[pcc,ssim]", "ncc", "True"])),
    ],
)
def test_hydras_sweeps(sweep: str, distribution: object) -> None:
    assert space(f"transform.stride={sweep}").free == {"transform.stride": distribution}


def test_a_glob_is_a_choice_of_the_options_that_fit() -> None:
    found = space("transform=glob([d*,*t],exclude=b*)")
    assert found.free == {"transform": CategoricalDistribution(["displacement", "unet"])}
    compared = space("transform=glob([*t,v*])", "a=interval(0,1)", per=["transform"]).compared
    assert compared == [("transform=displacement",), ("transform=unet",), ("transform=velocity",)]


def test_pairs_and_seeds_are_replicates() -> None:
    found = space("seed=range(0,2)", "pair=thorax_ct_2d,thorax_ct_3d", "study=s", "+x=interval(0,1)", "~tracking")
    jobs = found.jobs({"+x": 0.5})
    assert len(jobs) == 4 and len({tuple(job) for job in jobs}) == 4
    assert ["study=s", "~tracking", "seed=1", "pair=thorax_ct_3d", "+x=0.5"] in jobs
    assert list(found.free) == ["+x"]


def test_every_value_that_is_no_number_is_in_an_example() -> None:
    found = space("similarity=mse,[pcc,ssim],ncc", "transform=unet,velocity", "a=interval(2,4)", "b=range(3,9)", "s=1")
    first, *others = found.examples()
    assert first == found.example() == {"similarity": "mse", "transform": "unet", "a": 2.0, "b": 3}
    changed = [{key for key in first if one[key] != first[key]} for one in others]
    assert changed == [{"similarity"}, {"similarity"}, {"transform"}]
    assert {one["similarity"] for one in others} == {"mse", "[pcc,ssim]", "ncc"}
    assert space("a=interval(2,4)", "c=choice(7)").examples() == [{"a": 2.0, "c": "7"}]


def test_what_is_compared_has_a_space_of_its_own_for_each_value() -> None:
    found = space("similarity=mse,[pcc,ssim]", "a=1,2", "b=interval(0,1)", "seed=0,1", per=["similarity", "a"])
    assert len(found.compared) == 4 and ("similarity=[pcc,ssim]", "a=2") in found.compared
    own = found.of(found.compared[1])
    assert own.jobs({"b": 0.5}) == [["similarity=mse", "a=2", f"seed={seed}", "b=0.5"] for seed in (0, 1)]
    assert own.compared == ((),)


def test_the_command_line_replaces_entries() -> None:
    found = space("a=interval(0,1)", "b=interval(0,1)", "a=3", "b=range(1,4)")
    assert found.fixed == ["a=3"] and found.free == {"b": IntDistribution(1, 3)}


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (["seed=interval(0,3)"], "seed makes replicates of a trial and needs values, such as seed=1,2,3."),
        (["c=interval(0,3)"], "c is compared and needs values, such as c=1,2,3."),
        (["a=interval(3,1)"], "a=interval(3,1): "),
        (["a=tag(log,interval(0,1))"], "a=tag(log,interval(0,1)): "),
        (["a=tag(log,range(1,9))"], "a: only an interval can be searched on a logarithmic scale."),
        (["a=range(5,1)"], "a=range(5,1): the range is empty."),
        (["a=range(5,inf)"], "a=range(5,inf) has no end"),
        (["transform=glob(q*)"], "transform=glob(q*) has no value"),
        (["a=glob(*)"], "a=glob(*) has no value"),
        (["c=glob(*)"], "c=glob(*) has no value"),
        (["pair=glob(q*)"], "pair=glob(q*) has no value"),
        (["seed=range(5,5)"], "seed=range(5,5) has no value"),
        (["a=shuffle(1,2,3)"], "leave out shuffle"),
    ],
)
def test_what_cannot_be_searched(overrides: list[str], complaint: str) -> None:
    with pytest.raises(InputError) as error:
        space(*overrides, per=["c"])
    assert complaint in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).count(overrides[0]) < 2
