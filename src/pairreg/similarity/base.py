"""What every similarity is, and the statistics over a mask that they share."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from pairreg.backend import Tensor, tf


@dataclass(frozen=True, kw_only=True)
class Similarity(ABC):
    """A loss between the fixed and the warped image, to be minimised.

    **Arguments:** `weight`: its factor in the objective, at least 0 (calling the similarity returns the unweighted
    value).
    """

    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"weight should be a number of at least 0; it is {self.weight}")

    def __call__(self, fixed: Tensor, warped: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss of two images `(*spatial,)`, differentiable in `warped`; with `mask`, only its voxels count.

        Voxels outside the mask (where it is not above 0) may hold anything, NaN included.
        """
        fixed, warped = as_floats("fixed", fixed), as_floats("warped", warped)
        check_alike("warped", warped, fixed)
        if mask is None:
            return self.loss(fixed, warped, tf.ones(fixed.shape, fixed.dtype))
        inside = tf.cast(tf.convert_to_tensor(mask), fixed.dtype) > 0
        check_alike("mask", tf.cast(inside, fixed.dtype), fixed)
        zero = tf.zeros((), fixed.dtype)  # not a product with the mask: 0 * NaN is NaN
        return self.loss(tf.where(inside, fixed, zero), tf.where(inside, warped, zero), tf.cast(inside, fixed.dtype))

    @abstractmethod
    def loss(self, fixed: Tensor, warped: Tensor, mask: Tensor) -> Tensor:
        """The loss; `mask` is 1 or 0, and both images are 0 where it is 0."""

    def check_positive(self, *names: str) -> None:
        for name in names:
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} should be a number above 0; it is {getattr(self, name)}")

    def check_window(self) -> None:
        window: int = getattr(self, "window")  # noqa: B009 (only some similarities have one)
        if window < 3 or window % 2 == 0:
            raise ValueError(f"window should be an odd number of at least 3 voxels; it is {window}")


def as_floats(name: str, image: Tensor) -> Tensor:
    image = tf.convert_to_tensor(image)
    if not image.dtype.is_floating:
        raise ValueError(f"{name} should hold floating-point numbers; it holds {image.dtype.name}")
    return image


def check_alike(name: str, image: Tensor, fixed: Tensor) -> None:
    if image.shape != fixed.shape:
        raise ValueError(f"{name} should have the shape of fixed, {fixed.shape}; it has {image.shape}")
    if image.dtype != fixed.dtype:
        raise ValueError(f"{name} should be {fixed.dtype.name} like fixed; it is {image.dtype.name}")


def total(x: Tensor) -> Tensor:
    """Sum over all voxels, accumulated in float64.

    XLA adds float32 one by one: over 20 million voxels that is 1 % off, and counts stop at 2^24.
    """
    return tf.cast(tf.reduce_sum(tf.cast(x, tf.float64)), x.dtype)


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean of `x` over the mask; 0 for an empty mask."""
    return total(x * mask) / tf.maximum(total(mask), 1)


def tiny(x: Tensor) -> float:
    """A variance that vanishes beside that of any image, and whose square does not underflow to 0."""
    return 1e-14 if x.dtype == tf.float32 else 1e-20
