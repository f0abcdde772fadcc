"""Pairs of grids, transforms between them and points, for the tests of transform files."""

from functools import cache

import numpy as np
import SimpleITK as sitk

from pairreg import geometry

SIZES = {"fixed": (23, 18, 12), "moving": (17, 21, 14)}


@cache
def grid(ndim: int, name: str, mirrored: bool = False) -> sitk.Image:
    """The fixed or moving image: anisotropic, turned about every axis, far from the origin; no grid is the other's."""
    seed = list(SIZES).index(name) + 10 * ndim
    rng = np.random.default_rng(seed)
    size = SIZES[name][:ndim]
    image = sitk.GetImageFromArray(rng.uniform(0, 100, size[::-1]).astype(np.float32))
    direction = np.linalg.qr(rng.normal(size=(ndim, ndim)))[0]
    if (np.linalg.det(direction) < 0) != mirrored:
        direction[:, 0] *= -1
    image.SetDirection(direction.ravel().tolist())
    image.SetSpacing((1.5, 0.75, 2.5)[:ndim] if name == "fixed" else (1.0, 2.0, 1.25)[:ndim])
    image.SetOrigin((-120.5, 33.25, 71.0)[:ndim])
    if name == "moving":
        image.SetOrigin(geometry.centred_origin(image, grid(ndim, "fixed")))
    return image


def linear(ndim: int) -> sitk.AffineTransform:
    """A general linear map with a centre."""
    rng = np.random.default_rng(ndim)
    transform = sitk.AffineTransform(ndim)
    transform.SetMatrix((np.eye(ndim) + rng.uniform(-0.15, 0.15, (ndim, ndim))).ravel().tolist())
    transform.SetTranslation(rng.uniform(-4, 4, ndim).tolist())
    transform.SetCenter(rng.uniform(-50, 50, ndim).tolist())
    return transform


def smooth(ndim: int) -> sitk.DisplacementFieldTransform:
    """Displacements of some mm on the grid of the fixed image, which float32 holds as they are."""
    fixed = grid(ndim, "fixed")
    rng = np.random.default_rng(ndim)
    index = geometry.voxel_points(fixed) @ rng.normal(size=(ndim, ndim)) / 8
    return geometry.displacement_transform(geometry.image((3 * np.sin(index)).astype(np.float32), fixed, vector=True))


def truth(ndim: int) -> sitk.CompositeTransform:
    """First the smooth field, then the linear map."""
    return sitk.CompositeTransform([linear(ndim), smooth(ndim)])


def points_in(image: sitk.Image, count: int = 50) -> np.ndarray:
    """Points `(count, ndim)` within the centres of the outer voxels, LPS mm."""
    size = np.array(image.GetSize())
    index = np.random.default_rng(0).uniform(0, 1, (count, len(size))) * (size - 1)
    return np.array([image.TransformContinuousIndexToPhysicalPoint(i) for i in index.tolist()])


def voxels_of(image: sitk.Image, count: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Some voxels: their indices `(count, ndim)`, x first, and centres in LPS mm."""
    rng = np.random.default_rng(1)
    index = np.stack([rng.integers(0, n, count) for n in image.GetSize()], 1)
    return index, np.array([image.TransformIndexToPhysicalPoint(i) for i in index.tolist()])


def at(transform: sitk.Transform, points: np.ndarray) -> np.ndarray:
    """Where the points are led to."""
    return np.array([transform.TransformPoint(point) for point in points.tolist()])


def bspline(ndim: int, order: int = 3) -> sitk.Transform:
    transform = sitk.BSplineTransformInitializer(grid(ndim, "fixed"), [5] * ndim, order)
    draw = np.random.default_rng(0).uniform(-2, 2, len(transform.GetParameters()))
    transform.SetParameters(draw.tolist())
    return transform


def rigid(ndim: int) -> sitk.Transform:
    return sitk.Euler2DTransform((3, 4), 0.2, (5, 6)) if ndim == 2 else sitk.Euler3DTransform((3, 4, 5), 0.2, -0.1, 0.3)


def similarity(ndim: int) -> sitk.Transform:
    if ndim == 2:
        return sitk.Similarity2DTransform(1.2, 0.3, (1, 2), (3, 4))
    return sitk.Similarity3DTransform(1.2, (0.1, 0.7, 0.1), 0.3, (1, 2, 3), (4, 5, 6))


KINDS = {
    "identity": lambda ndim: geometry.identity(ndim),
    "translation": lambda ndim: sitk.TranslationTransform(ndim, [1.5, -2.0, 3.0][:ndim]),
    "rigid": rigid,
    "similarity": similarity,
    "affine": linear,
    "field": smooth,
    "bspline": bspline,
    "quadratic": lambda ndim: bspline(ndim, 2),
    "composite": truth,
}
