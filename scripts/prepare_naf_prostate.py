"""The data of Chen et al. (Medical Physics 47:6366, 2020) as an HDF5 file for pair=hdf5: patients' CTs (fixed) and the
XCAT phantom (moving), 384 x 384 slices or 160 x 160 x 256 volumes.

1. The CTs are TCIA's collection "NaF PROSTATE" (doi.org/10.7937/K9/TCIA.2015.ISOQTHKO, CC BY 3.0, PET/CT of 9
   patients). Its page gives a manifest (.tcia); the NBIA Data Retriever downloads it to
   manifest-NUMBER/NaF PROSTATE/PATIENT/STUDY/SERIES/*.dcm; metadata.csv beside it says which series are CT.
2. XCAT is licensed by Duke University. Write the part of the body that the CT shows (startslice and endslice), with
   energy = 140. It leaves NAME_atn_1.bin, NAME_act_1.bin and NAME_log; with color_code = 1 the activity volume of
   a second run holds organ numbers, for --labels.
3. Pairs of slices, counted from 0 at the feet as CT:PHANTOM, or of volumes:

    python scripts/prepare_naf_prostate.py slices.h5 --grid 2d --attenuation xcat_atn_1.bin --header xcat_log \\
        --activity xcat_act_1.bin --ct patient_01 "NaF PROSTATE/.../CT" 110:240 95:220 --ct patient_02 .../CT 104:236
    python scripts/prepare_naf_prostate.py volumes.h5 --grid 3d --attenuation xcat_atn_1.bin --header xcat_log \\
        --labels xcat_organs_act_1.bin --ct patient_01 "NaF PROSTATE/.../CT"

4. pairreg preset=published_2d pair=hdf5 pair.file=slices.h5 'pair.case=*' -m
   pairreg preset=published_3d pair=hdf5 pair.file=volumes.h5 pair.case=patient_01

Attenuation becomes CT numbers by the mu of water in the log. Orientation, field of view and what is resampled:
naf_prostate.xcat and naf_prostate.published.
"""

import argparse
import re
from functools import lru_cache
from pathlib import Path

import SimpleITK as sitk

from naf_prostate.published import PhantomImages, slice_pair, volume_pair
from naf_prostate.xcat import Header, header_of, hounsfield, read_log, read_volume
from pairreg.cli.common import Parser, run
from pairreg.errors import InputError
from pairreg.files import target
from pairreg.names import check_case
from pairreg.pair.hdf5 import write_pair, writing
from pairreg.reading.label_map import whole_numbers
from pairreg.reading.notes import ImageFile
from pairreg.reading.roles import read_varying

Case = tuple[str, str, tuple[int, int] | None]  # name, folder, and slices of the CT and the phantom


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="prepare_naf_prostate.py", description=__doc__, formatter_class=raw)
    parser.add_argument("output", metavar="CASES.h5", help="file to write")
    parser.add_argument("--grid", choices=["2d", "3d"], required=True)
    parser.add_argument(
        "--ct",
        nargs="+",
        action="append",
        required=True,
        metavar=("NAME FOLDER", "CT:PHANTOM"),
        help="name of a patient, folder of one CT series, and with --grid 2d pairs of slices; once per patient",
    )
    parser.add_argument("--attenuation", metavar="FILE", required=True, help="raw float32 volume")
    parser.add_argument("--activity", metavar="FILE", help="likewise, to carry along")
    parser.add_argument("--labels", metavar="FILE", help="likewise, whole numbers")
    parser.add_argument("--header", metavar="LOG", help="the log of XCAT, or both of:")
    parser.add_argument("--size", nargs=3, type=int, metavar=("X", "Y", "Z"), help="voxels")
    parser.add_argument("--spacing", nargs=3, type=float, metavar=("X", "Y", "Z"), help="mm")
    parser.add_argument("--mu-water", metavar="MU", type=float, help="in 1/pixel; default: that of the log, or 140 keV")
    run(parser, prepare)


def prepare(arguments: argparse.Namespace) -> None:
    output = target(arguments.output)
    cases = cases_of(arguments.ct, arguments.grid)
    phantom = read_phantom(arguments)
    with writing(output) as file:
        for name, folder, slices in cases:
            ct = read_ct(folder)
            try:
                pair = slice_pair(name, ct, slices[0], phantom, slices[1]) if slices else volume_pair(name, ct, phantom)
            except InputError as error:
                raise InputError(f"{folder}, case {name!r}: {error}") from error
            write_pair(file.create_group(name), pair)
    print(f"{output}: {len(cases)} cases")


def cases_of(patients: list[list[str]], grid: str) -> list[Case]:
    cases: list[Case] = []
    for patient in patients:
        slices = patient[2:]
        if len(patient) < 2 or (grid == "2d") != bool(slices) or not all(re.fullmatch(r"\d+:\d+", s) for s in slices):
            wanted = "NAME FOLDER CT:PHANTOM ..., such as 110:240" if grid == "2d" else "NAME FOLDER"
            raise InputError(f"--ct {' '.join(patient)}: with --grid {grid} give {wanted}.")
        name, folder = patient[:2]
        check_case(name, "--ct")
        for text in slices:
            ct, phantom = map(int, text.split(":"))
            cases.append((f"{name}_{ct}", folder, (ct, phantom)))
        if not slices:
            cases.append((name, folder, None))
    names = [case[0] for case in cases]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--ct: the case {name!r} is there twice; give every case its own name.")
    return cases


def read_phantom(arguments: argparse.Namespace) -> PhantomImages:
    header = header_from(arguments)
    attenuation = read_volume(arguments.attenuation, header)
    labels = None
    if arguments.labels:
        numbers = ImageFile(Path(arguments.labels), read_volume(arguments.labels, header))
        labels = whole_numbers(numbers).image
    channels = {"activity": read_volume(arguments.activity, header)} if arguments.activity else {}
    return PhantomImages(hounsfield(attenuation, header, arguments.attenuation), labels, channels)


def header_from(arguments: argparse.Namespace) -> Header:
    size, spacing = arguments.size, arguments.spacing
    if bool(arguments.header) == bool(size or spacing) or bool(size) != bool(spacing):
        raise InputError("the size of the phantom is not clear; give either --header, or --size and --spacing.")
    if arguments.header:
        return read_log(arguments.header, arguments.mu_water)
    return header_of(tuple(size), tuple(spacing), arguments.mu_water)


@lru_cache(maxsize=1)  # the slices of a patient come one after the other
def read_ct(folder: str) -> sitk.Image:
    image = read_varying(folder).image
    if image.GetDimension() != 3:
        raise InputError(f"{folder} is a single image; give the folder of a CT series of several slices.")
    return image


if __name__ == "__main__":
    main()
