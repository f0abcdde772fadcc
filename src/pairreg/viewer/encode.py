"""Volumes as text within a page: images as mosaics of slices, all else as deflated numbers."""

import base64
import zlib
from math import ceil, sqrt

import numpy as np
from PIL import Image

from pairreg.figures.data_uri import compressed


def mosaic(volume: np.ndarray) -> dict[str, object]:
    """Return `(slices, rows, columns)` in [0, 1] as a WebP image, slices side by side in rows of `columns`."""
    slices, height, width = volume.shape
    across = min(max(1, round(sqrt(slices * height / width))), slices)
    down = ceil(slices / across)
    padded = np.zeros((down * across, height, width), np.uint8)
    padded[:slices] = np.round(255 * np.clip(np.nan_to_num(volume), 0, 1))
    tiles = padded.reshape(down, across, height, width).swapaxes(1, 2).reshape(down * height, across * width)
    return {"across": across, "picture": compressed(Image.fromarray(tiles).convert("RGB"), "WEBP")}


def deflated(values: np.ndarray) -> str:
    """Return numbers of 16 bits, least byte first and the last axis fastest, deflated (zlib)."""
    content = zlib.compress(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return base64.b64encode(content).decode()
