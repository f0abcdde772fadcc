"""Anatomical parameters: the differences of a phantom from the average one."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator

from pairreg.errors import InputError

Points = tuple[np.ndarray, np.ndarray, np.ndarray]
LIMITS = {
    "height": (0.85, 1.15),
    "girth": (0.85, 1.2),
    "scoliosis": (-30.0, 30.0),
    "kyphosis": (-20.0, 20.0),
    "fat": (4.0, 40.0),
    "organ_scale": (0.88, 1.1),
    "left_lung": (0.3, 1.0),
}
_DISEASE = ("left_lung",)  # not drawn at random


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """The parameters of a phantom's anatomy.

    **Arguments** (in brackets the range; outside it raises `InputError`):

    - `height`: factor on lengths along the body [0.85, 1.15].
    - `girth`: factor on width and depth of everything [0.85, 1.2].
    - `scoliosis`: largest shift of the spine to the left, at T9, in mm [-30, 30].
    - `kyphosis`: largest shift of the spine to the back, at T7, in mm [-20, 20].
    - `fat`: thickness of the subcutaneous fat in mm [4, 40].
    - `organ_scale`: factor on the lengths of heart and abdominal organs [0.88, 1.1].
    - `left_lung`: factor on the lengths of a collapsed left lung, around which there is fluid [0.3, 1].
    """

    height: float = 1.0
    girth: float = 1.0
    scoliosis: float = 0.0
    kyphosis: float = 0.0
    fat: float = 14.0
    organ_scale: float = 1.0
    left_lung: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                given = getattr(self, name)
                raise InputError(f"anatomy.{name} should be from {low:g} to {high:g}; it is {given}.")

    @classmethod
    def of(cls, parameters: Mapping[str, float]) -> "Anatomy":
        """Return the anatomy with these parameters by name; those not named are average.

        Raises `InputError` for a name that does not exist.
        """
        known = [f.name for f in fields(cls)]
        for name in parameters:
            if name not in known:
                raise InputError(f"anatomy has no parameter {name!r}; it has {', '.join(known)}.")
        return cls(**parameters)

    @classmethod
    def random(cls, seed: int) -> "Anatomy":
        """Return the anatomy of a healthy body, every parameter drawn from its range, most likely near the average."""
        rng, average = np.random.default_rng([seed, 1]), cls()
        drawn = {k: limits for k, limits in LIMITS.items() if k not in _DISEASE}
        return cls(**{k: float(rng.triangular(low, getattr(average, k), high)) for k, (low, high) in drawn.items()})

    @property
    def same_shapes(self) -> bool:
        """Whether the average body becomes this one by moving its points alone."""
        average = Anatomy()
        return all(getattr(self, name) == getattr(average, name) for name in ("fat", "organ_scale", "left_lung"))

    def to_average(self, points: Points) -> Points:
        """Return where points (x, y, z in mm) of this body lie in the average one.

        The shift of the spine fades out within some 10 cm, so that the skin stays where it is.
        """
        x, y, z = points[0] / self.girth, points[1] / self.girth, points[2] / self.height
        near = np.exp(-(x**2 + (y - 35) ** 2) / (2 * 55**2))
        left = self.scoliosis * near * np.exp(-(((z - 260) / 90) ** 2))
        back = self.kyphosis * near * np.exp(-(((z - 330) / 90) ** 2))
        return x - left, y - back, z


def _possible(parameters: dict[str, float]) -> dict[str, float]:
    Anatomy.of(parameters)
    return parameters


AnatomyChoice = Annotated[dict[str, float], AfterValidator(_possible)] | Literal["random"] | None


def anatomy_of(choice: AnatomyChoice, seed: int) -> Anatomy:
    """Return the anatomy that a setting names; raises `InputError` for values out of range."""
    return Anatomy.random(seed) if choice == "random" else Anatomy.of(choice or {})
