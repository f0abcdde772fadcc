"""What the pairs of a study are called."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pairreg.report.design import Design
from pairreg.report.ranking import rank
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


FILES = "pairreg.pair.files.load_pair"
HDF5, L2R = "pairreg.pair.hdf5.load_case", "pairreg.pair.learn2reg.load_learn2reg"


def digest(letter: str) -> str:
    return letter * 32


def images(folder: str, content: str = "f") -> dict[str, Any]:
    """The arguments of `write_run` for the files `f.nii` and `m.nii` in a folder, the fixed one of some content."""
    paths = {side: f"{folder}{side[0]}.nii" for side in ("fixed", "moving")}
    inputs = {"pair.fixed": (paths["fixed"], digest(content)), "pair.moving": (paths["moving"], digest("e"))}
    return {"pair": {"_target_": FILES, "name": None, **paths}, "inputs": inputs}


def case_of(target: str, setting: str, path: str, case: str, content: str) -> dict[str, Any]:
    pair = {"_target_": target, setting: path, "case": case}
    return {"pair": pair, "inputs": {f"pair.{setting}": (path, digest(content))}}


SAME_DATA = {
    "files on another mount": [images("/here/"), images("/there/")],
    "a file by its whole path": [images(""), images("/there/")],
    "a file under another name": [images("/here/"), images("/here/copy_")],
    "a case of a file that lies elsewhere": [
        case_of(HDF5, "file", "cases.h5", "a", "c"), case_of(HDF5, "file", "/there/cases.h5", "a", "c"),
    ],
    "a case by its name, and by its place in the list": [
        case_of(L2R, "dataset", "data.json", "0001_0002", "c"), case_of(L2R, "dataset", "/there/data.json", "0", "c"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("places", SAME_DATA.values(), ids=SAME_DATA)
def test_the_same_data_elsewhere_are_the_same_pair(write_run: Write, study: Path, places: list[dict[str, Any]]) -> None:
    for similarity, dice, place in zip(("mse", "ncc"), (0.5, 0.8), places, strict=True):
        write_run(similarity, similarity=similarity, metrics={"dice_mean": dice}, **place)
    found = Design.of(read_study(study).runs)
    assert len(found.pairs) == 1 and len(found.common) == 1 and not found.replaced and not found.alike
    assert rank(found).ranks.tolist() == [2, 1]


def test_the_cases_of_a_data_set_are_pairs_by_their_names(write_run: Write, study: Path) -> None:
    for case, content in (("0001_0002", "a"), ("0003_0004", "b")):
        for similarity in ("mse", "ncc"):
            write_run(f"{similarity}_{case}", similarity=similarity, **case_of(L2R, "dataset", "d.json", case, content))
    found = Design.of(read_study(study).runs)
    assert found.pairs == ["0001_0002", "0003_0004"] and len(found.common) == 2 and not found.alike


def test_cases_with_one_content_are_pairs_where_their_names_count(write_run: Write, study: Path) -> None:
    for case in "ab":
        write_run(case, **case_of(HDF5, "file", "cases.h5", case, "c"))
    assert Design.of(read_study(study).runs).pairs == ["a", "b"]


def test_a_case_of_a_pattern_is_the_case_that_is_asked_for_alone(write_run: Write, study: Path) -> None:
    """The first is chosen by its name, as runs of a pattern are, the second by its option."""
    for similarity, chosen in (("mse", "a"), ("ncc", "hdf5")):
        folder = write_run(similarity, similarity=similarity, **case_of(HDF5, "file", "cases.h5", "a", "c"))
        content = json.loads((folder / "result.json").read_text())
        content["choices"]["pair"] = chosen
        (folder / "result.json").write_text(json.dumps(content))
    assert Design.of(read_study(study).runs).pairs == ["a"]


def test_other_data_at_one_path_of_other_folders_are_other_pairs(write_run: Write, study: Path) -> None:
    """As of a command in the folder of each patient: the whole paths lie beside the results."""
    for patient, content in (("p1", "a"), ("p2", "b")):
        for similarity in ("mse", "ncc"):
            folder = write_run(f"{patient}_{similarity}", similarity=similarity, **images("", content))
            config = json.loads((folder / "result.json").read_text())["config"]
            config["pair"] |= {side: f"/data/{patient}/{side[0]}.nii" for side in ("fixed", "moving")}
            (folder / "config.yaml").write_text(json.dumps(config))
    found = Design.of(read_study(study).runs)
    assert found.pairs == ["f (fixed f.nii (aaaaaaaa))", "f (fixed f.nii (bbbbbbbb))"]
    assert len(found.common) == 2 and found.replaced == 0


def test_a_file_that_was_replaced_is_of_another_pair_until_every_setting_has_it(write_run: Write, study: Path) -> None:
    def run(similarity: str, content: str, time: float) -> None:
        folder = write_run(f"{content}_{similarity}", similarity=similarity, **images("/data/", content))
        os.utime(folder / "result.json", (time, time))

    for name, content, time in (("mse", "b", 1.0), ("ncc", "b", 2.0), ("ncc", "a", 3.0)):
        run(name, content, time)
    found = rank(Design.of(read_study(study).runs))
    assert found.design.pairs == ["f (fixed /data/f.nii (aaaaaaaa))", "f (fixed /data/f.nii (bbbbbbbb))"]
    assert found.design.common == [] and found.design.replaced == 1
    assert any("other content, so pairs of their own: f (fixed /data/f.nii (aaaaaaaa)), f (" in n for n in found.notes)
    run("mse", "a", 4.0)
    found = rank(Design.of(read_study(study).runs))
    assert found.design.pairs == ["f_m"] and len(found.design.common) == 1 and found.design.replaced == 2
    assert {run.signature for run in found.design.cells.values()} == {"a_mse", "a_ncc"}
    assert not any("other content" in note for note in found.notes)


def test_beside_a_run_that_has_not_kept_its_inputs_paths_tell_pairs_apart(write_run: Write, study: Path) -> None:
    write_run("old", similarity="mse", pair=images("/here/")["pair"])
    for name, folder in (("new", "/here/"), ("elsewhere", "/there/")):
        write_run(name, similarity=name, **images(folder))
    names = dict(zip(("elsewhere", "new", "old"), pair_names(read_study(study).runs), strict=True))
    assert names["new"] == names["old"] != names["elsewhere"]


def test_results_of_python_are_of_the_pairs_whose_files_they_read(write_run: Write, study: Path) -> None:
    for name, place in (("a", images("/1/", "a")), ("b", images("/2/", "b")), ("c", images("/3/", "b"))):
        folder = write_run(name, **place)
        content = json.loads((folder / "result.json").read_text())
        (folder / "result.json").write_text(json.dumps(content | {"config": {}, "choices": {}}))
    found = Design.of(read_study(study).runs)
    assert len(found.pairs) == 2 and found.settings == [()]
    assert {run.signature for run in found.cells.values()} == {"a", "c"} and found.replaced == 1
