from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image

from pair_helpers import refused
from pairreg.pair.files import load_pair
from pairreg.reading.any_format import read
from pairreg.reading.roles import read_label_map

GREY = np.random.default_rng(0).integers(0, 255, (9, 11)).astype(np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 255, (9, 11, 3)).astype(np.uint8)
LUMINANCE = COLOUR.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
ALPHA = np.full((9, 11, 1), 255, np.uint8)


def saved(path: Path, values: np.ndarray, mode: str | None = None, **options: object) -> Path:
    made = Image.fromarray(values)
    (made.convert(mode) if mode else made).save(path, **options)
    return path


def pixels(path: Path) -> np.ndarray:
    found: np.ndarray = sitk.GetArrayFromImage(read(path).image)
    return found


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize(
    "values, truth",
    [
        (GREY, GREY),
        (GREY.astype(np.uint16) * 250, GREY.astype(np.uint16) * 250),
        (COLOUR, LUMINANCE),
        (np.concatenate([COLOUR, ALPHA], -1), LUMINANCE),
        (np.concatenate([COLOUR, ALPHA // 3], -1), LUMINANCE),
    ],
)
def test_grey_colour_and_transparency(tmp_path: Path, ending: str, values: np.ndarray, truth: np.ndarray) -> None:
    np.testing.assert_allclose(pixels(saved(tmp_path / f"a.{ending}", values)), truth, rtol=1e-5)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("alpha", [255, 100, 0])
def test_grey_with_transparency(tmp_path: Path, ending: str, alpha: int) -> None:
    both = Image.merge("LA", (Image.fromarray(GREY), Image.fromarray(np.full_like(GREY, alpha))))
    both.save(tmp_path / f"a.{ending}")
    np.testing.assert_array_equal(pixels(tmp_path / f"a.{ending}"), GREY)


def test_sixteen_bit_colour(tmp_path: Path) -> None:
    values = COLOUR.astype(np.uint16) * 250
    sitk.WriteImage(sitk.GetImageFromArray(values, isVector=True), str(tmp_path / "a.png"))
    np.testing.assert_allclose(pixels(tmp_path / "a.png"), LUMINANCE * 250, rtol=1e-5)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_a_palette_gives_luminance_or_label_numbers(tmp_path: Path, ending: str) -> None:
    numbers = (GREY % 4).astype(np.uint8)
    colours = [(0, 0, 0), (200, 0, 0), (0, 200, 0), (10, 20, 200)]
    made = Image.fromarray(numbers).convert("P")
    made.putdata(numbers.ravel().tolist())
    made.putpalette([part for colour in colours for part in colour])
    made.save(tmp_path / f"p.{ending}")
    luminance = np.array(colours, np.float32)[numbers] @ np.array([0.299, 0.587, 0.114], np.float32)
    np.testing.assert_allclose(pixels(tmp_path / f"p.{ending}"), luminance, rtol=1e-5)
    labels = read_label_map(tmp_path / f"p.{ending}").image
    np.testing.assert_array_equal(sitk.GetArrayFromImage(labels), numbers)


def test_labels_in_colours_and_in_grey_that_was_saved_as_colour(tmp_path: Path) -> None:
    assert "colours" in refused(tmp_path / "c.png", read_label_map, saved(tmp_path / "c.png", COLOUR))
    grey = saved(tmp_path / "g.png", np.repeat(GREY[..., None], 3, -1))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_label_map(grey).image), GREY)
    assert "JPEG" in refused(tmp_path / "g.jpg", read_label_map, saved(tmp_path / "g.jpg", GREY))


def test_pages_are_slices(tmp_path: Path) -> None:
    pages = [Image.fromarray(GREY.astype(np.uint16) + 1000 * i) for i in range(4)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    found = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.image), np.stack([np.array(p) for p in pages]))
    assert "4 pages" in found.warnings[0]
    pages[0].save(tmp_path / "b.tif", save_all=True, append_images=[Image.fromarray(GREY[:4])])
    assert "11×4, 11×9" in refused(tmp_path / "b.tif", read, tmp_path / "b.tif")


