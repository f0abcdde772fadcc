"""How ANTs names the files of a transform: `antsApplyTransforms -t`, and the prefix that `antsRegistration` was given.

The files themselves are those of ITK.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.files import existing
from pairreg.foreign_messages import quiet, reason

OF_PREFIX = ("1Warp.nii.gz", "0GenericAffine.mat")  # in the order of antsApplyTransforms
INVERSE = re.compile(r"\[(.+),\s*([01])\s*\]")


class Link(NamedTuple):
    """One transform of a chain: its file, and whether its inverse is meant."""

    path: Path
    inverse: bool


def links(paths: str | Path | Sequence[str | Path]) -> list[Link]:
    """The chain of files, `[FILE,1]` (the inverse) and prefixes; raises `InputError` for files that are missing."""
    given = [paths] if isinstance(paths, str | Path) else paths
    found = [link for one in given for link in _links_of(os.fspath(one))]
    if not found:
        raise InputError("no transform file is given; give one, or several in the order of antsApplyTransforms -t.")
    for link in found:
        if link.path.is_dir():
            raise InputError(f"{link.path} is a folder; give the files of the transform in it.")
    return found


def _links_of(text: str) -> list[Link]:
    bracketed = INVERSE.fullmatch(text)
    if bracketed:
        return [Link(existing(bracketed[1]), bracketed[2] == "1")]
    files = [Path(text + ending).expanduser() for ending in OF_PREFIX]
    of_prefix = [Link(file, False) for file in files if file.is_file()]
    return of_prefix or [Link(existing(text), False)]


def inverse(transform: sitk.Transform, path: Path) -> sitk.Transform:
    """The inverse of the transform in `path`; raises `InputError` if ITK knows none, as for a displacement field."""
    try:
        with quiet():
            return transform.GetInverse()
    except RuntimeError as error:
        said = f"{path} cannot be inverted ({reason(error)})"
        raise InputError(f"{said}; give the file of the inverse transform, such as 1InverseWarp.nii.gz.") from error
