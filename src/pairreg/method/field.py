"""A transform from a file, which was found elsewhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import SimpleITK as sitk

from pairreg.method.base import ExternalMethod, Found
from pairreg.pair.pair import Pair
from pairreg.transform_files.read import read_transform


@final
@dataclass(frozen=True, kw_only=True)
class FieldMethod(ExternalMethod):
    """Scores a transform that is read from a file, instead of finding one.

    **Arguments:** `path`: of the file, or a list of files that make one transform, in the order in which
    `antsApplyTransforms` takes them (the last is applied first); `format`: one of `pairreg.transform_files.FORMATS`,
    None: told from the file.
    """

    path: str | Path | list[str | Path]
    format: str | None = None

    @property
    def uses(self) -> frozenset[str]:
        return frozenset({"preprocessing"})

    def register(self, pair: Pair, preprocessed: Pair, initial: sitk.Transform, threads: int, seed: int) -> Found:
        return Found(read_transform(self.path, pair.fixed, pair.moving, self.format), None)
