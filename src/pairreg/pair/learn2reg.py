"""A pair of a data set in the format of the Learn2Reg challenge, whose points are voxels of their own image."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import SimpleITK as sitk

from pairreg import geometry
from pairreg.errors import InputError
from pairreg.files import existing
from pairreg.markers import Cases, FilesOf, Selects
from pairreg.pair.cases import matching, only
from pairreg.pair.files import compare_sides, notes_of, parts, read_side
from pairreg.pair.pair import InputNote, Pair
from pairreg.pair.parts import POINTS
from pairreg.pair.voxel_points import centres_of_labels, read_landmark_maps, read_pair_of_points
from pairreg.reading.notes import ImageFile
from pairreg.validation import Text, one_of

SPLIT = "registration_val"
FOLDER = "images"  # in the name of that of images; other words in its place name those of what belongs to them
IMAGE_NAME = re.compile(r".+_(\d{4})_(\d{4})\.nii(?:\.gz)?")  # task, subject, modality
NUMBER = re.compile(r"\d{1,18}", re.ASCII)  # of a label or a case
SIDES = ("fixed", "moving")
MASKED = ("LungCT", "AbdomenMRCT", "NLST")  # tasks whose evaluator measures the field inside the fixed mask
log = logging.getLogger("pairreg")


@dataclass(frozen=True)
class Case:
    """Two images of a data set, from whose paths those of everything else follow."""

    fixed: Path
    moving: Path

    @property
    def name(self) -> str:
        """How the challenge calls the pair, and the file of its displacement: `0001_0002` by the subjects.

        With the modalities, as in `0001_0001_0001_0000`, unless they are equal or the fixed one is 0 and the moving 1.
        """
        (fixed, fixed_modality), (moving, moving_modality) = self._numbers
        if self.has_usual_modalities:
            return f"{fixed}_{moving}"
        return f"{fixed}_{fixed_modality}_{moving}_{moving_modality}"

    @property
    def has_usual_modalities(self) -> bool:
        """Whether the modalities are equal, or 0 is fixed and 1 moving."""
        (_, fixed), (_, moving) = self._numbers
        return fixed == moving or (fixed, moving) == ("0000", "0001")

    @cached_property
    def files(self) -> dict[str, Path]:
        """The files of the case that there are, by role, such as `moving_labels`; landmarks and keypoints are `points`.

        An image in a folder without `images` in its name has nothing beside it: its own name would stand for all of it.

        Raises `InputError` if an image, or one of two files of points, is missing.
        """
        images = {"fixed": existing(self.fixed), "moving": existing(self.moving)}
        named = {side: path for side, path in images.items() if FOLDER in path.parent.name}
        beside = {
            f"{side}_{role}": companion(path, folder)
            for side, path in named.items()
            for role, folder in (("labels", "labels"), ("mask", "masks"))
        }
        points = self._points if len(named) == len(images) else {}
        return images | {role: path for role, path in beside.items() if path.exists()} | points

    @property
    def _points(self) -> dict[str, Path]:
        """The files of the points: landmarks, which people have set, before keypoints.

        LUMIR has its landmarks as label maps.
        """
        (_, fixed), (_, moving) = self._numbers
        low, high = sorted((fixed, moving))
        # The evaluator and the data spell the folder of two modalities in different ways.
        of_both = [f"keypoints{int(low)}{int(high)}", f"keypoints{low}{high}"]
        keypoints = [*(["keypoints"] if self.has_usual_modalities else []), *of_both]
        places = [("landmarks", ".csv"), ("landmarks", None), *((folder, ".csv") for folder in keypoints)]
        for folder, ending in places:
            sides = {"fixed": self.fixed, "moving": self.moving}
            paths = {f"{side}_points": companion(path, folder, ending) for side, path in sides.items()}
            missing = [path for path in paths.values() if not path.exists()]
            if not missing:
                return paths
            if len(missing) < len(paths):
                other = next(path for path in paths.values() if path.exists())
                raise InputError(f"{missing[0]} is missing, but {other} is there; give the points of both images.")
        return {}

    @property
    def _numbers(self) -> tuple[tuple[str, str], tuple[str, str]]:
        return numbers_of(self.fixed), numbers_of(self.moving)


@dataclass(frozen=True)
class DataSet:
    """The dataset JSON in `path`, whose object is `content`, and the `cases` of one of its lists by name."""

    path: Path
    split: str
    content: Mapping[str, Any]
    cases: Mapping[str, Case]

    @property
    def where(self) -> str:
        """The data set in messages."""
        return f"{self.path}, {self.split},"

    @property
    def is_masked(self) -> bool:
        """Whether the evaluator measures the regularity of the field inside the fixed mask."""
        return bool(self.content.get("masked_evaluation", self.content.get("name") in MASKED))

    @property
    def is_lumir(self) -> bool:
        """Whether the evaluator is that of LUMIR, which measures the regularity where the fixed image is above 0."""
        return str(self.content.get("name")).upper().startswith("LUMIR")

    def matching(self, pattern: str) -> list[str]:
        """The names of the cases that a pattern, or a number counted from 0, means."""
        known = list(self.cases)
        if NUMBER.fullmatch(pattern) and pattern not in known and int(pattern) < len(known):
            return [known[int(pattern)]]
        return matching(known, pattern, self.where)


def numbers_of(image: Path) -> tuple[str, str]:
    """The subject and the modality of an image, four digits each; raises `InputError` for another name."""
    match = IMAGE_NAME.fullmatch(image.name)
    if match is None:
        raise InputError(f"{image} has another name than Learn2Reg gives, such as LungCT_0001_0000.nii.gz; rename it.")
    return match[1], match[2]


def companion(image: Path, folder: str, ending: str | None = None) -> Path:
    """The file that belongs to an image: of the same name, in `labelsTr` for `imagesTr` if `folder` is `labels`."""
    name = image.name if ending is None else image.name.partition(".nii")[0] + ending
    return image.parent.with_name(image.parent.name.replace(FOLDER, folder)) / name


def read_dataset(path: str | Path, split: str = SPLIT) -> DataSet:
    """The list of pairs `split` of a dataset JSON; raises `InputError` if it has none, or cannot be read."""
    path = existing(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}); give the dataset JSON of a task.") from error
    lists = {key: value for key, value in _mapping(content).items() if _is_list_of_pairs(value)}
    if not lists:
        raise InputError(f"{path} has no list of pairs (fixed and moving); give the dataset JSON of a task.")
    pairs = lists[one_of(f"{path}: split", split, lists)]
    images = [Case(path.parent / pair["fixed"], path.parent / pair["moving"]) for pair in pairs]
    return DataSet(path, split, content, {case.name: case for case in images})


def _is_list_of_pairs(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_pair, value))


def _is_pair(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(side), str) for side in ("fixed", "moving"))


def cases_of(settings: Mapping[str, Any]) -> list[str]:
    """The names of the cases that these settings of `load_learn2reg` match."""
    return read_dataset(settings["dataset"], settings.get("split", SPLIT)).matching(settings.get("case", "*"))


def inputs_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What counts of the cases that these settings of `load_learn2reg` match: files, names, how they are evaluated."""
    data = read_dataset(settings["dataset"], settings.get("split", SPLIT))
    names = data.matching(settings.get("case", "*"))
    files = {f"{n}/{role}": path for n, name in enumerate(names) for role, path in data.cases[name].files.items()}
    return files | {"masked": data.is_masked, "label_names": label_names(data.content)}


