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
from pairreg.files import existing, expanded
from pairreg.foreign_messages import quiet, reason

STAGE = r"(\d+)(?:Warp\.nii\.gz|[A-Za-z]+\.mat)"  # after the prefix, not the inverse of a warp
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
    if not os.path.isfile(expanded(text)) and (stages := _stages(text)):
        return [Link(file, False) for file in stages]
    return [Link(existing(text), False)]


def _stages(prefix: str) -> list[Path]:
    """The files that a registration has left for its output `prefix`, the last stage first; empty if there are none."""
    first = expanded(prefix + "0")
    files = sorted(first.parent.iterdir()) if os.path.isdir(first.parent) else []
    pattern, found = re.compile(re.escape(first.name[:-1]) + STAGE), dict[int, Path]()
    for match, file in ((pattern.fullmatch(file.name), file) for file in files):
        if match and int(match[1]) in found:
            two = f"{found[int(match[1])].name} and {file.name}"
            raise InputError(f"{prefix} has two files of one stage, {two}; name the files of the transform.")
        if match:
            found[int(match[1])] = file
    missing = [number for number in range(max(found, default=-1)) if number not in found]
    if missing:
        raise InputError(
            f"{prefix} has no file of the stage {missing[0]}, such as {missing[0]}GenericAffine.mat; add it."
        )
    return [found[number] for number in sorted(found, reverse=True)]


def inverse(transform: sitk.Transform, path: Path) -> sitk.Transform:
    """The inverse of the transform in `path`; raises `InputError` if ITK knows none, as for a displacement field."""
    try:
        with quiet():
            return transform.GetInverse()
    except RuntimeError as error:
        said = f"{path} cannot be inverted ({reason(error)})"
        raise InputError(f"{said}; give the file of the inverse transform, such as 1InverseWarp.nii.gz.") from error
