"""What every similarity is, and the masked statistics that they share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pairreg.backend import Tensor, tf
from pairreg.separable import along_axes, window_matrix


@dataclass(frozen=True, kw_only=True)
class Similarity(ABC):
    """A loss between the fixed and the warped image, to be minimised.

    **Arguments:** `weight`: its factor in the objective (calling the similarity returns the unweighted value).
    """

    weight: float = 1.0

    def __call__(self, fixed: Tensor, warped: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss of two images `(*spatial,)`, differentiable in `warped`; with `mask`, only its voxels count.

        Voxels outside the mask may hold anything, NaN included.
        """
        fixed, warped = tf.convert_to_tensor(fixed), tf.convert_to_tensor(warped)
        if fixed.shape != warped.shape:
            raise ValueError(f"fixed {fixed.shape} and warped {warped.shape} differ in shape")
        if mask is None:
            return self.loss(fixed, warped, tf.ones(fixed.shape, fixed.dtype))
        mask = tf.cast(tf.convert_to_tensor(mask), fixed.dtype) > 0
        zero = tf.zeros((), fixed.dtype)  # not a product with the mask: 0 * NaN is NaN
        return self.loss(tf.where(mask, fixed, zero), tf.where(mask, warped, zero), tf.cast(mask, fixed.dtype))

    @abstractmethod
    def loss(self, fixed: Tensor, warped: Tensor, mask: Tensor) -> Tensor:
        """The loss; `mask` is 1 or 0, and both images are 0 where it is 0."""


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean of `x` over the mask; 0 for an empty mask."""
    return tf.reduce_sum(x * mask) / tf.maximum(tf.reduce_sum(mask), 1)


def window_statistics(
    fixed: Tensor, warped: Tensor, mask: Tensor, taps: Sequence[np.ndarray], valid: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Means of `fixed` and `warped`, their variances, their covariance, and the part of each window in the mask.

    Each window averages over its voxels in the mask only, so neither the border nor what lies outside the mask leaks
    in. Both images are shifted by a common constant first: `E[x²] - E[x]²` of a bright flat window loses all its digits
    otherwise (NUMERICS D1).
    """
    matrices = [window_matrix(n, t, valid) for n, t in zip(fixed.shape, taps, strict=True)]
    shift = masked_mean(fixed, mask)
    f, w = (fixed - shift) * mask, (warped - shift) * mask
    products = along_axes(tf.stack([mask, f, w, f * f, w * w, f * w], axis=-1), matrices)
    weight, *moments = tf.unstack(products, axis=-1)
    mean_f, mean_w, ff, ww, fw = (m / tf.maximum(weight, 1e-6) for m in moments)
    variance_f, variance_w = tf.nn.relu(ff - mean_f**2), tf.nn.relu(ww - mean_w**2)
    return mean_f + shift, mean_w + shift, variance_f, variance_w, fw - mean_f * mean_w, weight


def tiny(x: Tensor) -> float:
    """A number that vanishes beside any image variance, and whose square does not underflow to 0."""
    return 1e-14 if x.dtype == tf.float32 else 1e-20
