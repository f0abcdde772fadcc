"""What was understood of the files of a pair, in words."""

from collections.abc import Iterable, Mapping

import numpy as np
import SimpleITK as sitk

from pairreg import geometry

Facts = dict[str, str]  # text by what it is about
TOWARDS = {"L": "left", "R": "right", "P": "back", "A": "front", "S": "head", "I": "feet"}
TILTED = 0.1  # degrees: less is rounding
LABELS = 40  # labels that are listed
PROBES = 40


def image_facts(image: sitk.Image, unit: str = "", padding: sitk.Image | None = None) -> Facts:
    """Size, spacing, orientation, origin, direction, values and padding of an image; `unit` is that of its values."""
    facts = space_facts(image)
    values = geometry.array(image)
    if padding is not None:
        marked = geometry.array(padding) > 0
        values = values[~marked]
        facts["padding"] = f"{marked.mean():.2%} of the voxels, left out of the mask"
    low, first, last, high = np.percentile(values, (0, 1, 99, 100))
    text = f"{low:.6g} to {high:.6g}, 98 % of them from {first:.6g} to {last:.6g}"
    facts["values"] = f"{text} {unit}" if unit else f"{text} (the file gives no unit)"
    return facts


def space_facts(image: sitk.Image) -> Facts:
    """Where the voxels of an image lie."""
    spacing = image.GetSpacing()
    extent = _times(n * h for n, h in zip(image.GetSize(), spacing, strict=True))
    return {
        "size": f"{_times(image.GetSize())} voxels, {image.GetPixelIDTypeAsString()}",
        "spacing": f"{_times(spacing)} mm, field of view {extent} mm",
        "orientation": orientation(image),
        "origin": f"({', '.join(f'{x:.6g}' for x in image.GetOrigin())}) mm, LPS",
        "direction": "; ".join(" ".join(f"{x:.4g}" for x in row) for row in _direction(image)),
    }


def orientation(image: sitk.Image) -> str:
    """Where the axes of an image lead, x first, such as `LPS: x to the left, y to the back, z to the head`."""
    if image.GetDimension() == 2:
        return "2-D, without sides of the body"
    letters = letters_of(image)
    ways = ", ".join(f"{axis} to the {TOWARDS[letter]}" for axis, letter in zip("xyz", letters, strict=True))
    nearest = np.abs(_direction(image)).max(0)
    angle = float(np.degrees(np.arccos(np.clip(nearest, -1, 1))).max())
    return f"{letters}: {ways}" + (f", tilted by {angle:.3g}°" if angle > TILTED else "")


def letters_of(image: sitk.Image) -> str:
    """The side of the body to which each axis of a 3-D image leads, x first: letters of L, R, P, A, S, I."""
    return str(sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection()))


def label_facts(labels: sitk.Image, names: Mapping[int, str]) -> Facts:
    """Where a label map lies, and the volume (in 2-D the area) of every label above 0."""
    facts = space_facts(labels)
    values, counts = np.unique(geometry.array(labels), return_counts=True)
    kept = [(int(value), int(count)) for value, count in zip(values, counts, strict=True) if value > 0]
    size = float(np.prod(labels.GetSpacing()))
    scale, unit = (size / 1000, "ml") if labels.GetDimension() == 3 else (size, "mm²")
    for value, count in kept[:LABELS]:
        title = f"label {value}" + (f", {names[value]}" if value in names else "")
        facts[title] = f"{count} voxels, {count * scale:.4g} {unit}"
    if len(kept) > LABELS:
        facts["more"] = f"{len(kept) - LABELS} labels up to {kept[-1][0]}"
    if not kept:
        facts["labels"] = "none above 0"
    return facts


def mask_facts(mask: sitk.Image) -> Facts:
    """Where a mask lies, and how much of it counts."""
    return space_facts(mask) | {"inside": f"{(geometry.array(mask) > 0).mean():.2%} of its voxels"}


def point_facts(points: np.ndarray, images: Mapping[str, sitk.Image]) -> Facts:
    """The number and range of points `(n, ndim)` in LPS mm, and how many lie inside each of `images`, by name."""
    ends = (", ".join(f"{x:.5g}" for x in end(0)) for end in (points.min, points.max))
    facts = {"points": f"{len(points)}, from ({next(ends)}) to ({next(ends)}) mm, LPS"}
    for name, image in images.items():
        if image.GetDimension() == points.shape[1]:
            facts[f"inside {name}"] = f"{int(geometry.inside(points, image).sum())} of {len(points)}"
    return facts


def overlap(first: sitk.Image, second: sitk.Image) -> tuple[float, float]:
    """The part of the field of view of each image that lies within that of the other, as the files place them."""
    return _part_within(first, second), _part_within(second, first)


def _part_within(image: sitk.Image, other: sitk.Image) -> float:
    """Estimated from `PROBES` points along each axis of `image`."""
    size = np.array(image.GetSize())
    along = [(np.arange(PROBES) + 0.5) / PROBES * n - 0.5 for n in size]
    index = np.stack(np.meshgrid(*along, indexing="ij"), -1).reshape(-1, len(size))
    points = index * image.GetSpacing() @ _direction(image).T + image.GetOrigin()
    found = (points - other.GetOrigin()) @ np.linalg.inv(_direction(other)).T / other.GetSpacing()
    return float(((found >= -0.5) & (found < np.array(other.GetSize()) - 0.5)).all(1).mean())


def _direction(image: sitk.Image) -> np.ndarray:
    """The columns `(ndim, ndim)` are the unit vectors of the axes, x first; without -0."""
    return np.reshape(image.GetDirection(), (image.GetDimension(),) * 2) + 0.0


def _times(numbers: Iterable[float]) -> str:
    return " × ".join(f"{x:.6g}" for x in numbers)
