"""Sweeps of too many runs are refused, wherever their values stand."""

from command_helpers import many

FILE = """# @package _global_
hydra:
  mode: MULTIRUN
  sweeper:
    params:
      seed: range(0,1000)
      threads: range(0,1000000000)
study: large
"""
MANY = "runs; give at most 100,000"
CASES = {
    "command line": (["seed=range(0,1000)", "threads=range(0,1000000000)", "-m"], MANY),
    "a study file": (["--config-dir", "own", "ablation=large"], MANY),
    "a setting of the sweeper": (["-m", "hydra.sweeper.params.seed='range(0,1e12)'"], MANY),
    "a setting of the sweeper as a mapping": (["-m", "hydra.sweeper.params={seed: 'range(0,1e12)'}"], MANY),
    "no end": (["seed=range(0,inf)", "-m"], "has no end"),
    "no end in a study file": (["--config-dir", "own", "ablation=endless"], "has no end"),
    "values to match": (["ablation=similarity_matched", "-m", "hydra.sweeper.params.seed='range(0,1e12)'"], MANY),
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
