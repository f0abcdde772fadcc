"""Which format a transform file has, where its content or its name says so for certain."""

from pathlib import Path

from pairreg.errors import InputError
from pairreg.reading import nifti as nifti_images
from pairreg.reading.format_of import format_of as image_format
from pairreg.transform_files import fsl, itk, learn2reg, nifti
from pairreg.transform_files.fields import ARRAYS


def format_of(path: Path) -> str:
    """The name of the format; raises `InputError` with the candidates if it is not certain."""
    if itk.is_transform_file(path):
        return "itk"
    if learn2reg.FILE.fullmatch(path.name):
        return "learn2reg"
    if path.name.lower().endswith(ARRAYS):
        raise InputError(f"{path} may be in voxels of one grid or of two; name its format: voxels or learn2reg.")
    if image_format(path) != "nifti":
        return "itk"
    intent = int(nifti_images.opened(path).header["intent_code"])
    if intent in (fsl.FIELD, *fsl.COEFFICIENTS):
        return "fsl"
    if intent in (nifti.DISPLACEMENT, nifti.VECTOR):
        return "nifti"
    raise InputError(f"{path} has the intent {intent}, which does not say what its numbers are; {nifti.name_it()}.")
