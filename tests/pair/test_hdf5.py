"""`pairreg-pack` and `pair=hdf5`: what goes in comes out, and bad tables are refused in one sentence."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import image, refused, written
from pairreg import option_files
from pairreg.pair.files import load_pair
from pairreg.pair.hdf5 import cases, load_case, writing
from pairreg.pair.pair import Pair


@pytest.fixture(scope="module")
def original(tmp_path_factory, pairreg_pack) -> Path:
    """A folder with the table `study/cases.csv`, whose paths are relative to it, and its packed cases, `cases.h5`.

    There are two complete cases, in 3-D and 2-D, and one of two images.
    """
    here = tmp_path_factory.mktemp("original")
    folder = here / "study"
    for case, size in (("full", (9, 8, 7)), ("flat", (9, 8))):
        (folder / case).mkdir(parents=True)
        axes = "xyz"[: len(size)]
        written(folder / case / "fixed.nii.gz", image(size))
        written(folder / case / "moving.nrrd", image(tuple(n + 1 for n in size), np.float32, seed=1))
        coarse = image(tuple(n // 2 for n in size), np.uint16, seed=2)
        coarse.SetSpacing([2 * h for h in coarse.GetSpacing()])
        written(folder / case / "labels.nii.gz", coarse)
        written(folder / case / "mask.mha", image(size, np.uint8))
        middle = (-21.0, 10.0, 105.0)[: len(size)]
        points = np.random.default_rng(0).normal(middle, 0.1, (4, len(size))).tolist()
        (folder / case / "points.json").write_text(json.dumps({"fixed": points, "moving": points[::-1]}))
        (folder / case / "points.csv").write_text(",".join(axes) + "\n" + "1.1,2.2,3.3\n"[: 4 * len(size) - 1] + "\n")
    (folder / "cases.csv").write_text(
        "case,fixed,moving,fixed_labels,moving_labels,fixed_mask,moving_mask,fixed_landmarks,moving_landmarks,"
        "channel:dose,channel:spect,fixed_channel:dose\n"
        + "".join(
            f"{c},{c}/fixed.nii.gz,{c}/moving.nrrd,{c}/labels.nii.gz,{c}/labels.nii.gz,{c}/mask.mha,{c}/mask.mha,"
            f"{c}/points.json,{c}/points.json,{c}/fixed.nii.gz,{c}/mask.mha,{c}/labels.nii.gz\n"
            for c in ("full", "flat")
        )
        + "\nplain-2,flat/fixed.nii.gz,flat/moving.nrrd,,,,,,,,,\n"
    )
    done = pairreg_pack("study/cases.csv", "cases.h5", "--label-names", "1=bone, 2=left lung", cwd=here)
    assert (done.returncode, done.stderr) == (0, "") and "3 cases" in done.stdout
    return here


@pytest.fixture
def manifest(original, tmp_path) -> Path:
    """The test's own copy of the table and the files that it names."""
    shutil.copytree(original / "study", tmp_path / "study")
    return tmp_path / "study" / "cases.csv"


@pytest.fixture
def packed(original, tmp_path) -> Path:
    """The test's own copy of the packed cases."""
    return Path(shutil.copy(original / "cases.h5", tmp_path))


def from_files(folder: Path, case: str) -> Pair:
    roles = ("fixed_labels", "moving_labels", "fixed_mask", "moving_mask", "fixed_landmarks", "moving_landmarks")
    names = ("labels.nii.gz", "labels.nii.gz", "mask.mha", "mask.mha", "points.json", "points.json")
    return load_pair(
        folder / "fixed.nii.gz",
        folder / "moving.nrrd",
        name=case,
        **{role: folder / name for role, name in zip(roles, names, strict=True)},
        channels={"dose": folder / "fixed.nii.gz", "spect": folder / "mask.mha"},
        fixed_channels={"dose": folder / "labels.nii.gz"},
        label_names={1: "bone", 2: "left lung"},
    )


def same(a: sitk.Image, b: sitk.Image) -> None:
    """To the last bit."""
    assert a.GetPixelID() == b.GetPixelID()
    for get in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(a, get)() == getattr(b, get)()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(a), sitk.GetArrayFromImage(b))


@pytest.mark.parametrize("case", ["full", "flat"])
def test_a_case_equals_the_pair_of_its_files(packed, manifest, case):
    pair, expected = load_case(packed, case), from_files(manifest.parent / case, case)
    for role in ("fixed", "moving", "fixed_labels", "moving_labels", "fixed_mask", "moving_mask"):
        same(getattr(pair, role), getattr(expected, role))
    assert pair.fixed_labels.GetPixelID() == sitk.sitkUInt16
    np.testing.assert_array_equal(pair.fixed_landmarks, expected.fixed_landmarks)
    np.testing.assert_array_equal(pair.moving_landmarks, expected.moving_landmarks)
    assert (pair.name, pair.label_names) == (case, {1: "bone", 2: "left lung"})
    assert set(pair.channels) == {"dose", "spect"}
    for name, channel in expected.channels.items():
        same(pair.channels[name], channel)
    assert set(pair.fixed_channels) == {"dose"}
    same(pair.fixed_channels["dose"], expected.fixed_channels["dose"])


