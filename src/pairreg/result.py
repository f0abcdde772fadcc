"""What a registration leaves: the field, the warped images, the metrics and the curves."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.carry import Interpolation, carry
from pairreg.optimization.history import History
from pairreg.optimization.resampled_pair import ResampledPair
from pairreg.pair.pair import Pair


@dataclasses.dataclass(frozen=True)
class Result:
    """**Attributes:**

    - `field`: `(*spatial, ndim)`, voxels of the fixed grid, array axis order, without the initialisation.
    - `inverse`: the inverse of `field`, likewise, of a diffeomorphic transform.
    - `displacement`: the whole transform as a vector image in LPS mm, initialisation included.
    - `metrics`: final metrics by name, and those before registration and after the initialisation under
      `before/<name>` and `initial/<name>`.
    - `history`: the curve of every term.
    """

    pair: Pair
    prepared: ResampledPair
    field: np.ndarray
    inverse: np.ndarray | None
    history: History
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @cached_property
    def displacement(self) -> sitk.Image:
        return geometry.total_displacement(self.field, self.prepared.pair.fixed, self.prepared.initial)

    @cached_property
    def inverse_displacement(self) -> sitk.Image | None:
        """Maps moving to fixed points: a vector image in LPS mm on the moving grid, initialisation included."""
        if self.inverse is None:
            return None
        identity = sitk.Transform(self.pair.ndim, sitk.sitkIdentity)
        deformation = geometry.total_displacement(self.inverse, self.prepared.pair.fixed, identity)
        back = sitk.CompositeTransform(
            [geometry.displacement_transform(deformation), self.prepared.initial.GetInverse()]
        )
        moving = self.pair.moving
        geometry_of = (moving.GetSize(), moving.GetOrigin(), moving.GetSpacing(), moving.GetDirection())
        return sitk.TransformToDisplacementField(back, sitk.sitkVectorFloat32, *geometry_of)

    @cached_property
    def transform(self) -> sitk.Transform:
        """Maps fixed to moving points."""
        return geometry.displacement_transform(self.displacement)

    @property
    def warped(self) -> np.ndarray:
        """The moving image on the fixed grid `(*spatial,)`, in its own intensities, interpolated once."""
        return geometry.array(self.warped_image)

    @cached_property
    def warped_image(self) -> sitk.Image:
        return self.carry(self.pair.moving)

    @cached_property
    def warped_labels(self) -> sitk.Image | None:
        return None if self.pair.moving_labels is None else self.carry(self.pair.moving_labels, "nearest")

    def carry(self, image: sitk.Image, interpolation: Interpolation = "linear") -> sitk.Image:
        """An image of the moving side on the grid of the original fixed image."""
        return carry(image, self.pair.fixed, self.transform, interpolation)

    def save(
        self, folder: str | Path, config: Mapping[str, Any] | None = None, choices: Mapping[str, str] | None = None
    ) -> None:
        """Write the run folder; `result.json` comes last, by rename.

        `config` and `choices` (the option of every group, such as `{"similarity": "ncc"}`) are kept with it.
        """
        from pairreg.runs.write import save

        save(self, Path(folder), config or {}, choices or {})