def test_resolution_and_orientation(tmp_path: Path) -> None:
    found = read(saved(tmp_path / "a.tif", GREY, dpi=(254, 127))).image
    assert found.GetSpacing() == pytest.approx((0.1, 0.2))
    turned = Image.Exif()
    turned[0x0112] = 6
    assert "orientation 6" in read(saved(tmp_path / "a.jpg", GREY, exif=turned)).warnings[0]


LAYOUTS = {
    "strips": {},
    "tiles": {"tile": (16, 16)},
    "packed": {"compression": "zlib"},
    "packed tiles": {"compression": "zlib", "tile": (16, 32)},
    "upside down": {"extratags": [(274, "H", 1, 4, True)]},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", ">u2", ">i2", ">i4", ">f4"])
def test_grey_tiff_is_read_as_it_is_stored(tmp_path: Path, kind: str, layout: str) -> None:
    """By tifffile: in tiles and turned, ITK has the high byte only, and packed Pillow mixes up the order of bytes."""
    values = (np.random.default_rng(0).integers(0, 2**32, (40, 50))).astype(np.uint32).view("i4")
    values = (values / 7.0 if "f" in kind else values).astype(kind)
    order = ">" if kind.startswith(">") else "<"
    tifffile.imwrite(tmp_path / "a.tif", values, byteorder=order, photometric="minisblack", **LAYOUTS[layout])
    truth = tifffile.imread(tmp_path / "a.tif")
    found = pixels(tmp_path / "a.tif")
    np.testing.assert_array_equal(found, truth[::-1] if layout == "upside down" else truth)
    assert found.dtype == np.dtype(kind).newbyteorder("=")


@pytest.mark.parametrize("layout", ["strips", "tiles", "packed"])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_white_is_0_does_not_change_numbers(tmp_path: Path, kind: str, layout: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(kind), photometric="miniswhite", **LAYOUTS[layout])
    np.testing.assert_array_equal(pixels(tmp_path / "a.tif"), GREY)


@pytest.mark.parametrize("kind", ["u2", "i4", "u4"])
def test_labels_in_tiles(tmp_path: Path, kind: str) -> None:
    labels = np.zeros((40, 50), kind)
    labels[5:10, 5:10], labels[20:30, 20:30] = 7, 300
    tifffile.imwrite(tmp_path / "a.tif", labels, tile=(16, 16))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_label_map(tmp_path / "a.tif").image), labels)


@pytest.mark.parametrize("layout", ["tiles", "packed tiles"])
def test_colours_in_tiles(tmp_path: Path, layout: str) -> None:
    """Transparency does not darken colours; 16 bits are not cut to 8."""
    both = np.concatenate([COLOUR, ALPHA // 3], -1)
    how = {"photometric": "rgb", **LAYOUTS[layout]}
    tifffile.imwrite(tmp_path / "a.tif", both, extrasamples=["unassalpha"], **how)
    np.testing.assert_allclose(pixels(tmp_path / "a.tif"), LUMINANCE, rtol=1e-5)
    tifffile.imwrite(tmp_path / "a.tif", COLOUR.astype(np.uint16) * 250, **how)
    assert "16 bits" in refused(tmp_path / "a.tif", read, tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", COLOUR.astype(np.uint16) * 250, photometric="rgb")
    np.testing.assert_allclose(pixels(tmp_path / "a.tif"), LUMINANCE * 250, rtol=1e-5)


UPRIGHT = {
    2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1], 5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1), 7: lambda a: a[::-1, ::-1].T, 8: np.rot90,
}  # fmt: skip


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("layout", ["strips", "tiles", "packed"])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_a_turned_tiff_is_made_upright(tmp_path: Path, orientation: int, layout: str, kind: str) -> None:
    tags = [(274, "H", 1, orientation, True)]
    values = GREY.astype(kind)
    how = {"resolution": (10, 5), "resolutionunit": "CENTIMETER", **LAYOUTS[layout]}
    tifffile.imwrite(tmp_path / "a.tif", values, extratags=tags, **how)
    found = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.image), UPRIGHT[orientation](values))
    assert found.image.GetSpacing() == pytest.approx((1, 2) if orientation < 5 else (2, 1))
    assert f"orientation {orientation}" in found.repairs[0] and "upright" in found.repairs[0]


