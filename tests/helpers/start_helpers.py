"""Images that a known transform relates, and how far a start is from it."""

import numpy as np
import SimpleITK as sitk

from pairreg.pair.pair import Pair


def blobs(size: tuple[int, ...]) -> sitk.Image:
    """A lopsided body with structures inside, at [0, 1], over an air background of 0."""
    index = np.meshgrid(*(np.linspace(-1, 1, n) for n in size[::-1]), indexing="ij")
    radius = sum((x / r) ** 2 for x, r in zip(index, (0.6, 0.45, 0.7), strict=False))
    values = np.where(radius < 1, 0.4, 0.0)
    spots = np.random.default_rng(3).uniform(-0.35, 0.35, (12, len(size)))
    for i, spot in enumerate(spots):
        distance = sum((x - c) ** 2 for x, c in zip(index, spot, strict=True))
        values += (0.5 if i % 2 else -0.35) * np.exp(-distance / (2 * (0.05 + 0.01 * i) ** 2)) * (radius < 1)
    image = sitk.GetImageFromArray(np.clip(values, 0, 1).astype(np.float32))
    image.SetSpacing((1.5, 2.0, 2.5)[: len(size)])
    image.SetOrigin((-40.0, 12.0, 300.0)[: len(size)])
    return image


def known(image: sitk.Image, degrees: float, shift: float, stretch: float = 0.0) -> sitk.AffineTransform:
    n = image.GetDimension()
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix = np.eye(n) * (1 + stretch)
    matrix[:2, :2] = (1 + stretch) * np.array([[c, -s], [s, c]])
    transform = sitk.AffineTransform(n)
    transform.SetCenter(image.TransformContinuousIndexToPhysicalPoint([(m - 1) / 2 for m in image.GetSize()]))
    transform.SetMatrix(matrix.ravel().tolist())
    transform.SetTranslation([shift, -shift / 2, shift / 3][:n])
    return transform


def moved_pair(size: tuple[int, ...], truth_of: tuple[float, ...], far: float = 0.0) -> tuple[Pair, sitk.Transform]:
    """A pair that the transform `known(*truth_of)` and a shift of the moving scanner's origin by `far` mm relate."""
    fixed = blobs(size)
    truth = known(fixed, *truth_of)
    moving = sitk.Resample(fixed, fixed, truth.GetInverse())
    moving.SetOrigin([o + far for o in moving.GetOrigin()])
    whole = sitk.CompositeTransform([sitk.TranslationTransform(len(size), [far] * len(size)), truth])
    return Pair(name="p", fixed=fixed, moving=moving), whole


def error(pair: Pair, a: sitk.Transform, b: sitk.Transform) -> float:
    """Largest distance (mm) between both images of points half-way out from the centre."""
    corners = np.array(np.meshgrid(*[(0.3, 0.7)] * pair.ndim)).reshape(pair.ndim, -1).T * pair.fixed.GetSize()
    points = [pair.fixed.TransformContinuousIndexToPhysicalPoint(c.tolist()) for c in corners]
    return max(float(np.linalg.norm(np.subtract(a.TransformPoint(p), b.TransformPoint(p)))) for p in points)


def identity(pair: Pair) -> sitk.Transform:
    return sitk.Transform(pair.ndim, sitk.sitkIdentity)


def dice(pair: Pair, transform: sitk.Transform) -> float:
    warped = sitk.Resample(pair.moving_labels, pair.fixed_labels, transform, sitk.sitkNearestNeighbor)
    fixed, warped = sitk.GetArrayFromImage(pair.fixed_labels), sitk.GetArrayFromImage(warped)
    labels = np.unique(fixed)[1:]
    return float(
        np.mean([2 * ((fixed == v) & (warped == v)).sum() / ((fixed == v).sum() + (warped == v).sum()) for v in labels])
    )
