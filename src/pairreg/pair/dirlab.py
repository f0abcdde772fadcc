"""A case of DIR-Lab: two raw volumes of a CT of the lungs, and 300 landmarks in each."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.files import existing
from pairreg.markers import Cases, FilesOf, Selects
from pairreg.pair.cases import matching, only
from pairreg.pair.files import notes_of, parts
from pairreg.pair.lung_mask import lung_mask
from pairreg.pair.pair import Pair
from pairreg.pair.voxel_points import read_pair_of_points
from pairreg.reading.notes import ImageFile
from pairreg.reading.padding import with_padding
from pairreg.reading.roles import read_mask, varying
from pairreg.validation import Text

Collection = Literal["4dct", "copd"]
LUNGS = "lungs"
DEEPEST = 4  # folders below the root in which files are looked for
OFFSET = 1024  # of the stored values from HU
BETWEEN = 2.5  # mm from slice to slice


@dataclass(frozen=True)
class Grid:
    """Voxels in the plane along an axis and slices of a volume, and the spacing in the plane in mm."""

    across: int
    slices: int
    spacing: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """The number of voxels, array axis order."""
        return self.slices, self.across, self.across


_SLICES = {
    "4dct": (94, 112, 104, 99, 106, 128, 136, 128, 128, 120),
    "copd": (121, 102, 126, 126, 131, 119, 112, 115, 116, 135),
}
_SPACINGS = {
    "4dct": (0.97, 1.16, 1.15, 1.13, 1.10, 0.97, 0.97, 0.97, 0.97, 0.97),
    "copd": (0.625, 0.645, 0.652, 0.590, 0.647, 0.633, 0.625, 0.586, 0.664, 0.742),
}
# The files have no header: these are the numbers that the web site gives.
GRIDS = {
    (collection, str(n)): Grid(256 if collection == "4dct" and n <= 5 else 512, slices, spacing)
    for collection in ("4dct", "copd")
    for n, (slices, spacing) in enumerate(zip(_SLICES[collection], _SPACINGS[collection], strict=True), start=1)
}
# The names of a case's files by role, `{n}` for its number, whatever the case of their letters.
NAMES = {
    "4dct": {
        "fixed": r"case{n}_T00(_s|-ssm)?\.img",
        "moving": r"case{n}_T50(_s|-ssm)?\.img",
        "fixed_points": r"case{n}_(dirlab)?300_T00_xyz\.txt",
        "moving_points": r"case{n}_(dirlab)?300_T50_xyz\.txt",
    },
    "copd": {
        "fixed": r"copd{n}_iBHCT\.img",
        "moving": r"copd{n}_eBHCT\.img",
        "fixed_points": r"copd{n}_300_iBH_xyz_r1\.txt",
        "moving_points": r"copd{n}_300_eBH_xyz_r1\.txt",
    },
}
EXAMPLES = {
    "4dct": "Case1Pack/Images/case1_T00_s.img and Case1Pack/ExtremePhases/Case1_300_T00_xyz.txt",
    "copd": "copd1/copd1/copd1_iBHCT.img and copd1/copd1/copd1_300_iBH_xyz_r1.txt",
}


def cases_of(settings: Mapping[str, Any]) -> list[str]:
    """The numbers of the cases that these settings of `load_dirlab` match."""
    collection = settings.get("set", "4dct")
    known = [case for of, case in GRIDS if of == collection]
    return matching(known, settings.get("case", "*"), f"DIR-Lab {collection}")


def inputs_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What counts of the cases that these settings of `load_dirlab` match: files and grids."""
    collection = settings.get("set", "4dct")
    found: dict[str, Any] = {}
    for number, case in enumerate(cases_of(settings)):
        grid = GRIDS[collection, case]
        files = files_of(settings["root"], collection, case)
        found |= {f"{number}/{role}": path for role, path in files.items()}
        found |= {f"{number}/shape": grid.shape, f"{number}/spacing": grid.spacing}
    return found


