"""The transform of a registration as one that is defined everywhere, and its file.

It maps fixed to moving points (LPS mm): `T(x) = A(x + d(x))`, A the initial transform, d the found deformation. On the
fixed grid d is what was found; beyond it keeps its value at the border and fades out smoothly. Further out A remains.
"""

from pathlib import Path

import h5py
import numpy as np
import SimpleITK as sitk

from pairreg import geometry, metrics
from pairreg.hdf5_files import writing_hdf5

FADE = 0.1  # of the longest side of the fixed image: the way on which the deformation fades out


def whole(field: np.ndarray, fixed: sitk.Image, initial: sitk.Transform) -> sitk.CompositeTransform:
    """The transform of a `field` `(*spatial, ndim)` in voxels on the grid of `fixed`, and the linear one before it."""
    matrix, offset = geometry.linear_part(initial, fixed.GetDimension())
    linear = sitk.AffineTransform(matrix.ravel().tolist(), offset.tolist())
    return sitk.CompositeTransform([linear, geometry.displacement_transform(faded(field, fixed))])


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


def deformation(transform: sitk.CompositeTransform) -> sitk.Image:
    """The deformation d of `whole` as a vector image in mm, float64; beyond it d is zero."""
    field: sitk.Image = sitk.DisplacementFieldTransform(transform.GetNthTransform(1)).GetDisplacementField()
    return field


def determinant(transform: sitk.CompositeTransform, grid: sitk.Image) -> np.ndarray:
    """The determinant of the derivative of `whole` on `grid` `(*spatial,)`."""
    field = deformation(transform)
    to_voxels = np.linalg.inv(geometry.index_to_physical(field)).T
    local = metrics.jacobian_determinant(geometry.array(field) @ to_voxels)
    on_grid = geometry.resample(geometry.image(local, field), grid, geometry.identity(field.GetDimension()), fill=1.0)
    matrix, _ = geometry.linear_part(transform.GetNthTransform(0), field.GetDimension())
    return geometry.array(on_grid) * float(np.linalg.det(matrix))


def write(transform: sitk.CompositeTransform, path: Path) -> None:
    """Write a composite transform, none within it: what `sitk.WriteTransform` writes, compressed, without the time.

    The layout is that of `itk::HDF5TransformIO`.
    """
    ndim, text = transform.GetDimension(), h5py.string_dtype("ascii")
    with writing_hdf5(path) as file:
        group = file.create_group("TransformGroup")
        group.create_dataset("0/TransformType", data=[f"CompositeTransform_double_{ndim}_{ndim}"], dtype=text)
        for number in range(transform.GetNumberOfTransforms()):
            part = transform.GetNthTransform(number)
            one = group.create_group(str(number + 1))
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
