"""The launcher of Hydra's jobs, which become the runs of one study: it decides where they are computed."""

from collections.abc import Sequence
from itertools import islice
from typing import Any, Protocol, cast

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from pairreg.cli.text_overrides import as_typed
from pairreg.runs.outcome import combined
from pairreg.study.cases import expand
from pairreg.study.compose import spec_of
from pairreg.study.composer import Composer
from pairreg.study.study import Study


class _OwnsStudy(Protocol):
    """The object whose method Hydra calls with each config: it has the study of this command."""

    study: Study


class StudyLauncher(Launcher):
    """Launches the jobs of a sweep together. Hydra makes it by its name and then calls `setup`."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.composer = Composer(hydra_context.config_loader, config)
        # Hydra hands over nothing of ours but the function it was given: a method of the command.
        self.study = cast(_OwnsStudy, cast(Any, task_function).__self__).study

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Return one `RunOutcome` for each job. A failed run is an outcome too: the sweeper decides what it means."""
        composed = self.composer.configs(job_overrides)
        typed = [[as_typed(override) for override in overrides] for overrides in job_overrides]
        jobs = [expand(spec_of(config, overrides)) for config, overrides in zip(composed, typed, strict=True)]
        ended = iter(self.study.start([spec for job in jobs for spec in job]))
        outcomes = [combined(list(islice(ended, len(job)))) for job in jobs]
        returned = zip(outcomes, job_overrides, strict=True)
        return [JobReturn(overrides=o, status=JobStatus.COMPLETED, _return_value=outcome) for outcome, o in returned]
