"""`pair=dirlab`: a synthetic chest in the raw layout of DIR-Lab, with a known shift, under every name that it has."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import image, refused, written
from pairreg import evaluate, geometry, option_files
from pairreg.pair import dirlab
from pairreg.pair.dirlab import GRIDS, Grid, load_dirlab, read_raw
from pairreg.pair.lung_mask import lung_mask
from pairreg.runs.spec import RunSpec
from pairreg.study.cases import expand

SHIFT = np.array([1.3, -0.6, 0.4])  # voxels, from fixed to moving, x first
SMALL = Grid(40, 20, 1.5)
# images of fixed and moving, landmarks of fixed and moving
LAYOUTS = {
    ("4dct", "1"): ("Case1Pack/Images/case1_{}_s.img", "Case1Pack/ExtremePhases/Case1_300_{}_xyz.txt"),
    ("4dct", "2"): ("Case2Pack/Case2Pack/Images/case2_{}-ssm.img", "Case2Pack/extremePhases/Case2_300_{}_xyz.txt"),
    ("4dct", "6"): ("Case6Pack/Images/case6_{}.img", "Case6Pack/ExtremePhases/case6_300_{}_xyz.txt"),
    ("4dct", "8"): ("Case8Deploy/Images/case8_{}.img", "Case8Deploy/ExtremePhases/case8_dirLab300_{}_xyz.txt"),
    ("copd", "10"): ("copd10/copd10/copd10_{}CT.img", "copd10/copd10/copd10_300_{}_xyz_r1.txt"),
}
PHASES = {"4dct": ("T00", "T50"), "copd": ("iBH", "eBH")}


def chest(grid: Grid) -> np.ndarray:
    """Stored values `(z, y, x)`: a body in air with two lungs, and a vessel in one of them."""
    z, y, x = (
        np.linspace(-1, 1, n)[tuple(slice(None) if d == k else None for d in range(3))]
        for k, n in enumerate(grid.shape)
    )
    hu = np.where((x / 0.9) ** 2 + (y / 0.8) ** 2 < 1, 40, -1000) + 0 * z
    for side in (-1, 1):
        hu[((x - side * 0.42) / 0.3) ** 2 + (y / 0.5) ** 2 + (z / 1.2) ** 2 < 1] = -850
    vessel = ((x - 0.42) ** 2 + y**2 + 0 * z) < 0.0015
    hu[vessel & (hu == -850)] = 30
    return (hu + 1024).astype("<i2")


def write_case(
    root: Path, collection: str, case: str, grid: Grid, separator: str = "\t"
) -> tuple[np.ndarray, np.ndarray]:
    """Write a case; returns its fixed and moving landmarks, voxels counted from 0."""
    rng = np.random.default_rng(zlib.crc32(case.encode()))
    low, high = np.full(3, 4), np.array([grid.across, grid.across, grid.slices]) - 5
    fixed = rng.integers(low, high, (300, 3))
    moving = np.round(fixed + SHIFT).astype(int)
    images, landmarks = LAYOUTS[collection, case]
    for phase, points in zip(PHASES[collection], (fixed, moving), strict=True):
        for name in (images, landmarks):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
        chest(grid).tofile(root / images.format(phase))
        lines = [separator.join(map(str, row)) for row in points + 1]
        (root / landmarks.format(phase)).write_text("\n".join(lines) + "\n")
    return fixed, moving


def spec(root: Path, **settings: object) -> RunSpec:
    pair = {**option_files.option_node("pair/dirlab"), "root": str(root), **settings}
    return RunSpec({"pair": pair, "trusted_modules": []}, {})


@pytest.mark.parametrize(("collection", "case"), LAYOUTS)
@pytest.mark.parametrize("separator", ["\t", "   "])
def test_a_known_shift_has_its_error_under_every_name(collection, case, separator, tmp_path, monkeypatch):
    monkeypatch.setitem(GRIDS, (collection, case), SMALL)
    fixed, moving = write_case(tmp_path, collection, case, SMALL, separator)
    pair = load_dirlab(tmp_path, set=collection, case=case)
    spacing = np.array([1.5, 1.5, 2.5])
    np.testing.assert_allclose(pair.fixed_landmarks, fixed * spacing, atol=1e-9)
    np.testing.assert_allclose(pair.moving_landmarks, moving * spacing, atol=1e-9)
    assert set(np.unique(geometry.array(pair.fixed))) == {-1000, -850, 30, 40}
    before = evaluate.under_transform(pair, geometry.identity(3))
    assert before["tre_mean"] == pytest.approx(np.linalg.norm((fixed - moving) * spacing, axis=1).mean())
    shift = sitk.TranslationTransform(3, (SHIFT * spacing).tolist())
    after = evaluate.under_transform(pair, shift)
    assert after["tre_snapped"] == pytest.approx(0, abs=1e-9)
    free = np.linalg.norm((SHIFT - np.round(SHIFT)) * spacing)
    assert after["tre_mean"] == pytest.approx(free) and after["tre_std"] == pytest.approx(0, abs=1e-9)


def test_the_first_case_in_its_size(tmp_path):
    grid = GRIDS["4dct", "1"]
    write_case(tmp_path, "4dct", "1", grid)
    pair = load_dirlab(tmp_path, case="1", mask=None)
    assert pair.name == "4dct_1" and pair.fixed_mask is None
    assert pair.fixed.GetSize() == (256, 256, 94) and pair.fixed.GetSpacing() == pytest.approx((0.97, 0.97, 2.5))


def test_sizes_and_spacings_are_those_of_the_web_site():
    """The sum over the cases, so that no number of the table can change unseen."""
    of = {name: [grid for (collection, _), grid in GRIDS.items() if collection == name] for name in ("4dct", "copd")}
    assert {name: sum(grid.slices for grid in grids) for name, grids in of.items()} == {"4dct": 1155, "copd": 1203}
    assert sum(grid.spacing for grid in of["4dct"]) == pytest.approx(10.36)
    assert sum(grid.spacing for grid in of["copd"]) == pytest.approx(6.409)
    assert [grid.across for grid in of["4dct"]] == [256] * 5 + [512] * 5 and {g.across for g in of["copd"]} == {512}


def test_the_lungs_are_found_from_the_image_alone(tmp_path, monkeypatch):
    monkeypatch.setitem(GRIDS, ("4dct", "1"), Grid(80, 30, 3.0))
    write_case(tmp_path, "4dct", "1", GRIDS["4dct", "1"])
    pair = load_dirlab(tmp_path, case="1")
    mask, hu = geometry.array(pair.fixed_mask) > 0, chest(GRIDS["4dct", "1"]) - 1024.0
    assert mask[hu == -850].all(), "lungs"
    assert not mask[hu == -1000].any(), "no air around the body"
    inner = (hu == 30).nonzero()
    assert mask[inner].mean() > 0.9, "with their vessels"
    assert (mask & (hu == 40)).sum() < 0.05 * mask.sum()
    for path in tmp_path.rglob("*.txt"):
        path.write_text("\n".join(path.read_text().splitlines()[:5]))
    np.testing.assert_array_equal(geometry.array(load_dirlab(tmp_path, case="1").fixed_mask) > 0, mask)


def test_real_lungs(shared_data):
    """Against labels that also come from thresholds, but another way."""
    folder = shared_data / "ct_thorax_4d_inhale_exhale_small"
    ct = sitk.ReadImage(str(folder / "fixed.nii.gz"), sitk.sitkFloat32)
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "fixed_labels.nii.gz")))
    mask, lungs = geometry.array(lung_mask(ct, "ct")) > 0, np.isin(labels, (2, 3))
    assert 2 * (mask & lungs).sum() / (mask.sum() + lungs.sum()) > 0.92


def test_masks_come_from_files_of_every_case(tmp_path, monkeypatch):
    monkeypatch.setitem(GRIDS, ("4dct", "1"), SMALL)
    write_case(tmp_path / "data", "4dct", "1", SMALL)
    ones = image((40, 40, 20), np.uint8)
    ones.SetSpacing((1.5, 1.5, 2.5))
    ones.SetOrigin((0, 0, 0))
    ones.SetDirection(np.eye(3).ravel().tolist())
    for side in ("fixed", "moving"):
        written(tmp_path / f"1_{side}.nii.gz", ones)
    pair = load_dirlab(tmp_path / "data", case="1", mask=str(tmp_path / "{case}_{side}.nii.gz"))
    np.testing.assert_array_equal(geometry.array(pair.moving_mask), geometry.array(ones) > 0)
    asked = spec(tmp_path / "data", case="1", mask=str(tmp_path / "{case}_{side}.nii.gz"))
    assert [one.name for one in asked.inputs] == ["pair.root", "pair.mask"]
    before = asked.signature
    written(tmp_path / "1_moving.nii.gz", ones * 0 + (ones > 100))
    assert spec(tmp_path / "data", case="1", mask=str(tmp_path / "{case}_{side}.nii.gz")).signature != before
    refused("files such as masks/case{case}_{side}.nii.gz", load_dirlab, tmp_path / "data", case="1", mask="lung")
    refused("2_fixed.nii.gz does not exist", dirlab.mask_files, str(tmp_path / "{case}_{side}.nii.gz"), "2")


def test_a_pattern_is_a_run_for_each_case_and_content_is_what_counts(tmp_path, monkeypatch):
    assert [one.config["pair"]["case"] for one in expand(spec(tmp_path))] == [str(n) for n in range(1, 11)]
    assert [one.choices["pair"] for one in expand(spec(tmp_path, set="copd", case="[12]"))] == ["1", "2"]
    monkeypatch.setitem(GRIDS, ("4dct", "1"), SMALL)
    write_case(tmp_path / "a", "4dct", "1", SMALL)
    (tmp_path / "a").rename(tmp_path / "b")
    before = spec(tmp_path / "b", case="1").signature
    (tmp_path / "b" / "Case1Pack").rename(tmp_path / "b" / "elsewhere")
    assert spec(tmp_path / "b", case="1").signature == before
    assert spec(tmp_path / "b", case="1", mask=None).signature != before
    landmarks = next((tmp_path / "b").rglob("*T50_xyz.txt"))
    landmarks.write_text(landmarks.read_text().replace("\t", " "))
    assert spec(tmp_path / "b", case="1").signature != before


def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path, monkeypatch):
    said = refused(
        "get it from https://www.dir-lab.com and unpack it there, as Case1Pack", load_dirlab, tmp_path, case="1"
    )
    assert "has no fixed image of case 1 of DIR-Lab 4dct" in said
    refused("its cases are 1, 2, 3", load_dirlab, tmp_path, case="11")
    refused("has 10 cases that match", load_dirlab, tmp_path)
    refused("does not exist", load_dirlab, tmp_path / "none", case="1")
    monkeypatch.setitem(GRIDS, ("4dct", "1"), SMALL)
    write_case(tmp_path, "4dct", "1", SMALL)
    image_file = tmp_path / "Case1Pack" / "Images" / "case1_T50_s.img"
    points = tmp_path / "Case1Pack" / "ExtremePhases" / "Case1_300_T50_xyz.txt"
    right = points.read_text()
    points.write_text(right + "1 1 1\n")
    refused("has 301 points; give files whose rows correspond", load_dirlab, tmp_path, case="1")
    points.write_text(right.replace(right.split("\t")[0], "99", 1))
    refused("counted from 1", load_dirlab, tmp_path, case="1")
    points.write_text(right)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "CASE1_T50.IMG").write_bytes(b"")
    refused("two files of case 1", load_dirlab, tmp_path, case="1")
    (tmp_path / "copy" / "CASE1_T50.IMG").rename(tmp_path / "copy" / "._case1_T50_s.img")
    image_file.write_bytes(image_file.read_bytes()[:-2])
    refused(
        "has 63998 bytes, 40 × 40 × 20 voxels of 2 bytes have 64000; download it again", load_dirlab, tmp_path, case="1"
    )
    np.full(SMALL.shape, 24, "<i2").tofile(image_file)
    refused("is constant", load_dirlab, tmp_path, case="1")
    refused("shows no lungs", lung_mask, read_raw(image_file, SMALL).image + 1040, "it")
