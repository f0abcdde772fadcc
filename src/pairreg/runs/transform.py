"""The transform of a finished run, which carries further images and points along."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.geometry import Interpolation
from pairreg.runs.read import Run


@dataclass(frozen=True)
class RunTransform:
    """The transform of `run`. It is known on the grid of `displacement`: beyond, nothing was optimised."""

    run: Run

    @classmethod
    def read(cls, folder: Path) -> "RunTransform":
        """The transform of the run in `folder`; raises `InputError` if the run is not complete."""
        return cls(Run.complete(folder))

    @cached_property
    def displacement(self) -> sitk.Image:
        """The whole transform as a vector image in LPS mm, initialisation included; float64."""
        return sitk.Cast(self.run.image("displacement"), sitk.sitkVectorFloat64)

    @cached_property
    def transform(self) -> sitk.Transform:
        """Maps fixed to moving points."""
        return geometry.displacement_transform(self.displacement)

    @property
    def ndim(self) -> int:
        return int(self.displacement.GetDimension())

    def fixed_grid(self) -> sitk.Image:
        """An image on the grid of the original fixed image."""
        return self.run.image("warped")

    def determinant(self, grid: sitk.Image) -> np.ndarray:
        """The determinant of the transform's derivative on `grid` `(*spatial,)`; 0 where it is not known."""
        jacobian = self.run.image("jacobian")
        return geometry.array(geometry.resample(jacobian, grid, geometry.identity(self.ndim)))

    def known(self, grid: sitk.Image) -> np.ndarray:
        """Where on `grid` `(*spatial,)` the transform is known."""
        return geometry.coverage(self.displacement, grid, geometry.identity(self.ndim))

    def warp(
        self, image: sitk.Image, grid: sitk.Image, interpolation: Interpolation, mass_preserving: bool = False
    ) -> sitk.Image:
        """An image of the moving side on `grid`; where the transform is not known, the value for "no data".

        With `mass_preserving` times `determinant`: the integral of an intensity per mm³, such as an activity, is then
        that in `image`. Folded voxels count negative, which keeps the integral.
        """
        values = geometry.array(geometry.warp_image(image, grid, self.transform, interpolation))
        if mass_preserving:
            values = values * self.determinant(grid)
        values[~self.known(grid)] = geometry.background(image, interpolation)
        return geometry.image(values, grid)
