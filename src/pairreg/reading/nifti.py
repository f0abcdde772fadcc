"""What ITK's NIfTI reader hides: it turns NaN and infinite voxels into 0 while it reads."""

import gzip
import struct
from pathlib import Path

import numpy as np

FLOATS = {16: "f4", 64: "f8"}  # NIfTI codes of the types that can hold NaN


def non_finite_voxels(path: Path) -> int:
    """How many voxels of a NIfTI file (`.nii`, `.nii.gz`) are NaN or infinite; 0 for files of another format."""
    if not path.name.endswith((".nii", ".nii.gz")):
        return 0
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
        content = file.read()
    order = "<" if content[0] in (348 % 256, 540 % 256) else ">"
    second = struct.unpack_from(f"{order}i", content)[0] == 540  # size of the header: 348 in NIfTI-1, 540 in NIfTI-2
    kind = FLOATS.get(struct.unpack_from(f"{order}h", content, 12 if second else 70)[0])
    if kind is None:
        return 0
    start = (
        struct.unpack_from(f"{order}q", content, 168)[0] if second else struct.unpack_from(f"{order}f", content, 108)[0]
    )
    voxels = np.frombuffer(content, f"{order}{kind}", offset=int(start))
    return int(voxels.size - np.isfinite(voxels).sum())