def test_pages_of_palettes_and_of_grey_with_transparency(tmp_path: Path) -> None:
    numbers = np.stack([GREY % 3, GREY % 4, GREY % 5])
    pages = [Image.fromarray(page).convert("P") for page in numbers]
    pages[0].save(tmp_path / "p.tif", save_all=True, append_images=pages[1:])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_label_map(tmp_path / "p.tif").image), numbers)
    colours = np.stack([np.array(page.convert("RGB")) for page in pages])
    np.testing.assert_allclose(pixels(tmp_path / "p.tif"), colours @ np.array([0.299, 0.587, 0.114]), rtol=1e-5)
    both = [Image.merge("LA", (Image.fromarray(page), Image.fromarray(GREY))) for page in numbers]
    both[0].save(tmp_path / "la.tif", save_all=True, append_images=both[1:])
    np.testing.assert_array_equal(pixels(tmp_path / "la.tif"), numbers)
    pages[0].save(tmp_path / "m.tif", save_all=True, append_images=[Image.fromarray(COLOUR)])
    assert "kinds P, RGB" in refused(tmp_path / "m.tif", read, tmp_path / "m.tif")


@pytest.mark.parametrize("values", [GREY, GREY.astype(np.uint16) * 250, GREY > 99])
def test_grey_with_a_transparent_colour(tmp_path: Path, values: np.ndarray) -> None:
    path = saved(tmp_path / "a.png", values, transparency=int(values[0, 0]))
    assert b"tRNS" in path.read_bytes()
    np.testing.assert_array_equal(pixels(path), values * 255 if values.dtype == bool else values)


def test_numbers_of_64_bits(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(np.float64))
    assert "32-bit floats" in refused(tmp_path / "a.tif", read, tmp_path / "a.tif")


@pytest.mark.parametrize("values", [GREY, COLOUR, GREY.astype(np.uint16), np.stack([GREY, GREY], -1)])
def test_the_resolution_of_a_png_counts_as_that_of_a_tiff(tmp_path: Path, values: np.ndarray) -> None:
    for dpi in ((72, 72), (100, 50)):
        spacing = [25.4 / dots for dots in dpi]
        for ending in ("png", "tif"):
            found = read(saved(tmp_path / f"a.{ending}", values, dpi=dpi))
            assert found.image.GetSpacing() == pytest.approx(spacing, rel=1e-3) and found.sized
    assert not read(saved(tmp_path / "a.png", values)).sized


def test_a_picture_with_a_resolution_beside_one_without(tmp_path: Path) -> None:
    bare, other = saved(tmp_path / "bare.png", GREY), saved(tmp_path / "other.png", GREY)
    assert not load_pair(bare, other).inputs["moving"].warnings
    for ending in ("png", "tif", "jpg"):
        sized = saved(tmp_path / f"sized.{ending}", GREY, dpi=(96, 96))
        for fixed, moving in ((bare, sized), (sized, bare)):
            (warning,) = load_pair(fixed, moving).inputs["moving"].warnings
            assert warning.startswith(f"{bare} has no resolution") and f"{sized} has 0.265" in warning
        again = saved(tmp_path / f"again.{ending}", GREY, dpi=(96, 96))
        assert not load_pair(sized, again).inputs["moving"].warnings


@pytest.mark.parametrize("ending", ["png", "tif", "jpg"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_cut_off(tmp_path: Path, ending: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (80, 90)).astype(np.uint8)
    path = saved(tmp_path / f"a.{ending}", noise)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refused(path, read, path)


def test_inks(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", COLOUR, "CMYK")
    assert "CMYK" in refused(path, read, path)
