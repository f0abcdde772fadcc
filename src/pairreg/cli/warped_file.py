"""The files that `pairreg-warp` writes: images and lists of points, carried along by the transform of a run."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.files import replacing
from pairreg.geometry import Interpolation
from pairreg.image_files import write_image
from pairreg.pair.landmarks import read_points, write_points
from pairreg.points import to_fixed, to_moving, tolerance
from pairreg.reading.any_format import read
from pairreg.reading.roles import read_intensities, read_label_map
from pairreg.runs.transform import RunTransform


def warp_image(
    run: RunTransform,
    file: str,
    output: Path,
    interpolation: Interpolation,
    mass_preserving: bool,
    grid_file: str,
) -> str:
    """Write the image in `file`, carried along, on the grid of the image in `grid_file` or of the `fixed` one.

    Returns what was written, in words.

    Raises `InputError` if nothing of the image comes to lie on that grid.
    """
    source = read_intensities(file) if interpolation == "linear" else read_label_map(file)
    source.announce()
    image, own = source.image, grid_file == "fixed"
    grid = run.fixed_grid() if own else _grid_of(grid_file)
    for path, given in ((file, image), (grid_file, grid)):
        if given.GetDimension() != run.ndim:
            raise InputError(f"{path} is {given.GetDimension()}-D, the run {run.ndim}-D; give a {run.ndim}-D image.")
    where = "the fixed image" if own else grid_file
    if not geometry.coverage(image, grid, run.transform).any():
        raise InputError(f"{file} does not meet {where} after the transform; check its origin, spacing and direction.")
    warped = run.warp(image, grid, interpolation, mass_preserving)
    write_image(warped, output)
    return f"{' × '.join(map(str, grid.GetSize()))} voxels, on the grid of {where}"


def _grid_of(file: str) -> sitk.Image:
    """Return an image whose grid is used; what was repaired in it is said."""
    found = read(file)
    found.announce()
    return found.image


def warp_points(run: RunTransform, file: str, output: Path, inverse: bool) -> str:
    """Write the points in `file`, carried to the fixed image, or `inverse`, from it to the moving one.

    Returns what was written, in words. The points may lie beyond the images.

    Raises `InputError` for points whose counterpart is not found.
    """
    source, goal = ("fixed", "moving") if inverse else ("moving", "fixed")
    points = read_points(file, source, run.ndim)
    carried = (to_moving if inverse else to_fixed)(points, run.transform)
    lost = np.isnan(carried).any(1)
    if lost.any():
        numbers = ", ".join(str(i) for i in np.flatnonzero(lost) + 1)
        found = (
            f"number {numbers} have no fixed counterpart that leads to them within {tolerance(run.transform):.3g} mm"
        )
        raise InputError(f"{file}: of its {len(points)} points, {found}; leave them out.")
    with replacing(output) as part:
        write_points(part, carried, like=file, source=source, image=goal)
    return f"{len(points)} points, in the space of the {goal} image"