def test_empty_cells_are_no_files(packed):
    pair = load_case(packed, "plain-2")
    assert pair.moving_labels is None and pair.fixed_mask is None and pair.fixed_landmarks is None
    assert pair.channels == {} and pair.fixed_channels == {}


def test_names_and_patterns(packed):
    assert cases(packed) == ["flat", "full", "plain-2"]
    assert cases(packed, "f*") == ["flat", "full"] and cases(packed, "full") == ["full"]
    message = refused(packed, cases, packed, "patient*")
    assert "'patient*'" in message and "flat, full, plain-2" in message
    assert "flat, full" in refused(packed, option_files.build, "pair/hdf5", file=str(packed), case="f*")
    assert option_files.build("pair/hdf5", file=str(packed), case="p*").name == "plain-2"


def test_a_case_with_a_number_as_its_name(manifest, pairreg_pack, tmp_path):
    manifest.write_text("case,fixed,moving\n7,flat/fixed.nii.gz,flat/moving.nrrd\n")
    assert pairreg_pack(manifest, "n.h5", cwd=tmp_path).returncode == 0
    assert option_files.build("pair/hdf5", file=str(tmp_path / "n.h5"), case="7").name == "7"
    assert "in quotes" in refused("it is 7", option_files.build, "pair/hdf5", file=str(tmp_path / "n.h5"), case=7)


def test_other_cases_are_not_read(packed):
    """The voxels of the others are overwritten: one case loads as before, those do not."""
    with h5py.File(packed) as content:
        places = [content[case]["fixed"].id.get_chunk_info(0) for case in ("full", "plain-2")]
    with packed.open("r+b") as file:
        for place in places:
            file.seek(place.byte_offset)
            file.write(b"\0" * place.size)
    assert load_case(packed, "flat").fixed.GetSize() == (9, 8)
    assert "case full" in refused(packed, load_case, packed, "full")


def test_names_are_listed_without_tensorflow(packed):
    code = (
        f"import sys; from pairreg.pair.hdf5 import cases; cases({str(packed)!r}); print('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_files_that_are_no_cases(tmp_path):
    refused("no.h5", cases, tmp_path / "no.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    assert "cannot be read as HDF5" in refused(tmp_path / "text.h5", cases, tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w"):
        pass
    assert "pairreg_format" in refused(tmp_path / "other.h5", load_case, tmp_path / "other.h5", "a")


def damage(file: Path, dataset: str) -> None:
    """Change a byte in the midst of what a dataset keeps on the disk."""
    with h5py.File(file) as content:
        chunk = content[dataset].id.get_chunk_info(0)
    with file.open("r+b") as raw:
        raw.seek(chunk.byte_offset + chunk.size // 2)
        byte = raw.read(1)
        raw.seek(-1, os.SEEK_CUR)
        raw.write(bytes([byte[0] ^ 255]))


def test_a_damaged_image_is_one_sentence(packed):
    damage(packed, "full/moving")
    assert "moving is damaged" in refused("case full", load_case, packed, "full")
    assert load_case(packed, "flat").name == "flat"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("notes", '{"fixed": 3}'),
        ("notes", '{"fixed": [1, 2]}'),
        ("notes", '{"fixed": [[], [], []]}'),
        ("notes", "[]"),
        ("notes", "[" * 50000),
        ("label_names", "[" * 50000),
        ("label_names", '{"x": "bone"}'),
        ("label_names", json.dumps({"9" * 5000: "bone"})),
    ],
    ids=lambda text: text[:20],
)
def test_attributes_of_a_case_that_cannot_be_used(packed, key, value):
    """A file may have been changed by anybody."""
    with h5py.File(packed, "r+") as content:
        del content["flat"].attrs[key]
        content["flat"].attrs[key] = value
    message = refused(packed, load_case, packed, "flat")
    assert key in message and len(message) < 500
    assert load_case(packed, "full").name == "full"


def test_a_version_that_is_no_number(packed):
    for version in ([1, 1], "1", 2):
        with h5py.File(packed, "r+") as content:
            content.attrs["pairreg_format"] = version
        assert "pairreg_format" in refused(packed, cases, packed)


def test_a_file_that_a_disk_has_damaged_replaces_nothing(packed):
    before = packed.read_bytes()
    with pytest.raises(OSError, match="cannot be read back"), writing(packed) as file:
        values = np.random.default_rng(0).normal(size=(40, 50))
        file.create_dataset("a/fixed", data=values, compression="gzip", fletcher32=True)
        file.flush()
        (part,) = packed.parent.glob(".*cases.h5")
        damage(part, "a/fixed")
    assert packed.read_bytes() == before and not list(packed.parent.glob(".*cases.h5"))


