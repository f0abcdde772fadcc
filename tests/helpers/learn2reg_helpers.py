"""Folders in the format of Learn2Reg, and its evaluator as its own code has it: arrays of nibabel, no geometry."""

import json
import shutil
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk
from scipy.ndimage import correlate, gaussian_filter, map_coordinates

from pairreg.pair.pair import Pair
from pairreg.transform_files.read import read_transform


def affine_of(spacing: Sequence[float], degrees: float = 0.0, origin: Sequence[float] = (0, 0, 0)) -> np.ndarray:
    """The affine of a header: axes of `spacing` mm, turned about z by `degrees`."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) * spacing
    matrix[:3, 3] = origin
    return matrix


def save(values: np.ndarray, path: Path, affine: np.ndarray) -> Path:
    """Write an array `(x, y, z)` as NIfTI."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


def write_points(points: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, points, fmt="%.5f", delimiter=",")
    return path


def write_dataset(folder: Path, task: str, pairs: Sequence[tuple[str, str]], **more: object) -> Path:
    """Write `TASK_dataset.json` for pairs of images in `imagesTr`."""
    listed = [
        {side: f"./imagesTr/{name}.nii.gz" for side, name in zip(("fixed", "moving"), p, strict=True)} for p in pairs
    ]
    content = {"name": task, "release": "1.0", "modality": {"0": "CT"}, "registration_val": listed, **more}
    path = folder / f"{task}_dataset.json"
    path.write_text(json.dumps(content))
    return path


def transform_of(field: np.ndarray, pair: Pair, folder: Path) -> sitk.Transform:
    """The transform of a displacement `(x, y, z, 3)` in voxels, by a file."""
    path = folder / "disp_0009_0009.nii.gz"
    nibabel.save(nibabel.Nifti1Image(field, np.eye(4)), path)
    return read_transform(path, pair.fixed, pair.moving, "learn2reg")


def their_tre(field: np.ndarray, fixed: np.ndarray, moving: np.ndarray, zooms: Sequence[float]) -> np.ndarray:
    """The distance in mm of each point, by cubic interpolation of a field `(x, y, z, 3)` in voxels."""
    shift = np.stack([map_coordinates(field[..., c], fixed.T) for c in range(3)], -1)
    return np.linalg.norm((fixed + shift - moving) * zooms, axis=1)


def their_tre_of_maps(field: np.ndarray, fixed: np.ndarray, moving: np.ndarray) -> float:
    """LUMIR's: the mean distance in voxels between the means of the voxels of each label, fixed and warped."""
    moved = their_warp(field, moving)
    shifts = [np.argwhere(moved == k).mean(0) - np.argwhere(fixed == k).mean(0) for k in np.unique(fixed[fixed > 0])]
    return float(np.linalg.norm(shifts, axis=1).mean())


def their_sdlogj(field: np.ndarray, mask: np.ndarray | None = None) -> float:
    kernel = np.array([-0.5, 0, 0.5])
    jacobian = np.zeros((*field.shape[:3], 3, 3))
    for axis in range(3):
        along = kernel.reshape([3 if d == axis else 1 for d in range(3)])
        for component in range(3):
            jacobian[..., component, axis] = correlate(field[..., component], along, mode="constant")
    crop = (slice(2, -2),) * 3
    values = np.log(np.clip(np.linalg.det(jacobian + np.eye(3))[crop] + 3, 1e-9, 1e9))
    return float(values.std() if mask is None else values[mask[crop] > 0].std())


def their_ndv(field: np.ndarray, mask: np.ndarray) -> float:
    """LUMIR's: at each inner voxel, eight one-sided determinants and two of the middle tetrahedra; in percent."""
    place = field + np.stack(np.meshgrid(*map(np.arange, field.shape[:3]), indexing="ij"), -1)
    inner = tuple(slice(1, n - 1) for n in field.shape[:3])

    def at(*step: int) -> np.ndarray:
        return np.roll(place, [-s for s in step], axis=(0, 1, 2))[inner]

    edges = [
        [s * (at(*(s * e)) - at(0, 0, 0)) for s, e in zip(signs, np.eye(3, dtype=int), strict=True)]
        for signs in product((1, -1), repeat=3)
    ]
    for s, steps in ((-1, "110 101 011"), (1, "110 011 101")):
        edges.append([at(*(s * int(c) for c in step)) - at(0, 0, 0) for step in steps.split()])
    volume = sum(-np.minimum(np.linalg.det(np.stack(one, -2)), 0) / 12 for one in edges)
    return float(100 * volume[mask[inner] > 0].sum() / (mask[inner] > 0).sum())