def load_learn2reg(
    dataset: Annotated[str | Path, FilesOf(inputs_of)],
    split: Annotated[Text, Selects()] = SPLIT,
    case: Annotated[Text, Cases(cases_of), Selects()] = "*",
) -> Pair:
    """A pair of a data set in the format of the Learn2Reg challenge, with all that belongs to it by its name.

    For an image in `imagesTr`, labels, masks and points are files of its name in `labelsTr`, `masksTr` and
    `landmarksTr` or `keypointsTr`, whatever the JSON says of them; an image in a folder without `images` in its name
    has none of these. What is fixed stands in the lists of pairs. Points are numbers of voxels, counted from 0, of
    their own image. Landmarks that are label maps, as those of LUMIR, count as the centres of their labels.

    **Arguments:**

    - `dataset`: the file `TASK_dataset.json`.
    - `split`: the list of pairs in it, such as `registration_val`, `registration_test` or `validation`.
    - `case`: such as `0001_0002`, the numbers of the fixed and the moving subject (with the modalities, as in
      `0001_0001_0001_0000`, if these are not 0 and 1), or its place in the list, counted from 0.

    Raises `InputError` for a file that is missing or cannot be used, and for an unknown split or case.

    Source: Hering et al., IEEE TMI 42:697 (2023).
    """
    data = read_dataset(dataset, split)
    name = only(data.matching(case), case, data.where)
    try:
        return _pair_of(data, name)
    except InputError as error:
        raise InputError(f"{data.where} case {name}: {error}") from error


