"""A transform from a file, which was found elsewhere."""

from dataclasses import dataclass
from typing import final

import SimpleITK as sitk

from pairreg.method.base import ExternalMethod, Found
from pairreg.pair.pair import Pair
from pairreg.transform_files.read import TransformPaths, read_transform


@final
@dataclass(frozen=True, kw_only=True)
class FieldMethod(ExternalMethod):
    """Scores a transform that is read from a file, instead of finding one.

    **Arguments:**

    - `path`: of the file, or a list of files that make one transform, of which the first takes a point of the fixed
      image first (the order of `antsApplyTransforms -t`).
    - `format`: one of `pairreg.transform_files.read.FORMATS`; None: told from the file.
    """

    path: TransformPaths
    format: str | None = None

    @property
    def uses(self) -> frozenset[str]:
        return frozenset({"preprocessing"})

    def register(self, pair: Pair, preprocessed: Pair, initial: sitk.Transform, threads: int, seed: int) -> Found:
        return Found(read_transform(self.path, pair.fixed, pair.moving, self.format), None)
