"""The transform of a registration as one that is defined everywhere, and its file.

It maps fixed to moving points (LPS mm): `T(x) = A(x + d(x))`, A the initial transform, d the found deformation. On the
fixed grid d is what was found; beyond it keeps its value at the border and fades out smoothly. Further out A remains.

What another method found, or what began with a dense start, is kept as it is: a composite of any parts of ITK. Its A is
the linear part that it begins or ends with.
"""

from itertools import takewhile
from pathlib import Path

import h5py
import numpy as np
import SimpleITK as sitk

from pairreg import geometry, metrics
from pairreg.errors import InputError
from pairreg.hdf5_files import writing_hdf5

FADE = 0.1  # of the longest side of the fixed image: the way on which the deformation fades out


def whole(field: np.ndarray, fixed: sitk.Image, initial: sitk.Transform) -> sitk.CompositeTransform:
    """The transform of a `field` `(*spatial, ndim)` in voxels on the grid of `fixed`, and the linear one before it."""
    matrix, offset = geometry.linear_part(initial, fixed.GetDimension())
    linear = sitk.AffineTransform(matrix.ravel().tolist(), offset.tolist())
    return sitk.CompositeTransform([linear, deformation(field, fixed)])


def deformation(field: np.ndarray, fixed: sitk.Image) -> sitk.DisplacementFieldTransform:
    """The transform `x + d(x)` of a `field` `(*spatial, ndim)` in voxels on the grid of `fixed`, see `faded`."""
    return geometry.displacement_transform(faded(field, fixed))


def recovered(field: np.ndarray, displacement: sitk.Image) -> sitk.CompositeTransform:
    """`whole` of a `field` `(*spatial, ndim)` in voxels and the total displacement in mm on the same grid.

    The initial transform is the linear map, by least squares, from the deformed points to where they end.
    """
    ndim = displacement.GetDimension()
    points = geometry.voxel_points(displacement)
    ends = (points + geometry.array(displacement)).reshape(-1, ndim)
    deformed = (points + field.astype(np.float64) @ geometry.index_to_physical(displacement).T).reshape(-1, ndim)
    centre = deformed.mean(0)
    matrix = np.linalg.lstsq(deformed - centre, ends - ends.mean(0), rcond=None)[0].T
    initial = sitk.AffineTransform(matrix.ravel().tolist(), (ends.mean(0) - matrix @ centre).tolist())
    return whole(field, displacement, initial)


def faded(field: np.ndarray, fixed: sitk.Image) -> sitk.Image:
    """The deformation of a `field` as a vector image in mm on a larger grid, where it fades to zero within `FADE`.

    One more voxel on each side keeps the value at the border, so that what is interpolated on the half voxel around the
    outermost centres, which belongs to the image, does not fade yet. float32.
    """
    spacing = np.array(geometry.spacing(fixed))
    way = FADE * float(np.max(spacing * field.shape[:-1]))
    margins = [int(n) for n in np.ceil(way / spacing) + 1]
    deformation = (field.astype(np.float64) @ geometry.index_to_physical(fixed).T).astype(np.float32)
    extended = np.pad(deformation, [*((m, m) for m in margins), (0, 0)], mode="edge")
    extended *= _weight(field.shape[:-1], margins, spacing / way)[..., None]
    result = sitk.GetImageFromArray(extended, isVector=True)
    result.SetSpacing(fixed.GetSpacing())
    result.SetDirection(fixed.GetDirection())
    result.SetOrigin(fixed.TransformContinuousIndexToPhysicalPoint([-float(m) for m in margins[::-1]]))
    return result


def _weight(shape: tuple[int, ...], margins: list[int], step: np.ndarray) -> np.ndarray:
    """From 1 on the grid and one voxel around it to 0 at a distance of 1 from there; a voxel is `step` long."""
    squared = np.zeros((), np.float32)
    for axis, (n, margin, length) in enumerate(zip(shape, margins, step, strict=True)):
        index = np.arange(-margin, n + margin)
        beyond = np.maximum(np.maximum(-1 - index, index - n), 0) * length
        squared = squared + np.reshape(beyond**2, [-1 if d == axis else 1 for d in range(len(shape))])
    distance = np.minimum(np.sqrt(squared), 1)
    weight: np.ndarray = (1 - distance**2 * (3 - 2 * distance)).astype(np.float32)
    return weight


def parts(transform: sitk.Transform) -> list[sitk.Transform]:
    """The parts of a composite, and of those within it, of which the last is applied first; others are one part."""
    if not isinstance(transform, sitk.CompositeTransform):
        return [transform.Downcast()]
    listed = [transform.GetNthTransform(k) for k in range(transform.GetNumberOfTransforms())]
    return [part for one in listed for part in parts(one)]


