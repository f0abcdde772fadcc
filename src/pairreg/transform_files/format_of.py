"""Which format a transform file has, where its content or its name says so for certain."""

from pathlib import Path

from pairreg.errors import InputError
from pairreg.reading import format_of as image_formats
from pairreg.reading import nifti as nifti_images
from pairreg.reading.contents import AGAIN, raw_bytes
from pairreg.transform_files import elastix, fsl, itk, learn2reg, matrices, nifti
from pairreg.transform_files.fields import ARRAYS, load

TRANSFORMS = (".tfm", ".txt", ".h5", ".hdf5")  # endings of files that are no images


def format_of(path: Path) -> str:
    """The name of the format; raises `InputError` with the candidates if it is not certain."""
    if matrices.is_matrix(path):
        raise InputError(f"{path} is a matrix of FLIRT or in RAS mm (greedy, NiftyReg); name its format: fsl or ras.")
    if itk.is_transform_file(path):
        return "itk"
    if elastix.is_parameter_file(path):
        return "elastix"
    if path.name.lower().endswith(TRANSFORMS):
        head = raw_bytes(path, image_formats.HEAD)
        unknown = "is no transform of ITK or elastix by its content; give a file that one of them has written"
        raise InputError(f"{path} {image_formats.other(head) or unknown}." if head else f"{path} is empty; {AGAIN}.")
    if learn2reg.FILE.fullmatch(path.name):
        return "learn2reg"
    if path.name.lower().endswith(ARRAYS):
        raise InputError(f"{path} may be in voxels of one grid or of two; name its format: voxels or learn2reg.")
    if image_formats.format_of(path) != "nifti":
        return "itk"
    intent = int(nifti_images.opened(path).header["intent_code"])
    if intent in (fsl.FIELD, *fsl.COEFFICIENTS):
        return "fsl"
    if intent in (nifti.DISPLACEMENT, nifti.VECTOR):
        return "nifti"
    load(path)  # what cannot be a field is said to be none
    raise InputError(f"{path} has the intent {intent}, which does not say what its numbers are; {nifti.name_it()}.")
