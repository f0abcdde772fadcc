"""The transform of a finished run, from its folder."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.runs.names import COMPLETE
from pairreg.carry import Interpolation, carry, fill


@dataclass(frozen=True)
class Finished:
    """The run in `folder`. Its transform is known on the grid of `displacement`: beyond, nothing was optimised.

    Raises `InputError` if the run is not complete.
    """

    folder: Path

    def __post_init__(self) -> None:
        if not (self.folder / COMPLETE).is_file():
            raise InputError(f"{self.folder} has no {COMPLETE}; give the folder of a run that has finished.")

    @cached_property
    def displacement(self) -> sitk.Image:
        """In LPS mm, initialisation included; float64."""
        return sitk.ReadImage(str(self.folder / "displacement.nii.gz"), sitk.sitkVectorFloat64)

    @cached_property
    def transform(self) -> sitk.Transform:
        """Maps fixed to moving points."""
        return geometry.displacement_transform(self.displacement)

    @cached_property
    def identity(self) -> sitk.Transform:
        return sitk.Transform(self.ndim, sitk.sitkIdentity)

    @property
    def ndim(self) -> int:
        return int(self.displacement.GetDimension())

    def fixed_grid(self) -> sitk.Image:
        """An image on the grid of the original fixed image."""
        return sitk.ReadImage(str(self.folder / "warped.nii.gz"))

    def determinant(self, grid: sitk.Image) -> np.ndarray:
        """Of the derivative of the whole transform, on `grid` `(*spatial,)`; 0 where it is not known."""
        jacobian = sitk.ReadImage(str(self.folder / "jacobian.nii.gz"))
        return geometry.array(geometry.resample(jacobian, grid, self.identity))

    def known(self, grid: sitk.Image) -> np.ndarray:
        """Where on `grid` `(*spatial,)` the transform is known."""
        return geometry.coverage(self.displacement, grid, self.identity)

    def carry(
        self, image: sitk.Image, grid: sitk.Image, interpolation: Interpolation, mass_preserving: bool = False
    ) -> sitk.Image:
        """`carry`, also where the transform is not known with the value for "no data".

        With `mass_preserving` times `determinant`: the integral of an intensity per mm³, such as an activity, is then
        that in `image`. Folded voxels count negative, which keeps the integral.
        """
        values = geometry.array(carry(image, grid, self.transform, interpolation))
        if mass_preserving:
            values = values * self.determinant(grid)
        values[~self.known(grid)] = fill(image, interpolation)
        return geometry.image(values, grid)
