from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pairreg import names
from pairreg.arrays import Image
from pairreg.errors import InputError
from pairreg.files import state_of
from pairreg.pair.pair_checks import check_correspondence, check_image, checked_labels, checked_points
from pairreg.pair.parts import CHANNELS, EVALUATED, EVALUATION, IMAGES, POINTS
from pairreg.reading.detached import content_files

_LABELS = ("fixed_labels", "moving_labels", *EVALUATED)
_NOT_COUNTED = ("name", "fixed", "moving", "inputs", "intensity_range")  # among what else a pair has


@dataclass(frozen=True)
class InputNote:
    """A file that a pair was read from.

    **Attributes:**

    - `path`: as it was given; `whole_path`: from any working folder.
    - `repairs`, `warnings`: what was repaired or is doubtful, a sentence each.
    - `unit`: of its values, such as HU; empty where the file does not say.
    - `state`: of its files when they were read, see `pairreg.files.state_of`.
    """

    path: str
    repairs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    unit: str = ""
    whole_path: str = ""
    state: Sequence[Sequence[int]] = ()

    @classmethod
    def of(cls, path: str | Path, repairs: Sequence[str], warnings: Sequence[str], unit: str = "") -> "InputNote":
        """Return the note of a file that was read right now."""
        whole = Path(path).absolute()
        return cls(str(path), tuple(repairs), tuple(warnings), unit, str(whole), state_of(content_files(whole)))

    @property
    def is_unchanged(self) -> bool:
        """Whether the file still is what was read."""
        try:
            return state_of(content_files(Path(self.whole_path))) == self.state
        except (OSError, InputError):
            return False


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A fixed and a moving image with what belongs to them, each on its own grid in LPS mm.

    **Arguments:**

    - `name`: short name for tables and figures.
    - `fixed`, `moving`: scalar images, both 2-D or both 3-D.
    - `fixed_labels`, `moving_labels`: integer maps, 0 = background; whole numbers of another type are made integers.
    - `fixed_mask`, `moving_mask`: voxels above 0 count in the similarity.
    - `fixed_landmarks`, `moving_landmarks`: corresponding points `(n, ndim)` in LPS mm, x first.
    - `channels`: images that belong to the moving one and are carried along, such as an activity map; an image of an
      integer type is a label map.
    - `fixed_channels`: images of the fixed side with which terms compare the channels of the same name.
    - `label_names`: names of label values.
    - `true_displacement`: where it is known, the vector image in LPS mm that maps fixed to moving points.
    - `evaluation_mask`: of a pair that Learn2Reg evaluates, on the grid of the fixed image: the voxels where the
      regularity of the field is measured; None for other pairs.
    - `fixed_landmark_map`, `moving_landmark_map`: of a pair of LUMIR: integer maps voxel by voxel on the images, whose
      labels in order are the landmarks; its evaluator warps them.
    - `inputs`: the files of its images by role, such as `fixed`, `moving_labels` or `channels/ct`.
    - `intensity_range`: of a preprocessed pair: what the limits of both images were mapped to.

    Raises `InputError` for names that results could not be kept by, see `pairreg.names`, and for parts that do not go
    together, such as images of different dimensions or landmarks that do not correspond.
    """

    name: str
    fixed: sitk.Image
    moving: sitk.Image
    fixed_labels: sitk.Image | None = None
    moving_labels: sitk.Image | None = None
    fixed_mask: sitk.Image | None = None
    moving_mask: sitk.Image | None = None
    fixed_landmarks: np.ndarray | None = None
    moving_landmarks: np.ndarray | None = None
    channels: Mapping[str, sitk.Image] = field(default_factory=dict)
    fixed_channels: Mapping[str, sitk.Image] = field(default_factory=dict)
    label_names: Mapping[int, str] = field(default_factory=dict)
    true_displacement: sitk.Image | None = None
    evaluation_mask: sitk.Image | None = None
    fixed_landmark_map: sitk.Image | None = None
    moving_landmark_map: sitk.Image | None = None
    inputs: Mapping[str, InputNote] = field(default_factory=dict)
    intensity_range: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        names.check_text(self.name, "pair")
        names.check_label_names(self.label_names)
        for channel in (*self.channels, *self.fixed_channels):
            names.check_channel(channel)
        self._check_images()
        self._check_landmarks()

    def _check_images(self) -> None:
        where = f"pair {self.name!r}:"
        ndim = check_image(self.fixed, None, f"{where} fixed")
        for role in (*IMAGES, EVALUATION, *EVALUATED):
            if getattr(self, role) is not None:
                check_image(getattr(self, role), ndim, f"{where} {role}")
        for role in CHANNELS:
            for name, channel in getattr(self, role).items():
                check_image(channel, ndim, f"{where} {role}.{name}")
        if self.true_displacement is not None:
            check_image(self.true_displacement, ndim, f"{where} true_displacement", is_field=True)
        for role in _LABELS:
            if getattr(self, role) is not None:
                object.__setattr__(self, role, checked_labels(getattr(self, role), f"{where} {role}"))

    def _check_landmarks(self) -> None:
        where = f"pair {self.name!r}"
        for role in POINTS:
            if getattr(self, role) is not None:
                object.__setattr__(self, role, checked_points(getattr(self, role), self.ndim, f"{where}: {role}"))
        check_correspondence(self.fixed_landmarks, self.moving_landmarks, where)

    def __repr__(self) -> str:
        """Return its name, the sizes of its images (x first), and the names of what else it has."""
        sizes = (f"{side} {' × '.join(map(str, getattr(self, side).GetSize()))}" for side in ("fixed", "moving"))
        others = (one.name for one in fields(self) if one.name not in _NOT_COUNTED)
        has = (name for name in others if getattr(self, name) is not None and len(getattr(self, name)))
        return f"Pair({', '.join([repr(self.name), *sizes, *has])})"

    def from_0_to_1(self, intensities: Image) -> Image:
        """Return preprocessed intensities `(*spatial,)` as metrics and figures see them, whatever their range is."""
        low, high = self.intensity_range
        return intensities if (low, high) == (0, 1) else (intensities - low) / (high - low)

    def image_of(self, role: str) -> sitk.Image:
        """Return an image of `inputs` by its role, such as `fixed_mask` or `channels/ct`."""
        group, _, name = role.partition("/")
        found: sitk.Image = getattr(self, group)[name] if name else getattr(self, group)
        return found

    @property
    def ndim(self) -> int:
        """The number of dimensions, 2 or 3."""
        return int(self.fixed.GetDimension())
