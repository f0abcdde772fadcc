"""A DICOM series from a folder."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg.errors import InputError

POSITION = "0020|0032"  # ImagePositionPatient
EVEN = 0.02  # gaps between slices may differ by this part of their median: positions are rounded in some files


def read_series(folder: Path) -> sitk.Image:
    """The one series in `folder`, its slices in the order of their positions."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), only_series(folder)))
    reader.MetaDataDictionaryArrayUpdateOn()
    image: sitk.Image = reader.Execute()
    if image.GetDimension() == 3 and len(reader.GetFileNames()) > 2:
        check_gaps(reader, image, folder)
    return image


def only_series(folder: Path) -> str:
    found = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not found:
        raise InputError(f"{folder} is a folder without a DICOM series; give an image file or the folder of a series.")
    if len(found) > 1:
        names = ", ".join(found)
        raise InputError(f"{folder} holds {len(found)} DICOM series ({names}); give a folder with only one of them.")
    return str(found[0])


def check_gaps(reader: sitk.ImageSeriesReader, image: sitk.Image, folder: Path) -> None:
    """Raise `InputError` for missing slices: they would bend the anatomy without a word."""
    slices = range(len(reader.GetFileNames()))
    if not all(reader.HasMetaDataKey(i, POSITION) for i in slices):
        return
    positions = np.array([[float(v) for v in reader.GetMetaData(i, POSITION).split("\\")] for i in slices])
    gaps = np.diff(positions @ np.reshape(image.GetDirection(), (3, 3))[:, 2])
    if np.ptp(gaps) > EVEN * abs(np.median(gaps)):
        extent = f"{min(abs(gaps)):.3g} to {max(abs(gaps)):.3g} mm"
        raise InputError(f"{folder} has slices {extent} apart; give a series without missing or repeated slices.")