ROW = "flat/fixed.nii.gz,flat/moving.nrrd"
REFUSED = {
    "unknown column": (f"case,fixed,movin\na,{ROW}\n", "did you mean 'moving'?"),
    "column twice": (f"case,fixed,moving,fixed\na,{ROW},x\n", "column 'fixed' twice"),
    "no column": ("case,fixed\na,x\n", "no column 'moving'"),
    "semicolons": ("case;fixed;moving\na;b;c\n", "case;fixed;moving"),
    "empty file": ("", "no column 'case'"),
    "no rows": ("case,fixed,moving\n", "has no cases"),
    "case twice": (f"case,fixed,moving\na,{ROW}\nb,{ROW}\na,{ROW}\n", "line 4: the case 'a' is there already"),
    "empty case": (f"case,fixed,moving\n,{ROW}\n", "line 2: case is empty"),
    "empty image": ("case,fixed,moving\na,,flat/moving.nrrd\n", "line 2: fixed is empty"),
    "path as a name": (f"case,fixed,moving\na/b,{ROW}\n", "line 2: a case has the name 'a/b'"),
    "channel without a name": (f"case,fixed,moving,channel:\na,{ROW},x\n", "a channel has the name ''"),
    "too many cells": (f"case,fixed,moving\na,{ROW},x\n", "line 2: 4 cells under 3 columns"),
    "fixed channel without a name": (f"case,fixed,moving,fixed_channel:\na,{ROW},x\n", "a channel has the name ''"),
    "missing file": (f"case,fixed,moving,channel:a\na,{ROW},\nb,{ROW},no.nii\n", "line 3, case 'b': channel:a"),
    "unreadable image": (f"case,fixed,moving\na,{ROW}\nb,flat/fixed.nii.gz,cases.csv\n", "line 3, case 'b': "),
    "dimensions": ("case,fixed,moving\na,flat/fixed.nii.gz,full/moving.nrrd\n", "3-D"),
    "one landmark file": (f"case,fixed,moving,fixed_landmarks\na,{ROW},flat/points.json\n", "moving_landmarks"),
    "not text": ("\0\udcff", "cannot be read as a CSV file"),
}


@pytest.mark.parametrize(("table", "message"), REFUSED.values(), ids=REFUSED)
def test_a_bad_table_is_one_sentence_and_leaves_nothing(manifest, tmp_path, monkeypatch, capsys, table, message):
    from pairreg.cli import pack

    manifest.write_text(table, errors="surrogateescape")
    (tmp_path / "old.h5").write_text("as it was")
    before = set(tmp_path.rglob("*"))
    monkeypatch.setattr(sys, "argv", ["pairreg-pack", str(manifest), str(tmp_path / "old.h5"), "--force"])
    with pytest.raises(SystemExit) as exit:
        pack.main()
    said = capsys.readouterr().err
    assert exit.value.code == 2 and message in said
    assert said.startswith("pairreg-pack: ") and len(said.splitlines()) == 1 and "cases.csv" in said
    assert set(tmp_path.rglob("*")) == before and (tmp_path / "old.h5").read_text() == "as it was"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cases.csv",), "CASES.h5"),
        (("no.csv", "out.h5"), "no.csv does not exist"),
        (("cases.csv", "nowhere/out.h5"), "nowhere"),
        (("cases.csv", "out.h5", "--label-names", "bone=1"), "'bone=1'"),
    ],
)
def test_bad_arguments(manifest, pairreg_pack, arguments, message):
    done = pairreg_pack(*arguments, cwd=manifest.parent)
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1
    assert not list(manifest.parent.glob("*.h5"))


def test_a_registration_gives_the_same_bytes(pairreg_pack, warped_2d, warped_3d, tmp_path):
    """The run folders of both pairs; float intensities, so that nothing hides a rounding."""
    import pairreg

    table = ["case,fixed,moving"]
    for case, warped in (("a2", warped_2d), ("a3", warped_3d)):
        for name in ("fixed", "moving"):
            sitk.WriteImage(warped.image(name, 1.3), tmp_path / f"{case}{name}.mha")
        table.append(f"{case},{case}fixed.mha,{case}moving.mha")
    (tmp_path / "m.csv").write_text("\n".join(table))
    assert pairreg_pack("m.csv", "c.h5", cwd=tmp_path).returncode == 0
    for case in ("a2", "a3"):
        pairs = {
            "files": pairreg.load_pair(tmp_path / f"{case}fixed.mha", tmp_path / f"{case}moving.mha"),
            "hdf5": pairreg.build("pair/hdf5", file=str(tmp_path / "c.h5"), case=case),
        }
        for name, pair in pairs.items():
            schedule = pairreg.build("schedule/single_level", iterations=5)
            result = pairreg.register(pair, transform="displacement", similarity="mse", schedule=schedule)
            assert abs(result.field).max() > 0
            sitk.WriteImage(result.displacement, tmp_path / f"{name}.nii.gz")
        assert (tmp_path / "files.nii.gz").read_bytes() == (tmp_path / "hdf5.nii.gz").read_bytes()


def test_the_command_line_reaches_the_file(pairreg, packed, tmp_path):
    done = pairreg("pair=hdf5", "pair.file=cases.h5", "pair.case=round", cwd=tmp_path)
    assert done.returncode == 2 and "cases.h5 has no case 'round'; its cases are flat, full" in done.stderr, done.stderr
