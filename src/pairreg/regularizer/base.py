"""The base of all regularisers, and the finite differences and weighted means that they share."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pairreg.arrays import FieldTensor, ImageTensor, Scalar
from pairreg.backend import Tensor, tf
from pairreg.validation import Checked, NonNegative

Spacing = Sequence[float] | Tensor


@dataclass(frozen=True, kw_only=True)
class Regularizer(Checked):
    """The base of preferences among displacement fields. Subclasses have one or both of the two hooks below.

    **Arguments:** `weight`: factor of the penalty in the objective (`penalty` returns the unweighted value).
    `stiffness`: factors of the penalty inside the labels of the fixed image, by their name or number; 1 elsewhere.
    """

    weight: NonNegative = 1.0
    # not compared: compiled graphs are found by equality, and the map enters them as an input
    stiffness: Mapping[str | int, NonNegative] | None = dataclasses.field(default=None, compare=False)

    does_nothing: ClassVar[bool] = False  # True only for the option `none`
    # The setting whose increase makes the field more regular: what comparisons at equal regularity vary.
    strength: ClassVar[str | None] = "weight"

    def problem(self) -> str | None:
        if not (self.has_penalty or self.has_constraint or self.does_nothing):
            name = f"{type(self).__module__}.{type(self).__qualname__}"
            hooks = "penalty(field, spacing) or constrain(field, spacing)"
            return f"{name} should define {hooks}; it defines neither, so it would do nothing."
        if self.stiffness is not None and not self.has_penalty:
            return "stiffness scales a penalty, and there is none here: leave it out."
        return None

    def penalty(self, field: FieldTensor, spacing: Spacing, stiffness: ImageTensor | None = None) -> Scalar:
        """Return a scalar to be minimised: a mean over voxels, unweighted.

        **Arguments:** `field` `(*spatial, ndim)` in voxels, what the optimisation has found, without the start, also a
        dense one; `spacing` in mm, both in array axis order; `stiffness` `(*spatial,)`: a factor per voxel,
        None for 1 everywhere. A difference between two voxels has the mean of their factors.
        """
        raise NotImplementedError

    def constrain(self, field: FieldTensor, spacing: Spacing) -> FieldTensor:
        """Return the field that is used instead of `field`, in the warp and in all penalties.

        Arguments as of `penalty`; the returned field is in voxels, too.
        """
        del spacing
        return field

    @property
    def has_penalty(self) -> bool:
        """Whether it adds a term to the objective."""
        return type(self).penalty is not Regularizer.penalty

    @property
    def has_constraint(self) -> bool:
        """Whether it changes the field before warping."""
        return type(self).constrain is not Regularizer.constrain


def in_mm(field: FieldTensor, spacing: Spacing) -> tuple[Tensor, list[Tensor]]:
    """Return the displacements in mm, and the spacing per axis as scalars of the field's dtype."""
    field = as_field(field)
    steps = as_spacing(spacing, field)
    return field * steps, tf.unstack(steps)


def as_field(field: FieldTensor) -> FieldTensor:
    """Return the field as a floating-point tensor.

    Raises `ValueError`, which says what a field is, for other shapes.
    """
    field = tf.convert_to_tensor(field)
    if len(field.shape) not in (3, 4) or field.shape[-1] != len(field.shape) - 1:
        raise ValueError(f"field should be (rows, columns, 2) or (slices, rows, columns, 3); it is {field.shape}")
    return field if field.dtype.is_floating else tf.cast(field, tf.float32)


def as_spacing(spacing: Spacing, field: FieldTensor) -> Tensor:
    """Return the spacing in the field's dtype; raises `ValueError` if it is not one number per axis."""
    # float64 for Python numbers: float32, the default, would round them for a field of float64
    steps = tf.convert_to_tensor(spacing, dtype_hint=tf.float64)
    if steps.shape != field.shape[-1:]:
        raise ValueError(f"spacing should have {field.shape[-1]} numbers, one per axis; its shape is {steps.shape}")
    return tf.cast(steps, field.dtype)


def as_stiffness(stiffness: ImageTensor | None, field: FieldTensor) -> ImageTensor | None:
    """Return the stiffness in the field's dtype; raises `ValueError` if it is not one number per voxel.

    One of another shape would be broadcast.
    """
    if stiffness is None:
        return None
    stiffness = tf.convert_to_tensor(stiffness)
    if stiffness.shape != field.shape[:-1]:
        raise ValueError(f"stiffness should be {field.shape[:-1]}, one number per voxel; it is {stiffness.shape}")
    return tf.cast(stiffness, field.dtype)


def forward(x: Tensor, axis: int) -> Tensor:
    """Return the forward differences along `axis`, one sample shorter; unlike central ones they see a checkerboard."""
    return part(x, axis, 1, None) - part(x, axis, None, -1)


def between(x: Tensor | None, axis: int) -> Tensor | None:
    """Return the means of neighbours along `axis`, where `forward` has their differences; None stays None."""
    return None if x is None else (part(x, axis, 1, None) + part(x, axis, None, -1)) / 2


def part(x: Tensor, axis: int, start: int | None, stop: int | None) -> Tensor:
    """Return the samples `start` to `stop` of `x` along `axis`."""
    return x[(slice(None),) * axis + (slice(start, stop),)]


def differentiable_axes(field: FieldTensor) -> list[int]:
    """Return the axes with more than one voxel: along the others nothing can change."""
    return [axis for axis, size in enumerate(field.shape[:-1]) if size > 1]


def weighted_mean(density: ImageTensor, stiffness: ImageTensor | None) -> Scalar:
    """Return the mean of an energy density times its stiffness; `density` may have an axis of components at its end."""
    if stiffness is not None:
        density = density * (stiffness[..., None] if len(density.shape) > len(stiffness.shape) else stiffness)
    # a compiled float32 sum over millions of voxels loses digits
    return tf.cast(tf.reduce_mean(tf.cast(density, tf.float64)), density.dtype)


def total(density: ImageTensor) -> Scalar:
    """Return the sum over all voxels, in 64 bits as in `weighted_mean`."""
    return tf.cast(tf.reduce_sum(tf.cast(density, tf.float64)), density.dtype)