def masks_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The files of masks of the cases that these settings of `load_dirlab` match; none if masks are no files."""
    files = [mask_files(settings.get("mask", LUNGS), case) for case in cases_of(settings)]
    return {f"{number}/{role}": path for number, one in enumerate(files) for role, path in one.items()}


def load_dirlab(
    root: Annotated[str | Path, FilesOf(inputs_of)],
    set: Annotated[Collection, Selects()] = "4dct",
    case: Annotated[Text, Cases(cases_of), Selects()] = "*",
    mask: Annotated[str | None, FilesOf(masks_of)] = LUNGS,
) -> Pair:
    """A case of DIR-Lab: CT of the lungs at inhale (fixed) and exhale (moving) in HU, with 300 landmarks in each.

    The volumes have no header: size and spacing are those that the web site gives, the axes are taken as x, y, z of LPS
    from 0. Landmarks are numbers of voxels, counted from 1.

    **Arguments:**

    - `root`: the folder in which the packs lie, unpacked, wherever their files are in it.
    - `set`: `4dct`, T00 and T50 of a 4-D CT, or `copd`, COPDgene at inhale and exhale.
    - `case`: 1 to 10.
    - `mask`: `lungs`, found by threshold and morphology (see `pairreg.pair.lung_mask`), or files of masks, such as
      `masks/case{case}_{side}.nii.gz`, with 1 to 10 for `{case}`, fixed or moving for `{side}`; None: no mask.

    Raises `InputError` for files that are missing, are there twice, have another size, or cannot be used.

    Source: Castillo et al., Phys Med Biol 54:1849 (2009) and 58:2861 (2013).
    """
    number = only(cases_of({"set": set, "case": case}), case, f"DIR-Lab {set}")
    files = files_of(root, set, number)
    grid = GRIDS[set, number]
    images = {side: varying(with_padding(read_raw(files[side], grid))) for side in ("fixed", "moving")}
    if mask == LUNGS:
        masks = {f"{side}_mask": replace(i, image=lung_mask(i.image, str(i.path))) for side, i in images.items()}
    else:
        paths = mask_files(mask, number)
        masks = {role: read_mask(path, images[role.removesuffix("_mask")]) for role, path in paths.items()}
    points = {side: files[f"{side}_points"] for side in images}
    landmarks = read_pair_of_points(points, {side: one.image for side, one in images.items()}, first=1)
    return Pair(
        name=f"{set}_{number}",
        **parts(images | masks, "fixed"),
        **parts(images | masks, "moving"),
        fixed_landmarks=landmarks[0],
        moving_landmarks=landmarks[1],
        inputs=notes_of(images | (masks if mask != LUNGS else {})),
    )


def files_of(root: str | Path, collection: str, case: str) -> dict[str, Path]:
    """The four files of a case by role; raises `InputError`, which says where to get it, unless each is there once."""
    root = existing(root)
    there = list(_files_below(root))
    found: dict[str, Path] = {}
    for role, name in NAMES[collection].items():
        pattern = re.compile(name.format(n=case), re.IGNORECASE)
        matches = sorted(path for path in there if pattern.fullmatch(path.name))
        if len(matches) > 1:
            raise InputError(f"{root} has two files of case {case} ({matches[0]} and {matches[1]}); keep one of them.")
        if not matches:
            raise InputError(
                f"{root} has no {_called(role)} of case {case} of DIR-Lab {collection}; get it from "
                f"https://www.dir-lab.com and unpack it there, as {EXAMPLES[collection]}."
            )
        found[role] = matches[0]
    return found


def _called(role: str) -> str:
    """What people call a role: the fixed image, the moving landmarks."""
    side, _, points = role.partition("_")
    return f"{side} {'landmarks' if points else 'image'}"


def _files_below(root: Path) -> Iterator[Path]:
    """The files in `root` and some levels of folders below; those that a Mac adds to a ZIP file do not count."""
    for folder, below, names in os.walk(root):
        if len(Path(folder).relative_to(root).parts) >= DEEPEST:
            below.clear()
        yield from (Path(folder) / name for name in names if not name.startswith("."))


def mask_files(mask: str | None, case: str) -> dict[str, Path]:
    """The files of the masks by role; none for a mask that is found, or for none at all."""
    if mask in (LUNGS, None):
        return {}
    if "{side}" not in mask:
        raise InputError(f"mask is {mask!r}; give {LUNGS}, null, or files such as masks/case{{case}}_{{side}}.nii.gz.")
    sides = ("fixed", "moving")
    return {f"{side}_mask": existing(mask.replace("{side}", side).replace("{case}", case)) for side in sides}


def read_raw(path: Path, grid: Grid) -> ImageFile:
    """The volume in a file of 16-bit numbers without a header, in HU; raises `InputError` for another size."""
    expected, size = 2 * int(np.prod(grid.shape)), path.stat().st_size
    if size != expected:
        voxels = " × ".join(map(str, grid.shape[::-1]))
        raise InputError(f"{path} has {size} bytes, {voxels} voxels of 2 bytes have {expected}; download it again.")
    values = np.fromfile(path, "<i2").reshape(grid.shape).astype(np.float32) - OFFSET
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((grid.spacing, grid.spacing, BETWEEN))
    return ImageFile(path, image)
