"""Raw XCAT volumes and the published grids: order of voxels, orientation, CT numbers, field of view."""

import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from naf_prostate.published import PhantomImages, slice_pair, volume_pair
from naf_prostate.xcat import MU_WATER, Header, header_of, hounsfield, read_log, read_volume
from pair_helpers import refused
from pairreg import geometry

LOG = """-----------------Phantom Dimensions------------------
pixel width =  0.2000 (cm/pixel)
slice width =  0.5000 (cm/pixel)
voxel volume = pixel width * pixel width * slice width = 0.0200
array_size = 4
starting slice number    = 50
ending slice number      = 52
Linear Attenuation Coefficients (1/cm):
Body (water)      = 0.1540
Linear Attenuation Coefficients (1/pixel):
Lung              = 0.0080
Body (water)      = 3.0800e-02
"""
HEADER = Header((4, 4, 3), (2.0, 2.0, 5.0), 0.0308)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "xcat_log").write_text(LOG)
    return tmp_path / "xcat_log"


def test_the_log(log):
    assert read_log(log) == HEADER
    assert read_log(log, mu_water=0.02).mu_water == 0.02
    assert header_of(HEADER.size, HEADER.spacing, None).mu_water == pytest.approx(MU_WATER * 0.2)


LINES = ("pixel width", "slice width", "array_size", "starting slice number", "ending slice number")


@pytest.mark.parametrize("key", LINES)
def test_a_log_without_a_line(log, key):
    log.write_text("\n".join(line for line in LOG.splitlines() if not line.startswith(key)))
    assert f"'{key} = NUMBER'" in refused(log, read_log, log)


def test_a_log_without_water_or_with_impossible_numbers(log):
    log.write_text(LOG.rpartition("Body (water)")[0])  # that in 1/cm is still there
    assert "'Body (water) = NUMBER'" in refused(log, read_log, log)
    assert read_log(log, mu_water=0.03).mu_water == 0.03
    log.write_text(LOG.replace("= 52", "= 20"))
    assert "(4, 4, -29)" in refused(log, read_log, log)
    log.write_text(LOG.replace("0.2000", "...."))
    assert "'pixel width = NUMBER'" in refused(log, read_log, log)


def raw(path: Path, values: np.ndarray) -> Path:
    """Little-endian float32, x fastest, by the standard library."""
    path.write_bytes(struct.pack(f"<{values.size}f", *values.ravel()))
    return path


def test_a_voxel_lies_where_its_index_says(tmp_path):
    k, j, i = np.indices((3, 4, 4))
    read = read_volume(raw(tmp_path / "v.bin", i + 10 * j + 100 * k), HEADER)
    assert read.GetSize() == HEADER.size and read.GetSpacing() == HEADER.spacing
    index = read.TransformPhysicalPointToIndex((6.0, 2.0, 10.0))  # 6 mm to the left, 2 to the back, 10 to the head
    assert read[index] == 3 + 10 * 1 + 100 * 2


def test_files_of_another_size_or_content(tmp_path):
    short = raw(tmp_path / "short.bin", np.zeros((3, 4, 3)))
    assert "has 144 bytes, not 192 = 4 × 4×4×3" in refused(short, read_volume, short, HEADER)
    broken = raw(tmp_path / "broken.bin", np.where(np.arange(48) == 7, np.nan, 0).reshape(3, 4, 4))
    assert "1 NaN" in refused(broken, read_volume, broken, HEADER)
    refused("does not exist", read_volume, tmp_path / "none.bin", HEADER)


def test_ct_numbers():
    mu = sitk.GetImageFromArray(np.array([[[0.0, 0.0308, 0.0308, 0.0154, 0.0616]]], np.float32))
    found = geometry.array(hounsfield(mu, HEADER, "atn.bin"))
    np.testing.assert_allclose(found.ravel(), [-1000, 0, 0, -500, 1000], atol=1e-3)


@pytest.mark.parametrize("factor", [5.0, 0.63, 0.0])  # in 1/cm; water at 511 keV; nothing but air
def test_another_unit_or_energy_is_noticed(factor):
    mu = sitk.GetImageFromArray(np.full((2, 2, 2), 0.0308 * factor, np.float32))
    assert "mu of water" in refused("atn.bin", hounsfield, mu, HEADER, "atn.bin")


def body(points: np.ndarray) -> np.ndarray:
    """HU at LPS points in mm: water with a bone to the left and front, lung to the right and head. No symmetry."""
    x, y, z = np.moveaxis(points, -1, 0)
    result = np.where((x / 90) ** 2 + (y / 60) ** 2 < 1, 0.0, -1000.0)
    result[(x - 40) ** 2 + (y + 25) ** 2 < 15**2] = 900
    result[(x + 40) ** 2 + (y - 10) ** 2 + (z - 20) ** 2 < 25**2] = -800
    return result.astype(np.float32)


