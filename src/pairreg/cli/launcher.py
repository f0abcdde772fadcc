"""Hydra's jobs become the tasks of one study, which decides where and whether they run."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from pairreg.runs.spec import RunSpec
from pairreg.study.cases import combined, expand
from pairreg.study.checked_config import TERMS
from pairreg.study.study import Study


class StudyLauncher(Launcher):
    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.loader, self.config = hydra_context.config_loader, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """One `RunOutcome` each. A failed run is an outcome too: the sweeper decides what it means."""
        composed = [self.loader.load_sweep_config(self.config, list(overrides)) for overrides in job_overrides]
        jobs = [expand(task(config, list(o))) for config, o in zip(composed, job_overrides, strict=True)]
        ended = iter(Study.of(jobs[0][0]).run([one for job in jobs for one in job]))
        outcomes = [combined(list(islice(ended, len(job)))) for job in jobs]
        returned = zip(outcomes, job_overrides, strict=True)
        return [JobReturn(overrides=o, status=JobStatus.COMPLETED, _return_value=outcome) for outcome, o in returned]


def task(composed: DictConfig, overrides: Sequence[str], alone: bool = False) -> RunSpec:
    """`composed` with its `hydra` node."""
    chosen = composed.hydra.runtime.choices
    own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    plain: Any = OmegaConf.to_container(own, resolve=True)
    named = {str(key): str(value) for key, value in chosen.items() if "hydra/" not in str(key) and value is not None}
    named["pair"] = str(plain["pair"].get("case") or plain["pair"].get("name") or named["pair"])
    return RunSpec(plain, named | {group: "+".join(plain[group]) for group in TERMS}, tuple(overrides), alone)
