"""The base of all terms that compare, and the statistics over a mask that similarities share."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pairreg.arrays import ImageTensor, Mask, MaskTensor, Scalar
from pairreg.backend import Tensor, tf
from pairreg.markers import Neutral
from pairreg.validation import Checked, NonNegative

IMAGE, LABELS = "image", "labels"  # what a similarity can be on, besides the channels by their names


@dataclass(frozen=True, kw_only=True)
class DataTerm(Checked, ABC):
    """The base of terms of an objective that compare something of the fixed with something of the moving side.

    **Arguments:** `weight`: its factor in the objective, at least 0 (calling a term returns the unweighted value).
    """

    weight: NonNegative = 1.0


@dataclass(frozen=True, kw_only=True)
class Similarity(DataTerm):
    """The base of losses that compare the fixed with the warped image and are minimised.

    **Arguments:**

    - `weight`: its factor in the objective, at least 0 (calling the similarity returns the unweighted value).
    - `on`: what it compares: `image`, the name of a channel that both sides have, or `labels`. Of label maps (and
      channels of an integer type) it sees one map per label that both have, 1 inside and 0 outside with linear
      interpolation between, and the loss is the mean over these.
    - `mass_preserving`: multiply the warped intensities, which have to be densities, by the Jacobian determinant of the
      whole transform, so that tissue that is compressed becomes denser. Channels count as they are, divided by the
      highest value of the fixed one; images need `preprocessing=window`, whose lower limit is the intensity of no mass.
    """

    on: Annotated[str, Neutral(IMAGE)] = IMAGE
    mass_preserving: Annotated[bool, Neutral(False)] = False

    def problem(self) -> str | None:
        """Return what is wrong with several settings together, as a sentence; None if nothing is."""
        if self.mass_preserving and self.on == LABELS:
            return "mass_preserving is for intensities, and on is labels; leave one of them out."
        return None

    def label_shares(self, labels: Sequence[int], names: Mapping[int, str]) -> Sequence[float]:
        """Return how much each of `labels`, called `names`, counts in the mean over labels; 0 for one that is left out.

        Raises `InputError` if a setting names a label that is not there.
        """
        del names
        return [1.0] * len(labels)

    def __call__(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor | None = None) -> Scalar:
        """Return the unweighted loss of two images `(*spatial,)`, differentiable in `warped`.

        With `mask` only the voxels count where it is above 0; the others may hold anything, NaN included. Raises
        `ValueError` for integers, and for shapes or dtypes that differ.
        """
        fixed, warped = _as_floats("fixed", fixed), _as_floats("warped", warped)
        _check_alike("warped", warped, fixed)
        if mask is None:
            return self.loss(fixed, warped, tf.ones(fixed.shape, fixed.dtype))
        inside = tf.cast(tf.convert_to_tensor(mask), fixed.dtype) > 0
        _check_alike("mask", tf.cast(inside, fixed.dtype), fixed)
        zero = tf.zeros((), fixed.dtype)  # not a product with the mask: 0 * NaN is NaN
        return self.loss(tf.where(inside, fixed, zero), tf.where(inside, warped, zero), tf.cast(inside, fixed.dtype))

    def uncounted(self, mask: Mask) -> str | None:
        """Return which voxels the loss counts, if none of `mask` `(*spatial,)`, bool, is one of them; else None.

        The sentence goes on after "it counts voxels". The loss would be a constant.
        """
        return None if mask.any() else "inside the mask"

    def unfit_range(self, low: float, high: float) -> str | None:
        """Return why the loss is not meant for intensities from `low` to `high`, as a sentence; None if it is."""
        del low, high
        return None

    @abstractmethod
    def loss(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor) -> Scalar:
        """Return the loss; `mask` is 1 or 0, and both images are 0 where it is 0."""


def outside_of_0_to_1(low: float, high: float) -> str | None:
    """Return `Similarity.unfit_range` of a loss for intensities from 0 to 1."""
    said = f"it is for intensities from 0 to 1, and they go from {low:g} to {high:g}; leave preprocessing.range out."
    return None if 0 <= low and high <= 1 else said


def _as_floats(name: str, image: ImageTensor) -> ImageTensor:
    image = tf.convert_to_tensor(image)
    if not image.dtype.is_floating:
        raise ValueError(f"{name} should hold floating-point numbers; it holds {image.dtype.name}")
    return image


def _check_alike(name: str, image: ImageTensor, fixed: ImageTensor) -> None:
    if image.shape != fixed.shape:
        raise ValueError(f"{name} should have the shape of fixed, {fixed.shape}; it has {image.shape}")
    if image.dtype != fixed.dtype:
        raise ValueError(f"{name} should be {fixed.dtype.name} like fixed; it is {image.dtype.name}")


def total(x: ImageTensor) -> Scalar:
    """Return the sum over all voxels, accumulated in float64.

    XLA adds float32 one by one: over 20 million voxels that is 1 % off, and counts stop at 2^24.
    """
    return tf.cast(tf.reduce_sum(tf.cast(x, tf.float64)), x.dtype)


def masked_mean(x: ImageTensor, mask: MaskTensor) -> Scalar:
    """Return the mean of `x` over the mask; 0 for an empty mask."""
    return total(x * mask) / tf.maximum(total(mask), 1)


def tiny(x: Tensor) -> float:
    """Return a variance that vanishes beside that of any image, and whose square does not underflow to 0."""
    return 1e-14 if x.dtype == tf.float32 else 1e-20
