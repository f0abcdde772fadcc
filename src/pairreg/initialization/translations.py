"""The information that two images share under every translation, for one rotation at a time."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import SimpleITK as sitk
from scipy.special import xlogy

from pairreg.geometry import array, image
from pairreg.initialization.low_resolution import LowResolution, mask_or_ones

_CLASSES = 4  # of intensities; their joint histogram takes the square of it in Fourier transforms
_BINS = 128  # of the histogram that is divided into classes
_LEAST = 0.15  # part of the smaller image that has to meet the other one


@dataclass(frozen=True)
class Translations:
    """Both images as shares of classes of intensities, with voxels of about `step` mm.

    **Attributes:** `fixed`, `moving`: vector images, the fixed one on an isotropic grid; `step`: its spacing in mm.

    The joint histogram of the classes is a cross-correlation of their shares, so Fourier transforms give the mutual
    information under all translations at once, of any two modalities.

    Source: Öfverstedt, Lindblad and Sladoje, "Fast computation of mutual information in the frequency domain with
    applications to global multimodal image alignment", Pattern Recognition Letters 159 (2022).
    """

    fixed: sitk.Image
    moving: sitk.Image
    step: float

    @classmethod
    def of(cls, images: LowResolution, across: int, most: int) -> "Translations":
        """Return both images with `across` voxels along the longest side of the smaller one.

        They are fewer if the padded grid would have more than about `most` voxels along each side.
        """
        fixed = _shares(images.fixed, images.fixed_mask)
        moving = _shares(images.moving, images.moving_mask)
        sides = [_sides(fixed), _sides(moving)]
        padded = float(np.prod(sides[0] + sides[1].max()))
        affordable = padded ** (1 / fixed.GetDimension()) / most
        step = max(min(float(side.max()) for side in sides) / across, affordable)
        return cls(_on_axes(_averaged(fixed, step), _axes(fixed), step), _averaged(moving, step), step)

    def best(self, rotation: np.ndarray, scale: float) -> tuple[float, sitk.AffineTransform]:
        """Return the most information (nats per fixed voxel) that a translation gives after a rotation and a scale.

        All three follow as a transform from fixed to moving points (LPS mm).
        """
        step = self.step * scale
        axes = rotation @ _axes(self.fixed)
        turned = _on_axes(self.moving, axes, step)
        fixed, moving = (np.moveaxis(array(one), -1, 0) for one in (self.fixed, turned))
        counts = _joint_counts(fixed, moving)
        information = _information(counts, float(min(fixed.sum(), moving.sum()))) / float(fixed.sum())
        peak = np.unravel_index(int(information.argmax()), information.shape)
        shape = zip(peak, moving.shape[1:], information.shape, strict=True)
        shift = [int(k) if k < n else int(k) - period for k, n, period in shape][::-1]
        to = np.asarray(turned.GetOrigin()) + axes @ np.multiply(shift, step)
        transform = sitk.AffineTransform(self.fixed.GetDimension())
        transform.SetMatrix((scale * rotation).ravel().tolist())
        transform.SetTranslation((to - scale * rotation @ self.fixed.GetOrigin()).tolist())
        return float(information[peak]), transform


def _shares(picture: sitk.Image, mask: sitk.Image | None) -> sitk.Image:
    """Return a vector image with the share of every class in each voxel, 0 outside the mask.

    The classes are those of least variance within them (Otsu's).
    """
    labels = sitk.OtsuMultipleThresholds(picture, numberOfThresholds=_CLASSES - 1, numberOfHistogramBins=_BINS)
    inside = array(mask_or_ones(picture, mask)) > 0
    shares = [(array(labels) == value) & inside for value in range(_CLASSES)]
    return image(np.stack(shares, -1).astype(np.float32), picture, vector=True)


def _joint_counts(fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Return how many voxels have each two classes, `(classes, classes, *shifts)`, of `(classes, *spatial)` each.

    At shift `k`, voxel `x` of the fixed image meets voxel `x + k` of the moving one; negative shifts come last.
    """
    sizes = zip(fixed.shape[1:], moving.shape[1:], strict=True)
    shape = [scipy.fft.next_fast_len(a + b - 1, real=True) for a, b in sizes]
    axes = list(range(1, fixed.ndim))
    first, second = (scipy.fft.rfftn(shares, shape, axes) for shares in (fixed, moving))
    counts: np.ndarray = scipy.fft.irfftn(first.conj()[:, None] * second, shape, [axis + 1 for axis in axes])
    return np.maximum(counts, 0)  # what should be 0 is tiny and may be negative


def _information(counts: np.ndarray, smaller: float) -> np.ndarray:
    """Return the mutual information times the overlap (nats) of joint counts `(classes, classes, *shifts)`.

    It is 0 where less than a part of the `smaller` image (in voxels) overlaps.
    """
    overlap = counts.sum((0, 1))
    joint = xlogy(counts, counts).sum((0, 1))
    single = sum(xlogy(part, part).sum(0) for part in (counts.sum(0), counts.sum(1)))
    return np.where(overlap >= _LEAST * smaller, joint - single + xlogy(overlap, overlap), 0)


def _sides(picture: sitk.Image) -> np.ndarray:
    """Return the lengths of an image in mm, x first."""
    return np.multiply(picture.GetSize(), picture.GetSpacing())


def _axes(picture: sitk.Image) -> np.ndarray:
    """Return the direction cosines `(ndim, ndim)` of an image, a column an axis, x first."""
    return np.reshape(picture.GetDirection(), (picture.GetDimension(), -1))


def _averaged(picture: sitk.Image, step: float) -> sitk.Image:
    """Return the image averaged over blocks of about `step` mm."""
    sizes = zip(picture.GetSize(), picture.GetSpacing(), strict=True)
    return sitk.BinShrink(picture, [max(1, min(n, round(step / s))) for n, s in sizes])


def _on_axes(picture: sitk.Image, axes: np.ndarray, step: float) -> sitk.Image:
    """Return all of the image on a grid of other axes, with voxels of `step` mm, 0 where it does not reach."""
    size = np.maximum(1, np.ceil(np.abs(axes.T @ _axes(picture)) @ _sides(picture) / step - 1e-6)).astype(int)
    center = picture.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in picture.GetSize()])
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(size.tolist())
    resampler.SetOutputSpacing([step] * len(size))
    resampler.SetOutputDirection(axes.ravel().tolist())
    resampler.SetOutputOrigin((np.asarray(center) - axes @ ((size - 1) / 2 * step)).tolist())
    return resampler.Execute(picture)
