"""`pairreg-check` says what is in files, and its figure where left and right are."""

import gc
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from command_helpers import Command, installed
from dicom_helpers import dataset, stack, write_dose, write_series
from pairreg.cli.checked_inputs import Checked, titles
from pairreg.figures.planes import planes
from pairreg.figures.sheet import sheet, show
from pairreg.figures.views import views
from pairreg.pair.files import load_pair
from pairreg.pair.hdf5 import write_pair, writing
from pairreg.pair.manifest import read_manifest
from pairreg.reading.any_format import read
from pairreg.reading.roles import read_varying


@pytest.fixture
def check() -> Command:
    return installed("pairreg-check")


def facts(text: str) -> dict[str, dict[str, str]]:
    """What is printed of each input: text by what it is about, by the title of the block."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if not line.startswith("  "):
            block = found.setdefault(line.strip(), {})
        elif match := re.fullmatch(r"  (\S.*?)  +(\S.*?) *", line):
            block[match[1]] = match[2]
    return found


def volume(seed: int = 0) -> sitk.Image:
    """10 × 9 × 8 values, x to the right, y to the feet, z to the back."""
    image = sitk.GetImageFromArray(np.random.default_rng(seed).integers(0, 900, (8, 9, 10)).astype(np.int16))
    image.SetSpacing((1.5, 2.0, 2.5))
    image.SetOrigin((9.0, -4.0, 30.0))
    image.SetDirection((-1, 0, 0, 0, 0, 1, 0, -1, 0))
    return image


def test_images_labels_and_landmarks(check: Command, tmp_path: Path) -> None:
    first, second = volume(), volume(1)
    second.SetOrigin((9.0 - 7.5, -4.0, 30.0))  # half of its width to the right
    sitk.WriteImage(first, str(tmp_path / "f.nrrd"))
    sitk.WriteImage(second, str(tmp_path / "m.nii.gz"))
    labels = np.zeros((8, 9, 10), np.uint8)
    labels[:2, :3, :4], labels[5:, 5:, 5:] = 1, 7
    mask = sitk.GetImageFromArray(labels)
    mask.CopyInformation(first)
    sitk.WriteImage(mask, str(tmp_path / "l.mha"))
    inside, outside = first.TransformIndexToPhysicalPoint((2, 2, 2)), (500.0, 0.0, 0.0)
    np.savetxt(tmp_path / "p.csv", [inside, outside], delimiter=",")
    done = check("f.nrrd", "p.csv", "l.mha", "m.nii.gz", "--figure", "o.png", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = facts(done.stdout)
    values = sitk.GetArrayFromImage(first)
    assert found["f.nrrd"]["size"] == "10 × 9 × 8 voxels, 16-bit signed integer"
    assert found["f.nrrd"]["spacing"] == "1.5 × 2 × 2.5 mm, field of view 15 × 18 × 20 mm"
    assert found["f.nrrd"]["orientation"] == "RIP: x to the right, y to the feet, z to the back"
    assert found["f.nrrd"]["values"].startswith(f"{values.min()} to {values.max()}, 98 %")
    assert found["l.mha"]["label 1"] == "24 voxels, 0.18 ml" and found["l.mha"]["label 7"] == "60 voxels, 0.45 ml"
    assert found["p.csv"]["inside f.nrrd"] == "1 of 2"
    assert found["together"]["overlap"].startswith("50% of f.nrrd and 50% of m.nii.gz")
    with Image.open(tmp_path / "o.png") as figure:
        assert figure.size[0] > 500 and np.asarray(figure.convert("L")).std() > 20


def columns(figure: Path) -> float:
    """The number of images side by side in a figure, by its width."""
    from pairreg.figures.planes import _MARGIN, _WIDTH
    from pairreg.figures.style import DPI

    with Image.open(figure) as opened:
        return (opened.size[0] / DPI - _MARGIN) / _WIDTH


@pytest.mark.parametrize("names", [("p1/ct.mha", "p2/ct.mha"), ("p1/ct.mha", "p2/ct.mha", "p2/mr.mha", "mr.mha")])
def test_images_of_one_name_in_several_folders_are_all_drawn(
    check: Command, tmp_path: Path, names: tuple[str, ...]
) -> None:
    for seed, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        sitk.WriteImage(volume(seed), str(tmp_path / name))
    assert check(*names, "--figure", "o.png", cwd=tmp_path).returncode == 0
    assert columns(tmp_path / "o.png") == pytest.approx(len(names), abs=0.02)


def test_dicom_folders_and_cases_of_one_name_are_all_drawn(check: Command, tmp_path: Path) -> None:
    for name in ("p1", "p2"):
        (tmp_path / name).mkdir()
        write_series(tmp_path / name / "CT", stack())
        sitk.WriteImage(volume(), str(tmp_path / name / "f.mha"))
        (tmp_path / name / "cases.csv").write_text("case,fixed,moving\none,f.mha,f.mha\n")
    assert check("p1/CT/", "p2/CT/", "--figure", "o.png", cwd=tmp_path).returncode == 0
    assert columns(tmp_path / "o.png") == pytest.approx(2, abs=0.02)
    assert check("p1/cases.csv", "p2/cases.csv", "--figure", "c.png", cwd=tmp_path).returncode == 0
    assert columns(tmp_path / "c.png") == pytest.approx(4, abs=0.02)


def test_titles_tell_images_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("p1/ct.mha", "p2/ct.mha", "p2/mr.mha"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert titles(["p1/ct.mha", "p2/mr.mha"]) == ["ct.mha", "mr.mha"]
    assert titles(["p1/ct.mha", "p2/ct.mha", "p2/mr.mha"]) == ["p1/ct.mha", "p2/ct.mha", "mr.mha"]
    assert titles(["one: fixed", "p2/cases.csv, one: fixed"]) == ["one: fixed", "p2/cases.csv, one: fixed"]


def test_what_dicom_says_of_values(check: Command, tmp_path: Path) -> None:
    pixels = stack()
    pixels[:, :, :2] = -2000
    write_series(tmp_path / "ct", pixels, RescaleIntercept=-1024, RescaleSlope=1, PixelPaddingValue=-2000)
    found = facts(check("ct", cwd=tmp_path).stdout)["ct"]
    assert found["values"].endswith("HU") and found["padding"].startswith("33.33%")
    assert found["orientation"].startswith("LPS") and "PixelPaddingValue" in found["warning"]


def test_the_unit_is_that_of_the_series_that_was_chosen(check: Command, tmp_path: Path) -> None:
    """Whatever else lies in the folder and comes first by name: CT, or a file without pixels."""
    pet = stack(seed=1) + 1
    write_series(tmp_path / "s", stack(), uid="1.2.3.4", name="a{}.dcm")
    write_series(tmp_path / "s", pet, uid="1.2.3.5", name="b{}.dcm", Modality="PT", Units="BQML")
    sitk.WriteImage(volume(), str(tmp_path / "m.mha"))
    for uid, unit in (("1.2.3.4", "HU"), ("1.2.3.5", "Bq/ml")):
        settings = ("pair=files", "pair.fixed=s", f"pair.fixed_series={uid}", "pair.moving=m.mha")
        found = facts(check(*settings, cwd=tmp_path).stdout)
        assert found["fixed (s)"]["values"].endswith(unit)
        assert found["moving (m.mha)"]["values"].endswith("(the file gives no unit)")
    (tmp_path / "ct").mkdir()
    structures = dataset(stack()[0], "9.9", SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3", Modality="RTSTRUCT")
    for key in ("PixelData", "Rows", "Columns"):
        delattr(structures, key)
    structures.save_as(tmp_path / "ct" / "000.dcm", enforce_file_format=True)
    write_series(tmp_path / "ct", stack(), name="CT{}.dcm")
    assert facts(check("ct", cwd=tmp_path).stdout)["ct"]["values"].endswith("HU")


@pytest.mark.parametrize(
    ("elements", "unit"),
    [
        ({}, "HU"),
        ({"Modality": "MR"}, ""),
        ({"Modality": "PT", "Units": "GML"}, "g/ml"),
        ({"Modality": "PT", "Units": "CNTS"}, "counts"),
        ({"Modality": "MR", "RescaleType": "mm2/s"}, "mm2/s"),
        ({"Modality": "MR", "RescaleType": "US"}, ""),
    ],
)
@pytest.mark.parametrize("kind", ["series", "file", "dose"])
def test_units_of_dicom(tmp_path: Path, elements: dict[str, str], unit: str, kind: str) -> None:
    if kind == "dose":
        path = write_dose(tmp_path / "d.dcm", stack().astype(np.uint16), np.zeros(3), 3.0, **elements)
        expected = unit if elements else ""  # the helper writes RTDOSE
    else:
        paths = write_series(tmp_path / "s", stack(), **elements)
        path, expected = (tmp_path / "s" if kind == "series" else paths[0]), unit
    assert read(path).unit == expected and read_varying(path).unit == expected


def test_slices_of_several_units_have_none(tmp_path: Path) -> None:
    each = [{"RescaleType": "HU" if i else "Bq/ml"} for i in range(7)]
    write_series(tmp_path / "s", stack(), each=each, Modality="OT")
    assert read(tmp_path / "s").unit == ""


def test_cases_in_a_file_of_any_name(check: Command, tmp_path: Path) -> None:
    sitk.WriteImage(volume(), str(tmp_path / "f.mha"))
    for name in ("cases.hdf", "cases"):
        with writing(tmp_path / name) as packed:
            write_pair(packed.create_group("a"), load_pair(tmp_path / "f.mha", tmp_path / "f.mha"))
        for given in ((name,), ("pair=hdf5", f"pair.file={name}", "pair.case=a")):
            done = check(*given, cwd=tmp_path)
            assert (done.returncode, done.stderr) == (0, "") and "a: moving" in done.stdout


def test_a_table_that_is_not_there_hinders_no_other_file(check: Command, tmp_path: Path) -> None:
    sitk.WriteImage(volume(), str(tmp_path / "f.mha"))
    done = check("no.csv", "no.h5", "f.mha", cwd=tmp_path)
    assert done.returncode == 2 and "10 × 9 × 8 voxels" in done.stdout
    assert "no.csv does not exist" in done.stdout and "no.h5 does not exist" in done.stdout


@pytest.mark.slow
def test_pairs_of_settings_of_a_manifest_and_of_hdf5(check: Command, tmp_path: Path) -> None:
    sitk.WriteImage(volume(), str(tmp_path / "f.nrrd"))
    (tmp_path / "cases.csv").write_text("case,fixed,moving\none,f.nrrd,f.nrrd\ntwo,f.nrrd,no.nii\n")
    done = check("pair=files", "pair.fixed=f.nrrd", "pair.moving=f.nrrd", cwd=tmp_path)
    assert done.returncode == 0 and facts(done.stdout)["moving (f.nrrd)"]["size"].startswith("10 × 9 × 8")
    done = check("cases.csv", cwd=tmp_path)
    assert done.returncode == 2 and "no.nii does not exist" in done.stderr
    (tmp_path / "cases.csv").write_text("case,fixed,moving\none,f.nrrd,f.nrrd\n2_1,f.nrrd,f.nrrd\n")
    assert "2_1: fixed (f.nrrd)" in check("cases.csv", cwd=tmp_path).stdout.replace(f"{tmp_path}/", "")
    assert installed("pairreg-pack")("cases.csv", "c.h5", cwd=tmp_path).returncode == 0
    assert "one: moving" in check("c.h5", cwd=tmp_path).stdout
    done = check("pair=hdf5", "pair.file=c.h5", "pair.case=2_1", cwd=tmp_path)
    assert done.returncode == 0 and "2_1: fixed" in done.stdout and "one: " not in done.stdout


def test_all_bad_files_are_named(check: Command, tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(b"")
    done = check("a.nii", "b.nii", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr == "pairreg-check: 2 of 2 inputs cannot be used; see above.\n"
    assert "a.nii is empty" in done.stdout and "b.nii does not exist" in done.stdout


def test_a_setting_of_what_is_not_chosen_is_answered_as_by_pairreg(check: Command, tmp_path: Path) -> None:
    done = check("pair=thorax_ct_2d", "+regularizer.elastic.weight=1", cwd=tmp_path)
    said = "regularizer.elastic is not chosen; regularizer=[default,elastic] chooses it."
    assert (done.returncode, done.stderr) == (2, f"pairreg-check: {said}\n")


def test_a_setting_that_is_longer_than_a_file_name_may_be(check: Command, tmp_path: Path) -> None:
    """Also where the figure is there already, which may be none of the inputs."""
    sitk.WriteImage(volume(), str(tmp_path / "f.mha"))
    labels = np.zeros((8, 9, 10), np.uint8)
    labels.flat[:400] = np.arange(400) // 10 + 1
    map_ = sitk.GetImageFromArray(labels)
    map_.CopyInformation(volume())
    sitk.WriteImage(map_, str(tmp_path / "l.mha"))
    (tmp_path / "o.png").write_bytes(b"another figure")
    names = f"pair.label_names={{{', '.join(f'{i}: region_{i}' for i in range(1, 41))}}}"
    files = {"fixed": "f.mha", "moving": "f.mha", "fixed_labels": "l.mha", "moving_labels": "l.mha"}
    settings = (f"pair.{key}={file}" for key, file in files.items())
    done = check("pair=files", *settings, names, "--figure", "o.png", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert facts(done.stdout)["fixed_labels (l.mha)"]["label 40, region_40"].startswith("10 voxels")
    assert columns(tmp_path / "o.png") == pytest.approx(2, abs=0.02)


def described(paths: list[Path], figure: bool = False) -> tuple[Checked, int]:
    """What describes these files, and how many images it still holds when it is through."""
    checked = Checked(figure)
    gc.collect()
    before = sum(isinstance(one, sitk.Image) for one in gc.get_objects())
    checked.files(paths)
    gc.collect()
    return checked, sum(isinstance(one, sitk.Image) for one in gc.get_objects()) - before


@pytest.mark.parametrize("kind", ["manifest", "hdf5", "files"])
def test_images_are_held_for_a_figure_or_for_landmarks_only(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """However many there are: of files on their own three, as two are compared."""
    names = [f"{i}.mha" for i in range(6)]
    for seed, name in enumerate(names):
        sitk.WriteImage(volume(seed), str(tmp_path / name))
    rows = [f"{i},{names[2 * i]},{names[2 * i + 1]}\n" for i in range(3)]
    (tmp_path / "cases.csv").write_text("case,fixed,moving\n" + "".join(rows))
    with writing(tmp_path / "cases.h5") as packed:
        for row in read_manifest(tmp_path / "cases.csv"):
            write_pair(packed.create_group(row.case), load_pair(**row.arguments))
    files = {"manifest": ["cases.csv"], "hdf5": ["cases.h5"], "files": names}[kind]
    paths = [tmp_path / name for name in files]
    assert described(paths)[1] <= (3 if kind == "files" else 0)
    assert described(paths, figure=True)[1] >= 6
    np.savetxt(tmp_path / "p.csv", [volume().TransformIndexToPhysicalPoint((2, 2, 2))], delimiter=",")
    capsys.readouterr()
    described([*paths, tmp_path / "p.csv"])
    said = capsys.readouterr().out
    assert said.count("1 of 1") == 6 and said.count("together") == (0 if kind == "files" else 3)


def test_what_two_images_share_is_said_once(check: Command, tmp_path: Path) -> None:
    """Of the one case of a manifest, too."""
    for seed, name in enumerate(("f.mha", "m.mha", "n.mha")):
        sitk.WriteImage(volume(seed), str(tmp_path / name))
    (tmp_path / "cases.csv").write_text("case,fixed,moving\none,f.mha,m.mha\n")
    assert check("cases.csv", cwd=tmp_path).stdout.count("together") == 1
    assert check("cases.csv", "f.mha", cwd=tmp_path).stdout.count("together") == 1
    assert check("f.mha", "m.mha", cwd=tmp_path).stdout.count("together") == 1
    assert check("f.mha", "m.mha", "n.mha", cwd=tmp_path).stdout.count("together") == 0


@pytest.mark.parametrize("shape", [(4, 40, 60), (40, 4, 60), (60, 60, 8), (40, 40, 40)])
def test_the_whole_of_every_image_is_drawn(shape: tuple[int, ...]) -> None:
    """Beside an image of another aspect, too, which chooses the panels."""
    page = sheet(views((40, 40, 40), (1.0,) * 3, (20, 20, 20)), 1, title=None, width=3)
    for (axes,), view in zip(page.axes, views(shape, (1.0,) * 3, [n // 2 for n in shape]), strict=True):
        show(axes, view, view.cut(np.zeros(shape)))
        for limits, length in ((axes.get_xlim(), view.size[1]), (axes.get_ylim(), view.size[0])):
            assert min(limits) <= -0.5 + 1e-9 and max(limits) >= length - 0.5 - 1e-9
        assert np.ptp(axes.get_xlim()) / axes.bbox.width == pytest.approx(np.ptp(axes.get_ylim()) / axes.bbox.height)


def test_left_is_drawn_on_the_right(tmp_path: Path) -> None:
    """A block on the left of the body, in front, at the head: where it lies in each plane."""
    values = np.zeros((40, 40, 40), np.float32)  # z, y, x in LPS
    values[4:36, 4:36, 4:36] = 1
    values[26:34, 6:14, 26:34] = 9
    planes(tmp_path / "o.png", {"head": (values, (1.0, 1.0, 1.0))})
    with Image.open(tmp_path / "o.png") as image:
        drawn = np.asarray(image.convert("L")).astype(float)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (drawn < 250).mean(1) > 0.5, [0]]).astype(int)))
    panels = [drawn[top:bottom] for top, bottom in edges.reshape(-1, 2)]
    assert len(panels) == 3
    sides = []
    for panel in panels:
        bright = np.argwhere((panel > 240)[:, 60:-30]) + (0, 60)
        centre = np.median(bright, 0) / panel.shape
        sides.append((bool(centre[0] < 0.5), bool(centre[1] > 0.5)))
    axial, coronal, sagittal = sides
    assert axial == (True, True), "front on top, left on the right"
    assert coronal == (True, True), "head on top, left on the right"
    assert sagittal == (True, False), "head on top, front on the left"


@pytest.mark.parametrize("kind", ["float", "palette", "uint8"])
def test_label_maps_are_recognised(check: Command, tmp_path: Path, kind: str) -> None:
    labels = np.zeros((20, 30), np.uint8)
    labels[3:12, 4:20], labels[12:, 10:] = 1, 2
    path = tmp_path / ("l.png" if kind == "palette" else "l.nii.gz")
    if kind == "palette":
        image = Image.fromarray(labels, "P")
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
        image.save(path)
    else:
        sitk.WriteImage(
            sitk.GetImageFromArray(labels.astype(np.float32) * 1.00002 if kind == "float" else labels), str(path)
        )
    found = facts(check(path.name, cwd=tmp_path).stdout)[path.name]
    assert found["label 1"].startswith("144 voxels") and found["label 2"].startswith("160 voxels")
    assert ("rounded" in found.get("warning", "")) == (kind == "float")
