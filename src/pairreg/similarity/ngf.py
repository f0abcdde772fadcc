"""Normalised gradient fields."""

from dataclasses import dataclass
from typing import final

from pairreg.arrays import ImageTensor, MaskTensor, Scalar
from pairreg.backend import Tensor, tf
from pairreg.similarity.base import Similarity, masked_mean, tiny
from pairreg.validation import Positive


@final
@dataclass(frozen=True, kw_only=True)
class NGF(Similarity):
    """Compares the directions of edges: `1 - mean(⟨n(f), n(w)⟩²)`, `n(x) = ∇x / √(|∇x|² + ε²)`.

    It is for images of different modality. The loss goes from 0 (best: edges everywhere, all parallel) to 1 (no
    parallel edges). Only the line along which an image changes counts, not how much it changes and in which sense: maps
    `a f + b` of either sign change nothing. Flat regions (|∇x| far below ε) count as no match, so the value of two
    equal images is their flat share.

    The gradient is per voxel, by central differences, one-sided at the border and where a neighbour is outside the
    mask. Unlike compact ones they belong to the voxel's centre along all axes, and carry half the noise: on the bundled
    CT with noise of 5 %, a shift raises the loss by half as much again as with forward differences. On anisotropic
    voxels directions are those of the voxel grid, in both images alike.

    **Arguments:** `edge`: ε in units of the image's root mean squared gradient; below it, a gradient is noise.

    Source: Haber & Modersitzki, MICCAI 2006, LNCS 4191:726.
    """

    edge: Positive = 0.3

    def loss(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor) -> Scalar:
        axes = range(len(fixed.shape))
        f, w = ([_derivative(image, mask, axis) for axis in axes] for image in (fixed, warped))
        product = sum(a * b for a, b in zip(f, w, strict=True))
        # Two quotients: the gradient of one has the product of the norms squared, which underflows in faint images.
        parallel = (product / self.squared_norm(f, mask)) * (product / self.squared_norm(w, mask))
        return 1 - masked_mean(parallel, mask)

    def squared_norm(self, gradient: list[Tensor], mask: MaskTensor) -> ImageTensor:
        """Return `|∇x|² + ε²` of every voxel."""
        squared = sum(component**2 for component in gradient)
        return squared + self.edge**2 * masked_mean(squared, mask) + tiny(mask)


def _derivative(image: ImageTensor, mask: MaskTensor, axis: int) -> ImageTensor:
    """Return the mean of the differences to the two neighbours along `axis`, per voxel.

    Only differences with both ends in the mask count; without any the result is 0.
    """
    behind = (slice(None),) * axis
    upper, lower = (*behind, slice(1, None)), (*behind, slice(None, -1))
    usable = mask[upper] * mask[lower]
    difference = (image[upper] - image[lower]) * usable
    return _both_sides(difference, axis) / tf.maximum(_both_sides(usable, axis), 1)


def _both_sides(x: Tensor, axis: int) -> Tensor:
    """Return the sum of the values on the links before and after each voxel."""
    before, after = ([[0, 0]] * len(x.shape) for _ in range(2))
    before[axis], after[axis] = [1, 0], [0, 1]
    return tf.pad(x, before) + tf.pad(x, after)
