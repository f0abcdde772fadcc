"""What the pairs of a study are called."""

from collections.abc import Callable
from pathlib import Path

from pairreg.report.study_runs import read_study
from pairreg.runs.replicates import pair_names, seeds
from pairreg.runs.spec import RunSpec, name_of

Write = Callable[..., Path]


def test_names_are_shortened_only_where_they_differ(write_run: Write, study: Path) -> None:
    write_run("a", pair={"fixed": "x/one.nii.gz", "moving": "y/a.b.mha"})
    write_run("b", pair={"fixed": "x/two/", "moving": "y/a.b.mha"})
    write_run("c", pair={"fixed": "three", "moving": "y/a.b.mha"})
    assert pair_names(read_study(study).runs) == ["one", "two", "three"], "the moving one is the same"


def test_the_only_pair_is_called_as_in_its_figures(write_run: Write, study: Path) -> None:
    """By its name or its files; the log calls it likewise."""
    files = {"name": None, "fixed": "x/fixed.nii.gz", "moving": "y/moving.b.mha"}
    write_run("a", pair=files, similarity="mse")
    write_run("b", pair=files, similarity="ncc")
    runs = read_study(study).runs
    assert pair_names(runs) == ["fixed_moving.b"] * 2
    assert name_of(runs[0]) == "fixed_moving.b | mse | diffusion"
    named = RunSpec({"pair": files | {"name": "Ann"}}, {"pair": "files"})
    assert pair_names([named]) == ["Ann"] == [named.name]


def test_pairs_of_one_name_have_what_else_differs_and_the_others_do_not(write_run: Write, study: Path) -> None:
    write_run("a", pair={"name": "Ann", "noise": 0.1, "case": None})
    write_run("b", pair={"name": "Ann", "noise": 0.2, "case": None})
    write_run("c", pair={"name": "Bob", "noise": 0.2, "case": "7"})
    ours = ["Ann (name Ann, noise 0.1)", "Ann (name Ann, noise 0.2)", "Bob 7"]
    assert pair_names(read_study(study).runs) == ours


def test_a_setting_that_an_option_has_gained_makes_no_other_pair(write_run: Write, study: Path) -> None:
    write_run("a", pair={"name": "Ann"})
    write_run("b", pair={"name": "Ann", "fixed_channels": None})
    write_run("c", pair={"name": "Bob", "fixed_channels": None})
    assert pair_names(read_study(study).runs) == ["Ann", "Ann", "Bob"]


def test_options_name_pairs_that_set_nothing_else(write_run: Write, study: Path) -> None:
    for name, pair, seed in (("a", "thorax_ct_2d", 0), ("b", "thorax_ct_3d", 5), ("c", "thorax_ct_2d", 5)):
        write_run(name, pair=pair, seed=seed)
    runs = read_study(study).runs
    assert pair_names(runs) == ["thorax_ct_2d", "thorax_ct_3d", "thorax_ct_2d"]
    assert seeds(runs) == ["0", "5", "5"]
