"""A dense start for large motion: the best of many displacements at control points, made smooth."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, final

import SimpleITK as sitk
from pydantic import Field as Range

from pairreg import geometry, whole_transform
from pairreg.arrays import Field
from pairreg.backend.memory import lack_of_memory
from pairreg.errors import InputError
from pairreg.initialization.affine import Affine
from pairreg.initialization.base import Initialization, Start, information
from pairreg.initialization.center_of_mass import CenterOfMass
from pairreg.initialization.control_points import ControlPoints
from pairreg.initialization.coupled_convex import Features, consistent, coupled_displacements, matching_costs, unfolded
from pairreg.initialization.intensity_search import IntensitySearch
from pairreg.initialization.none import NoInitialization
from pairreg.initialization.rigid import Rigid
from pairreg.markers import Neutral
from pairreg.pair.pair import Pair
from pairreg.similarity.mind import MIND
from pairreg.validation import Positive, shown

_LINEAR: Mapping[str, type[Initialization]] = {
    "none": NoInitialization,
    "center_of_mass": CenterOfMass,
    "rigid": Rigid,
    "affine": Affine,
}
_STEPS = {2: 48, 3: 40}  # along the longest side of the fixed image, if `step` is None
_FEWEST = 2  # voxels in such a step: finer points find nothing more
_REACH = 0.15  # of that side, if `reach` is None: 50 mm of a chest
_LEAST_VOLUME = 0.2  # of a cell, as in `regularizer=fast`: from just above 0 the optimisation after it would fold cells


@final
@dataclass(frozen=True, kw_only=True)
class Convex(Initialization):
    """Finds motion that is too large for a local search: tries every displacement within `reach` at control points.

    After a linear start, self-similarity descriptors (MIND-SSC) of both images are averaged over the cells of a coarse
    grid, so any two modalities can be compared. Every control point takes the displacement of the lowest cost, a whole
    number of steps, coupled to the mean displacement around it by rising weights. Cubic B-splines make a field of it.
    Where a cell shrinks to less than a fifth of its volume the displacements are smoothed, so the start does not fold.
    A descriptor counts where all that it compares lies in the image and its mask; points without any, or without
    structure, go with those around them. Labels are not used. Two runs give the same bits.

    If the images share less information (mutual information times overlap) after this than after the linear start, the
    run begins with that alone, and a warning says so: what looks alike everywhere may match anywhere.

    **Arguments:**

    - `linear`: the option that comes first, with its usual settings.
    - `search`: that of `linear`, if it is `rigid` or `affine`.
    - `step`: between control points in mm, about, as whole ones fill the image; None: a 48th (2-D) or 40th (3-D) of the
      longest side of the fixed image, at least two voxels.
    - `reach`: the largest displacement along each axis in mm, after the linear start; None: 0.15 of that side,
      at least a step.
    - `radius`, `dilation`: of the descriptor, see `pairreg.similarity.mind`, in thirds of a step.
    - `thetas`: rising weights of the squared distance (steps) from the mean around, beside a cost from 0 to 1.
    - `inverse_consistent`: whether the backward displacements are found as well, and both made inverses of each other;
      it takes twice the time.

    The costs take 4 bytes for every point and displacement, at most 0.6 GB with the usual settings. Raises
    `InputError` (when called) if they do not fit into the memory of this machine, or if `reach` is less than half a
    step.

    Source: Heinrich et al., WBIR 2014, LNCS 8545, doi 10.1007/978-3-319-08554-8_6, for the coupled optimisation;
    Siebert, Hansen and Heinrich, LNCS 13166 (2022), doi 10.1007/978-3-030-97281-3_25, for features and consistency.
    """

    linear: Literal["none", "center_of_mass", "rigid", "affine"] = "affine"
    search: Annotated[Literal["local", "wide"], Neutral("local")] = "local"
    step: Positive | None = None
    reach: Positive | None = None
    radius: Annotated[int, Range(ge=0, le=10)] = 1
    dilation: Annotated[int, Range(ge=1, le=10)] = 2
    thetas: list[Positive] = field(default_factory=lambda: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3])
    inverse_consistent: bool = True

    def problem(self) -> str | None:
        if not self.thetas or list(self.thetas) != sorted(self.thetas):
            return f"thetas should be one or more numbers that rise; they are {shown(self.thetas)}."
        if self.search == "wide" and not issubclass(_LINEAR[self.linear], IntensitySearch):
            return f"search=wide should come with linear=rigid or affine; it came with {self.linear}."
        return None

    def __call__(self, pair: Pair) -> sitk.Transform:
        return self.found(pair).transform

    @property
    def advice(self) -> str:
        return self._linear().advice

    def _linear(self) -> Initialization:
        option = _LINEAR[self.linear]
        return option(search=self.search) if issubclass(option, IntensitySearch) else option()

    def found(self, pair: Pair) -> Start:
        """Return the linear start with the displacements, or, if the images agree less after these, without."""
        linear = self._linear().found(pair)
        dense = self._dense(pair, linear.transform)
        before, after = information(pair, linear.transform, dense)
        if after >= before:
            return replace(linear, transform=dense)
        less = f"{after:.3g} nats per voxel, and {before:.3g} before them"
        warning = (
            f"The images of {pair.name} share less information after the displacements that initialization=convex "
            f"finds ({less}), so the registration begins without them."
        )
        return replace(linear, warnings=(warning, *linear.warnings))

    def _dense(self, pair: Pair, linear: sitk.Transform) -> sitk.Transform:
        """Return `linear` with the best displacements at the control points after it."""
        points, reach = self._points(pair.fixed)
        descriptor = MIND(radius=self.radius, dilation=self.dilation)
        fixed = points.features(pair.fixed, pair.fixed_mask, geometry.identity(pair.ndim), descriptor, reach)
        moving = points.features(pair.moving, pair.moving_mask, linear, descriptor, reach)
        found = self._displacements(fixed, moving, reach)
        if self.inverse_consistent:
            found = consistent(found, self._displacements(moving, fixed, reach))
        return whole_transform.whole(points.field(unfolded(found, _LEAST_VOLUME)), pair.fixed, linear)

    def _points(self, fixed: sitk.Image) -> tuple[ControlPoints, list[int]]:
        """Return the control points, and how many steps the window reaches along each axis (array axis order)."""
        side = max(n * h for n, h in zip(fixed.GetSize(), fixed.GetSpacing(), strict=True))
        usual = max(side / _STEPS[fixed.GetDimension()], _FEWEST * min(fixed.GetSpacing()))
        step = usual if self.step is None else self.step
        points = ControlPoints(fixed, step)
        millimetres = max(_REACH * side, step) if self.reach is None else self.reach
        reach = points.steps(millimetres)
        if not any(reach):
            smallest = min(points.spacing)
            raise InputError(
                f"initialization.reach is {millimetres:g} mm, less than half a step ({smallest:g} mm) between control "
                "points; give a longer reach or a smaller initialization.step."
            )
        what = f"initialization.step={step:g} with initialization.reach={millimetres:g} (mm)"
        lack = lack_of_memory(what, points.gigabytes(reach))
        if lack is not None:
            raise InputError(lack.replace("choose less", "choose a larger step or a shorter reach"))
        return points, reach

    def _displacements(self, source: Features, target: Features, reach: list[int]) -> Field:
        """Return the displacements `(ndim, *points)` in steps from each point of `source` to its match in `target`."""
        costs = matching_costs(source.inside(reach), target, reach)
        return coupled_displacements(costs, self.thetas)
