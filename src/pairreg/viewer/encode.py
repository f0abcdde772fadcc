"""Volumes as text within a page: images as mosaics of slices, all else as deflated numbers."""

import base64
import io
import zlib
from math import ceil, sqrt

import numpy as np
from PIL import Image

_QUALITY = 80  # of WebP


def mosaic(volume: np.ndarray) -> dict[str, object]:
    """Return `(slices, rows, columns)` in [0, 1] as a WebP image, slices side by side in rows of `columns`."""
    slices, height, width = volume.shape
    across = min(max(1, round(sqrt(slices * height / width))), slices)
    down = ceil(slices / across)
    padded = np.zeros((down * across, height, width), np.uint8)
    padded[:slices] = np.round(255 * np.clip(np.nan_to_num(volume), 0, 1))
    tiles = padded.reshape(down, across, height, width).swapaxes(1, 2).reshape(down * height, across * width)
    buffer = io.BytesIO()
    Image.fromarray(tiles).convert("RGB").save(buffer, "WEBP", quality=_QUALITY)
    return {"across": across, "picture": f"data:image/webp;base64,{_text(buffer.getvalue())}"}


def deflated(values: np.ndarray) -> str:
    """Return numbers of 16 bits, least byte first and the last axis fastest, deflated (zlib)."""
    return _text(zlib.compress(values.astype(values.dtype.newbyteorder("<")).tobytes()))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
