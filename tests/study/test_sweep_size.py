"""Sweeps of too many runs are refused, wherever their values stand."""

import pytest

from command_helpers import many
from pairreg.errors import InputError
from pairreg.study.sweep_size import MOST, check_sweep_size

FILE = """# @package _global_
hydra:
  mode: MULTIRUN
  sweeper:
    params:
      seed: range(0,1000)
      threads: range(0,1000000000)
study: large
"""
MANY = "make 1e+12 runs; give at most 100,000"
CASES = {
    "command line": (["seed=range(0,1000)", "threads=range(0,1000000000)", "-m"], MANY),
    "a study file": (["--config-dir", "own", "ablation=large"], MANY),
    "a setting of the sweeper": (["-m", "hydra.sweeper.params.seed='range(0,1e12)'"], MANY),
    "a setting of the sweeper as a mapping": (["-m", "hydra.sweeper.params={seed: 'range(0,1e12)'}"], MANY),
    "no end": (["seed=range(0,inf)", "-m"], "has no end"),
    "no end in a study file": (["--config-dir", "own", "ablation=endless"], "has no end"),
    "the space of a search": (["hydra/sweeper=pairreg_search", "-m", "hydra.sweeper.space.x='range(0,1e12)'"], MANY),
    "values to match": (["hydra/sweeper=pairreg_matched", "-m", "hydra.sweeper.params.seed='range(0,1e12)'"], MANY),
}


def test_commands_refuse_them(tmp_path):
    (tmp_path / "own" / "ablation").mkdir(parents=True)
    (tmp_path / "said").mkdir()
    (tmp_path / "own" / "ablation" / "large.yaml").write_text(FILE)
    (tmp_path / "own" / "ablation" / "endless.yaml").write_text(FILE.replace("1000000000", "inf"))
    calls = [["tracking=none", *arguments] for arguments, _ in CASES.values()]
    for name, done in zip(CASES, many("pairreg", calls, tmp_path, tmp_path / "said"), strict=True):
        assert done.returncode == 2 and done.stderr.count("\n") == 1, (name, done.stderr)
        assert CASES[name][1] in done.stderr, (name, done.stderr)


@pytest.mark.parametrize(
    ("entries", "arguments"),
    [
        ({"a": f"range(0,{MOST})"}, ["b=1"]),
        ({"a": "range(0,1e12)"}, ["a=1"]),  # the later one counts
        ({"a": "1,2", "b": "[1,2]", "c": 3, "d": "choice(1,2)"}, ["e=range(3,1)", "~f", "g=1,", "--h"]),
    ],
)
def test_what_makes_few_runs_passes(entries, arguments):
    check_sweep_size(entries, arguments)


def test_the_numbers_of_values_are_multiplied():
    check_sweep_size({"a": "range(0,100)"}, ["b=range(0,1,0.001)"])
    with pytest.raises(InputError, match=r"make 2e\+05 runs"):
        check_sweep_size({"a": "range(0,100)", "c": "1,2"}, ["b=range(0,1,0.001)"])