def _pair_of(data: DataSet, name: str) -> Pair:
    files = data.cases[name].files
    read: dict[str, ImageFile] = {}
    for side in SIDES:
        labels, mask = files.get(f"{side}_labels"), files.get(f"{side}_mask")
        # The evaluator compares arrays: headers of label maps and masks do not count.
        read |= read_side(side, files[side], labels=labels, mask=mask, voxelwise=True)
    compare_sides(read)
    images = {side: read[side].image for side in SIDES}
    if images["fixed"].GetDimension() != 3:
        raise InputError(f"{files['fixed']} is 2-D; the images of Learn2Reg are 3-D.")
    points = {side: files[f"{side}_points"] for side in SIDES if f"{side}_points" in files}
    return Pair(
        name=name,
        **parts(read, "fixed"),
        **parts(read, "moving"),
        **(_landmarks(points, images) if points else {}),
        label_names=label_names(data.content),
        evaluation_mask=_evaluation_mask(images["fixed"], data, read.get("fixed_mask")),
        inputs=_with_warnings(notes_of(read), images, data),
    )


def _landmarks(files: Mapping[str, Path], images: Mapping[str, sitk.Image]) -> dict[str, Any]:
    """The points of both images by their role in a pair, from text or from label maps, which go with them."""
    if files["fixed"].name.endswith(".csv"):
        return dict(zip(POINTS, read_pair_of_points(files, images, first=0), strict=True))
    maps = read_landmark_maps(files, images)
    found: dict[str, Any] = {f"{side}_landmark_map": labels for side, labels in maps.items()}
    return found | {f"{side}_landmarks": centres_of_labels(labels) for side, labels in maps.items()}


def _evaluation_mask(fixed: sitk.Image, data: DataSet, mask: ImageFile | None) -> sitk.Image:
    """Where the evaluator measures the regularity of the field: everywhere without a mask, as it does then, too."""
    if data.is_lumir:
        return sitk.Cast(fixed > 0, sitk.sitkUInt8)
    if mask is None or not data.is_masked:
        return geometry.image(np.ones(fixed.GetSize()[::-1], np.uint8), fixed)
    return geometry.image(geometry.mask_on(fixed, mask.image).astype(np.uint8), fixed)


def _with_warnings(
    notes: Mapping[str, InputNote], images: Mapping[str, sitk.Image], data: DataSet
) -> dict[str, InputNote]:
    """`notes`, with a warning for an image that has not the shape that the data set gives."""
    found = dict(notes)
    shapes = _mapping(data.content.get("tensorImageShape"))
    for side, image in images.items():
        note = found[side]
        _, modality = numbers_of(Path(note.path))
        shape = shapes.get(str(int(modality)))
        if isinstance(shape, list) and shape != list(image.GetSize()):
            size, asked = (" × ".join(map(str, one)) for one in (image.GetSize(), shape))
            sentence = f"{note.path} has {size} voxels, its data set says {asked}: its evaluator refuses other shapes."
            log.warning(sentence)
            found[side] = replace(note, warnings=(*note.warnings, sentence))
    return found


def label_names(content: Mapping[str, Any]) -> dict[int, str]:
    """The names of label values above 0, which a dataset JSON lists once or by modality; none unless all differ."""
    listed = _mapping(content.get("labels"))
    by_modality: list[Mapping[str, Any]] = [one for one in listed.values() if isinstance(one, dict)]
    found = {
        int(key): name
        for names in by_modality or [listed]
        for key, name in names.items()
        if isinstance(name, str) and name.strip() and NUMBER.fullmatch(key) and int(key) > 0
    }
    distinct = len(set(found.values())) == len(found) and not any(name.isdecimal() for name in found.values())
    return found if distinct else {}


def _mapping(value: Any) -> Mapping[str, Any]:
    """`value` if it is an object of JSON, else an empty one."""
    return value if isinstance(value, dict) else {}
