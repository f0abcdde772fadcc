"""A free-form deformation, by SimpleITK."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

import SimpleITK as sitk

from pairreg.errors import MethodError
from pairreg.foreign_messages import reason
from pairreg.method.base import Found, ImageMethod
from pairreg.method.simpleitk import itk_threads, simpleitk
from pairreg.validation import Count, Positive


@final
@dataclass(frozen=True, kw_only=True)
class BSplineITK(ImageMethod):
    """A cubic B-spline of SimpleITK with Mattes mutual information and L-BFGS, from our own initialisation.

    **Arguments:**

    - `spacing`: of the control points on the finest level, mm; it doubles with every coarser one.
    - `shrink`: by how much the images are shrunk on each level, coarsest first.
    - `iterations`: at most, on each level.
    - `bins`: of the joint histogram; `sampled`: the part of the voxels that the mutual information is estimated from.

    The others as of `ImageMethod`.

    Source: Rueckert et al., IEEE TMI 18:712 (1999); Mattes et al., IEEE TMI 22:120 (2003).
    """

    start: Literal["own", "initialization"] = "initialization"
    spacing: Positive = 20.0
    shrink: list[Count] | tuple[Count, ...] = (4, 2, 1)
    iterations: Count = 50
    bins: Count = 32
    sampled: Positive = 0.2

    def problem(self) -> str | None:
        if not self.shrink:
            return "shrink is empty; give a factor for each level, such as [4, 2, 1]."
        if self.sampled > 1:
            return f"sampled should be at most 1, all voxels; it is {self.sampled:g}."
        return None

    @property
    def numbers(self) -> frozenset[str]:
        return frozenset({"threads"} if self.sampled == 1 else {"threads", "seed"})

    def find(self, images: Mapping[str, sitk.Image], threads: int, seed: int) -> Found:
        began = time.perf_counter()
        with itk_threads(threads):
            method = self._method(images["fixed"], seed)
            if "fixed_mask" in images:
                method.SetMetricFixedMask(sitk.Cast(images["fixed_mask"] > 0, sitk.sitkUInt8))
            if "moving_mask" in images:
                method.SetMetricMovingMask(sitk.Cast(images["moving_mask"] > 0, sitk.sitkUInt8))
            try:
                found = method.Execute(images["fixed"], images["moving"])
            except RuntimeError as error:
                raise MethodError(f"SimpleITK found no B-spline ({reason(error)}).") from error
        return Found(found, time.perf_counter() - began, programs=simpleitk())

    def _method(self, fixed: sitk.Image, seed: int) -> sitk.ImageRegistrationMethod:
        """Return SimpleITK's registration of images on the grid of `fixed`."""
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(self.bins)
        if self.sampled < 1:
            method.SetMetricSamplingStrategy(method.RANDOM)
            # SimpleITK takes 0 for "another seed every time".
            method.SetMetricSamplingPercentage(self.sampled, seed + 1)
        method.SetInterpolator(sitk.sitkLinear)
        method.SetOptimizerAsLBFGS2(numberOfIterations=self.iterations)
        method.SetShrinkFactorsPerLevel(list(self.shrink))
        method.SetSmoothingSigmasPerLevel([0.5 * factor if factor > 1 else 0.0 for factor in self.shrink])
        method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
        levels = len(self.shrink)
        coarsest = self.spacing * 2 ** (levels - 1)
        # On each axis at most as many cells as there are voxels on the coarsest level.
        mesh = [
            max(1, min(round(n * h / coarsest), n // 2 ** (levels - 1)))
            for n, h in zip(fixed.GetSize(), fixed.GetSpacing(), strict=True)
        ]
        method.SetInitialTransformAsBSpline(
            sitk.BSplineTransformInitializer(fixed, mesh), inPlace=True, scaleFactors=[2**k for k in range(levels)]
        )
        return method
