"""The axes of a sweep: combinations, and keys that advance together; the command is asked by dry runs."""

import itertools
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from command_helpers import Command, many
from pairreg.errors import InputError
from pairreg.search.axes import combinations, values
from pairreg.search.space import read_space

AXES = {"a": ["a=1", "a=2"], "f": ["f=0"], "b": ["b=x", "b=y", "b=z"], "c": ["c=3", "c=4"]}
DRY = ("dry_run=true", "tracking=none", "preset=smoke", "-m")
ZIP = "hydra.sweeper.zip=[[similarity,regularizer.diffusion.weight]]"


def test_without_pairs_it_is_the_product() -> None:
    assert combinations(AXES, []) == list(itertools.product(*AXES.values()))
    assert combinations({}, []) == [()]


def test_keys_of_a_group_advance_together_and_all_else_combines() -> None:
    found = combinations(AXES, [["c", "a"]])
    wanted = {(*pair, "f=0", b) for pair in (("c=3", "a=1"), ("c=4", "a=2")) for b in AXES["b"]}
    assert set(found) == wanted and len(found) == len(wanted)


def test_two_groups_combine_with_each_other() -> None:
    axes = {key: [f"{key}={i}" for i in range(n)] for key, n in (("a", 2), ("b", 2), ("c", 3), ("d", 3))}
    found = combinations(axes, [["a", "b"], ["c", "d"]])
    assert found == [(f"a={i}", f"b={i}", f"c={j}", f"d={j}") for i in range(2) for j in range(3)]


def test_paired_axes_may_be_longer_than_their_product_may_be() -> None:
    axes = {key: [f"{key}={i}" for i in range(1000)] for key in "abc"}
    assert len(combinations(axes, [["a", "b", "c"]])) == 1000
    with pytest.raises(InputError, match=r"1e\+06 runs; give at most 100,000"):
        combinations(axes, [["a", "b"]])


def test_an_axis_has_an_override_for_each_value() -> None:
    (override,) = OverridesParser.create().parse_overrides(["similarity=mse,[pcc,ssim]"])
    assert values(override) == ["similarity=mse", "similarity=[pcc,ssim]"]


def test_pairs_of_a_search_advance_together_and_what_it_compares_does() -> None:
    given = ["pair.fixed=a,b", "pair.moving=c,d", "similarity=mse,ncc", "transform=unet,velocity", "w=interval(0,1)"]
    read = OverridesParser.create().parse_overrides(given)
    paired = [["pair.fixed", "pair.moving"], ["similarity", "transform"]]
    found = read_space(read, ["similarity", "transform"], paired)
    assert found.replicates == [("pair.fixed=a", "pair.moving=c"), ("pair.fixed=b", "pair.moving=d")]
    assert found.compared == [("similarity=mse", "transform=unet"), ("similarity=ncc", "transform=velocity")]
    with pytest.raises(InputError, match="hydra.sweeper.zip: key 'similarity' is not one of pair.fixed, pair.moving"):
        read_space(read, ["similarity"], [["pair.fixed", "similarity"]])


SAID = {
    (ZIP, "similarity=mse,ncc", "regularizer.diffusion.weight=1,2,3"): "similarity has 2, regularizer.diffusion.weight "
    "has 3.",
    (ZIP, "similarity=mse,ncc"): "hydra.sweeper.zip: key 'regularizer.diffusion.weight' is not one of similarity.",
    ("hydra.sweeper.zip=[[similarity,similarity]]", "similarity=mse,ncc"): "names a key twice",
    ("hydra.sweeper.zip=[similarity,seed]", "similarity=mse,ncc"): "str is not a ListConfig, list or tuple.",
    ("transform.width=interval(8,16)", "seed=1"): "only a search has intervals",
    ("transform=glob(q*)",): "transform=glob(q*) has no value; give one, or several, such as transform=A,B.",
    ("seed=range(5,5)",): "seed=range(5,5) has no value",
}


def test_axes_that_cannot_be_paired_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "said").mkdir()
    (tmp_path / "here").mkdir()
    calls = [[*DRY, *given] for given in SAID]
    for answer, says in zip(many("pairreg", calls, tmp_path / "here", tmp_path / "said"), SAID.values(), strict=True):
        assert answer.returncode == 2 and says in answer.stderr and answer.stderr.count("\n") == 1, answer
    assert not list((tmp_path / "here").iterdir())


def test_a_study_in_a_file_pairs_its_axes_and_combines_them_with_cases(
    pairreg: Command, pairreg_pack: Command, tmp_path: Path, warped_2d
) -> None:
    """Two designs of three axes each, on each of two cases of a file."""
    import SimpleITK as sitk

    for name in ("fixed", "moving"):
        sitk.WriteImage(warped_2d.image(name), str(tmp_path / f"{name}.nii.gz"))
    (tmp_path / "cases.csv").write_text(
        "case,fixed,moving\none,fixed.nii.gz,moving.nii.gz\ntwo,moving.nii.gz,fixed.nii.gz\n"
    )
    assert pairreg_pack("cases.csv", "cases.h5", cwd=tmp_path).returncode == 0
    folder = tmp_path / "conf/ablation"
    folder.mkdir(parents=True)
    (folder / "designs.yaml").write_text(
        """# @package _global_
study: designs
hydra:
  mode: MULTIRUN
  sweeper:
    params:
      similarity: mse,[pcc,ssim]
      regularizer.diffusion.weight: 0.25,2.5
      schedule.tolerance: 1e-3,1e-4
    zip: [[similarity, regularizer.diffusion.weight, schedule.tolerance]]
"""
    )
    cases = ("pair=hdf5", "pair.file=cases.h5", "pair.case=*")
    done = pairreg("--config-dir", "conf", "ablation=designs", *cases, *DRY[:3], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if " missing " in line]
    assert "4 runs, 4 to do" in done.stdout and len(rows) == 4
    for case in ("one", "two"):
        designs = [row for row in rows if f" {case} " in row]
        assert [" mse " in row and " 0.25 " in row and " 0.001 " in row for row in designs] == [True, False]
        assert [" pcc+ssim " in row and " 2.5 " in row and " 0.0001 " in row for row in designs] == [False, True]
