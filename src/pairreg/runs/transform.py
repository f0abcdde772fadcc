"""The transform of a finished run, which carries further images and points along."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import SimpleITK as sitk

from pairreg import geometry, whole_transform
from pairreg.geometry import Interpolation
from pairreg.runs.read import Run


@dataclass(frozen=True)
class RunTransform:
    """The transform of `run`, defined everywhere; see `pairreg.whole_transform`."""

    run: Run

    @classmethod
    def read(cls, folder: Path) -> "RunTransform":
        """Return the transform of the run in `folder`; raises `InputError` if the run is not complete."""
        return cls(Run.complete(folder))

    @cached_property
    def transform(self) -> sitk.CompositeTransform:
        """The map from fixed to moving points, as a transform of SimpleITK."""
        return self.run.transform

    @property
    def ndim(self) -> int:
        """The number of dimensions, 2 or 3."""
        return int(self.transform.GetDimension())

    def fixed_grid(self) -> sitk.Image:
        """Return an image on the grid of the original fixed image."""
        return self.run.image("warped")

    def warp(
        self, image: sitk.Image, grid: sitk.Image, interpolation: Interpolation, mass_preserving: bool = False
    ) -> sitk.Image:
        """Return an image of the moving side on `grid`, which may reach beyond the fixed image.

        With `mass_preserving` it is multiplied by the determinant of the transform's derivative: the integral of an
        intensity per mm³, such as an activity, is then that in `image`. Folded voxels count negative, which keeps the
        integral.
        """
        warped = geometry.warp_image(image, grid, self.transform, interpolation)
        if not mass_preserving:
            return warped
        values = geometry.array(warped) * whole_transform.determinant(self.transform, grid)
        return geometry.image(values, grid)
