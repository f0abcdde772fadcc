"""What a page of the viewer holds, read by other means than its own script."""

import base64
import io
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def embedded(text: str) -> dict[str, Any]:
    """The content of a page."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return dict(json.loads(found))


def content_of(path: Path) -> dict[str, Any]:
    return embedded(path.read_text(encoding="utf-8"))


def volume(content: dict[str, Any], name: str) -> np.ndarray:
    """An image `(z, y, x)` in 0 to 255."""
    mosaic, (slices, rows, columns) = content["images"][name], content["shape"]
    kind, _, data = mosaic["picture"].partition(",")
    assert kind == "data:image/webp;base64"
    tiles = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("L"))
    places = [divmod(z, mosaic["across"]) for z in range(slices)]
    return np.stack([tiles[r * rows : (r + 1) * rows, c * columns : (c + 1) * columns] for r, c in places])


def labels(content: dict[str, Any], name: str) -> np.ndarray:
    """A label map `(z, y, x)` as numbers of its colours, from 1."""
    return numbers(content["labels"][name], "<u2").reshape(content["shape"])


def displacement(content: dict[str, Any]) -> np.ndarray:
    """Millimetres along z, y, x: `(3, z, y, x)`."""
    field = content["displacement"]
    return numbers(field["values"], "<i2").reshape(3, *field["shape"]) * field["unit"]


def numbers(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind)


def plane(content: dict[str, Any], values: np.ndarray, name: str, place: list[float]) -> np.ndarray:
    """A plane through a place (mm) as the screen shows it, row 0 on top."""
    (one,) = [plane for plane in content["planes"] if plane["name"] == name]
    axis = one["axis"]
    cut = np.take(values, int(place[axis] // content["spacing"][axis]), axis)
    return cut[::-1] if one["up"] else cut
