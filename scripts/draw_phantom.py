"""Draws the phantom beside a real CT: `python scripts/draw_phantom.py phantom.png [real_ct.nii.gz]`."""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import SimpleITK as sitk

from pairreg import geometry, option_files
from pairreg.pair.phantom import phantom
from pairreg.pair.phantom.pair import make_grid
from pairreg.pair.phantom.torso import label_names

LEVELS = (400, 300, 200, 120, -10, -100)
WIDE, SOFT = (-1000, 1000), (-160, 240)


def planes(image: sitk.Image) -> list[tuple[str, np.ndarray, list[float]]]:
    """Title, plane and extent (mm) of axial planes, three coronal ones and a sagittal one."""
    values, (hx, hy, hz) = geometry.array(image), image.GetSpacing()
    (nx, ny, nz), (ox, oy, oz) = image.GetSize(), image.GetOrigin()
    across, back, up = [ox, ox + nx * hx], [oy, oy + ny * hy], [oz, oz + nz * hz]
    axial = [(f"z = {z}", values[int((z - oz) / hz)], [*across, *back[::-1]]) for z in LEVELS]
    coronal = [(f"y = {y}", values[::-1, int((y - oy) / hy)], [*across, *up]) for y in (-40, 25, 65)]
    return [*axial, *coronal, ("x = 0", values[::-1, :, int(-ox / hx)], [*back, *up])]


def real_planes(path: Path | None) -> list[np.ndarray]:
    image = sitk.ReadImage(str(path)) if path else option_files.build("pair/thorax_ct_3d").fixed
    size = [round(n * h / 2) for n, h in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    grid = (size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), [2.0] * 3, image.GetDirection(), -1000)
    image = sitk.Resample(image, *grid)
    values = geometry.array(image)
    nz, ny, nx = values.shape
    axial = [values[int(f * nz)] for f in (0.9, 0.7, 0.5, 0.35, 0.2, 0.05)]
    return [*axial, *(values[::-1, int(f * ny)] for f in (0.4, 0.55, 0.7)), values[::-1, :, nx // 2]]


def main(target: str, real: str | None = None) -> None:
    torso = phantom(make_grid((208, 144, 400), 2.0, 105.0, 3))
    hu, labels = planes(torso.hu), planes(torso.labels)
    figure, axes = plt.subplots(4, len(hu), figsize=(3 * len(hu), 14), layout="constrained")
    for column, (title, plane, extent) in enumerate(hu):
        for row, (vmin, vmax) in enumerate((WIDE, SOFT)):
            axes[row, column].imshow(plane, cmap="gray", vmin=vmin, vmax=vmax, extent=extent)
        axes[0, column].set_title(title)
        colours = {"cmap": "nipy_spectral", "vmin": 0, "vmax": max(label_names()), "interpolation": "nearest"}
        axes[2, column].imshow(labels[column][1], extent=extent, **colours)
    for column, plane in enumerate(real_planes(Path(real) if real else None)):
        axes[3, column].imshow(plane, cmap="gray", vmin=SOFT[0], vmax=SOFT[1])
    for row, name in enumerate(
        ("phantom, wide window", "phantom, soft tissue", "phantom, labels", "real CT, soft tissue")
    ):
        axes[row, 0].set_ylabel(name)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    figure.savefig(target, dpi=80)


if __name__ == "__main__":
    main(*sys.argv[1:])
