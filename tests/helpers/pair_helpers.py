"""Images and files for the tests of this folder."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from pairreg.errors import InputError

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def image(size: tuple[int, ...], dtype: type = np.int16, seed: int = 0) -> sitk.Image:
    """Random intensities on an anisotropic grid that is turned in its first plane."""
    values = np.random.default_rng(seed).integers(1, 100, size[::-1]).astype(dtype)
    result = sitk.GetImageFromArray(values)
    result.SetSpacing((0.5, 1.25, 3.0)[: len(size)])
    result.SetOrigin((-20.0, 7.0, 100.0)[: len(size)])
    turn = np.eye(len(size))
    turn[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    result.SetDirection(turn.ravel().tolist())
    return result


def write_noise(folder: Path, *names: str) -> None:
    """Small 2-D images of nothing but noise, each in NAME.nii.gz."""
    rng = np.random.default_rng(0)
    for name in names:
        written(folder / f"{name}.nii.gz", sitk.GetImageFromArray(rng.normal(size=(20, 24)).astype(np.float32)))


def written(path: Path, content: sitk.Image) -> Path:
    sitk.WriteImage(content, str(path))
    return path


def same_space(a: sitk.Image, b: sitk.Image) -> None:
    assert a.GetSize() == b.GetSize()
    for get in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(a, get)(), getattr(b, get)(), atol=1e-5)


def refused(names: str | Path, call: Callable[..., object], *arguments: object, **named: object) -> str:
    """The message of the `InputError` that the call raises: one sentence, which contains `names`."""
    with pytest.raises(InputError) as caught:
        call(*arguments, **named)
    message = str(caught.value)
    assert str(names) in message
    assert message.endswith(".") and "\n" not in message
    assert not re.search(r"[.!?] [A-Z]", message), message
    return message
