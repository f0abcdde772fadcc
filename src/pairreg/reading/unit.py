"""The unit of an image's values, where its format says it."""

from pathlib import Path

from pairreg.reading.dicom_files import is_dicom
from pairreg.reading.format_of import format_of

TAGS = ["Modality", "RescaleType", "Units"]
WORDS = {"BQML": "Bq/ml", "GML": "g/ml", "CNTS": "counts", "US": "", "UNSPECIFIED": ""}


def unit_of(path: Path) -> str:
    """The unit of the values in `path`, such as HU; empty if the file does not say. Only DICOM does."""
    if format_of(path) != "dicom":
        return ""
    import pydicom

    files = sorted(path.iterdir()) if path.is_dir() else [path]
    first = next(file for file in files if file.is_file() and is_dicom(file))
    header = pydicom.dcmread(first, specific_tags=TAGS, stop_before_pixels=True, force=True)
    said = str(header.get("Units") or header.get("RescaleType") or "")
    return WORDS.get(said.upper(), said) or ("HU" if header.get("Modality") == "CT" else "")