def scan(orientation: str, origin: tuple[float, float, float] = (0, 0, 0)) -> sitk.Image:
    """The body with axes along, say, R, A and S; `origin` is where its centre lies."""
    grid = sitk.GetImageFromArray(np.zeros((40, 60, 80), np.float32))
    grid.SetSpacing((3.0, 3.0, 4.0))
    grid.SetOrigin((-118.5, -88.5, -78.0))
    grid = sitk.DICOMOrient(grid, orientation)
    result = geometry.image(body(geometry.voxel_points(grid)), grid)
    result.SetOrigin([a + b for a, b in zip(result.GetOrigin(), origin, strict=True)])
    return result


@pytest.fixture(scope="module")
def phantom(tmp_path_factory) -> PhantomImages:
    """The body through a raw file, its labels and its activity."""
    still = scan("LPS")
    header = Header(still.GetSize(), still.GetSpacing(), 0.05)
    values = geometry.array(still)
    file = raw(tmp_path_factory.mktemp("xcat") / "atn.bin", 0.05 * (1 + values / 1000))
    grid = read_volume(file, header)
    labels = geometry.image((values == 900).astype(np.int32), grid)
    activity = geometry.image(np.where(values == 900, 10, values > -1000).astype(np.float32), grid)
    return PhantomImages(hounsfield(grid, header, file), labels, {"activity": activity})


def extent(image: sitk.Image) -> np.ndarray:
    ends = ([-0.5] * image.GetDimension(), [n - 0.5 for n in image.GetSize()])
    return np.array([image.TransformContinuousIndexToPhysicalPoint(end) for end in ends])


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "RPI", "PLS"])
def test_a_phantom_comes_to_lie_on_the_same_body(phantom, orientation):
    """However the CT is stored, and wherever its origin is: the arrays are the same."""
    pair = volume_pair("a", scan(orientation, (10.0, -300.0, 900.0)), phantom)
    assert pair.fixed.GetSize() == pair.moving.GetSize() == (160, 160, 256)
    np.testing.assert_allclose(geometry.array(pair.moving), geometry.array(pair.fixed), atol=0.05)
    np.testing.assert_allclose(pair.fixed.GetSpacing(), (240 / 160, 180 / 160, 160 / 256))
    np.testing.assert_allclose(extent(pair.fixed), [[-110, -390, 820], [130, -210, 980]], atol=1e-6)
    np.testing.assert_allclose(extent(pair.moving), extent(pair.fixed), atol=1e-6)


def test_labels_and_activity_keep_the_grid_of_the_phantom_and_lie_on_it(phantom):
    pair = volume_pair("a", scan("LPS", (10.0, -300.0, 900.0)), phantom)
    activity = pair.channels["activity"]
    assert pair.moving_labels.GetSize() == activity.GetSize() == phantom.hu.GetSize()
    bone = (50.0, -325.0, 880.0)
    for image, value in ((pair.fixed, 900), (pair.moving, 900), (pair.moving_labels, 1), (activity, 10)):
        assert image[image.TransformPhysicalPointToIndex(bone)] == pytest.approx(value, abs=0.1)


def test_slices(phantom):
    """The slice of the CT and that of the phantom are the ones asked for."""
    pair = slice_pair("a", scan("RAI", (10.0, -300.0, 900.0)), 24, phantom, 5)
    assert pair.fixed.GetSize() == pair.moving.GetSize() == (384, 384)
    np.testing.assert_allclose(extent(pair.fixed), [[-110, -390], [130, -210]], atol=1e-6)
    np.testing.assert_allclose(extent(pair.moving), extent(pair.fixed), atol=1e-6)
    lung = (-30.0, -290.0)
    fixed, moving = (image[image.TransformPhysicalPointToIndex(lung)] for image in (pair.fixed, pair.moving))
    assert fixed == pytest.approx(-800, abs=0.1) and moving == pytest.approx(0, abs=0.1)  # z = 18 and -58
    assert pair.moving_labels.GetSize() == pair.channels["activity"].GetSize() == (80, 60)
    refused("the CT has no slice 40; give one of 0 (feet) to 39", slice_pair, "a", scan("LPS"), 40, phantom, 5)
    refused("the phantom has no slice 40", slice_pair, "a", scan("LPS"), 0, phantom, 40)


def test_fine_detail_is_averaged_not_aliased(phantom):
    """Stripes of one voxel in a CT that is four times as fine as the grid."""
    stripes = np.broadcast_to((np.arange(1536) % 2 * 1000.0).astype(np.float32), (2, 1536, 1536))
    fixed = geometry.array(slice_pair("a", sitk.GetImageFromArray(stripes), 0, phantom, 0).fixed)
    np.testing.assert_allclose(fixed[5:-5, 5:-5], 500, atol=5)


def test_values_below_air_are_air(phantom):
    ct = scan("LPS")
    outside = geometry.image(np.where(geometry.array(ct) == -1000, -3024, geometry.array(ct)), ct)
    pair, expected = (slice_pair("a", image, 10, phantom, 10) for image in (outside, ct))
    np.testing.assert_array_equal(geometry.array(pair.fixed), geometry.array(expected.fixed))
