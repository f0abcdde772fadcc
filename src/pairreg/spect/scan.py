"""SPECT scans of finished runs whose moving image is a phantom: without and with lesions in its bones."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import SimpleITK as sitk
from pydantic import Field

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.files import replacing
from pairreg.image_files import write_image
from pairreg.reading.any_format import read_vectors
from pairreg.runs.folder import SPECT
from pairreg.runs.read import Run
from pairreg.spect.lesions import Lesions, draw_lesions
from pairreg.spect.simulate import simulate
from pairreg.spect.tissues import QUANTITIES, tissue_values
from pairreg.turning import turned
from pairreg.validation import Seed, checked

# The labels of the bundled CT and of the phantom that are bone.
BONES = ("bone", "spine", "ribs", "sternum", "scapulae", "clavicles", "humeri", "pelvis", "femurs")
_SLICE = 5.0  # mm, thickness that a 2-D image stands for
_PIXEL = 4.0  # mm, about that of a camera: finer images are averaged before they are projected

_IMAGES = ("spect.nii.gz", "spect_lesions.nii.gz", "lesions.nii.gz")  # in the order of `Scan`'s attributes
_LESION_TABLE = "lesions.csv"
FILES = (*_IMAGES, _LESION_TABLE)

Lots = Annotated[int, Field(ge=0, le=1000)]
Counts = Annotated[float, Field(gt=0, lt=1e12, allow_inf_nan=False)]


def scan_folder(run: Path) -> Path:
    """Return the folder in which the scan of a run is kept."""
    return run / SPECT


def _image_paths(folder: Path) -> list[Path]:
    return [folder / name for name in _IMAGES]


@dataclass(frozen=True)
class Scan:
    """Simulated images in units of the activity, and the lesions on the grid of the fixed image.

    **Attributes:** `spect`, `spect_lesions`: float32, without and with lesions, on the camera's axes; `lesions`: int16,
    lesion `i` has the value `i`; `drawn`: their mask on the camera's axes, and their contrasts.
    """

    spect: sitk.Image
    spect_lesions: sitk.Image
    lesions: sitk.Image
    drawn: Lesions

    def save(self, folder: Path) -> None:
        """Write `spect.nii.gz`, `spect_lesions.nii.gz`, `lesions.nii.gz` and `lesions.csv` into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        images = (self.spect, self.spect_lesions, self.lesions)
        for path, image in zip(_image_paths(folder), images, strict=True):
            write_image(image, path)
        with replacing(folder / _LESION_TABLE) as part, part.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["lesion", "volume_cc", "contrast_to_bone", *"xyz"[: self.lesions.GetDimension()]])
            for i, row in enumerate(zip(self.volumes, self.drawn.contrasts, self.centres, strict=True), start=1):
                volume, contrast, centre = row
                writer.writerow([i, f"{volume:.3f}", f"{contrast:.3f}", *(f"{c:.1f}" for c in centre)])

    @classmethod
    def read(cls, run: Path) -> "Scan":
        """Return the scan that lies in `spect/` of a run's folder; raises `InputError` if it has none."""
        folder = scan_folder(run)
        missing = [path.name for path in (*_image_paths(folder), folder / _LESION_TABLE) if not path.is_file()]
        if missing:
            raise InputError(f"{folder} has no {missing[0]}; simulate the scan first: pairreg-spect {run}")
        spect, spect_lesions, lesions = (read_vectors(path).image for path in _image_paths(folder))
        with (folder / _LESION_TABLE).open(newline="") as file:
            contrasts = tuple(float(row["contrast_to_bone"]) for row in csv.DictReader(file))
        return cls(spect, spect_lesions, lesions, Lesions(_volume(turned(lesions)), contrasts))

    @property
    def volumes(self) -> np.ndarray:
        """The volumes of the lesions in cc."""
        return self.drawn.volumes(_spacing(self.lesions))

    @property
    def centres(self) -> list[np.ndarray]:
        """The centres of the lesions in LPS mm, x first."""
        points, mask = geometry.voxel_points(self.lesions), geometry.array(self.lesions)
        return [points[mask == i + 1].mean(axis=0) for i in range(len(self.drawn.contrasts))]


@checked
def scan(run: Path, *, lesions: Lots = 3, counts: Counts | None = 6e6, seed: Seed = 0) -> Scan:
    """Simulate what a camera measures of the deformed moving image of the run in the folder `run`.

    Its activity and attenuation are those that the run carried along, or else those of its labels' tissues. However the
    fixed image is stored, the camera orbits that of its axes which leads to the head. The images of the scan have the
    axes of the camera (to the left, the back and the head), the lesions those of the fixed image.

    **Arguments:** `lesions`: how many; `counts`: of the whole scan, None for one without noise; `seed`: of lesions and
    noise.

    Raises `InputError` if the run is not complete, or has no labels, no bones, or labels of unknown tissues.
    """
    of_phantom = Run.complete(run)
    stored = of_phantom.image("warped_labels", "give a run whose moving image is a phantom with labels")
    labels = turned(stored)
    carried = of_phantom.figure_arrays.channels
    activity, attenuation = (
        turned(of_phantom.image(f"warped_{name}")) if name in carried else _of_labels(labels, of_phantom, name)
        for name in QUANTITIES
    )
    bone = np.isin(_volume(labels), _bone_labels(of_phantom))
    drawn = draw_lesions(bone, _spacing(labels), count=lesions, seed=seed)
    plain = _volume(activity)
    hot = drawn.insert(plain, float(np.median(plain[bone])) if lesions else 0.0)
    images = []
    for values in (plain, hot):
        emitting = _to_camera(geometry.image(values.reshape(geometry.array(activity).shape), activity))
        absorbing = _to_camera(attenuation)
        seen = simulate(_volume(emitting), _volume(absorbing), _spacing(emitting), counts=counts, seed=seed)
        images.append(geometry.image(seen.reshape(geometry.array(emitting).shape), emitting))
    mask = geometry.image(drawn.mask.reshape(geometry.array(labels).shape), labels)
    on_fixed = geometry.resample(mask, stored, geometry.identity(stored.GetDimension()), nearest=True)
    return Scan(images[0], images[1], on_fixed, drawn)


def _of_labels(labels: sitk.Image, run: Run, channel: str) -> sitk.Image:
    """Return what the tissues of the `labels` of a run have."""
    return geometry.image(tissue_values(geometry.array(labels), run.label_names, channel), labels)


def _bone_labels(run: Run) -> list[int]:
    """Return the numbers of the labels that are bones; raises `InputError` if there is none."""
    found = [label for label, name in run.label_names.items() if name in BONES]
    if not found:
        raise InputError(f"no label of {run.folder} is a bone; name one of {', '.join(BONES)}.")
    return found


def _volume(image: sitk.Image) -> np.ndarray:
    """Return the voxels `(z, y, x)` of an image that lies as the camera has it; of a 2-D image its one slice."""
    values = geometry.array(image)
    return values if values.ndim == 3 else values[None]


def _spacing(image: sitk.Image) -> Sequence[float]:
    """Return the spacing of z, y and x in mm; a 2-D image is `_SLICE` thick."""
    steps = geometry.spacing(image)
    return steps if len(steps) == 3 else (_SLICE, *steps)


def _to_camera(image: sitk.Image) -> sitk.Image:
    """Return an image averaged over blocks of voxels, about as wide as a pixel of the camera, or as the whole image."""
    sides = zip(image.GetSize(), image.GetSpacing(), strict=True)
    return sitk.BinShrink(image, [min(n, max(1, round(_PIXEL / h))) for n, h in sides])
