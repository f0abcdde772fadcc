"""What a transform file of ITK holds, looked at before ITK reads it: it takes sizes in damaged files for granted."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError
from pairreg.reading.contents import AGAIN, check_length, raw_bytes
from pairreg.reading.notes import refusing_damage

HDF5, TEXT = b"\x89HDF", b"#Insight Transform File"
TYPE = re.compile(r"(\w+?)_(?:double|float)_(\d)_(\d)")
AFFINE = "MatrixOffsetTransformBase"  # how c3d and old ANTs call it
GRIDS = ("DisplacementFieldTransform", "BSplineTransform")  # those with parameters on a grid
MOST_OF_MAT = 1 << 20  # bytes of a record in a .mat file: such a file is for linear transforms


class Part(NamedTuple):
    """One transform of a file: its type (`AffineTransform_double_3_3`), parameters and fixed parameters."""

    type: str
    parameters: np.ndarray
    fixed: np.ndarray


def parts(path: Path) -> list[Part]:
    """The transforms in the file, in its order. Raises `InputError` for a file that is not whole, or not ITK's."""
    head = raw_bytes(path, 32)
    if not head:
        raise InputError(f"{path} is empty (0 bytes); {AGAIN}.")
    with refusing_damage(path):
        if head.startswith(HDF5):
            return list(_of_hdf5(path))
        if head.startswith(TEXT):
            return list(_of_text(path))
        if path.suffix.lower() == ".mat":
            return list(_of_mat(path))
    raise InputError(f"{path} is no transform of ITK by its content; give a .tfm, .txt, .mat or .h5 file of ITK.")


def check(found: list[Part], path: Path) -> None:
    """Raise `InputError` unless the parts are one transform, of finite numbers, as many as their grids need."""
    composite = bool(found) and found[0].type.startswith("CompositeTransform_")
    inner = found[1:] if composite else found
    if not inner:
        raise InputError(f"{path} holds no transform; write it again.")
    if len(inner) > 1 and not composite:
        said = f"{path} holds {len(inner)} transforms and not how they are combined"
        raise InputError(f"{said}; give them in files of their own, or as one composite transform.")
    for part in inner:
        _check_part(part, path, composite)


def _check_part(part: Part, path: Path, composite: bool) -> None:
    named = TYPE.match(part.type)
    if named is None or named[2] != named[3] or named[2] not in "23" or not _is_known(named[1], composite):
        said = f"{path} has a transform of the type {part.type[:80]!r}, which SimpleITK does not have in 2-D and 3-D"
        raise InputError(f"{said}; convert it into a displacement field.")
    numbers = np.concatenate([part.parameters, part.fixed])
    bad = int((~np.isfinite(numbers)).sum())
    if bad:
        raise InputError(f"{path} has {bad} NaN or infinite numbers in its {named[1]}; write it anew.")
    if named[1] in GRIDS:
        ndim = int(named[2])
        size = part.fixed[:ndim]
        if len(part.fixed) != ndim * (ndim + 3) or len(part.parameters) != ndim * np.prod(size):
            said = f"{len(part.parameters)} numbers for a grid of {'×'.join(f'{n:g}' for n in size)} in its {named[1]}"
            raise InputError(f"{path} has {said}, which do not fit; write it anew.")


def _is_known(name: str, composite: bool) -> bool:
    """Whether SimpleITK has the type: it reads others as composites of themselves, without end."""
    if name == AFFINE:
        return not composite
    return name == "IdentityTransform" or (name.endswith("Transform") and hasattr(sitk, name))


def _of_hdf5(path: Path) -> Iterator[Part]:
    with h5py.File(path) as file:
        if "TransformGroup" not in file:
            raise InputError(f"{path} is an HDF5 file without a transform; give a transform file of ITK.")
        groups = file["TransformGroup"]
        for number in sorted(groups, key=int):
            yield Part(_type_of(groups[number]), *(_numbers(groups[number], name) for name in ("", "Fixed")))


def _type_of(group: h5py.Group) -> str:
    found = group["TransformType"][()]
    text = found[0] if np.ndim(found) else found
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


def _numbers(group: h5py.Group, kind: str) -> np.ndarray:
    """The parameters; ITK 4 wrote their name without an s."""
    name = next((n for n in (f"Transform{kind}Parameters", f"Tranform{kind}Parameters") if n in group), None)
    return np.zeros(0) if name is None else np.ravel(group[name][()]).astype(float)


def _of_text(path: Path) -> Iterator[Part]:
    type, numbers = "", {"Parameters": np.zeros(0), "FixedParameters": np.zeros(0)}
    for line in [*path.read_text().splitlines(), "Transform:"]:
        key, _, value = line.partition(":")
        if key == "Transform":
            if type:
                yield Part(type, numbers["Parameters"], numbers["FixedParameters"])
            type, numbers = value.strip(), dict.fromkeys(numbers, np.zeros(0))
        elif key in numbers:
            numbers[key] = np.array(value.split(), float)


def _of_mat(path: Path) -> Iterator[Part]:
    """Of a MATLAB 4 file: a matrix by the name of the type, and one called `fixed`."""
    records = list(_records(raw_bytes(path), path))
    for (type, parameters), (name, fixed) in zip(records[::2], records[1::2], strict=True):
        if name != "fixed":
            raise InputError(f"{path} has a matrix {name[:40]!r} where the fixed parameters of ITK belong; {AGAIN}.")
        yield Part(type, parameters, fixed)


def _records(data: bytes, path: Path) -> Iterator[tuple[str, np.ndarray]]:
    while data:
        check_length(path, len(data), 20)
        order = "<" if int.from_bytes(data[:4], "little") in (0, 10) else ">"
        code, rows, columns, imaginary, length = np.frombuffer(data, f"{order}i4", 5).tolist()
        kind = {0: f"{order}f8", 10: f"{order}f4", 1000: f"{order}f8", 1010: f"{order}f4"}.get(code)
        if kind is None or imaginary or min(rows, columns, length) < 0 or max(rows, columns, length) > MOST_OF_MAT:
            raise InputError(f"{path} is no .mat file of ITK; give what ANTs or ITK have written, or a text file.")
        end = 20 + length + rows * columns * np.dtype(kind).itemsize
        check_length(path, len(data), end)
        name = data[20 : 20 + length].rstrip(b"\0").decode(errors="replace")
        yield name, np.frombuffer(data, kind, rows * columns, 20 + length).astype(float)
        data = data[end:]
