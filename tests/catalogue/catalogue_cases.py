"""The command lines that are tried: every file in every role that takes it, and the arguments of every command."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import SimpleITK as sitk

import catalogue_files as files

GROUPS = ("sound", "planes", "broken", "landmarks", "bad_landmarks", "packed", "manifests", "arguments")


@dataclass(frozen=True)
class Case:
    """`says`: what has to be found in the output, or in the one sentence of a refusal."""

    name: str
    command: str
    arguments: tuple[str, ...]
    refused: bool
    says: str = ""


def written(inputs: Path, group: str, name: str, write: files.Write) -> Path:
    """The input of a name, in a folder of its own."""
    folder = inputs / group / "".join(c if c.isalnum() else "_" for c in name)
    folder.mkdir(parents=True)
    return write(folder)


def setting(key: str, path: Path) -> str:
    return f"pair.channels={{a:'{path}'}}" if key == "channels" else f"pair.{key}={path}"


class Catalogue:
    """Writes the inputs below `inputs`, and lists the cases; `run` is the folder of a finished run."""

    def __init__(self, inputs: Path, run: Path):
        self.inputs, self.run = inputs, run
        self.image = written(inputs, "base", "image", files.nifti("f.nii.gz"))
        self.plane = written(inputs, "base", "plane", files.drawing("p.png", files.picture()))
        self.labels = written(inputs, "base", "labels", files.itk("l.nii.gz", (files.values() > 500).astype(np.uint8)))
        self.points = written(inputs, "base", "points", files.POINTS["header"])

    def cases(self) -> dict[str, list[Case]]:
        """All cases by group."""
        return {group: list(getattr(self, group)()) for group in GROUPS}

    def dry(self, name: str, *settings: str, refused: bool = False, says: str = "") -> Case:
        """A study of one run that only reads its pair."""
        arguments = ("pair=files", "tracking=none", "dry_run=true", *settings)
        return Case(name, "pairreg", arguments, refused, says if refused else "can be used")

    def pair(self, **changed: Path) -> list[str]:
        return [setting(key, path) for key, path in ({"fixed": self.image, "moving": self.image} | changed).items()]

    def sound(self) -> Iterator[Case]:
        for name, write in files.SOUND.items():
            path = written(self.inputs, "sound", name, write)
            yield Case(f"check, {name}", "pairreg-check", (str(path),), False, "mm, field of view")
            yield self.dry(f"fixed and moving, {name}", *self.pair(fixed=path, moving=path))
            if path.is_file():  # the DICOM volumes lie elsewhere
                yield Case(f"warp, {name}", "pairreg-warp", (str(self.run), str(path), "-o", "o.nii.gz"), False)

    def planes(self) -> Iterator[Case]:
        for name, write in files.PLANES.items():
            path = written(self.inputs, "plane", name, write)
            yield Case(f"check, {name}", "pairreg-check", (str(path),), False, "24 × 20 voxels")
            yield self.dry(f"fixed and moving, {name}", *self.pair(fixed=path, moving=path))
            yield self.dry(f"a plane with a volume, {name}", *self.pair(moving=path), refused=True, says="2-D")

    def broken(self) -> Iterator[Case]:
        for name, (write, says) in files.BROKEN.items():
            path = written(self.inputs, "broken", name, write)
            yield Case(f"check, {name}", "pairreg-check", (str(path),), True, says)
            for role in ("fixed", "moving", "fixed_labels", "moving_mask", "channels"):
                changed = self.pair(**{role: path})
                yield self.dry(f"{role}, {name}", *changed, refused=True, says=says)
            output = ("-o", "o.nii.gz")
            yield Case(f"warp, {name}", "pairreg-warp", (str(self.run), str(path), *output), True, says)
            grid = (str(self.run), str(self.image), *output, "--grid", str(path))
            if "NaN or inf" not in says:  # of a grid, the values do not count
                yield Case(f"grid, {name}", "pairreg-warp", grid, True, says)

    def landmarks(self) -> Iterator[Case]:
        for name, write in files.POINTS.items():
            path = written(self.inputs, "points", name, write)
            inside = ("2, from (-9, 8.5, 22) to (0, 12, 30)", "2 of 2")
            yield Case(f"check, {name}", "pairreg-check", (str(self.image), str(path)), False, inside[0])
            yield self.dry(f"landmarks, {name}", *self.pair(fixed_landmarks=path, moving_landmarks=path))
            ending = "".join(path.suffixes)
            output = ("-o", f"o{ending}", "--inverse")
            yield Case(f"warp, {name}", "pairreg-warp", (str(self.run), str(path), *output), False)

    def bad_landmarks(self) -> Iterator[Case]:
        for name, (write, says) in files.BAD_POINTS.items():
            path = written(self.inputs, "badpoints", name, write)
            pair = self.pair(fixed_landmarks=path, moving_landmarks=self.points)
            yield self.dry(f"landmarks, {name}", *pair, refused=True, says=says)
        yield self.dry("one side only", *self.pair(fixed_landmarks=self.points), refused=True, says="moving_landmarks")

    def packed(self) -> Iterator[Case]:
        """HDF5 files that somebody changed."""
        secret = self.inputs / "secret.bin"
        secret.write_bytes(bytes(range(200)) * 8)
        other = self.case_file("other", lambda case: None)
        changes: dict[str, tuple[Callable[[h5py.Group], object], str]] = {
            "no moving image": (lambda case: case.__delitem__("moving"), "no moving image"),
            "link to another file": (lambda case: link(case, h5py.ExternalLink(str(other), "/a/moving")), "link"),
            "soft link": (lambda case: link(case, h5py.SoftLink("/a/fixed")), "link"),
            "data in another file": (lambda case: external(case, secret), "another file"),
            "virtual data": (virtual, "another file"),
            "a group for an image": (lambda case: (case.__delitem__("moving"), case.create_group("moving")), "group"),
            "text for an image": (lambda case: replaced(case, "moving", np.bytes_(b"text")), "type"),
            "complex numbers": (lambda case: replaced(case, "moving", np.ones((4, 4, 4), complex)), "type"),
            "a row for an image": (lambda case: replaced(case, "moving", np.arange(9.0)), "shape"),
            "NaN": (lambda case: replaced(case, "moving", files.with_nan()), "NaN"),
            "constant": (lambda case: replaced(case, "moving", np.ones((8, 10, 12), np.float32)), "constant"),
            "labels that are not whole": (lambda case: replaced(case, "fixed_labels", files.values() / 2.0), "the label"),
            "an empty mask": (lambda case: replaced(case, "fixed_mask", np.zeros((8, 10, 12), np.uint8)), "empty mask"),
            "no spacing": (lambda case: case["moving"].attrs.__delitem__("Spacing"), "Spacing"),
            "two spacings": (lambda case: case["moving"].attrs.__setitem__("Spacing", [1.0, 1.0]), "Spacing"),
            "negative spacing": (lambda case: case["moving"].attrs.__setitem__("Spacing", [1.0, -1.0, 1.0]), "Spacing"),
            "NaN origin": (lambda case: case["moving"].attrs.__setitem__("Origin", [0, 0, np.nan]), "Origin"),
            "a sheared direction": (
                lambda case: case["moving"].attrs.__setitem__("Direction", [1, 0.5, 0, 0, 1, 0, 0, 0, 1]), "sheared",
            ),
            "one set of landmarks": (lambda case: case.create_dataset("fixed_landmarks", data=[[0.0, 12.0, 30.0]]), "landmarks"),
            "NaN landmarks": (lambda case: both(case, [[0.0, np.nan, 30.0]]), "landmarks"),
            "flat landmarks": (lambda case: both(case, [[0.0, 12.0]]), "landmarks"),
            "landmarks elsewhere": (lambda case: both(case, [[5000.5, 12.0, 30.0]]), "outside"),
            "names that are no object": (lambda case: case.attrs.__setitem__("label_names", "[1"), "label_names"),
            "names without numbers": (lambda case: case.attrs.__setitem__("label_names", '{"bone": "1"}'), "label_names"),
            "an unknown part": (lambda case: case.create_dataset("thing", data=1), "thing"),
        }  # fmt: skip
        for name, (change, says) in changes.items():
            path = self.case_file(name, change)
            settings = ("pair=hdf5", f"pair.file={path}", "pair.case=a", "tracking=none", "dry_run=true")
            yield Case(f"HDF5, {name}", "pairreg", settings, True, says)
            yield Case(f"check HDF5, {name}", "pairreg-check", (str(path),), True, says)
        sound = ("pair=hdf5", f"pair.file={other}", "tracking=none", "dry_run=true")
        yield Case("HDF5", "pairreg", sound, False, "can be used")
        yield Case("HDF5, another case", "pairreg", (*sound, "pair.case=b"), True, "no case")
        for name, content in {"no HDF5": b"x" * 99, "empty": b"", "cut off": other.read_bytes()[:3000]}.items():
            path = written(self.inputs, "h5", name, files.raw("c.h5", content))
            settings = ("pair=hdf5", f"pair.file={path}", "tracking=none", "dry_run=true")
            yield Case(f"HDF5, {name}", "pairreg", settings, True, "c.h5")

    def case_file(self, name: str, change: Callable[[h5py.Group], object]) -> Path:
        folder = self.inputs / "hdf5" / name.replace(" ", "_")
        folder.mkdir(parents=True)
        with h5py.File(folder / "cases.h5", "w") as file:
            file.attrs["pairreg_format"] = 1
            case = file.create_group("a")
            for role in ("fixed", "moving"):
                replaced(case, role, files.values(dtype=np.float32))
            case.attrs["label_names"] = json.dumps({"1": "bone"})
            change(case)
        return folder / "cases.h5"

    def manifests(self) -> Iterator[Case]:
        f = self.image
        tables = {
            "sound": (f"case,fixed,moving\na,{f},{f}\nb,{f},{f}\n", ""),
            "with labels and a channel": (
                f"case,fixed,moving,fixed_labels,moving_labels,channel:ct\na,{f},{f},{self.labels},{self.labels},{f}\n", "",
            ),
            "empty": ("", "no column"),
            "a header only": ("case,fixed,moving\n", "no cases"),
            "no case column": (f"name,fixed,moving\na,{f},{f}\n", "column"),
            "an unknown column": (f"case,fixed,moving,age\na,{f},{f},7\n", "age"),
            "a column twice": (f"case,fixed,moving,fixed\na,{f},{f},{f}\n", "twice"),
            "a case twice": (f"case,fixed,moving\na,{f},{f}\na,{f},{f}\n", "there already"),
            "too many cells": (f"case,fixed,moving\na,{f},{f},{f}\n", "4 cells"),
            "a missing file": (f"case,fixed,moving\na,{f},no.nii\n", "does not exist"),
            "an empty cell": (f"case,fixed,moving\na,{f},\n", "moving is empty"),
            "a path for a case": (f"case,fixed,moving\n../a,{f},{f}\n", "'../a'"),
            "binary": ("\x00\x01\x02", "m.csv"),
        }  # fmt: skip
        for name, (content, says) in tables.items():
            path = written(self.inputs, "manifest", name, files.text("m.csv", content))
            yield Case(f"manifest, {name}", "pairreg-pack", (str(path), "cases.h5"), bool(says), says)
        path = written(self.inputs, "manifest", "latin", files.raw("m.csv", b"case,fixed,moving\n\xe4,\xff,b\n"))
        yield Case("manifest, latin-1", "pairreg-pack", (str(path), "cases.h5"), True, "m.csv")

    def arguments(self) -> Iterator[Case]:
        run, image = str(self.run), str(self.image)
        refusals = {
            "pairreg": {
                ("similarity=mze",): "mze.*did you mean",
                ("similarity.pcc.weigth=1",): "weigth",
                ("similarity.pcc.weight=heavy",): "weight",
                ("similarity.pcc.weight=-1",): "weight",
                ("similarity=[]",): "similarity is empty",
                ("regularizer=[]",): "regularizer is empty",
                ("~transform",): "transform is empty",
                ("~pair",): "pair is empty",
                ("transform=null",): "GROUP=OPTION",
                ("+similarity.foo=3",): "similarity.foo",
                ("similarity.pcc._target_=5",): "_target_",
                ("+transform.foo=3",): "foo",
                ("seed=null",): "seed",
                ("nothing=1",): "nothing",
                ("seed=a",): "seed",
                ("study=a/b",): "study",
                ("study=",): "study",
                ("precision=float8",): "precision",
                ("transform.stride=0",): "stride",
                ("schedule.iterations=[-1]",): "iterations",
                ("pair=files",): "pair.fixed",
                ("pair=files", f"pair.fixed={image}", "pair.moving=no.nii"): "no.nii",
                ("figure=unknown",): "figure option",
                ("ablation=unknown",): "ablation option",
                ("preset=fats",): "fats.*fast",
                ("--mulitrun",): "--mulitrun",
                ("--config-dir=nowhere",): "nowhere",
                ("pair=hdf5", "pair.file=no.h5"): "no.h5",
            },
            "pairreg-warp": {
                (): "required",
                (run,): "required",
                (run, image): "-o",
                ("no_run", image, "-o", "o.nii"): "no_run",
                (run, image, "-o", "o.docx"): "o.docx",
                (run, image, "-o", "nowhere/o.nii"): "nowhere",
                (run, image, "-o", "o.nii", "--inverse"): "--inverse",
                (run, image, "-o", "o.nii", "--interpolation", "cubic"): "cubic",
                (run, image, "-o", "o.nii", "--mass-preserving", "--interpolation", "label"): "mass-preserving",
                (run, str(self.plane), "-o", "o.nii"): "2-D",
                (run, "no.nii", "-o", "o.nii"): "no.nii",
            },
            "pairreg-convert": {
                (): "required",
                (run,): "required",
                ("no.h5", "o.h5"): "no.h5",
                (run, "o.docx"): "o.docx",
                (run, "o.h5", "--from", "itk"): "--from",
                (run, "o.h5", "--to", "slicer"): "--to",
                (run, image, "o.h5"): "alone",
                (run, "o.npz"): "moving",
                (run, "o.nii", "--to", "itk"): "o.nii",
                (image, "o.h5"): "displacement field",
                (image, "o.h5", "--from", "itk"): "displacement field",
                (image, "o.h5", "--from", "niftyreg"): "niftyreg",
            },
            "pairreg-pack": {(): "required", ("no.csv", "o.h5"): "no.csv", (image, "o.h5"): "f.nii.gz"},
            "pairreg-report": {(): "required", ("no_study",): "no_study"},
            "pairreg-check": {
                (): "required",
                ("no.nii",): "no.nii",
                ("pair=files", f"pair.fixed={image}"): "moving",
                ("pair=nothing",): "nothing",
                ("pair=null",): "GROUP=OPTION",
                ("~pair", "preset=fast"): "pair is empty",
                (image, "--figure", "nowhere/o.png"): "nowhere",
            },
            "pairreg-spect": {(): "required", ("no_run",): "no_run"},
            "pairreg-view": {
                (): "required",
                ("no_run",): "no_run",
                (run, "-o", "o.png"): "o.png",
                (run, "-o", "nowhere/o.html"): "nowhere",
            },
        }
        for command, lines in refusals.items():
            for line, says in lines.items():
                dry = ("tracking=none", "dry_run=true") if command == "pairreg" else ()
                yield Case(f"{command} {' '.join(line)}", command, (*line, *dry), True, says)


def replaced(case: h5py.Group, role: str, array: np.ndarray) -> None:
    """Give the case another image of a role, with a grid."""
    if role in case:
        del case[role]
    dataset = case.create_dataset(role, data=array)
    n = max(np.ndim(array), 1)
    made = sitk.Image([2] * min(max(n, 2), 3), sitk.sitkUInt8)
    dataset.attrs.update(Spacing=(1.5, 1.25, 3.0)[:n], Origin=(-10.0, 7.0, 20.0)[:n], Direction=made.GetDirection())


def link(case: h5py.Group, other: object) -> None:
    del case["moving"]
    case["moving"] = other


def external(case: h5py.Group, secret: Path) -> None:
    del case["moving"]
    case.create_dataset("moving", (8, 10, 10), np.uint8, external=[(str(secret), 0, 800)])


def virtual(case: h5py.Group) -> None:
    del case["moving"]
    layout = h5py.VirtualLayout((8, 10, 12), np.float32)
    layout[...] = h5py.VirtualSource("other.h5", "a/fixed", (8, 10, 12))
    case.create_virtual_dataset("moving", layout)


def both(case: h5py.Group, points: list[list[float]]) -> None:
    for side in ("fixed", "moving"):
        case[f"{side}_landmarks"] = points
