"""What varies, from run folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pairreg.report.design import Design
from pairreg.report.study_runs import read_study
from pairreg.runs.factors import Factor, chosen_options, factors, in_order, label, ordered, setting
from pairreg.runs.replicates import pair_names
from pairreg.runs.spec import RunSpec

Write = Callable[..., Path]


def names(study: Path) -> dict[str, tuple[str, ...]]:
    return {factor.name: factor.values for factor in factors(read_study(study).runs)}


def test_choices_vary_and_their_own_keys_do_not(write_run: Write, study: Path) -> None:
    for i, similarity in enumerate(("ncc", "mse", "pcc+ssim")):
        write_run(f"{i}", similarity=similarity)
    assert names(study) == {"similarity": ("mse", "ncc", "pcc+ssim")}


def test_a_swept_key_is_an_axis_of_numbers(write_run: Write, study: Path) -> None:
    for i, weight in enumerate((10, 0, 0.5)):
        write_run(f"{i}", weights={"diffusion": weight})
    assert names(study) == {"diffusion.weight": ("0", "0.5", "10")}
    design = Design.of(read_study(study).runs)
    assert design.labels == ["diffusion.weight 0", "diffusion.weight 0.5", "diffusion.weight 10"]


def test_a_key_that_one_option_has_is_no_value_of_the_others(write_run: Write, study: Path) -> None:
    write_run("a", regularizer="none")
    write_run("b", weights={"diffusion": 1})
    write_run("c", weights={"diffusion": 2})
    among = factors(read_study(study).runs)
    assert [factor.name for factor in among] == ["regularizer", "diffusion.weight"]
    assert {setting(run, among) for run in read_study(study).runs} == {
        ("none", None),
        ("diffusion", "1"),
        ("diffusion", "2"),
    }
    assert Design.of(read_study(study).runs).labels[-1] == "no regularizer"


def test_equal_short_names_become_whole_keys(write_run: Write, study: Path) -> None:
    write_run("a", optimizer={"rate": 1}, transform={"rate": 1})
    write_run("b", optimizer={"rate": 2}, transform={"rate": 1})
    write_run("c", optimizer={"rate": 1}, transform={"rate": 2})
    assert set(names(study)) == {"optimizer.rate", "transform.rate"}


def test_a_preset_stands_for_all_that_it_sets(write_run: Write, study: Path) -> None:
    write_run("a", preset="fast", similarity="mse", schedule={"iterations": [10]})
    write_run("b", preset="fine", similarity="ncc", schedule={"iterations": [99]})
    assert names(study) == {"preset": ("fast", "fine")}


def test_a_run_without_preset_is_told_by_what_it_set(write_run: Write, study: Path) -> None:
    write_run("a", preset="fast", schedule={"iterations": [10]})
    write_run("b", schedule={"iterations": [99]})
    assert names(study) == {"iterations": ("[10]", "[99]")}


def test_a_preset_beside_none_stands_for_the_several_things_that_it_sets(write_run: Write, study: Path) -> None:
    write_run("a", preset="fast", schedule={"iterations": [10], "scales": [4]}, transform={"stride": 2})
    write_run("b", schedule={"iterations": [99], "scales": [8]}, transform={"stride": 1})
    assert names(study) == {"preset": ("None", "fast")}
    assert Design.of(read_study(study).runs).labels == ["no preset", "fast"]


def test_what_the_identity_takes_for_one_is_one_setting(write_run: Write, study: Path) -> None:
    """Whole numbers as floats, the order of terms, and the preset that chooses nothing."""
    for i, weight in enumerate((2, 2.0, 3)):
        write_run(f"w{i}", weights={"diffusion": weight}, pair={"case": f"{i}"})
    assert names(study) == {"diffusion.weight": ("2", "3")}
    assert Design.of(read_study(study).runs).settings == [("2",), ("3",)]


def test_terms_in_another_order_are_the_same(write_run: Write, study: Path) -> None:
    for i, similarity in enumerate(("ssim+pcc", "pcc+ssim", "ncc")):
        write_run(f"{i}", similarity=similarity, pair={"case": f"{i}"})
    assert Design.of(read_study(study).runs).settings == [("ncc",), ("pcc+ssim",)]


def test_no_preset_is_the_default_one(write_run: Write, study: Path) -> None:
    write_run("a", pair={"case": "a"})
    write_run("b", preset="default", pair={"case": "b"})
    for case in "ab":
        write_run(f"c{case}", preset="fast", schedule={"iterations": [10]}, pair={"case": case})
    found = Design.of(read_study(study).runs)
    assert found.labels == ["default", "fast"] and len(found.common) == 2


def test_a_setting_that_an_option_has_gained_tells_no_older_run_apart(write_run: Write, study: Path) -> None:
    older = {"_target_": "pairreg.initialization.affine.Affine", "samples": 20000}
    write_run("a", initialization=older)
    write_run("b", initialization=older | {"search": "local"})
    assert names(study) == {}
    write_run("c", initialization=older | {"search": "wide"})
    among = factors(read_study(study).runs)
    assert [setting(run, among) for run in read_study(study).runs] == [("local",), ("local",), ("wide",)]
    assert Design.of(read_study(study).runs).labels == ["search local", "search wide"]


def test_one_value_for_all_levels_is_that_value(write_run: Write, study: Path) -> None:
    displacement = {"_target_": "pairreg.transform.displacement.Displacement"}
    for name, rate in (("a", 0.1), ("b", [0.1, 0.1]), ("c", [0.1, 0.2])):
        write_run(name, transform=displacement | {"learning_rate": rate})
    assert names(study) == {"learning_rate": ("0.1", "[0.1, 0.2]")}


def asked_for(similarity: dict[str, dict[str, object]], regularizer: str, weight: float) -> RunSpec:
    penalty = {"_target_": f"pairreg.regularizer.{regularizer}.Penalty", "weight": weight}
    schedule = {"_target_": "pairreg.schedule.coarse_to_fine.CoarseToFine", "scales": [2, 1], "window": None}
    config = {"similarity": similarity, "regularizer": {regularizer: penalty}, "schedule": schedule, "seed": 1,
              "threads": 4, "study": "s", "pair": {"_target_": "x"}}  # fmt: skip
    choices = {"preset": "fast", "similarity": "+".join(similarity), "regularizer": regularizer, "schedule": "coarse"}
    return RunSpec(config, choices)


def test_every_option_is_told_with_its_settings_and_how_many_runs_have_it() -> None:
    mse, pet = ({"_target_": "pairreg.similarity.mse.MSE"}, {"_target_": "pairreg.similarity.ncc.NCC", "window": 9})
    specs = [asked_for({"mse": mse}, "diffusion", weight) for weight in (8.0, 0.5, 2.0)]
    specs.append(asked_for({"mse": mse, "pet": pet}, "bending_energy", 100.0))
    options = {(one.group, one.option): (one.settings, one.count) for one in chosen_options(specs)}
    assert list(options.items()) == [
        (("preset", "fast"), ("", 4)),
        (("similarity", "mse"), ("", 4)),
        (("similarity", "pet (ncc)"), ("window 9", 1)),
        (("regularizer", "diffusion"), ("weight 0.5 or 2 or 8", 3)),
        (("regularizer", "bending_energy"), ("weight 100", 1)),
        (("schedule", "coarse"), ("scales [2, 1]", 4)),
        (("threads", "4"), ("", 4)),
    ]


def test_of_many_numbers_the_range_is_told() -> None:
    found = chosen_options([asked_for({}, "diffusion", 2.0**i) for i in range(6)])
    assert [one.settings for one in found if one.group == "regularizer"] == ["weight 1 to 32"]


def test_pairs_and_seeds_are_replicates(write_run: Write, study: Path) -> None:
    for i, (pair, seed) in enumerate((p, s) for p in ("thorax_ct_2d", "thorax_ct_3d") for s in (0, 1)):
        write_run(f"{i}", pair=pair, seed=seed)
    design = Design.of(read_study(study).runs)
    assert (design.factors, design.settings) == ([], [()])
    assert (design.pairs, design.seeds) == (["thorax_ct_2d", "thorax_ct_3d"], ("0", "1"))
    assert design.labels == ["mse · diffusion"]


def test_pairs_are_called_by_name_or_case_or_files(write_run: Write, study: Path) -> None:
    write_run("a", pair={"name": "Ann", "fixed": "x/1.nii.gz", "moving": "y/1.nii.gz"})
    write_run("b", pair={"name": None, "fixed": "x/2.nii.gz", "moving": "y/2.mha"})
    write_run("c", pair={"case": "17"})
    assert pair_names(read_study(study).runs) == ["Ann", "2_2", "17"]


def test_different_pairs_never_share_a_name(write_run: Write, study: Path) -> None:
    for name, noise in (("a", 0), ("b", 0.1)):
        write_run(name, pair={"_target_": "phantom", "noise": noise})
    assert pair_names(read_study(study).runs) == ["files (noise 0)", "files (noise 0.1)"]


@pytest.mark.parametrize("experiments", [("fast", "fine"), ("fast", "None"), ("None", "None")])
@pytest.mark.parametrize("group", ["preset", "ablation", "benchmark"])
def test_a_pair_that_goes_with_one_experiment_each_is_a_pair_of_its_own(
    write_run: Write, study: Path, group: str, experiments: tuple[str, str]
) -> None:
    """Two patients whose files are called alike: with a preset each, settings and pairs vary together."""
    for patient, experiment, iterations in zip(("p1", "p2"), experiments, (10, 99), strict=True):
        pair = {"fixed": f"{patient}/fixed.nii.gz", "moving": f"{patient}/moving.nii.gz"}
        set_by_it = {"schedule": {"iterations": [iterations], "scales": [iterations]}, "stride": iterations}
        write_run(patient, pair=pair, **{group: experiment}, **set_by_it)
    design = Design.of(read_study(study).runs)
    assert len(design.pairs) == 2 and len(design.settings) == 2 and design.common == []


def test_phantoms_of_two_seeds_under_two_presets_are_two_pairs(write_run: Write, study: Path) -> None:
    for name, preset, seed in (("a", "fast", 1), ("b", "fine", 2)):
        write_run(name, preset=preset, pair={"_target_": "phantom", "seed": seed})
    assert pair_names(read_study(study).runs) == ["files (seed 1)", "files (seed 2)"]


def test_a_setting_is_labelled_by_what_means_something_to_it() -> None:
    among = [
        Factor("regularizer", "regularizer", True, ("none", "tv")),
        Factor("regularizer.tv.weight", "tv.weight", False, ("0.123456", "2", "10")),
        Factor("transform", "transform", True, ("unet",)),
    ]
    assert label(("none", None, "unet"), among) == "no regularizer · unet"
    assert label(("tv", "0.123456", "unet"), among) == "tv · tv.weight 0.1235 · unet"
    assert label((), []) == "all runs" == label((None, None, None), among)


def test_settings_are_ordered_by_factor_and_what_means_nothing_comes_first() -> None:
    among = [Factor("a", "a", True, ("x", "y")), Factor("b", "b", False, ("2", "10"))]
    settings = [("y", "2"), ("x", "10"), ("y", None), ("x", "2"), ("x", "2")]
    assert ordered(settings, among) == [("x", "2"), ("x", "10"), ("y", None), ("y", "2")]


def test_values_are_ordered_by_size_before_words() -> None:
    assert in_order(["b", "10", None, "9", "a", "-1", "1e-3", "9"]) == ("-1", "1e-3", "9", "10", "a", "b")


def test_numbers_have_four_digits_unless_two_become_one() -> None:
    def factor(*values: str) -> Factor:
        return Factor("a.b", "b", False, values)

    assert [factor("0.123456", "1").short(v) for v in ("0.123456", "1")] == ["0.1235", "1"]
    assert factor("0.123456", "0.123457").short("0.123456") == "0.123456"
    assert factor("0.123456", "word").short("0.123456") == "0.123456"
    assert factor("1", "2").is_number and not factor("1", "x").is_number
    assert factor("1").group == "a"


def begun(option: str, path: str | list[str], content: str) -> dict[str, Any]:
    """The arguments of `write_run` for a start that is read from a file, or several."""
    listed = {"": path} if isinstance(path, str) else {f"[{i}]": one for i, one in enumerate(path)}
    inputs = {f"initialization.path{i}": (one, content * 32) for i, one in listed.items()}
    return {"initialization": {"_target_": f"pairreg.initialization.{option}", "path": path}, "inputs": inputs}


@pytest.mark.parametrize("option", ["file.FromFile", "run.FromRun"])
def test_a_start_that_belongs_to_the_pair_is_no_factor(write_run: Write, study: Path, option: str) -> None:
    """Such as a landmark alignment of each patient: it varies with the pair, and settings can be ranked."""
    for patient in "abc":
        for similarity in ("mse", "ncc"):
            start = begun(option, f"/data/{patient}/start.tfm", patient)
            write_run(patient + similarity, similarity=similarity, pair={"case": patient}, **start)
    found = Design.of(read_study(study).runs)
    assert [factor.name for factor in found.factors] == ["similarity"]
    assert len(found.settings) == 2 and len(found.common) == 3


def test_a_start_of_each_pair_setting_and_seed_is_no_factor(write_run: Write, study: Path) -> None:
    """As where the runs of a study go on from those of another one."""
    for i, (case, similarity, seed) in enumerate((c, s, n) for c in "ab" for s in ("mse", "ncc") for n in (0, 1)):
        start = begun("run.FromRun", f"runs/first/{i}", f"{i}")
        write_run(f"{i}", similarity=similarity, pair={"case": case}, seed=seed, **start)
    assert names(study) == {"similarity": ("mse", "ncc")}


def test_a_start_that_varies_on_one_pair_is_a_factor(write_run: Write, study: Path) -> None:
    for case in "ab":
        for path, content in (("rigid.tfm", "1"), (["affine.tfm", "warp.nii"], "2")):
            start = begun("file.FromFile", path, content)
            write_run(f"{case}{content}", pair={"case": case}, **start)
    assert names(study) == {"path": ("['affine.tfm', 'warp.nii']", "rigid.tfm")}
    assert len(Design.of(read_study(study).runs).common) == 2


def test_a_start_that_goes_with_a_setting_stays_in_its_name(write_run: Write, study: Path) -> None:
    for case in "ab":
        for similarity, path in (("mse", "one.tfm"), ("ncc", "two.tfm")):
            start = begun("file.FromFile", path, path[0])
            write_run(f"{case}{similarity}", similarity=similarity, pair={"case": case}, **start)
    assert set(names(study)) == {"similarity", "path"}


def test_the_same_file_elsewhere_is_the_same_setting(write_run: Write, study: Path) -> None:
    for name, path in (("a", "/here/start.tfm"), ("b", "start.tfm"), ("c", "/there/copy.tfm")):
        write_run(name, pair={"case": name}, **begun("file.FromFile", path, "1"))
    assert names(study) == {}


def test_a_file_is_called_by_its_shortest_path_in_whichever_run(write_run: Write, study: Path) -> None:
    for name, path, content in (("a", "/here/rigid.tfm", "1"), ("b", "rigid.tfm", "1"), ("c", "affine.tfm", "2")):
        write_run(name, **begun("file.FromFile", path, content))
    assert names(study) == {"path": ("affine.tfm", "rigid.tfm")}
    runs = read_study(study).runs
    assert [setting(run, factors(runs)) for run in runs] == [("rigid.tfm",), ("rigid.tfm",), ("affine.tfm",)]


def test_where_a_program_lies_is_no_factor(write_run: Write, study: Path) -> None:
    method = {"_target_": "pairreg.method.ants_syn.AntsSyN", "iterations": [10]}
    for name, python in (("a", "/here/bin/python"), ("b", None)):
        write_run(name, method=method | {"python": python})
    assert names(study) == {}


def test_people_name_a_method_by_similarity_regularizer_and_transform_first(write_run: Write, study: Path) -> None:
    for i, (similarity, regularizer) in enumerate((("mse", "none"), ("ncc", "none"), ("mse", "diffusion"))):
        write_run(f"{i}", similarity=similarity, regularizer=regularizer)
    assert [factor.key for factor in factors(read_study(study).runs)] == ["similarity", "regularizer"]
