"""Files as people have them: sound ones of every format, and those that are not what their name says.

Every function writes one file or folder below `folder` and returns its path. The image is random, 3-D and 12 × 10 × 8
(x, y, z) unless it says otherwise.
"""

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from PIL import Image

from dicom_helpers import stack, write_series

SIZE = (12, 10, 8)
Write = Callable[[Path], Path]


def values(size: tuple[int, ...] = SIZE, dtype: type = np.int16, seed: int = 0) -> np.ndarray:
    """Values `(z, y, x)`."""
    return np.random.default_rng(seed).integers(1, 1000, size[::-1]).astype(dtype)


def picture(seed: int = 0, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (20, 24)).astype(dtype)


def image(array: np.ndarray | None = None) -> sitk.Image:
    found = sitk.GetImageFromArray(values() if array is None else array)
    n = found.GetDimension()
    found.SetSpacing((1.5, 1.25, 3.0)[:n])
    found.SetOrigin((-10.0, 7.0, 20.0)[:n])
    return found


def itk(name: str, array: np.ndarray | None = None) -> Write:
    def write(folder: Path) -> Path:
        sitk.WriteImage(image(array), str(folder / name))
        return folder / name

    return write


def nifti(
    name: str,
    change: Callable[[Any], None] = lambda header: None,
    data: np.ndarray | None = None,
    kind: Any = nib.Nifti1Image,
) -> Write:
    """A NIfTI file whose header `change` may spoil."""

    def write(folder: Path) -> Path:
        array = (values() if data is None else data).T
        affine = np.diag([-1.5, -1.25, 3.0, 1.0])
        affine[:3, 3] = (10.0, -7.0, 20.0)
        made = kind(array, affine)
        made.set_sform(affine, 1)
        made.set_qform(affine, 1)
        header = made.header
        raw = folder / f"raw_{name.replace('.gz', '')}.nii"
        nib.save(made, raw)
        content = bytearray(raw.read_bytes())
        raw.unlink()
        head = type(header)(bytes(content[: header.sizeof_hdr]), check=False)
        change(head)
        content[: header.sizeof_hdr] = head.binaryblock
        packed = gzip.compress(bytes(content)) if name.lower().endswith(".gz") else bytes(content)
        (folder / name).write_bytes(packed)
        return folder / name

    return write


def cut(name: str, source: Write, part: float = 0.5) -> Write:
    """Only the first part of a file's bytes."""

    def write(folder: Path) -> Path:
        path = source(folder)
        content = path.read_bytes()[: int(path.stat().st_size * part)]
        path.unlink()
        (folder / name).write_bytes(content)
        return folder / name

    return write


def raw(name: str, content: bytes) -> Write:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def renamed(name: str, source: Write) -> Write:
    def write(folder: Path) -> Path:
        return source(folder).rename(folder / name)

    return write


def text(name: str, content: str, encoding: str = "utf-8") -> Write:
    return raw(name, content.encode(encoding))


def pair_of(name: str, without: str = "") -> Write:
    """A header with its data file beside it, unless that ends in `without`."""

    def write(folder: Path) -> Path:
        if name.endswith(".hdr"):
            nib.save(nib.Nifti1Pair(values().T, np.diag([-1.5, -1.25, 3.0, 1.0])), folder / name)
        else:
            sitk.WriteImage(image(), str(folder / name))
        for path in folder.iterdir():
            if without and path.name.endswith(without):
                path.unlink()
        return folder / name

    return write


def edited(name: str, source: Write, old: bytes, new: bytes) -> Write:
    """A file with a piece of its header replaced."""

    def write(folder: Path) -> Path:
        path = source(folder)
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new, 1))
        return path.rename(folder / name)

    return write


def drawing(name: str, array: np.ndarray, mode: str | None = None) -> Write:
    def write(folder: Path) -> Path:
        made = Image.fromarray(array, mode)
        if name.startswith("palette"):
            made = made.convert("P")
        made.save(folder / name)
        return folder / name

    return write


def series(folder_name: str, drop: tuple[int, ...] = (), **how: Any) -> Write:
    """A DICOM folder written by `write_series` with `how`, without the files `drop`."""

    def write(folder: Path) -> Path:
        files = write_series(folder / folder_name, stack(), **how)
        for number in drop:
            files[number].unlink()
        return folder / folder_name

    return write


def series_then(name: str, change: Callable[[Path], object]) -> Write:
    def write(folder: Path) -> Path:
        write_series(folder / name, stack())
        change(folder / name)
        return folder / name

    return write


def zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "archive.nii.gz", "w") as archive:
        archive.writestr("a.nii", b"1")
    return folder / "archive.nii.gz"


def set_to(**fields: object) -> Callable[[Any], None]:
    def change(header: Any) -> None:
        for key, value in fields.items():
            header[key] = value

    return change


def with_nan(where: float = np.nan) -> np.ndarray:
    found = values(dtype=np.float32)
    found[2, 3, 4] = where
    return found


POSITIONS = np.array([(-10.0, -20.0, 3.0 * i) for i in range(7)])
TILTED = POSITIONS + np.array([(0.0, 1.1 * i, 0.0) for i in range(7)])
TURNED = [{}] * 6 + [{"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}]

# What is read: by name, how it is written.
SOUND: dict[str, Write] = {
    "nii": nifti("a.nii"),
    "nii.gz": nifti("a.nii.gz"),
    "NIfTI named gzip that is not": renamed("b.nii.gz", nifti("a.nii")),
    "NIfTI that is gzip and not named so": renamed("b.nii", nifti("a.nii.gz")),
    "ending in capitals": renamed("B.NII.GZ", nifti("a.nii.gz")),
    "another ending": renamed("image.dat", nifti("a.nii")),
    "bytes after the data": lambda folder: raw("t.nii", nifti("a.nii")(folder).read_bytes() + bytes(999))(folder),
    "NIfTI-2": nifti("n2.nii", kind=nib.Nifti2Image),
    "hdr and img": pair_of("pair.hdr"),
    "scaled": nifti("s.nii", set_to(scl_slope=0.5, scl_inter=-3.0)),
    "one time point": nifti("four.nii", data=values()[np.newaxis]),
    "no sform and qform": nifti("no.nii", set_to(sform_code=0, qform_code=0)),
    "float64": nifti("f8.nii", data=values(dtype=np.float64)),
    "MetaImage": itk("a.mha"),
    "MetaImage in two files": pair_of("a.mhd"),
    "NRRD": itk("a.nrrd"),
    "NRRD in two files": pair_of("a.nhdr"),
    "DICOM folder": series("dicom"),
    "DICOM without endings": series("noext", name="IM{:04d}"),
    "DICOM with a text file": series_then("withtext", lambda folder: (folder / "README.txt").write_text("by hand")),
    "DICOM with slopes": series(
        "pet", each=[{"RescaleSlope": 1.0 + 0.25 * i, "RescaleIntercept": 0} for i in range(7)]
    ),
}
PLANES: dict[str, Write] = {
    "PNG": drawing("p.png", picture()),
    "PNG of 16 bits": drawing("p16.png", picture(dtype=np.uint16)),
    "PNG in colour": drawing("rgb.png", np.stack([picture(i) for i in range(3)], -1)),
    "PNG with alpha": drawing("rgba.png", np.stack([picture(i) for i in range(4)], -1)),
    "grey with alpha": drawing("la.png", np.stack([picture(), picture(1)], -1), "LA"),
    "TIFF": drawing("p.tif", picture()),
    "JPEG": drawing("p.jpg", picture()),
    "NIfTI of a plane": itk("plane.nii.gz", picture(dtype=np.int16)),
}
# What is refused: by name, how it is written, and what the sentence says.
BROKEN: dict[str, tuple[Write, str]] = {
    "nii cut off": (cut("c.nii", nifti("a.nii")), "is cut off"),
    "nii.gz cut off": (cut("c.nii.gz", nifti("a.nii.gz")), "is cut off|is damaged"),
    "only a header": (cut("h.nii", nifti("a.nii"), 0.1), "is cut off"),
    "empty": (raw("empty.nii.gz", b""), "is empty"),
    "Git LFS": (raw("lfs.nii.gz", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "Git LFS pointer"),
    "web page": (raw("page.nii.gz", b"<!DOCTYPE html><html><body>404</body></html>"), "web page"),
    "zip": (zipped, "zip archive"),
    "text": (raw("notes.nii", b"these are my notes"), "begins with"),
    "random bytes": (raw("noise.nii", bytes(range(256)) * 9), "cannot be read"),
    "PDF": (raw("paper.nii", b"%PDF-1.7 etc"), "PDF"),
    "HDF5": (raw("cases.nii", b"\x89HDF\r\n\x1a\n" + bytes(99)), "HDF5"),
    "damaged gzip": (raw("d.nii.gz", b"\x1f\x8b\x08\0" + bytes(99)), "is damaged|is cut off|cannot be read"),
    "NaN": (nifti("nan.nii", data=with_nan()), "NaN or infinite"),
    "NaN in a name in capitals": (renamed("NAN.NII.GZ", nifti("n.nii.gz", data=with_nan())), "NaN or infinite"),
    "infinite": (itk("inf.mha", with_nan(np.inf)), "NaN or infinite"),
    "header without data": (pair_of("lonely.hdr", ".img"), "beside it"),
    "time series": (nifti("time.nii", data=np.stack([values()] * 3)), "has the size"),
    "complex": (nifti("complex.nii", data=values(dtype=np.complex64)), "type complex"),
    "no datatype": (nifti("d0.nii", set_to(datatype=0, bitpix=0)), "datatype"),
    "unknown datatype": (nifti("d9.nii", set_to(datatype=999)), "datatype 999"),
    "no dimensions": (nifti("dim0.nii", set_to(dim=[0] * 8)), "dimensions"),
    "negative dimensions": (nifti("dim-1.nii", set_to(dim=[3, -12, 10, 8, 1, 1, 1, 1])), "dimensions"),
    "more voxels than bytes": (nifti("dim9.nii", set_to(dim=[3, 12, 10, 900, 1, 1, 1, 1])), "is cut off"),
    "NaN sform": (nifti("snan.nii", set_to(srow_x=[np.nan, 0, 0, 0], qform_code=0)), "NaN or infinite numbers"),
    "singular sform": (nifti("sing.nii", set_to(srow_x=[0, 0, 0, 0], qform_code=0)), "sform"),
    "two places": (nifti("two.nii", set_to(srow_x=[-1.5, 0, 0, 60.0])), "two places"),
    "sheared": (nifti("shear.nii", set_to(srow_x=[-1.5, 0.5, 0, 10.0], qform_code=0)), "sheared"),
    "voxels of no size": (nifti("zoom0.nii", set_to(pixdim=[1, 0, 1, 1, 0, 0, 0, 0], sform_code=0)), "voxels of"),
    "an origin beyond the earth": (nifti("far.nii", set_to(srow_x=[-1.5, 0, 0, 1e30], qform_code=0)), "lies at"),
    "data beyond the end": (nifti("offset.nii", set_to(vox_offset=1e9)), "is cut off"),
    "mhd without data": (pair_of("lonely.mhd", ".raw"), "not there"),
    "nhdr without data": (pair_of("lonely.nhdr", ".raw"), "not there"),
    "mha cut off": (cut("c.mha", itk("a.mha")), "is cut off|cannot be read|is damaged"),
    "nrrd cut off": (cut("c.nrrd", itk("a.nrrd")), "is cut off|cannot be read|is damaged"),
    "mha with a sheared direction": (
        edited("m.mha", itk("a.mha"), b"TransformMatrix = 1 0 0 0 1 0", b"TransformMatrix = 1 .5 0 0 1 0"),
        "sheared",
    ),
    "mha with a NaN origin": (edited("n.mha", itk("a.mha"), b"Offset = -10", b"Offset = nan"), "Offset|NaN"),
    "mha of no spacing": (edited("z.mha", itk("a.mha"), b"ElementSpacing = 1.5", b"ElementSpacing = 0.0"), "ElementSpacing|spacing"),
    "mha of negative spacing": (edited("-.mha", itk("a.mha"), b"ElementSpacing = 1.5", b"ElementSpacing = -15"), "ElementSpacing|spacing"),
    "PNG cut off": (cut("c.png", drawing("p.png", picture())), "is cut off|cannot be read|is damaged"),
    "TIFF cut off": (cut("c.tif", drawing("p.tif", picture())), "is cut off|cannot be read|is damaged"),
    "a pixel": (itk("one.nii", np.ones((1, 1, 1), np.int16)), "has the size"),
    "empty folder": (lambda folder: (folder / "nothing").mkdir() or folder / "nothing", "without a DICOM series"),
    "folder of text": (lambda folder: (folder / "t").mkdir() or text("t/a.txt", "x")(folder).parent, "without a DICOM series"),
    "missing slice": (series("missing", drop=(3,)), "apart"),
    "repeated slice": (series("twice", positions=POSITIONS[[0, 1, 2, 3, 3, 4, 5]]), "at one position"),
    "one position": (series("same", positions=POSITIONS[[0] * 7]), "one position"),
    "tilted gantry": (series("tilt", positions=TILTED), "tilted by 20"),
    "two orientations": (series("turned", each=TURNED), "2 orientations"),
    "two series": (
        series_then("two", lambda folder: write_series(folder, stack(), uid="9.9", name="other{}.dcm")),
        "2 DICOM series",
    ),
    "damaged slice": (
        series_then("damaged", lambda folder: (folder / "000.dcm").write_bytes((folder / "000.dcm").read_bytes()[:400])),
        "000.dcm",
    ),
    "no DICOM by that name": (series_then("named", lambda folder: (folder / "099.dcm").write_bytes(b"x" * 99)), "099.dcm"),
    "missing file": (lambda folder: folder / "no.nii.gz", "does not exist"),
}  # fmt: skip

SLICER = {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": [{"position": [-9.0, 8.5, 22.0]}, {"position": [0.0, 12.0, 30.0]}]}  # fmt: skip
POINTS: dict[str, Write] = {
    "header": text("a.csv", "x,y,z\n-9,8.5,22\n0,12,30\n"),
    "plain": text("b.csv", "-9,8.5,22\n0,12,30\n"),
    "semicolons and commas": text("c.csv", "x;y;z\n-9,0;8,5;22,0\n0,0;12,0;30,0\n"),
    "tabs": text("d.txt", "-9\t8.5\t22\n0\t12\t30\n"),
    "spaces": text("e.txt", "-9 8.5 22\n0 12 30\n"),
    "UTF-8 with a mark": text("f.csv", "x,y,z\n-9,8.5,22\n0,12,30\n", "utf-8-sig"),
    "UTF-16": text("g.csv", "x,y,z\n-9,8.5,22\n0,12,30\n", "utf-16"),
    "Windows": text("h.csv", "x,y,z\r\n-9,8.5,22\r\n0,12,30\r\n"),
    "ANTs": text("i.csv", "x,y,z,t,label,comment\n-9,8.5,22,0,1,NA\n0,12,30,0,2,NA\n"),
    "elastix": text("j.txt", "point\n2\n-9 8.5 22\n0 12 30\n"),
    "fcsv": text("k.fcsv", "# Markups fiducial file version = 4.11\n# CoordinateSystem = RAS\n# columns = id,x,y,z\n1,9,-8.5,22\n2,0,-12,30\n"),
    "markups": text("l.mrk.json", json.dumps({"markups": [SLICER]})),
    "JSON": text("m.json", "[[-9, 8.5, 22], [0, 12, 30]]"),
    "JSON of both": text("n.json", json.dumps({"fixed": [[-9, 8.5, 22], [0, 12, 30]], "moving": [[-9, 8.5, 22], [0, 12, 30]]})),
}  # fmt: skip
BAD_POINTS: dict[str, tuple[Write, str]] = {
    "empty": (text("a.csv", ""), "no landmarks|cannot be read"),
    "words": (text("b.csv", "x,y,z\n1,two,3\n"), "two"),
    "ragged": (text("c.csv", "-9,8.5,22\n0,12\n"), "c.csv"),
    "NaN": (text("d.csv", "x,y,z\n-9,nan,22\n"), "nan|NaN"),
    "planes": (text("e.csv", "x,y\n-9,8.5\n"), "2 coordinates|3-D"),
    "voxel indices": (text("f.csv", "x,y,z\n1,2,3\n4,5,6\n"), "voxel indices|outside"),
    "RAS": (text("g.csv", "x,y,z\n9.5,-8.5,22.5\n0.5,-12.5,30.5\n"), "RAS"),
    "metres": (text("h.csv", "x,y,z\n-0.0095,0.0085,0.0225\n0.0005,0.0125,0.0305\n"), "outside"),
    "elsewhere": (text("i.csv", "x,y,z\n5000.5,1,2\n6000.5,3,4\n"), "outside"),
    "no system": (text("j.fcsv", "# Markups fiducial file version = 4.10\n# columns = id,x,y,z\n1,9,-8.5,22\n"), "coordinate ?[sS]ystem|CoordinateSystem"),
    "IJK": (text("k.fcsv", "# CoordinateSystem = IJK\n# columns = id,x,y,z\n1,9,-8.5,22\n"), "IJK"),
    "number of elastix": (text("l.txt", "point\n5\n-9 8.5 22\n"), "number|5"),
    "broken JSON": (text("m.json", "{"), "m.json"),
    "JSON without the key": (text("n.json", '{"points": [[1, 2, 3]]}'), "no key"),
    "binary": (raw("o.csv", bytes(range(256))), "o.csv"),
    "missing": (lambda folder: folder / "no.csv", "does not exist"),
    "folder": (lambda folder: (folder / "p.csv").mkdir() or folder / "p.csv", "p.csv"),
}  # fmt: skip
