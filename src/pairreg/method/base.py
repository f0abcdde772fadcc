"""The base of all methods: how the transform of a pair is found."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import SimpleITK as sitk

from pairreg import geometry
from pairreg.pair.pair import Pair
from pairreg.validation import Checked

# Settings that say which program runs. A folder may be somebody else's: what its config has there is replaced by this.
PROGRAMS = {"command": "???", "python": "${oc.env:PAIRREG_PEERS,null}"}
MASKS = ("fixed_mask", "moving_mask")
COMPANIONS = ("fixed_labels", "moving_labels", *MASKS)
log = logging.getLogger("pairreg")


@dataclass(frozen=True, kw_only=True)
class Method(Checked, ABC):
    """A way to find the transform of a pair. All of them are evaluated, kept, tabulated and drawn alike."""

    @property
    @abstractmethod
    def uses(self) -> frozenset[str]:
        """The groups, and the numbers beside them (`threads`, `seed`, `precision`), that the transform depends on.

        The others are no part of a run with this method. `preprocessing` is always one, because metrics compare
        preprocessed intensities.
        """

    def check_available(self) -> None:
        """Raise `InputError`, which says what to install, if the method cannot run on this machine."""


@dataclass(frozen=True)
class Found:
    """What a method found.

    **Attributes:**

    - `transform`: maps fixed to moving points, LPS mm.
    - `seconds`: what the registration alone took, None if there was none; `startup_seconds`: what came before and after
      it: programs and libraries that start, files that they are given and leave.
    - `peak_memory_mb`: of other processes together; None if the registration was done in this one.
    - `programs`: versions of what did it, by name.
    """

    transform: sitk.Transform
    seconds: float | None
    startup_seconds: float = 0.0
    peak_memory_mb: float | None = None
    programs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ExternalMethod(Method, ABC):
    """A method that takes a pair and returns a transform, whatever happens in between."""

    @abstractmethod
    def register(self, pair: Pair, preprocessed: Pair, initial: sitk.Transform, threads: int, seed: int) -> Found:
        """Return the transform of a pair, which is given as it was read and preprocessed.

        `initial` maps fixed to moving points; it is the identity if the method does not use `initialization`.
        """


@dataclass(frozen=True, kw_only=True)
class ImageMethod(ExternalMethod, ABC):
    """A method of others that registers two images.

    **Arguments:**

    - `intensities`: `preprocessed`, the images that our own optimisation compares, or `original`, those of the files.
    - `start`: `own`, whatever the method does by itself from the scanner coordinates, or `initialization`: the moving
      image is first resampled through the transform of the group `initialization`, as for our own optimisation. The
      whole transform is composed of both.
    """

    intensities: Literal["preprocessed", "original"] = "preprocessed"
    start: Literal["own", "initialization"] = "own"

    @property
    def uses(self) -> frozenset[str]:
        start = {"initialization"} if self.start == "initialization" else set()
        return self.numbers | {"preprocessing"} | start

    @property
    @abstractmethod
    def numbers(self) -> frozenset[str]:
        """Which of `threads` and `seed` the result depends on."""

    @property
    def masks(self) -> frozenset[str]:
        """Which of the `MASKS` of a pair the method uses."""
        return frozenset(MASKS)

    def register(self, pair: Pair, preprocessed: Pair, initial: sitk.Transform, threads: int, seed: int) -> Found:
        shown = preprocessed if self.intensities == "preprocessed" else pair
        images = {role: sitk.Cast(getattr(shown, role), sitk.sitkFloat32) for role in ("fixed", "moving")}
        images |= {role: one for role in COMPANIONS if (one := getattr(pair, role)) is not None}
        self._warn_of_unused(sorted(images.keys() & {*MASKS} - self.masks), pair.name)
        if self.start == "own":
            return self.find(images, threads, seed)
        for role, one in images.items():
            if role.startswith("moving"):
                fill = geometry.minimum(one) if role == "moving" else 0.0
                images[role] = geometry.resample(one, images["fixed"], initial, nearest=role != "moving", fill=fill)
        found = self.find(images, threads, seed)
        return replace(found, transform=sitk.CompositeTransform([initial, found.transform]))

    def _warn_of_unused(self, masks: Sequence[str], pair: str) -> None:
        """Log a warning if there are masks that the method does not use."""
        if masks:
            name = type(self).__module__.rpartition(".")[2]
            log.warning(
                f"method={name} does not use {' and '.join(masks)} of {pair}: only preprocessing and metrics do."
            )

    @abstractmethod
    def find(self, images: Mapping[str, sitk.Image], threads: int, seed: int) -> Found:
        """Return the transform from `images["fixed"]` to `images["moving"]`, both float32.

        `images` also has those of the `COMPANIONS` that the pair has.

        Raises `InputError` for settings that the method does not accept, `MethodError` if it finds no transform.
        """
