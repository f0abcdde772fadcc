"""The pairs of files that come with the package."""

import json
from dataclasses import replace
from importlib.resources import as_file, files

from pairreg.pair.files import load_pair
from pairreg.pair.pair import Pair


def thorax_ct_2d() -> Pair:
    """Axial chest CT slices of two patients (1.5 mm), in HU, with labels of lungs, bone, airway and other body.

    The labels are from thresholds, not from a reader.

    Source: the test data of pyradiomics.
    """
    return bundled("thorax_ct_2d")


def thorax_ct_3d() -> Pair:
    """Chest CT of one patient at end-exhale and end-inhale (3.9 × 3.9 × 5 mm), in HU, with labels as `thorax_ct_2d`.

    Source: the registration tutorial of plastimatch.
    """
    return bundled("thorax_ct_3d")


def xcat_to_ct_2d() -> Pair:
    """Axial chest slices of an XCAT-like phantom (1.5 mm) and of the CT of a patient that it becomes (1.77 mm), in HU.

    The phantom is the moving image, with materials of nominal density, without noise. Labels are lungs, bone and other
    body: of the phantom from its materials, of the patient from thresholds, not from a reader.

    Source: patient C3N-00249 of CPTAC-PDA (The Cancer Imaging Archive); a voxelised phantom of XCIST.
    """
    return bundled("xcat_to_ct_2d")


def bundled(name: str) -> Pair:
    with as_file(files("pairreg.pair") / "data" / name) as folder:
        pair = load_pair(
            folder / "fixed.nii.gz",
            folder / "moving.nii.gz",
            name=name,
            fixed_labels=folder / "fixed_labels.nii.gz",
            moving_labels=folder / "moving_labels.nii.gz",
            label_names=json.loads((folder / "label_names.json").read_text()),
        )
    return replace(pair, inputs={})  # they are no files of the user's
