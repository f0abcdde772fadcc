"""Compares how ANTs applies transforms that we write, and we those of its registrations; see `check_ants`.

`write FOLDER` and `read FOLDER` need pairreg, `compare FOLDER` and `register FOLDER` antspyx. Each folder (`2d_00`, …)
has a fixed and a moving image on random grids, both files of the transform of a random field, points in LPS mm with
where SimpleITK takes them, and the moving image as SimpleITK warps it. `register` adds to some of them the transforms
that ANTs finds between these images, and where it takes points by them: `read` compares.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

GRIDS = 12  # in each dimension
POINTS = 1e-3  # mm: what ANTs may differ by, as it reads and writes float32
REGISTERED = ("SyN", "Affine", "Rigid")  # what ANTs computes itself
VALUES = 2e-3  # of the range of the image, where it is interpolated


def write(folder: Path) -> None:
    for ndim in (2, 3):
        for number in range(GRIDS):
            one = folder / f"{ndim}d_{number:02d}"
            one.mkdir(parents=True)
            write_one(one, ndim, np.random.default_rng(number))


def write_one(folder: Path, ndim: int, rng: np.random.Generator) -> None:
    import SimpleITK as sitk
    from scipy.ndimage import gaussian_filter

    from pairreg import geometry, whole_transform

    fixed, moving = (grid(ndim, rng) for _ in range(2))
    moving.SetOrigin(geometry.centred_origin(moving, fixed))  # so that they overlap
    field = np.stack([gaussian_filter(rng.normal(size=fixed.GetSize()[::-1]), 3) for _ in range(ndim)], -1)
    field = (2 * field / np.abs(field).max()).astype(np.float32)
    initial = sitk.AffineTransform(ndim)
    initial.SetMatrix((np.eye(ndim) + rng.uniform(-0.1, 0.1, (ndim, ndim))).ravel().tolist())
    initial.SetTranslation(rng.uniform(-3, 3, ndim).tolist())
    initial.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint([n / 2 for n in fixed.GetSize()]))
    whole = whole_transform.whole(field, fixed, initial)
    whole_transform.write(whole, folder / "transform.h5")
    sitk.WriteImage(geometry.total_displacement(field, fixed, initial), str(folder / "displacement.nii.gz"))
    for name, image in {"fixed": fixed, "moving": moving}.items():
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
    inside = rng.uniform(1, np.array(fixed.GetSize()) - 2, (20, ndim))
    beyond = rng.uniform(-2, 3, (20, ndim)) * fixed.GetSize()
    points = [fixed.TransformContinuousIndexToPhysicalPoint(index) for index in [*inside.tolist(), *beyond.tolist()]]
    moved = [whole.TransformPoint(point) for point in points]
    (folder / "points.json").write_text(json.dumps({"points": points, "moved": moved, "inside": len(inside)}))
    # `geometry.resample` takes means over larger voxels, `antsApplyTransforms` the values at their centres.
    warped = sitk.Resample(moving, fixed, whole, sitk.sitkLinear, 0.0, moving.GetPixelID())
    np.save(folder / "warped.npy", geometry.array(warped))


def grid(ndim: int, rng: np.random.Generator) -> Any:
    """A smooth image of any axis order, rotation, spacing and origin; in 3-D also mirrored."""
    import SimpleITK as sitk
    from scipy.ndimage import gaussian_filter

    size = rng.integers(18, 26, ndim)
    values = gaussian_filter(rng.normal(size=size[::-1]), 2)
    image = sitk.GetImageFromArray((100 + 200 * (values - values.min()) / np.ptp(values)).astype(np.float32))
    direction = np.linalg.qr(rng.normal(size=(ndim, ndim)))[0]
    if ndim == 2 and np.linalg.det(direction) < 0:  # NIfTI cannot keep a mirrored plane
        direction[:, 0] *= -1
    image.SetDirection(direction.ravel().tolist())
    image.SetSpacing(rng.uniform(0.5, 3, ndim).tolist())
    image.SetOrigin(rng.uniform(-200, 200, ndim).tolist())
    return image


def compare(folder: Path) -> None:
    worst: dict[str, float] = {}
    folders = sorted(folder.iterdir())
    for one in folders:
        for name, found in differences(one).items():
            worst[name] = max(worst.get(name, 0.0), found)
    for name, found in worst.items():
        limit = VALUES if "image" in name else POINTS
        print(f"{name}: at most {found:.2g} on {len(folders)} grids (limit {limit:g})")
        assert found <= limit, name


def differences(folder: Path) -> dict[str, float]:
    import ants
    import pandas

    known = json.loads((folder / "points.json").read_text())
    points, moved, inside = np.array(known["points"]), np.array(known["moved"]), known["inside"]
    ndim = points.shape[1]
    table = pandas.DataFrame(points, columns=list("xyz")[:ndim])
    fixed, moving = (ants.image_read(str(folder / f"{name}.nii.gz")) for name in ("fixed", "moving"))
    warped = np.load(folder / "warped.npy").T
    found = {}
    for file, count in (("transform.h5", len(points)), ("displacement.nii.gz", inside)):
        theirs = ants.apply_transforms_to_points(ndim, table, [str(folder / file)]).to_numpy()[:count, :ndim]
        found[f"points by {file}, mm"] = float(np.abs(theirs - moved[:count]).max())
        image = ants.apply_transforms(fixed, moving, [str(folder / file)], interpolator="linear").numpy()
        both = (warped > 100) & (image > 100)  # where all neighbours lie inside the moving image
        assert both.sum() > 20, "the images hardly overlap"
        found[f"image by {file}"] = float(np.abs(image - warped)[both].max() / 200)
    return found


def register(folder: Path) -> None:
    """Leave the transforms of ANTs in `ants_SyN_1Warp.nii.gz` and the like, and points with where ANTs takes them."""
    import ants

    for one in [folder / f"{ndim}d_{number:02d}" for ndim in (2, 3) for number in range(3)]:
        fixed, moving = (ants.image_read(str(one / f"{name}.nii.gz")) for name in ("fixed", "moving"))
        for kind in REGISTERED:
            prefix = str(one / f"ants_{kind}_")
            made = ants.registration(
                fixed,
                moving,
                kind,
                outprefix=prefix,
                reg_iterations=(8, 4),
                aff_iterations=(20, 10, 5, 5),
                random_seed=1,
            )
            save_points(one, kind, made["fwdtransforms"])


def save_points(folder: Path, kind: str, files: list[str]) -> None:
    """Where ANTs takes the points, and by the affine transform backwards."""
    import ants
    import pandas

    known = json.loads((folder / "points.json").read_text())
    points = np.array(known["points"])[: known["inside"]]
    ndim = points.shape[1]
    table = pandas.DataFrame(points, columns=list("xyz")[:ndim])
    moved = ants.apply_transforms_to_points(ndim, table, files).to_numpy()[:, :ndim]
    back = ants.apply_transforms_to_points(ndim, table, files[-1:], whichtoinvert=[True]).to_numpy()[:, :ndim]
    np.savez(folder / f"ants_{kind}.npz", points=points, moved=moved, back=back)


def read(folder: Path) -> None:
    """Assert that the files of ANTs, by their names or their prefix, take points where ANTs took them."""
    import SimpleITK as sitk

    from pairreg.transform_files.read import read_transform

    worst: dict[str, float] = {}
    for saved in sorted(folder.glob("*/ants_*.npz")):
        known = np.load(saved)
        kind, prefix = saved.stem.removeprefix("ants_"), str(saved).removesuffix(".npz") + "_"
        warp, affine = f"{prefix}1Warp.nii.gz", f"{prefix}0GenericAffine.mat"
        files = [warp, affine] if kind == "SyN" else [affine]
        fixed, moving = (sitk.ReadImage(str(saved.parent / f"{name}.nii.gz")) for name in ("fixed", "moving"))
        for paths, goal in ((files, "moved"), (prefix, "moved"), (f"[{affine},1]", "back")):
            transform = read_transform(paths, fixed, moving)
            ours = [transform.TransformPoint(point) for point in known["points"].tolist()]
            worst[kind] = max(worst.get(kind, 0.0), float(np.abs(ours - known[goal]).max()))
    assert set(worst) == set(REGISTERED), worst
    for kind, found in worst.items():
        print(f"points by the files of {kind}: at most {found:.2g} mm (limit {POINTS:g})")
        assert found <= POINTS, kind


if __name__ == "__main__":
    {"write": write, "compare": compare, "register": register, "read": read}[sys.argv[1]](Path(sys.argv[2]))
