"""A transform from a file as initialisation."""

from dataclasses import dataclass
from typing import final

import SimpleITK as sitk

from pairreg.initialization.base import Initialization, Start
from pairreg.pair.pair import Pair
from pairreg.transform_files.read import TransformPaths, read_transform


@final
@dataclass(frozen=True, kw_only=True)
class FromFile(Initialization):
    """Begins with a transform from a file, linear or dense: a clinician's alignment, or the warp of another tool.

    **Arguments:**

    - `path`: of the file, or a list of files that make one transform, of which the first takes a point of the fixed
      image first (the order of `antsApplyTransforms -t`).
    - `format`: one of `pairreg.transform_files.read.FORMATS`; None: told from the file.
    """

    path: TransformPaths
    format: str | None = None

    def start(self, pair: Pair, as_read: Pair | None = None) -> Start:
        # What a file says by voxels is by those of the images that the other tool was given.
        return self.judged(pair, Start(self(pair if as_read is None else as_read)))

    def __call__(self, pair: Pair) -> sitk.Transform:
        return read_transform(self.path, pair.fixed, pair.moving, self.format)
