"""Transform parameter files of elastix (`TransformParameters.1.txt`), with the chain of files that they name.

The file that is given is the last of the chain: the transform in the file that it goes on from takes a point first, or
(`HowToCombineTransforms "Add"`) its displacement is added.
Also what transformix writes (`deformationField.nii.gz`), which is a field of ITK.
Source: the manual of elastix 5.2, and what its components write.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.foreign_messages import reason
from pairreg.reading.contents import raw_bytes
from pairreg.transform_files import itk
from pairreg.transform_files.images import Images

LINE = re.compile(r"\s*\(\s*(\w+)\s*(.*)\)\s*(?://.*)?")
VALUE = re.compile(r'"([^"]*)"|([^\s"]+)')
MARK = re.compile(rb'(?m)^\s*\(\s*Transform\s+"')
GOES_ON_FROM = ("InitialTransformParameterFileName", "InitialTransformParametersFileName")  # since elastix 5.1, before
COMBINATION = "HowToCombineTransforms"
HEAD = 1 << 16  # bytes in which the type of the transform stands


class Parameters:
    """The parameters in a file: `(Name value …)`, one a line."""

    def __init__(self, path: Path):
        self.path = path
        lines = (LINE.fullmatch(line) for line in raw_bytes(path).decode(errors="replace").splitlines())
        self._values = {line[1]: [a or b for a, b in VALUE.findall(line[2])] for line in lines if line}

    def text(self, name: str, default: str = "") -> str:
        """The first value of a parameter."""
        return next(iter(self._values.get(name, [])), default)

    def numbers(self, name: str, count: int | None = None) -> list[float]:
        """The values of a parameter; raises `InputError` unless they are `count` finite numbers."""
        found = self._values.get(name, [])
        try:
            numbers = [float(value) for value in found]
        except ValueError:
            numbers = []
        if not numbers or not np.isfinite(numbers).all() or len(numbers) != (count or len(numbers)):
            shown = " ".join(found)[:60] or "nothing"
            raise InputError(f"{self.path} has {shown} as {name}; it should be {count or 'some'} finite numbers.")
        return numbers

    @property
    def ndim(self) -> int:
        """The number of dimensions, 2 or 3."""
        found = {self.text(f"{name}ImageDimension") for name in ("Fixed", "Moving")}
        if len(found) > 1 or not found <= {"2", "3"}:
            raise InputError(f"{self.path} is for images of {' and '.join(sorted(found))} dimensions; give 2-D or 3-D.")
        return int(found.pop())

    def transform_parameters(self, count: int) -> list[float]:
        """The parameters of the transform itself, `count` of them."""
        if self.text("UseBinaryFormatForTransformationParameters") == "true":
            raise InputError(f"{self.path} has its numbers in a binary file; have elastix write them as text.")
        return self.numbers("TransformParameters", count)


def is_parameter_file(path: Path) -> bool:
    """Whether the file is one of elastix, by its content."""
    return MARK.search(raw_bytes(path, HEAD)) is not None


def read(path: Path, images: Images) -> sitk.Transform:
    """The transform of a parameter file with its chain, or of a field that transformix has written."""
    *later, first = chain_of(path)
    parts = [_one(first, images)]  # of a composite, whose last one comes first
    for file in reversed(later):
        one = _one(file, images)
        parts = _added(parts, one, file) if _is_added(file) else [one, *parts]
    return parts[0] if len(parts) == 1 else sitk.CompositeTransform(parts)


def chain_of(path: Path) -> list[Path]:
    """The files from `path` to the one whose transform comes first."""
    files = [path]
    while is_parameter_file(files[-1]):
        parameters = Parameters(files[-1])
        named = next((text for text in map(parameters.text, GOES_ON_FROM) if text), "NoInitialTransform")
        if named == "NoInitialTransform":
            break
        _check_combination(parameters)
        files.append(_beside(files[-1], named))
        if files[-1].resolve() in [file.resolve() for file in files[:-1]]:
            raise InputError(f"{files[-1]} goes on from itself by {', '.join(GOES_ON_FROM)}; correct one of its chain.")
    return files


def _check_combination(parameters: Parameters) -> None:
    how = parameters.text(COMBINATION, "nothing")
    if how not in ("Compose", "Add"):
        raise InputError(f'{parameters.path} has {how} as {COMBINATION}; it should be "Compose" or "Add".')


def _is_added(path: Path) -> bool:
    """Whether the transform of a file is added to the one that it goes on from: T(x) = T0(x) + T1(x) - x."""
    return Parameters(path).text(COMBINATION) == "Add"


@dataclass(frozen=True)
class _Sum:
    """The transform A x + b + u(x): `matrix` `(ndim, ndim)`, `shift` `(ndim,)`, and the B-spline x + u(x), if any."""

    matrix: np.ndarray
    shift: np.ndarray
    spline: sitk.BSplineTransform | None

    @classmethod
    def of(cls, parts: Sequence[sitk.Transform], path: Path) -> "_Sum":
        """What the parts of a composite are, of which a B-spline may come first; `path` is of the file that adds it."""
        *later, first = parts
        ndim, spline = first.GetDimension(), first if isinstance(first, sitk.BSplineTransform) else None
        linear = sitk.CompositeTransform([*later, first if spline is None else geometry.identity(ndim)])
        if not linear.IsLinear():
            raise _not_added(path)
        matrix, shift = geometry.linear_part(linear, ndim)
        return cls(matrix, shift, None if spline is None else _led_by(matrix, spline))

    def parts(self) -> list[sitk.Transform]:
        """It as the parts of a composite, A (x + A⁻¹ u(x)) + b; raises `LinAlgError` if A has no inverse."""
        linear = sitk.AffineTransform(self.matrix.ravel().tolist(), self.shift.tolist())
        return [linear] if self.spline is None else [linear, _led_by(np.linalg.inv(self.matrix), self.spline)]


def _added(parts: Sequence[sitk.Transform], one: sitk.Transform, path: Path) -> list[sitk.Transform]:
    """The parts of a composite that adds the displacement of `one`, that of the file `path`, to that of `parts`.

    ITK cannot add transforms, but linear ones and a B-spline beside them have a sum that is a composite.
    """
    sums = [_Sum.of(parts, path), _Sum.of([one], path)]
    splines = [found.spline for found in sums if found.spline is not None]
    if len(splines) > 1:
        raise _not_added(path)
    matrix = sums[0].matrix + sums[1].matrix - np.eye(one.GetDimension())
    try:
        return _Sum(matrix, sums[0].shift + sums[1].shift, next(iter(splines), None)).parts()
    except np.linalg.LinAlgError:
        raise InputError(f"{path} adds up to a linear transform that loses a dimension; correct it.") from None


def _not_added(path: Path) -> InputError:
    said = f"{path} adds its transform to another, which is read of linear ones and one B-spline"
    return InputError(f"{said}; have transformix write its deformationField.nii.gz (-def all), and use that.")


def _led_by(matrix: np.ndarray, spline: sitk.BSplineTransform) -> sitk.BSplineTransform:
    """The B-spline whose displacements are those of `spline` times a matrix."""
    images = spline.GetCoefficientImages()
    values = np.tensordot(matrix, np.stack([geometry.array(one) for one in images]), 1)
    return sitk.BSplineTransform([geometry.image(part, images[0]) for part in values], spline.GetOrder())


def _beside(path: Path, named: str) -> Path:
    """The file that `path` names, or, where it was moved, the one of that name beside it.

    elastix writes a name as its `-out` was given, so a relative one is of the folder that elastix was called in. Files
    of elastix have the same names for all patients: of two that could be meant none is taken.
    """
    places = (Path(named), path.parent / re.split(r"[/\\]", named)[-1])
    found = {file.resolve(): file for file in reversed(places) if file.is_file()}
    if not found:
        raise InputError(f"{path} goes on from {named}, which is not there; put that file beside it.")
    if len(found) > 1 and not Path(named).is_absolute():
        both = " and ".join(map(str, found))
        raise InputError(f"{path} goes on from {named}, which may be {both}; call the command in another folder.")
    return list(found.values())[-1]


def _one(path: Path, images: Images) -> sitk.Transform:
    """The transform of one file alone."""
    if not is_parameter_file(path):
        return itk.read(path, images)
    parameters = Parameters(path)
    if parameters.text("UseDirectionCosines", "true") != "true":
        said = f"{path} was made without direction cosines, so that its points are none of the images"
        raise InputError(f"{said}; register anew with UseDirectionCosines.")
    kind = parameters.text("Transform")
    if kind not in KINDS:
        said = f"{path} has a transform of the type {kind}, which is none of {', '.join(KINDS)}"
        raise InputError(f"{said}; have transformix write its deformationField.nii.gz (-def all), and use that.")
    try:
        return KINDS[kind](parameters)
    except RuntimeError as error:
        raise InputError(f"{path} has a {kind} that cannot be ({reason(error)}); write it anew.") from error


def _translation(given: Parameters) -> sitk.Transform:
    return sitk.TranslationTransform(given.ndim, given.transform_parameters(given.ndim))


def _euler(given: Parameters) -> sitk.Transform:
    if given.ndim == 2:
        return _centred(sitk.Euler2DTransform(), given)
    transform = sitk.Euler3DTransform()
    transform.SetComputeZYX(given.text("ComputeZYX") == "true")
    return _centred(transform, given)


def _similarity(given: Parameters) -> sitk.Transform:
    return _centred(sitk.Similarity2DTransform() if given.ndim == 2 else sitk.Similarity3DTransform(), given)


def _affine(given: Parameters) -> sitk.Transform:
    return _centred(sitk.AffineTransform(given.ndim), given)


def _centred(transform: Any, given: Parameters) -> sitk.Transform:
    """A linear transform with its parameters, which elastix has in the order of ITK, and its centre."""
    transform.SetCenter(given.numbers("CenterOfRotationPoint", given.ndim))
    transform.SetParameters(given.transform_parameters(transform.GetNumberOfParameters()))
    return transform


def _bspline(given: Parameters) -> sitk.Transform:
    if given.text("UseCyclicTransform") == "true":
        raise InputError(f"{given.path} has a cyclic transform, which ITK does not have; use deformationField.nii.gz.")
    ndim = given.ndim
    size = [int(n) for n in given.numbers("GridSize", ndim)]
    if min(size) < 1:
        raise InputError(
            f"{given.path} has {' '.join(map(str, size))} as GridSize; it should be {ndim} numbers above 0."
        )
    values = given.transform_parameters(ndim * int(np.prod(size)))
    components = [_control_points(part, size, given) for part in np.split(np.array(values), ndim)]
    return sitk.BSplineTransform(components, int(given.numbers("BSplineTransformSplineOrder", 1)[0]))


def _control_points(values: np.ndarray, size: list[int], given: Parameters) -> sitk.Image:
    """One component of the control points as an image."""
    ndim = len(size)
    image = sitk.GetImageFromArray(values.reshape(size[::-1]))
    image.SetSpacing(given.numbers("GridSpacing", ndim))
    image.SetDirection(np.reshape(given.numbers("GridDirection", ndim * ndim), (ndim, ndim)).T.ravel().tolist())
    image.SetOrigin(given.numbers("GridOrigin", ndim))
    first = [int(i) for i in given.numbers("GridIndex", ndim)]
    image.SetOrigin(image.TransformContinuousIndexToPhysicalPoint([float(i) for i in first]))
    return image


KINDS: dict[str, Callable[[Parameters], sitk.Transform]] = {
    "TranslationTransform": _translation,
    "EulerTransform": _euler,
    "SimilarityTransform": _similarity,
    "AffineTransform": _affine,
    "BSplineTransform": _bspline,
    "RecursiveBSplineTransform": _bspline,
}
