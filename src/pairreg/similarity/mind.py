"""The modality-independent neighbourhood descriptor in its self-similarity context."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, final

from pydantic import Field

from pairreg.arrays import ImageTensor, Mask, MaskTensor, Scalar
from pairreg.backend import Tensor, tf
from pairreg.similarity.base import Similarity, masked_mean, tiny
from pairreg.similarity.windows import box_taps, window_means

Offset = Sequence[int]


@final
@dataclass(frozen=True, kw_only=True)
class MIND(Similarity):
    """Compares images of different modality by the mean squared difference of local descriptors (MIND-SSC).

    A voxel's descriptor has one entry for each pair of its direct neighbours (at `dilation` voxels along the axes) that
    are not opposite each other, 12 pairs in 3-D and 4 in 2-D: `exp(-(D - min D) / V)`, D = mean squared difference of
    the patches around the two neighbours, V = mean over the pairs of D - min D, at least 1e-3 of its mean over the
    image. The loss goes from 0 (best: equal descriptors) to 1. Maps `a f + b` of either sign change nothing, also when
    they vary slowly over the image. Flat patches have the descriptor (1, …, 1), and match each other.

    Beyond the border of the image its border voxel is repeated. A voxel whose patches leave the mask does not count.

    **Arguments:** `radius`: of a patch in voxels, which is a cube of side 2 radius + 1; 0 compares single voxels.
    `dilation`: distance in voxels of the neighbours.

    Source: Heinrich et al., MICCAI 2013, LNCS 8149:187.
    """

    radius: Annotated[int, Field(ge=0, le=50)] = 1
    dilation: Annotated[int, Field(ge=1, le=50)] = 2

    def loss(self, fixed: ImageTensor, warped: ImageTensor, mask: MaskTensor) -> Scalar:
        # Voxels whose patches leave the mask have descriptors of the zeros outside: they do not count.
        complete = self.complete(mask)
        difference = self.descriptors(fixed, complete) - self.descriptors(warped, complete)
        return masked_mean(tf.reduce_mean(difference**2, 0), complete)

    def uncounted(self, mask: Mask) -> str | None:
        if tf.reduce_any(self.complete(tf.cast(mask, tf.float32)) > 0):
            return None
        return f"from which {self.dilation + self.radius} voxels to every side have data"

    def descriptors(self, image: ImageTensor, complete: MaskTensor) -> Tensor:
        """Return the descriptors `(pairs, *spatial)` of every voxel, each entry from 0 to 1."""
        distances = tf.stack(list(self.distances(image)))
        distances -= tf.reduce_min(distances, 0)
        mean = tf.reduce_mean(distances, 0)
        return tf.exp(-distances / tf.maximum(mean, 1e-3 * masked_mean(mean, complete) + tiny(image)))

    def distances(self, image: ImageTensor) -> Iterator[ImageTensor]:
        """Yield the patch distance `(*spatial,)` of each pair of neighbours.

        Two pairs share one map of distances: that of y = x + a and y + (b - a) is the pair (a, b) of the voxel x, and
        the pair (-b, -a) of the voxel y + b.
        """
        d, ndim = self.dilation, len(image.shape)
        padded = _pad_edges(image, 2 * d + self.radius)
        for (i, j), sign in itertools.product(itertools.combinations(range(ndim), 2), (1, -1)):
            a, b = _unit(i, d, ndim), _unit(j, sign * d, ndim)
            step = tuple(q - p for p, q in zip(a, b, strict=True))
            inner = [n + 2 * (d + self.radius) for n in image.shape]
            squared = (_crop(padded, (0,) * ndim, inner) - _crop(padded, step, inner)) ** 2
            patches = self.patch_mean(squared)
            yield _crop(patches, a, image.shape)
            yield _crop(patches, tuple(-p for p in b), image.shape)

    def patch_mean(self, x: ImageTensor) -> ImageTensor:
        """Return the mean over the patch around each voxel whose patch lies inside `x`."""
        return window_means(x, [box_taps(2 * self.radius + 1)] * len(x.shape), valid=True)

    def complete(self, mask: MaskTensor) -> MaskTensor:
        """Return 1 where the voxel and the patches of all its neighbours lie in the mask, else 0."""
        ndim, size = len(mask.shape), (2 * self.radius + 1) ** len(mask.shape)
        full = tf.cast(self.patch_mean(_pad_edges(mask, self.dilation + self.radius)) > 1 - 0.5 / size, mask.dtype)
        for axis, distance in itertools.product(range(ndim), (self.dilation, -self.dilation)):
            mask *= _crop(full, _unit(axis, distance, ndim), mask.shape)
        return mask


def _unit(axis: int, length: int, ndim: int) -> Offset:
    return tuple(length * int(e == axis) for e in range(ndim))


def _pad_edges(x: Tensor, width: int) -> Tensor:
    """Return `x` with its border values repeated `width` times on every side."""
    for axis, n in enumerate(x.shape):
        behind = (slice(None),) * axis
        first, last = x[(*behind, slice(0, 1))], x[(*behind, slice(n - 1, n))]
        x = tf.concat([first] * width + [x] + [last] * width, axis)
    return x


def _crop(x: Tensor, offset: Offset, shape: Offset) -> Tensor:
    """Return the part of that shape around the centre of `x`, moved by `offset`."""
    begin = [(n - m) // 2 + o for n, m, o in zip(x.shape, shape, offset, strict=True)]
    return tf.slice(x, begin, list(shape))
