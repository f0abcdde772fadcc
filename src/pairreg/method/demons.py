"""Demons, by SimpleITK."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any, Literal, final

import SimpleITK as sitk
from pydantic import Field

from pairreg import geometry
from pairreg.method.base import Found, ImageMethod
from pairreg.method.simpleitk import itk_threads, simpleitk
from pairreg.validation import Count

Sigma = Annotated[float, Field(ge=0, le=26, allow_inf_nan=False)]  # voxels: of a larger one ITK makes a kernel of NaN
_FILTERS: dict[str, Any] = {
    "diffeomorphic": sitk.DiffeomorphicDemonsRegistrationFilter,
    "symmetric": sitk.FastSymmetricForcesDemonsRegistrationFilter,
    "thirion": sitk.DemonsRegistrationFilter,
}


@final
@dataclass(frozen=True, kw_only=True)
class Demons(ImageMethod):
    """Demons of SimpleITK, coarse to fine, from our own initialisation, as they find no global motion.

    **Arguments:**

    - `forces`: `diffeomorphic` (updates are exponentials of velocities), `symmetric` (gradients of both images) or
      `thirion` (of the fixed one).
    - `shrink`: by how much the images are shrunk on each level, coarsest first; `iterations`: on each.
    - `smoothing`: sigma in voxels of the Gaussian that the field is smoothed by in every iteration; `update_smoothing`,
      likewise, for each update (0 = none).
    - `match_histograms`: whether the intensities of the moving image are mapped to those of the fixed one first, which
      demons need: they compare intensities as such.

    The others as of `ImageMethod`. Masks of the pair are not used, which a warning says.

    Source: Thirion, Medical Image Analysis 2:243 (1998); Vercauteren et al., NeuroImage 45:S61 (2009).
    """

    start: Literal["own", "initialization"] = "initialization"
    forces: Literal["diffeomorphic", "symmetric", "thirion"] = "diffeomorphic"
    shrink: list[Count] | tuple[Count, ...] = (4, 2, 1)
    iterations: list[Count] | tuple[Count, ...] = (100, 75, 50)
    smoothing: Sigma = 1.5
    update_smoothing: Sigma = 0.0
    match_histograms: bool = True

    def problem(self) -> str | None:
        if len(self.shrink) != len(self.iterations) or not self.shrink:
            return f"shrink has {len(self.shrink)} levels, iterations has {len(self.iterations)}; give as many."
        return None

    @property
    def numbers(self) -> frozenset[str]:
        return frozenset({"threads"})

    @property
    def masks(self) -> frozenset[str]:
        return frozenset()

    def find(self, images: Mapping[str, sitk.Image], threads: int, seed: int) -> Found:
        fixed, moving = images["fixed"], images["moving"]
        began = time.perf_counter()
        with itk_threads(threads):
            if self.match_histograms:
                moving = sitk.HistogramMatching(moving, fixed, 256, 7, True)
            lowest = geometry.minimum(moving)
            field: sitk.Image | None = None
            for shrink, iterations in zip(self.shrink, self.iterations, strict=True):
                grid = _shrunk(fixed, shrink)
                # The filters want both images, and the field, on one grid.
                identity = geometry.identity(grid.GetDimension())
                onto = geometry.resample(_shrunk(moving, shrink), grid, identity, fill=lowest)
                start = None if field is None else _carried(field, grid)
                field = self._level(grid, onto, start, iterations)
            assert field is not None
            if self.shrink[-1] > 1:
                field = _carried(field, fixed)
        seconds = time.perf_counter() - began
        return Found(geometry.displacement_transform(field), seconds, programs=simpleitk())

    def _level(self, fixed: sitk.Image, moving: sitk.Image, field: sitk.Image | None, iterations: int) -> sitk.Image:
        demons = _FILTERS[self.forces]()
        demons.SetNumberOfIterations(iterations)
        demons.SetSmoothDisplacementField(self.smoothing > 0)
        demons.SetStandardDeviations(self.smoothing)
        demons.SetSmoothUpdateField(self.update_smoothing > 0)
        demons.SetUpdateFieldStandardDeviations(self.update_smoothing)
        # By default ITK leaves out a tenth of a kernel's weight, which makes a sigma of 1.5 voxels one of 1.2.
        demons.SetMaximumError(0.001)
        demons.SetMaximumKernelWidth(2 * ceil(5 * max(self.smoothing, self.update_smoothing)) + 3)
        # By default a level ends once its updates are below 0.02 mm in the mean, as those of small voxels always are.
        demons.SetMaximumRMSError(0.0)
        return demons.Execute(fixed, moving) if field is None else demons.Execute(fixed, moving, field)


def _carried(field: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Return a field on another grid, where it goes on beyond its own as at its border.

    A shrunk grid does not reach the border of the image where the size is no multiple of the factor.
    """
    identity = geometry.identity(grid.GetDimension())
    return sitk.Resample(field, grid, identity, sitk.sitkLinear, 0.0, field.GetPixelID(), True)


def _shrunk(image: sitk.Image, factor: int) -> sitk.Image:
    """Return the image blurred and on a grid that is `factor` times coarser, as far as an axis has the voxels."""
    factors = [min(factor, max(1, n // 4)) for n in image.GetSize()]
    smooth = geometry.blur(
        image, [0.5 * f * h if f > 1 else 0.0 for f, h in zip(factors, image.GetSpacing(), strict=True)]
    )
    return sitk.Shrink(smooth, factors)
