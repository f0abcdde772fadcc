"""The specification of a run: what is asked for, before anything of it is computed."""

import copy
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from pairreg.files import expanded
from pairreg.runs.identity import Input, identity, signature_of

STUDY_FILES = ("ablation", "sweep", "figure", "benchmark")  # the groups whose options make a study
_PAUSE = "pause_after_level="  # of a search, and nothing that a repetition needs
_NAMING = ("pair", "method", "similarity", "regularizer", "transform")  # the groups that name a run for people


class Described(Protocol):
    """A run that is asked for, or one on disk: the interface of both for trackers, tables and reports."""

    @property
    def folder(self) -> Path: ...
    @property
    def choices(self) -> Mapping[str, str]: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def known_inputs(self) -> Mapping[str, Input] | None: ...


@dataclass(frozen=True)
class RunSpec:
    """A composed config, the options chosen in it, and the arguments of the command line that led to it.

    **Attributes:** `config`: nested, without Hydra's own part; `choices`: the option of every group, terms joined by
    `+`; `overrides`: as on the command line; `program`: what stands before them there, as a shell reads it.
    """

    config: Mapping[str, Any]
    choices: Mapping[str, str]
    overrides: tuple[str, ...] = ()
    program: str = "pairreg"

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """The files that the run depends on, with the digest of their contents."""
        return self._identity[1]

    @property
    def known_inputs(self) -> Mapping[str, Input] | None:
        """None: a run that is asked for is told from others by its paths, so that no file is read to show it."""
        return None

    @cached_property
    def signature(self) -> str:
        """Eight hex digits of the scientific identity, which name the run folder; see `pairreg.runs.identity`."""
        return signature_of(self._identity[0])

    @cached_property
    def _identity(self) -> tuple[Mapping[str, Any], tuple[Input, ...]]:
        return identity(self.config)

    @property
    def study(self) -> str:
        """The name of the study."""
        return str(self.config["study"])

    @property
    def study_folder(self) -> Path:
        """The folder of the study, in which the run folders lie."""
        return expanded(self.config["output_dir"]) / self.study

    @property
    def folder(self) -> Path:
        """The run folder, whose name is the signature."""
        return self.study_folder / self.signature

    @property
    def name(self) -> str:
        """The options that name the run for people."""
        return name_of(self)

    @property
    def command(self) -> str:
        """The command line that repeats this run by itself, in the folder in which the command was called."""
        given = [override for override in self.overrides if not override.startswith(_PAUSE)]
        single = ["hydra.mode=RUN"] if any(o.partition("=")[0] in STUDY_FILES for o in self.overrides) else []
        return " ".join([self.program, shlex.join([*given, *single])]).strip()

    @property
    def config_yaml(self) -> str:
        """The text of a YAML file with the config, in which paths do not depend on the working folder."""
        from omegaconf import OmegaConf

        from pairreg.transform_files.ants import INVERSE

        config = copy.deepcopy(dict(self.config))
        for one in self.inputs:
            if one.name == "method.command":  # a line with files in it is no path
                continue
            # `[FILE,1]` is the inverse of the transform in a file; images may be called so
            inverse = None if one.name.startswith("pair.") else INVERSE.fullmatch(one.path)
            place = expanded(inverse[1] if inverse else one.path).absolute()
            _set(config, one.name, f"[{place},{inverse[2]}]" if inverse else str(place))
        return OmegaConf.to_yaml(OmegaConf.create(config))

    @property
    def json(self) -> str:
        """The text of a JSON file with what `config_yaml` does not hold: choices, command and digests of inputs."""
        inputs = {one.name: one.digest for one in self.inputs}
        return json.dumps({"choices": dict(self.choices), "command": self.command, "inputs": inputs}, indent=2)


def _set(node: Any, name: str, value: str) -> None:
    """Set the entry `name` of a nested config, such as `pair.channels.a.b` or `pair.files[0]`; keys may hold dots."""
    for key in list(node) if isinstance(node, Mapping) else range(len(node)):
        head = str(key) if isinstance(node, Mapping) else f"[{key}]"
        rest = name.removeprefix(head)
        if not name.startswith(head):
            continue
        if not rest:
            node[key] = value
        elif rest[0] in ".[" and isinstance(node[key], Mapping | list):
            _set(node[key], rest.removeprefix("."), value)


def pair_name(run: Described) -> str:
    """Return what the pair of a run is called: by its own name or its two files, as in figures, else by its option."""
    pair = run.config.get("pair") or {}
    if pair.get("name"):
        return str(pair["name"])
    files = [pair[side] for side in ("fixed", "moving") if pair.get(side)]
    return "_".join(stem(str(file)) for file in files) or run.choices.get("pair", "pair")


def stem(path: str) -> str:
    """Return the name of a file without folder and ending: `a` of `folder/a.nii.gz`."""
    return path.rstrip("/").rpartition("/")[2].removesuffix(".gz").rsplit(".", 1)[0]


def name_of(run: Described) -> str:
    """Return what names a run for people, its pair and options: `thorax_ct_2d | pcc+ssim | diffusion | unet`.

    Our own method is not named, as its parts are.
    """
    named = {group: run.choices[group] for group in _NAMING if group in run.choices}
    if "pair" in named:
        named["pair"] = pair_name(run)
    return " | ".join(option for group, option in named.items() if (group, option) != ("method", "optimization"))
