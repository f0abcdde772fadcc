"""What a registration returns: the field, the warped images, the metrics and the curves."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry, metrics, whole_transform
from pairreg.arrays import Field, Image
from pairreg.files import expanded
from pairreg.geometry import Interpolation
from pairreg.metrics.catalogue import CATALOGUE
from pairreg.optimization.history import History
from pairreg.optimization.resampled_pair import ResampledPair
from pairreg.pair.pair import Pair
from pairreg.runs.figure_arrays import FigureArrays
from pairreg.runs.identity import Input


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of a registration; images in the intensities of the original files are computed when asked for.

    **Attributes:**

    - `pair`: as it was given; `prepared`: after preprocessing and initialisation.
    - `field`: `(*spatial, ndim)`, voxels of the fixed grid, array axis order, without the linear part of the
      initialisation, but with the displacements of a dense one.
    - `inverse`: the inverse of `field`, likewise, of a diffeomorphic transform; the other direction of a symmetric one.
    - `displacement`: the whole transform as a vector image in LPS mm on the fixed grid, initialisation included.
    - `transform`: the same as a transform of SimpleITK, also beyond the fixed grid.
    - `metrics`: final metrics by name, and those before registration and after the initialisation under `before/<name>`
      and `initial/<name>`.
    - `history`: the curve of every term: `history["loss"]`, `history["similarity/ncc"]` and so on, `(iterations,)`,
      those of terms without their weights; `ValueError` for another name.
    - `exact`: the transform that another method found, or that began with one that is not linear; None: `field` after
      the initialisation is all there is to it.
    - `programs`: versions of the programs of others that found it, by name.
    """

    pair: Pair
    prepared: ResampledPair
    field: Field
    inverse: Field | None
    history: History
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    exact: sitk.Transform | None = None
    programs: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @cached_property
    def displacement(self) -> sitk.Image:
        """The whole transform, initialisation included: a vector image in LPS mm on the preprocessed fixed grid."""
        return geometry.total_displacement(self.field, self.prepared.pair.fixed, self.prepared.initial)

    @cached_property
    def inverse_displacement(self) -> sitk.Image | None:
        """The map from moving to fixed points as a vector image in LPS mm on the moving grid, initialisation included.

        None if the transform has no inverse.
        """
        if self.inverse is None:
            return None
        deformation = whole_transform.faded(self.inverse, self.prepared.pair.fixed)
        back = sitk.CompositeTransform(
            [geometry.displacement_transform(deformation), self.prepared.initial.GetInverse()]
        )
        moving = self.pair.moving
        grid = (moving.GetSize(), moving.GetOrigin(), moving.GetSpacing(), moving.GetDirection())
        return sitk.TransformToDisplacementField(back, sitk.sitkVectorFloat32, *grid)

    @cached_property
    def inverse_consistency(self) -> sitk.Image | None:
        """How far from each point the way by `field` and back by `inverse` ends, in mm, on the preprocessed fixed grid.

        None if there is no `inverse`, which is held constant beyond the grid.
        """
        if self.inverse is None:
            return None
        from pairreg.metrics.consistency import inverse_consistency_in_mm  # imports SciPy

        missed = inverse_consistency_in_mm(self.field, self.inverse, self.prepared.spacing)
        return geometry.image(missed.astype(np.float32), self.prepared.pair.fixed)

    @cached_property
    def transform(self) -> sitk.CompositeTransform:
        """The map from fixed to moving points, also beyond the fixed image; see `pairreg.whole_transform`."""
        if self.exact is not None:
            return sitk.CompositeTransform(whole_transform.parts(self.exact))
        return whole_transform.whole(self.field, self.prepared.pair.fixed, self.prepared.initial)

    @cached_property
    def jacobian(self) -> sitk.Image:
        """The determinant of the whole transform's derivative, initialisation included, on the preprocessed grid."""
        fixed = self.prepared.pair.fixed
        matrix, _ = geometry.linear_part(self.prepared.initial, fixed.GetDimension())
        determinant = metrics.jacobian_determinant(self.field) * np.linalg.det(matrix)
        return geometry.image(determinant.astype(np.float32), fixed)

    @property
    def warped(self) -> Image:
        """The moving image on the fixed grid `(*spatial,)`, in its own intensities, interpolated once."""
        return geometry.array(self.warped_image)

    @cached_property
    def warped_image(self) -> sitk.Image:
        """The moving image on the original fixed grid, in its own intensities, interpolated once."""
        return self.warp(self.pair.moving)

    @cached_property
    def warped_labels(self) -> sitk.Image | None:
        """The moving label map on the original fixed grid, by nearest neighbour; None if the pair has none."""
        return None if self.pair.moving_labels is None else self.warp(self.pair.moving_labels, "nearest")

    @cached_property
    def warped_channels(self) -> Mapping[str, sitk.Image]:
        """The channels of the pair on the original fixed grid, by name; label maps by nearest neighbour."""
        return {
            name: self.warp(channel, geometry.channel_interpolation(channel))
            for name, channel in self.pair.channels.items()
        }

    @cached_property
    def figure_arrays(self) -> FigureArrays:
        """The arrays that figures show: images, labels and channels on the preprocessed fixed grid, and the field."""
        pair, grid, initial = self.prepared.pair, self.prepared.pair.fixed, self.prepared.initial
        background = geometry.minimum(pair.moving)
        channels = {
            name: geometry.warp_image(channel, grid, self.transform, geometry.channel_interpolation(channel))
            for name, channel in pair.channels.items()
        }
        return FigureArrays(
            name=pair.name,
            fixed=pair.from_0_to_1(self.prepared.fixed),
            moving=pair.from_0_to_1(self.prepared.inner_moving),
            warped=pair.from_0_to_1(
                geometry.array(geometry.resample(pair.moving, grid, self.transform, fill=background))
            ),
            field=self.field,
            spacing=self.prepared.spacing,
            direction=grid.GetDirection(),
            fixed_labels=_labels_on(grid, pair.fixed_labels, geometry.identity(pair.ndim)),
            moving_labels=_labels_on(grid, pair.moving_labels, initial),
            warped_labels=_labels_on(grid, pair.moving_labels, self.transform),
            label_names=pair.label_names,
            channels={name: geometry.array(channel) for name, channel in channels.items()},
            fixed_landmarks=_voxels_on(grid, pair.fixed_landmarks, geometry.identity(pair.ndim)),
            moving_landmarks=_voxels_on(grid, pair.moving_landmarks, initial.GetInverse()),
        )

    def warp(self, image: sitk.Image, interpolation: Interpolation = "linear") -> sitk.Image:
        """Return an image of the moving side, interpolated once, on the grid of the original fixed image.

        `interpolation`: `linear`, for intensities; `nearest`; or `label`, the label whose indicator is highest. Where
        the image does not reach, the result has its lowest intensity (0 of labels).
        """
        return geometry.warp_image(image, self.pair.fixed, self.transform, interpolation)

    def __repr__(self) -> str:
        """Return the name of the pair and the metrics that a table on the terminal has."""
        found = [
            f"{one.label} {one.text(self.metrics[one.name])}"
            for one in CATALOGUE
            if one.name in self.metrics and one.in_terminal and one.is_shown(self.metrics)
        ]
        return f"Result({', '.join([repr(self.pair.name), *found])})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the metrics before and after, and the images in `overview.png` of a run."""
        from pairreg.figures.html import embedded, metrics_table
        from pairreg.runs.draw import draw_overview  # imports Matplotlib

        name = self.prepared.pair.name
        return metrics_table(self.metrics) + embedded(partial(draw_overview, self.figure_arrays), name)

    def save(
        self,
        folder: str | Path,
        config: Mapping[str, Any] | None = None,
        choices: Mapping[str, str] | None = None,
        inputs: Sequence[Input] = (),
    ) -> None:
        """Write the run folder; `result.json`, which says that the run is complete, comes last and by rename.

        A result that is there already is replaced once this one is complete.

        **Arguments:** kept in the folder: `config`; `choices`, the option of every group, such as `{"similarity":
        "ncc"}`; `inputs`, the files that the run depends on.
        """
        from pairreg.runs.write import write  # imports Matplotlib for the figures

        # `.` and `..` have no name, by which what is half done is called.
        place = expanded(folder).resolve() if Path(folder).name in ("", "..") else expanded(folder)
        is_here = place.exists() and place.samefile(".")
        write(self, place, config or {}, choices or {}, inputs)
        if is_here:  # another folder may have its name now, and the one in which this process works be gone
            os.chdir(place)


def _labels_on(grid: sitk.Image, labels: sitk.Image | None, transform: sitk.Transform) -> np.ndarray | None:
    return None if labels is None else geometry.array(geometry.resample(labels, grid, transform, nearest=True))


def _voxels_on(grid: sitk.Image, points: np.ndarray | None, transform: sitk.Transform) -> np.ndarray | None:
    """Return points `(n, ndim)` in LPS mm after a transform, in voxels of `grid`, array axis order."""
    if points is None:
        return None
    moved = [transform.TransformPoint(point) for point in points.tolist()]
    return geometry.voxels_of(np.array(moved), grid)[:, ::-1]
