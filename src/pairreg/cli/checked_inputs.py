"""What `pairreg-check` prints of files and of pairs."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import SimpleITK as sitk
from rich.table import Table
from rich.text import Text

from pairreg import geometry, option_files
from pairreg.cli.hydra_errors import as_input_errors
from pairreg.cli.text_overrides import with_text_quoted
from pairreg.composition import composed_with_hydra
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.files import existing, is_there
from pairreg.pair.description import Facts, image_facts, label_facts, mask_facts, overlap, point_facts
from pairreg.pair.files import load_pair
from pairreg.pair.hdf5 import cases, load_case
from pairreg.pair.landmarks import read_points
from pairreg.pair.manifest import read_manifest
from pairreg.pair.pair import Pair
from pairreg.pair.parts import CHANNELS, POINT_FILES
from pairreg.reading.any_format import read
from pairreg.reading.contents import raw_bytes
from pairreg.reading.format_of import HDF5, HEAD, format_of
from pairreg.reading.label_map import looks_like_labels, whole_numbers
from pairreg.reading.notes import ImageFile
from pairreg.reading.padding import with_padding
from pairreg.reading.roles import check_finite
from pairreg.study.cases import expand
from pairreg.study.checked_config import check
from pairreg.study.compose import spec_of
from pairreg.trust import SETTING, trust_arguments
from pairreg.turning import turned

PACKED = (".h5", ".hdf5")


class Checked:
    """Prints a block for every input, and collects the problems for the end.

    Images are held only as long as something needs them: of thousands of cases, no memory would hold all.
    """

    def __init__(self, figure: bool = False) -> None:
        self.terminal = console()
        self.holds = figure  # whether `images` gets what is described, for the figure or for landmarks
        self.images: dict[str, sitk.Image] = {}
        self.alone: list[tuple[str, sitk.Image]] = []  # the first images that are files of their own, three at most
        self.count = 0
        self.problems: list[str] = []

    def files(self, paths: Sequence[Path]) -> None:
        """Describe files one by one; landmarks come last, as it is said in which of the images they lie."""
        kinds = [(path, kind_of(path)) for path in paths]
        self.holds |= any(kind == "points" for _, kind in kinds)
        for path, kind in sorted(kinds, key=lambda one: one[1] == "points"):
            self.attempt(str(path), partial(getattr(self, kind), path))
        if len(self.alone) == 2:
            self.together(*self.alone)

    def attempt(self, name: str, describe: Callable[[], None]) -> None:
        """Describe one input, or say why it cannot be used and go on."""
        self.count += 1
        try:
            describe()
        except InputError as error:
            self.problems.append(str(error))
            self.block(name, {}, problem=str(error))

    def image(self, path: Path) -> None:
        """Describe an image, or a label map if it looks like one."""
        file = read(path)
        check_finite(file.image, file.path)
        labels = as_labels(file)
        if labels is not None:
            self.block(str(path), label_facts(labels.image, {}), (*labels.repairs, *labels.warnings))
            return
        file = with_padding(file)
        facts, notes = image_facts(file.image, file.unit, file.padding), (*file.repairs, *file.warnings)
        self.hold(str(path), file.image)
        self.alone = [*self.alone, (str(path), file.image)][:3]
        self.block(str(path), facts, notes)

    def hold(self, name: str, image: sitk.Image) -> None:
        if self.holds:
            self.images[name] = image

    def points(self, path: Path) -> None:
        """Describe landmarks, as points of the first image if there is one."""
        image = next(iter(self.images.values()), None)
        points = read_points(path, "fixed", image.GetDimension() if image else 3)
        self.block(str(path), point_facts(points, self.images))

    def packed(self, path: Path) -> None:
        """Describe every case of an HDF5 file."""
        for case in cases(path):
            self.attempt(f"{path}, case {case}", partial(self.pair_from, path, case, load_case, path, case))
        self.count -= 1  # each case counts

    def manifest(self, path: Path) -> None:
        """Describe every pair of a manifest."""
        for row in read_manifest(path):
            self.attempt(row.where, partial(self.pair_from, path, row.case, partial(load_pair, **row.arguments)))
        self.count -= 1

    def pairs_of(self, overrides: Sequence[str]) -> None:
        """Describe the pair that settings of `pairreg` name; each, if they are a pattern of cases."""
        with as_input_errors():
            trust_arguments(overrides)
            quoted = with_text_quoted(list(overrides))
            asked = spec_of(composed_with_hydra(quoted), quoted)
        check(asked.config)
        for spec in expand(asked):
            node = spec.config["pair"]
            load = partial(option_files.instantiate, node, "pair", asked.config[SETTING])
            self.attempt("pair", partial(self.pair_from, None, node.get("case"), load))

    def pair_from(self, source: Path | None, case: str | None, load: Callable[..., Pair], *arguments: object) -> None:
        """Describe all parts of a pair, one of several `case`s in `source`, by the settings that give them."""
        pair, prefix = load(*arguments), f"{case}: " if case is not None else ""
        sides = {"fixed": pair.fixed, "moving": pair.moving}
        for side, image in sides.items():
            note = pair.inputs.get(side)
            self.part(pair, side, image_facts(image, note.unit if note else ""), prefix)
            name = f"{prefix}{side}"
            self.hold(f"{source}, {name}" if name in self.images else name, image)
            self.companions(pair, side, prefix)
        for role in CHANNELS:
            for name, channel in getattr(pair, role).items():
                labels = geometry.channel_interpolation(channel) == "nearest"
                facts = label_facts(channel, {}) if labels else image_facts(channel)
                self.part(pair, f"{role}/{name}", facts, prefix)
        self.together(*sides.items())

    def companions(self, pair: Pair, side: str, prefix: str) -> None:
        """Describe the label map, mask and landmarks of one image of a pair."""
        labels, mask, points = (getattr(pair, f"{side}_{what}") for what in ("labels", "mask", "landmarks"))
        if labels is not None:
            self.part(pair, f"{side}_labels", label_facts(labels, pair.label_names), prefix)
        if mask is not None:
            self.part(pair, f"{side}_mask", mask_facts(mask), prefix)
        if points is not None:
            self.part(pair, f"{side}_landmarks", point_facts(points, {side: getattr(pair, side)}), prefix)

    def part(self, pair: Pair, role: str, facts: Facts, prefix: str) -> None:
        note = pair.inputs.get(role)
        path = f" ({note.path})" if note else ""
        self.block(f"{prefix}{role}{path}", facts, (*note.repairs, *note.warnings) if note else ())

    def together(self, first: tuple[str, sitk.Image], second: tuple[str, sitk.Image]) -> None:
        """Say how much of two images overlaps, if they have the same dimension."""
        if first[1].GetDimension() != second[1].GetDimension():
            self.block("together", {"overlap": "none: one is 2-D, the other 3-D"})
            return
        parts = overlap(first[1], second[1])
        self.block(
            "together",
            {
                "overlap": f"{parts[0]:.0%} of {first[0]} and {parts[1]:.0%} of {second[0]} lie within the other, "
                "before any initialisation"
            },
        )

    def block(self, title: str, facts: Mapping[str, str], notes: Sequence[str] = (), problem: str = "") -> None:
        """Print what is known of one input."""
        table = Table.grid(padding=(0, 2))
        for name, text in facts.items():
            table.add_row(Text(f"  {name}", "bold"), text)
        for note in notes:
            table.add_row(Text("  warning", "bold yellow"), note)
        if problem:
            table.add_row(Text("  cannot be used", "bold red"), problem)
        self.terminal.print(Text(title, "bold underline"), soft_wrap=True)
        self.terminal.print(table)

    def finish(self, output: Path | None) -> None:
        """Draw the figure, if it is asked for; raises `InputError` if an input cannot be used."""
        if output is not None and self.images:
            from pairreg.figures.planes import planes

            named = zip(titles(list(self.images)), self.images.values(), strict=True)
            shown = {title: drawn(image) for title, image in named}
            self.terminal.print(f"figure: {planes(output, shown)}", soft_wrap=True)
        if len(self.problems) == 1:
            raise InputError(self.problems[0])
        if self.problems:
            raise InputError(f"{len(self.problems)} of {self.count} inputs cannot be used; see above.")


def titles(names: Sequence[str]) -> list[str]:
    """What images are called in a figure: a file without its folders, unless another is called so."""
    short = [Path(name).name if is_there(name) else name for name in names]
    return [text if short.count(text) == 1 else name for text, name in zip(short, names, strict=True)]


def kind_of(path: Path) -> Literal["packed", "manifest", "points", "image"]:
    """What a file is described as; one that cannot be read is what its name says, and its reader says why."""
    try:
        head = raw_bytes(existing(path), HEAD)
    except InputError:
        head = b""
    if path.suffix.lower() in PACKED or head.startswith(HDF5):
        return "packed"
    lines = head.decode("utf-8-sig", errors="replace").splitlines()
    if path.suffix.lower() == ".csv" and "case" in [cell.strip() for line in lines[:1] for cell in line.split(",")]:
        return "manifest"
    return "points" if path.suffix.lower() in POINT_FILES else "image"


def as_labels(file: ImageFile) -> ImageFile | None:
    """`file` as a label map, also of numbers that are nearly whole; None if it looks like an image."""
    try:
        # a picture in colours may be one by its palette
        whole = whole_numbers(read(file.path, labels=True) if format_of(file.path) == "picture" else file)
    except InputError:
        return None
    return whole if looks_like_labels(whole.image) else None


def drawn(image: sitk.Image) -> tuple[np.ndarray, tuple[float, ...]]:
    """Values and spacing of an image, as `figures.planes` takes them."""
    lying = turned(image)
    return geometry.array(lying), geometry.spacing(lying)
