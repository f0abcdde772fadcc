"""The activity and the attenuation of a label map, from the tissues that its labels are called after."""

from collections.abc import Mapping

import numpy as np

from pairreg.errors import InputError
from pairreg.pair.phantom.torso import table

QUANTITIES = {"activity": "activity", "attenuation": "mu"}  # of the table of tissues, by channel


def tissue_values(labels: np.ndarray, names: Mapping[int, str], channel: str) -> np.ndarray:
    """Return what the tissues of a label map have, float32 of its shape; 0 where no label is.

    **Arguments:** `names` of the label values: those of the phantom's organs (`liver`, `ribs`) or of the bundled CTs
    (`bone`, `lung_left`); `channel`: `activity`, of a bone-seeking tracer relative to soft tissue, or `attenuation`, in
    1/cm at 140 keV. The values and their sources stand in `pairreg/pair/phantom/tissues.yaml`.

    Raises `InputError` for labels whose names are none of these.
    """
    if others := unknown_tissues(labels, names):
        raise InputError(
            f"no tissue is known for labels {', '.join(others)}; name labels as in {', '.join(_tissues())} "
            "(pair.label_names), or carry activity and attenuation along (pair.channels)."
        )
    found = np.zeros(labels.shape, np.float32)
    for value in _values(labels):
        found[labels == value] = table()["tissues"][_tissues()[names[value]]][QUANTITIES[channel]]
    return found


def unknown_tissues(labels: np.ndarray, names: Mapping[int, str]) -> list[str]:
    """Return the labels that are called after no tissue, by name or else by value."""
    named = [names.get(value, str(value)) for value in _values(labels)]
    return [name for name in named if name not in _tissues()]


def _tissues() -> dict[str, str]:
    """Return the tissue of every name that a label may have."""
    organs = {name: str(organ["tissue"]) for name, organ in table()["organs"].items()}
    return organs | dict(table()["classes"])


def _values(labels: np.ndarray) -> list[int]:
    found: list[int] = np.unique(labels[labels != 0]).tolist()
    return found
