"""One run that a study asks for."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pairreg.runs.identity import signature

STUDY_FILES = ("ablation", "sweep", "figure")


@dataclass(frozen=True)
class RunSpec:
    """A composed config, the options chosen in it, and the arguments of the command line that led to it.

    `alone`: the only run of its command, so that input which cannot be used leaves nothing behind.
    """

    config: Mapping[str, Any]
    choices: Mapping[str, str]
    overrides: tuple[str, ...] = ()
    alone: bool = True

    @cached_property
    def signature(self) -> str:
        return signature(self.config)

    @property
    def study_folder(self) -> Path:
        return Path(self.config["output_dir"]) / self.config["study"]

    @property
    def folder(self) -> Path:
        return self.study_folder / self.signature

    @property
    def name(self) -> str:
        return " | ".join(self.choices[group] for group in ("pair", "similarity", "regularizer", "transform"))

    @property
    def command(self) -> str:
        """What repeats this run by itself."""
        single = ["hydra.mode=RUN"] if any(o.partition("=")[0] in STUDY_FILES for o in self.overrides) else []
        return shlex.join(["pairreg", *self.overrides, *single])