def their_dice(field: np.ndarray, fixed: np.ndarray, moving: np.ndarray, labels: Sequence[int]) -> dict[int, float]:
    warped = their_warp(field, moving)
    return {
        k: 2 * float(((fixed == k) & (warped == k)).sum() / ((fixed == k).sum() + (warped == k).sum())) for k in labels
    }


def their_warp(field: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """A label map `(x, y, z)` by nearest neighbour."""
    index = np.stack(np.meshgrid(*map(np.arange, field.shape[:3]), indexing="ij"))
    return map_coordinates(moving, index + np.moveaxis(field, -1, 0), order=0)


def demo(folder: Path, task: str = "DemoCT", degrees: float = 0.0, **more: object) -> Mapping[str, np.ndarray]:
    """Write a data set of one pair with everything; returns its arrays `(x, y, z)` and points by role."""
    rng = np.random.default_rng(3)
    shape, spacing = (20, 16, 12), (1.75, 1.25, 2.5)
    names = {"fixed": f"{task}_0001_0000", "moving": f"{task}_0001_0001"}
    texture = gaussian_filter(rng.normal(size=shape), 1.5).astype(np.float32)
    found: dict[str, np.ndarray] = {}
    for side, name in names.items():
        affine = affine_of(spacing, degrees, (-5, 7, 11) if side == "fixed" else (8, -4, 2))
        found[side] = np.roll(texture, side == "moving", axis=0)
        found[f"{side}_labels"] = np.zeros(shape, np.uint8)
        start = 4 if side == "fixed" else 5
        found[f"{side}_labels"][start : start + 8, 4:12, 3:9] = 1
        found[f"{side}_labels"][start + 2 : start + 5, 5:8, 4:7] = 2
        found[f"{side}_mask"] = np.zeros(shape, np.uint8)
        found[f"{side}_mask"][3:17, 2:14, 2:10] = 1
        found[f"{side}_points"] = rng.integers(3, 9, (15, 3)).astype(float)
        save(found[side], folder / "imagesTr" / f"{name}.nii.gz", affine)
        save(found[f"{side}_labels"], folder / "labelsTr" / f"{name}.nii.gz", affine)
        save(found[f"{side}_mask"], folder / "masksTr" / f"{name}.nii.gz", affine)
        write_points(found[f"{side}_points"], folder / "landmarksTr" / f"{name}.csv")
    write_dataset(folder, task, [(names["fixed"], names["moving"])], **more)
    return found


def lumir(folder: Path, degrees: float = 0.0) -> dict[str, np.ndarray]:
    """Write the data set of `demo` as LUMIR has it, with landmarks 3, 7 and 12 in label maps, and return these by side.

    The headers of the maps are not those of their images.
    """
    demo(folder, "LUMIR", degrees)
    shutil.rmtree(folder / "landmarksTr")
    rng = np.random.default_rng(5)
    maps = {side: rng.choice([0, 0, 0, 3, 7, 12], (20, 16, 12)).astype(np.uint16) for side in ("fixed", "moving")}
    for modality, labels in enumerate(maps.values()):
        save(labels, folder / "landmarksTr" / f"LUMIR_0001_000{modality}.nii.gz", np.eye(4))
    return maps


# pairs of real images that every developer has, as subjects of a data set
SUBJECTS = {"hippocampus_mr_two_subjects": 1, "ct_lung_baseline_followup": 3}


def of_shared_pairs(shared: Path, folder: Path) -> Path:
    """Write a data set of real pairs, each a fixed subject n and a moving n + 1; returns its JSON.

    Points in mm become voxels, with fractions. Grids of fixed and moving images differ, which the format allows.
    """
    names = []
    for pair, number in SUBJECTS.items():
        source = shared / pair
        subjects = {"fixed": f"SharedMix_{number:04}_0000", "moving": f"SharedMix_{number + 1:04}_0000"}
        for side, name in subjects.items():
            for part, place in ((side, "imagesTr"), (f"{side}_labels", "labelsTr")):
                (folder / place).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / f"{part}.nii.gz", folder / place / f"{name}.nii.gz")
            if (source / "landmarks.json").exists():
                points = np.array(json.loads((source / "landmarks.json").read_text())[side]) * (-1, -1, 1)
                affine = nibabel.load(source / f"{side}.nii.gz").affine
                index = np.linalg.solve(affine, np.c_[points, np.ones(len(points))].T).T[:, :3]
                write_points(index, folder / "landmarksTr" / f"{name}.csv")
        names.append((subjects["fixed"], subjects["moving"]))
    return write_dataset(folder, "SharedMix", names)