def linear_part(transform: sitk.Transform) -> sitk.AffineTransform:
    """The linear transforms that are applied after all others or, if there are none, those that come before them.

    The identity if there are neither.
    """
    listed = parts(transform)
    last = list(takewhile(sitk.Transform.IsLinear, listed))
    first = list(takewhile(sitk.Transform.IsLinear, reversed(listed)))[::-1]
    ndim = transform.GetDimension()
    matrix, offset = geometry.linear_part(sitk.CompositeTransform([geometry.identity(ndim), *(last or first)]), ndim)
    return sitk.AffineTransform(matrix.ravel().tolist(), offset.tolist())


def field_of(transform: sitk.Transform, linear: sitk.AffineTransform, grid: sitk.Image) -> np.ndarray:
    """The field d `(*spatial, ndim)`, voxels of `grid`, with which `transform` is `linear(x + d(x))`; float32.

    Raises `InputError` if the linear transform maps different points to the same one.
    """
    ndim = grid.GetDimension()
    matrix, offset = geometry.linear_part(linear, ndim)
    if abs(np.linalg.det(matrix)) < 1e-9:
        raise InputError("The linear part of the transform maps the image onto a line or plane; use another transform.")
    size = (grid.GetSize(), grid.GetOrigin(), grid.GetSpacing(), grid.GetDirection())
    points = geometry.voxel_points(grid)
    ends = points + geometry.array(sitk.TransformToDisplacementField(transform, sitk.sitkVectorFloat64, *size))
    deformation = (ends - offset) @ np.linalg.inv(matrix).T - points
    field: np.ndarray = (deformation @ np.linalg.inv(geometry.index_to_physical(grid)).T).astype(np.float32)
    return field


def domain(transform: sitk.Transform) -> sitk.Image | None:
    """An image on the grid of the first part that is no linear transform; None if there is none."""
    for part in parts(transform):
        if isinstance(part, sitk.DisplacementFieldTransform):
            return part.GetDisplacementField()
        if isinstance(part, sitk.BSplineTransform):
            return part.GetCoefficientImages()[0]
    return None


def determinant(transform: sitk.Transform, grid: sitk.Image) -> np.ndarray:
    """The determinant of the derivative of a transform on `grid` `(*spatial,)`."""
    ndim, field = grid.GetDimension(), domain(transform)
    linear, *others = parts(transform)
    if field is None or not linear.IsLinear() or [type(part) for part in others] != [sitk.DisplacementFieldTransform]:
        return metrics.jacobian_determinant(field_of(transform, sitk.AffineTransform(ndim), grid))
    # Of `whole`: the derivative is that of its deformation where this is known, however `grid` lies.
    to_voxels = np.linalg.inv(geometry.index_to_physical(field)).T
    local = metrics.jacobian_determinant(geometry.array(field) @ to_voxels)
    on_grid = geometry.resample(geometry.image(local, field), grid, geometry.identity(ndim), fill=1.0)
    matrix, _ = geometry.linear_part(linear, ndim)
    return geometry.array(on_grid) * float(np.linalg.det(matrix))


def write(transform: sitk.Transform, path: Path) -> None:
    """Write a composite transform of ITK: what `sitk.WriteTransform` writes, compressed, without the time.

    The layout is that of `itk::HDF5TransformIO`.
    """
    ndim, text = transform.GetDimension(), h5py.string_dtype("ascii")
    with writing_hdf5(path) as file:
        group = file.create_group("TransformGroup")
        group.create_dataset("0/TransformType", data=[f"CompositeTransform_double_{ndim}_{ndim}"], dtype=text)
        for number, part in enumerate(parts(transform), start=1):
            one = group.create_group(str(number))
            one.create_dataset("TransformType", data=[_type(part)], dtype=text)
            one["TransformFixedParameters"] = np.array(part.GetFixedParameters())
            one.create_dataset("TransformParameters", data=_parameters(part), shuffle=True, compression=1)


def _type(part: sitk.Transform) -> str:
    """The name of the type in a file: that of ITK's class, as it prints itself, with the order of splines but 3."""
    name, ndim = str(part).splitlines()[1].split()[0], part.GetDimension()
    order = part.GetOrder() if isinstance(part, sitk.BSplineTransform) else 3
    return f"{name}_double_{ndim}_{ndim}" + (f"_{order}" if order != 3 else "")


def _parameters(part: sitk.Transform) -> np.ndarray:
    """The parameters; those of a field from its image, as a tuple of numbers would need four times the memory."""
    if isinstance(part, sitk.DisplacementFieldTransform):
        return geometry.array(part.GetDisplacementField()).ravel()
    return np.array(part.GetParameters())


def read(path: Path) -> sitk.CompositeTransform:
    """What `write` has written; raises `OSError` or `RuntimeError` for a file that is damaged."""
    with h5py.File(path):  # whether it is whole: ITK would say so in ten lines of its own
        pass
    return sitk.CompositeTransform(sitk.ReadTransform(str(path)))
