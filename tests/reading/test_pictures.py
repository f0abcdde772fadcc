from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from pair_helpers import refused
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
