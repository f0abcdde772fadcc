"""Pictures as text that stands in a page in place of their addresses."""

import base64
import io
from typing import Literal

from PIL import Image

_QUALITY = 80  # of JPEG and WebP


def data_uri(content: bytes, kind: str) -> str:
    """Return the data URI of the content of a picture's file; `kind` is its format, such as `PNG`."""
    return f"data:image/{kind.lower()};base64,{base64.b64encode(content).decode()}"


def compressed(picture: Image.Image, kind: Literal["JPEG", "WEBP"]) -> str:
    """Return the data URI of a picture in a format that loses what is hardly seen."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=_QUALITY)
    return data_uri(buffer.getvalue(), kind)
