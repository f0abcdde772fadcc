"""What is no image is called what it is."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from pair_helpers import image, refused
from pairreg.reading.any_format import read

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.mha", "a.nrrd", "a.png", "a.tif", "a.dcm", "a.mhd", "a"])
@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "empty (0 bytes)"),
        (LFS, "Git LFS pointer"),
        (b"/annex/objects/MD5E-s9--0.nii.gz", "git-annex"),
        (b"<!DOCTYPE html><html>no access</html>", "web page"),
        (b"\n <HTML><body>404</body></HTML>", "web page"),
        (b"PK\x03\x04" + bytes(100), "zip archive"),
        (b"BZh9" + bytes(100), "bzip2"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        (b"%PDF-1.7", "PDF"),
        (gzip.compress(b"no image", mtime=0), "no NIfTI file in it"),
        (gzip.compress(b"", mtime=0), "no NIfTI file in it"),
        (gzip.compress(bytes(2000), mtime=0)[:12], "gzip"),
        (bytes(1000), "begins with bytes 0000"),
        (b"no image", "begins with 'no image'"),
        (b'{"message": "Not Found"}', "begins with"),
        ("Größe".encode(), "begins with bytes"),
    ],
)
def test_no_image(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert said in refused(tmp_path / name, read, tmp_path / name)


@pytest.mark.parametrize("name", ["a.mgz", "A.MGH", "a.mgh.gz"])
def test_a_volume_of_freesurfer(tmp_path: Path, name: str) -> None:
    content = nib.MGHImage(np.zeros((4, 5, 6), np.float32), np.eye(4)).to_bytes()
    (tmp_path / name).write_bytes(content if name == "A.MGH" else gzip.compress(content))
    assert "mri_convert" in refused(tmp_path / name, read, tmp_path / name)


@pytest.mark.parametrize("ending", ["nii", "nii.gz", "mha", "nrrd", "png", "tif", "jpg"])
@pytest.mark.parametrize("name", ["a", "a.nii.gz", "a.nii", "a.mha", "a.nrrd", "a.png", "a.tif", "a.dcm", "a.txt"])
def test_any_format_under_any_name(tmp_path: Path, ending: str, name: str) -> None:
    original = sitk.Cast(image((9, 8)), sitk.sitkUInt8)
    sitk.WriteImage(original, str(tmp_path / f"whole.{ending}"))
    (tmp_path / f"whole.{ending}").rename(tmp_path / name)
    found = sitk.GetArrayFromImage(read(tmp_path / name).image)
    tolerance = 30 if ending == "jpg" else 0
    np.testing.assert_allclose(found.astype(float), sitk.GetArrayFromImage(original), atol=tolerance)
