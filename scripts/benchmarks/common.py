"""What the benchmarks share: measurements, pairs, and the parts of a config."""

import csv
import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

import pairreg
from pairreg.cli.plugins import register_plugins
from pairreg.study.checked_config import check
from pairreg.study.compose import spec_of
from pairreg.study.execute import parts as build_parts

DATA = Path(os.environ.get("PAIRREG_DATA", Path(__file__).parents[3] / "shared" / "data"))  # the real pairs


@dataclasses.dataclass(frozen=True)
class Measured:
    """One line of the table. `limit` as in "<= 0.5", or empty for a value that is only reported."""

    point: int
    case: str
    quantity: str
    value: float
    unit: str = ""
    limit: str = ""

    @property
    def met(self) -> str:
        if not self.limit:
            return ""
        sign, number = self.limit.split()
        return "yes" if (self.value <= float(number) if sign == "<=" else self.value >= float(number)) else "NO"


COLUMNS = [field.name for field in dataclasses.fields(Measured)] + ["met"]


def read(file: Path) -> list[Measured]:
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as opened:
        rows = [{key: row[key] for key in COLUMNS[:-1]} for row in csv.DictReader(opened)]
    return [Measured(**row | {"point": int(row["point"]), "value": float(row["value"])}) for row in rows]


def write(file: Path, rows: Sequence[Measured]) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(COLUMNS)
        writer.writerows([*dataclasses.astuple(row), row.met] for row in rows)


def parts(*overrides: str) -> dict[str, Any]:
    """The arguments of `pairreg.register` that a command with these overrides stands for."""
    register_plugins()
    with initialize_config_module("pairreg.conf", version_base="1.3"):
        config = compose("config", list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    OmegaConf.set_struct(config, False)
    composed = OmegaConf.create({**config, "hydra": config.hydra})
    spec = spec_of(composed, list(overrides))
    check(spec.config)
    return {**build_parts(spec.config), "precision": spec.config["precision"]}


def pair(name: str) -> pairreg.pair.pair.Pair:
    """A real pair, with its labels and landmarks."""
    folder = DATA / name
    more = {}
    for key in ("fixed_labels", "moving_labels"):
        if (folder / f"{key}.nii.gz").exists():
            more[key] = folder / f"{key}.nii.gz"
    if (folder / "landmarks.json").exists():
        more |= {"fixed_landmarks": folder / "landmarks.json", "moving_landmarks": folder / "landmarks.json"}
    return pairreg.load_pair(fixed=folder / "fixed.nii.gz", moving=folder / "moving.nii.gz", name=name, **more)


def seconds(function: Callable[[], Any]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def interleaved(repeats: int, **functions: Callable[[], Any]) -> dict[str, list[float]]:
    """Seconds of each function, which take turns so that whatever else the machine does slows all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            times[name].append(seconds(function))
    return times
