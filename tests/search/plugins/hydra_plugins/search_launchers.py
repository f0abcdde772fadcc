"""A launcher for tests: `hydra/launcher=formula` computes instead of registering.

Every started job becomes a line of `started.txt`. `$RENDEZVOUS=N`: the first job waits until N processes have started
one. `$HANG_AT=N`: the N-th job of this process never ends.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec

STARTED = Path("started.txt")
LEVELS = 3


class Formula(Launcher):
    """`mse` is 0 at weight 2 and learning rate 0.1; `folds_percent` and `hd95_mean` pull the weight to 0 and 2.

    A run has three levels, after each of which it is better by 1.
    """

    hydra_context: HydraContext
    config: DictConfig
    jobs = 0

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        assert initial_job_idx == self.jobs
        return [self.job(list(overrides)) for overrides in job_overrides]

    def job(self, overrides: list[str]) -> JobReturn:
        self.jobs += 1
        config = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        plain: Any = OmegaConf.to_container(config, resolve=True)
        plain.pop("hydra")
        with STARTED.open("a") as file:
            print(os.getpid(), *overrides, file=file)
        wait()
        if self.jobs == int(os.environ.get("HANG_AT", 0)):
            Path("hanging").touch()
            time.sleep(600)
        outcome = RunOutcome(RunSpec(plain, {}).signature, Path(), **self.evaluate(plain))
        return JobReturn(overrides=overrides, status=JobStatus.COMPLETED, _return_value=outcome)

    def evaluate(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        x, y, seed = config["regularizer"]["diffusion"]["weight"], config["optimizer"]["learning_rate"], config["seed"]
        if x > 9:
            return {"metrics": {}, "error": "too stiff"}
        y = 0.1 if y is None else y
        bowl = (x - 2) ** 2 + (10 * y - 1) ** 2 + seed
        left = LEVELS - (config["pause_after_level"] or LEVELS)
        metrics = {"mse": bowl + left, "folds_percent": x**2, "hd95_mean": (x - 2) ** 2}
        return {"metrics": metrics, "state": "paused" if left > 0 else "done"}


def wait() -> None:
    wanted = int(os.environ.get("RENDEZVOUS", 1))
    for _ in range(1200):
        if len({line.split()[0] for line in STARTED.read_text().splitlines()}) >= wanted:
            return
        time.sleep(0.05)
    raise TimeoutError("the other process did not come")


@dataclass
class FormulaConf:
    _target_: str = "hydra_plugins.search_launchers.Formula"


ConfigStore.instance().store(group="hydra/launcher", name="formula", node=FormulaConf)
