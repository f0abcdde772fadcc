"""The base of all similarities, and the statistics over a mask that they share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from pairreg.arrays import ImageTensor, MaskTensor, Scalar
from pairreg.backend import Tensor, tf
from pairreg.validation import Checked, NonNegative


@dataclass(frozen=True, kw_only=True)
class Similarity(Checked, ABC):
    """The base of losses that compare the fixed with the warped image and are minimised.

    **Arguments:** `weight`: its factor in the objective, at least 0 (calling the similarity returns the unweighted
    value).
    """

    weight: NonNegative = 1.0

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

    @abstractmethod
    def loss(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor) -> Scalar:
        """Return the loss; `mask` is 1 or 0, and both images are 0 where it is 0."""


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
