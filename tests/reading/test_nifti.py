"""NIfTI files by nibabel: the same voxels at the same places, or a refusal that says what is the matter."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import image, refused, same_space
from pairreg.geometry import discrepancy, matrix_of
from pairreg.reading.any_format import read
from pairreg.reading.roles import read_intensities

SIZE = (6, 5, 4)
VALUES = np.random.default_rng(0).integers(0, 200, SIZE)
TURN = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, -1]])
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3], OBLIQUE[:3, 3] = TURN * (2.0, 3.0, 4.0), (-30.0, 12.5, 7.0)
SHEARED = OBLIQUE @ np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def nifti(values: np.ndarray = VALUES, affine: np.ndarray = OBLIQUE, kind: str = "i2", codes=(1, 1), cls=None):  # type: ignore[no-untyped-def]
    made = (cls or nib.Nifti1Image)(values.astype(kind), affine, dtype=kind)
    made.set_sform(affine, codes[0])
    made.set_qform(affine if codes[1] else None, codes[1])
    return made


def at(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def agrees(path: Path, truth: nib.Nifti1Image) -> None:
    found = read(path).image
    np.testing.assert_allclose(sitk.GetArrayFromImage(found), np.asarray(truth.dataobj).T, rtol=1e-6)
    ndim = found.GetDimension()
    to_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ truth.affine
    keep = [*range(ndim), 3]
    np.testing.assert_allclose(matrix_of(found), to_lps[np.ix_(keep, keep)], atol=1e-5)


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("cls", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("codes", [(1, 1), (2, 0), (0, 1), (4, 4)])
def test_types_versions_and_matrices(tmp_path: Path, kind: str, cls: type, codes: tuple[int, int]) -> None:
    truth = nifti(kind=kind, codes=codes, cls=cls)
    agrees(at(tmp_path / "a.nii", truth.to_bytes()), truth)
    assert read(tmp_path / "a.nii").image.GetPixelID() == sitk.GetImageFromArray(VALUES.astype(kind)).GetPixelID()


@pytest.mark.parametrize("affine", [np.diag([-2.0, -3, 4, 1]), np.diag([2.0, 3, 4, 1]), OBLIQUE, OBLIQUE[[1, 2, 0, 3]]])
def test_left_stays_left(tmp_path: Path, affine: np.ndarray) -> None:
    truth = nifti(affine=affine)
    agrees(at(tmp_path / "a.nii", truth.to_bytes()), truth)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ", "a.Nii.Gz", "a", "a.img.nii", "a.mha", "a.dcm"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("trailing", [b"", b"\0" * 7, b"junk"])
def test_names_do_not_matter(tmp_path: Path, name: str, pack: Callable[[bytes], bytes], trailing: bytes) -> None:
    truth = nifti()
    agrees(at(tmp_path / name, pack(truth.to_bytes()) + trailing), truth)


def test_gzip_in_several_members(tmp_path: Path) -> None:
    content = nifti().to_bytes()
    agrees(at(tmp_path / "a.nii.gz", gzip.compress(content[:500]) + gzip.compress(content[500:])), nifti())


@pytest.mark.parametrize("cls", [nib.Nifti1Image, nib.Nifti2Image])
def test_big_endian(tmp_path: Path, cls: type) -> None:
    header = nifti(cls=cls).header.as_byteswapped(">")
    truth = cls(VALUES.astype(">i2"), OBLIQUE, header)
    nib.save(truth, tmp_path / "a.nii")
    assert (tmp_path / "a.nii").read_bytes()[:4] in (struct.pack(">i", 348), struct.pack(">i", 540))
    agrees(tmp_path / "a.nii", truth)


@pytest.mark.parametrize("given", [".hdr", ".img"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("upper", [False, True])
def test_two_files(tmp_path: Path, given: str, packed: bool, upper: bool) -> None:
    pair = nib.Nifti1Pair(VALUES.astype(np.float32), OBLIQUE)
    nib.save(pair, tmp_path / "a.img")
    for file in list(tmp_path.iterdir()):
        name = file.name.upper() if upper else file.name
        content = file.read_bytes()
        file.unlink()
        at(tmp_path / f"{name}{'.gz' if packed else ''}", gzip.compress(content) if packed else content)
    name = f"a{given}".upper() if upper else f"a{given}"
    agrees(tmp_path / f"{name}{'.gz' if packed else ''}", pair)


@pytest.mark.parametrize("given, missing", [("a.hdr", "a.img"), ("a.img", "a.hdr")])
def test_half_of_two_files(tmp_path: Path, given: str, missing: str) -> None:
    nib.save(nib.Nifti1Pair(VALUES.astype(np.float32), OBLIQUE), tmp_path / "a.img")
    (tmp_path / missing).unlink()
    assert missing in refused(tmp_path / given, read, tmp_path / given)


@pytest.mark.parametrize("slope, inter", [(0.5, -1000.0), (1.0, 3.0), (-2.0, 0.0), (2.5e-4, 0.0)])
def test_scaled(tmp_path: Path, slope: float, inter: float) -> None:
    content = bytearray(nifti().to_bytes())
    content[112:120] = struct.pack("<ff", slope, inter)
    path = at(tmp_path / "a.nii", bytes(content))
    np.testing.assert_allclose(sitk.GetArrayFromImage(read(path).image), nib.load(path).get_fdata().T, rtol=1e-6)


@pytest.mark.parametrize("slope, inter", [(0.0, 5.0), (np.nan, 0.0), (np.inf, 1.0)])
def test_without_scale(tmp_path: Path, slope: float, inter: float) -> None:
    content = bytearray(nifti().to_bytes())
    content[112:120] = struct.pack("<ff", slope, inter)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read(at(tmp_path / "a.nii", bytes(content))).image), VALUES.T)


def test_planes(tmp_path: Path) -> None:
    """In two axes, in three with one slice, turned in space: distances are kept."""
    for name, values in (("flat", VALUES[:, :, 0]), ("thin", VALUES[:, :, :1])):
        found = read(at(tmp_path / f"{name}.nii", nifti(values).to_bytes())).image
        assert found.GetSpacing() == pytest.approx((2.0, 3.0))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(found), VALUES[:, :, 0].T)
    coronal = OBLIQUE[[0, 2, 1, 3]]
    found = read(at(tmp_path / "coronal.nii", nifti(VALUES[:, :, 0], coronal).to_bytes())).image
    assert found.GetDimension() == 2 and found.GetSpacing() == pytest.approx((2.0, 3.0))


def test_colour(tmp_path: Path) -> None:
    colours = np.zeros(SIZE, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colours["R"], colours["G"], colours["B"] = VALUES, 10, 20
    found = sitk.GetArrayFromImage(read(at(tmp_path / "a.nii", nib.Nifti1Image(colours, OBLIQUE).to_bytes())).image)
    np.testing.assert_allclose(found, 0.299 * VALUES.T + 5.87 + 2.28, rtol=1e-5)


@pytest.mark.parametrize("kind", [np.complex64, np.complex128])
def test_other_numbers(tmp_path: Path, kind: type) -> None:
    path = at(tmp_path / "a.nii", nib.Nifti1Image(VALUES.astype(kind), OBLIQUE).to_bytes())
    assert "type" in refused(path, read, path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.5, 0.99])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_cut_off(tmp_path: Path, share: float, pack: Callable[[bytes], bytes]) -> None:
    noise = np.random.default_rng(0).integers(0, 30000, (30, 30, 30))
    whole = pack(nifti(noise).to_bytes())
    path = at(tmp_path / "a.nii.gz", whole[: max(4, int(share * len(whole)))])
    message = refused(path, read, path)
    assert "cut off" in message and " of " in message or share < 0.01


def test_damage_within_gzip(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(nifti(np.random.default_rng(0).integers(0, 30000, (30, 30, 30))).to_bytes()))
    content[len(content) // 2] ^= 0xFF
    path = at(tmp_path / "a.nii.gz", bytes(content))
    assert "damaged" in refused(path, read, path)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ", "a.img"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan(tmp_path: Path, name: str, value: float) -> None:
    values = VALUES.astype(np.float32)
    values[1, 2, 3] = value
    nib.save(nib.Nifti1Pair(values, OBLIQUE) if name == "a.img" else nib.Nifti1Image(values, OBLIQUE), tmp_path / name)
    assert "1 NaN or infinite" in refused(tmp_path / name, read_intensities, tmp_path / name)


def edited(tmp_path: Path, **fields: object) -> Path:
    """A file with other numbers in its header; `srow_x` and the like."""
    made = nifti(codes=fields.pop("codes", (1, 1)))
    for key, value in fields.items():
        made.header[key] = value
    content = made.header.binaryblock + bytes(4) + VALUES.astype("<i2").tobytes(order="F")
    return at(tmp_path / "a.nii", content)


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"srow_x": [np.nan, 0, 0, 0]}, "NaN"),
        ({"srow_x": [1e30, 0, 0, 0]}, "voxels of"),
        ({"srow_x": [1, 0, 0, 1e30]}, "lies at"),
        ({"srow_x": [0, 0, 0, 0]}, "one plane"),
        ({"qoffset_x": np.inf}, "NaN"),
        ({"quatern_b": np.nan}, "qform"),
        ({"quatern_b": 0.9, "quatern_c": 0.9, "quatern_d": 0.9}, "rotation"),
        ({"pixdim": [1, 0, 3, 4, 0, 0, 0, 0]}, "pixdim"),
        ({"pixdim": [1, -2, 3, 4, 0, 0, 0, 0]}, "pixdim"),
        ({"pixdim": [1, np.nan, 3, 4, 0, 0, 0, 0]}, "pixdim"),
        ({"pixdim": [1, 2, 3, 5, 0, 0, 0, 0]}, "two places"),
        ({"qoffset_x": 31.0}, "two places"),
        ({"dim": [3, 6, 0, 4, 1, 1, 1, 1]}, "dimensions"),
        ({"dim": [9, 6, 5, 4, 1, 1, 1, 1]}, "dimensions"),
        ({"dim": [1, 6, 5, 4, 1, 1, 1, 1]}, "dimensions"),
        ({"datatype": 77}, "datatype"),
        ({"vox_offset": np.nan}, "byte"),
        ({"vox_offset": 1e9}, "cut off"),
        ({"magic": b""}, "Analyze"),
    ],
)
def test_headers_that_cannot_be(tmp_path: Path, fields: dict[str, object], said: str) -> None:
    path = edited(tmp_path, **fields)
    assert said in refused(path, read, path)


@pytest.mark.parametrize("qfac", [0.0, 4.0, np.nan])
@pytest.mark.parametrize("codes", [(1, 1), (0, 1), (1, 0)])
@pytest.mark.parametrize("cls", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_sign_of_the_third_axis_that_is_not_negative_is_positive(
    tmp_path: Path, qfac: float, codes: tuple[int, int], cls: type, order: str
) -> None:
    affine = OBLIQUE @ np.diag([1.0, 1, -1, 1])
    header = nifti(affine=affine, codes=codes, cls=cls).header.as_byteswapped(order)
    header["pixdim"][0], header["vox_offset"] = qfac, header["sizeof_hdr"] + 4
    voxels = VALUES.astype(f"{order}i2").tobytes(order="F")
    path = at(tmp_path / "a.nii", header.binaryblock + bytes(4) + voxels)
    agrees(path, nib.load(path))
    np.testing.assert_allclose(nib.load(path).affine, affine, atol=1e-5)


def test_a_negative_sign_of_the_third_axis(tmp_path: Path) -> None:
    """By ITK: whatever is below 0 is -1."""
    found = read(edited(tmp_path, codes=(0, 1), pixdim=[-3, 2, 3, 4, 0, 0, 0, 0])).image
    same_space(found, sitk.ReadImage(str(tmp_path / "a.nii")))
    np.testing.assert_allclose(matrix_of(found), np.diag([-1.0, -1, 1, 1]) @ OBLIQUE, atol=1e-5)


@pytest.mark.parametrize("codes", [(1, 1), (1, 0), (2, 4)])
def test_sheared_axes(tmp_path: Path, codes: tuple[int, int]) -> None:
    made = nifti(affine=OBLIQUE, codes=codes)
    made.set_sform(SHEARED, codes[0])
    path = at(tmp_path / "a.nii", made.to_bytes())
    message = refused(path, read, path)
    assert ("two places" if codes[1] else "apart") in message and "resample" in message


@pytest.mark.parametrize("shear", [1e-6, 2e-5, 2e-4, 2e-3, 8e-3])
def test_a_small_shear_is_removed_around_the_centre(tmp_path: Path, shear: float) -> None:
    values = np.random.default_rng(0).integers(0, 200, (100, 100, 10))
    affine = OBLIQUE.copy()
    affine[:3, 1] += 3 * shear * OBLIQUE[:3, 0] / 2
    made = nifti(values, affine, codes=(1, 0))
    found = read(at(tmp_path / "a.nii", made.to_bytes()))
    axes = np.reshape(found.image.GetDirection(), (3, 3))
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-4)
    centre = (np.array(values.shape) - 1) / 2
    there = np.diag([-1, -1, 1]) @ nib.affines.apply_affine(affine, centre)
    np.testing.assert_allclose(found.image.TransformContinuousIndexToPhysicalPoint(centre), there, atol=1e-3)
    assert bool(found.repairs) == (shear > 1e-3)


@pytest.mark.parametrize("shear", [2e-5, 2e-4, 2e-3, 8e-3])
@pytest.mark.parametrize("unit", ["mm", "micron"])
def test_a_small_shear_that_the_qform_cannot_have(tmp_path: Path, shear: float, unit: str) -> None:
    """nibabel writes the nearest rotation as qform; the file is read as with the sform alone."""
    values = np.random.default_rng(0).integers(0, 200, (200, 200, 10))
    affine = OBLIQUE.copy()
    affine[:3, 1] += 3 * shear * OBLIQUE[:3, 0] / 2
    affine[:3] *= 1000 if unit == "micron" else 1
    found = []
    for codes in ((1, 0), (1, 1)):
        made = nifti(values, affine, codes=codes)
        made.header.set_xyzt_units(unit)
        found.append(read(at(tmp_path / f"{codes[1]}.nii", made.to_bytes())))
    assert discrepancy(*(matrix_of(file.image) for file in found), values.shape) < 0.05  # voxels
    assert bool(found[1].repairs) == (shear > 1e-3)


def test_a_small_shear_and_another_qform(tmp_path: Path) -> None:
    made = nifti(np.zeros((100, 100, 10)), codes=(1, 1))
    sheared = OBLIQUE.copy()
    sheared[:3, 1] += 3 * 8e-3 * OBLIQUE[:3, 0] / 2
    sheared[:3, 3] += 1
    made.set_sform(sheared, 1)
    path = at(tmp_path / "a.nii", made.to_bytes())
    assert "set_qform" in refused(path, read, path)


@pytest.mark.parametrize("cls", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("codes", [(0, 1), (1, 1)])
@pytest.mark.parametrize("factor", [1, 1 + 1e-7, 1 + 4e-7, 1 + 1e-6, 1 + 1e-4])
def test_a_quaternion_of_about_the_length_1(tmp_path: Path, cls: type, codes: tuple[int, int], factor: float) -> None:
    """Half a turn; what rounding has made longer than 1 is shortened, as ITK does it."""
    half = np.diag([1.0, 1, -1, 1])
    half[:2, :2] = [[-0.28, 0.96], [0.96, 0.28]]
    made = nifti(affine=half, codes=codes, cls=cls)
    for key in ("quatern_b", "quatern_c", "quatern_d"):
        made.header[key] *= factor
    made.header["vox_offset"] = made.header["sizeof_hdr"] + 4
    content = made.header.binaryblock + bytes(4) + VALUES.astype("<i2").tobytes(order="F")
    found = read(at(tmp_path / "a.nii", content)).image
    np.testing.assert_allclose(matrix_of(found), np.diag([-1.0, -1, 1, 1]) @ half, atol=1e-3)
    if cls is nib.Nifti1Image:
        same_space(found, sitk.ReadImage(str(tmp_path / "a.nii")))


def test_no_matrix_is_said(tmp_path: Path) -> None:
    path = at(tmp_path / "a.nii", nifti(codes=(0, 0)).to_bytes())
    (warning,) = read(path).warnings
    assert warning.startswith(str(path)) and "codes" in warning


def test_voxel_sizes_that_the_sform_contradicts(tmp_path: Path) -> None:
    found = read(edited(tmp_path, codes=(1, 0), pixdim=[1, 1, 1, 1, 0, 0, 0, 0]))
    assert found.image.GetSpacing() == pytest.approx((2, 3, 4)) and "the sform counts" in found.repairs[0]


@pytest.mark.parametrize("unit, millimetres", [("micron", 1e-3), ("meter", 1e3), ("mm", 1.0), ("unknown", 1.0)])
@pytest.mark.parametrize("codes", [(1, 1), (1, 0), (0, 1)])
def test_units(tmp_path: Path, unit: str, millimetres: float, codes: tuple[int, int]) -> None:
    affine = OBLIQUE.copy()
    affine[:3] /= millimetres
    made = nifti(affine=affine, codes=codes)
    made.header.set_xyzt_units(unit)
    found = read(at(tmp_path / "a.nii", made.to_bytes()))
    assert found.image.GetSpacing() == pytest.approx((2, 3, 4), rel=1e-5)
    assert found.image.GetOrigin() == pytest.approx((30, -12.5, 7), rel=1e-5)
    assert bool(found.warnings) == (millimetres != 1)


def test_a_displacement_is_what_simpleitk_reads(tmp_path: Path) -> None:
    from pairreg.reading.any_format import read_vectors

    for ndim in (2, 3):
        like = image((9, 8, 7)[:ndim])
        vectors = np.random.default_rng(0).normal(size=(*like.GetSize()[::-1], ndim)).astype(np.float32)
        field = sitk.GetImageFromArray(vectors, isVector=True)
        field.CopyInformation(like)
        sitk.WriteImage(field, str(tmp_path / "d.nii.gz"))
        truth, found = sitk.ReadImage(str(tmp_path / "d.nii.gz")), read_vectors(tmp_path / "d.nii.gz").image
        np.testing.assert_array_equal(sitk.GetArrayFromImage(found), vectors)
        assert matrix_of(found).tolist() == matrix_of(truth).tolist() and found.GetPixelID() == truth.GetPixelID()
