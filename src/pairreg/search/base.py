"""What our sweepers share: how they compose and launch runs, and how they judge what they have chosen."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from pairreg.console import console
from pairreg.files import expanded
from pairreg.option_files import TERM_GROUPS
from pairreg.runs.comparison import Comparison
from pairreg.runs.outcome import RunOutcome
from pairreg.runs.spec import RunSpec
from pairreg.study.checked_config import check
from pairreg.study.compose import spec_of
from pairreg.study.composer import Composer


class StudySweeper(Sweeper):
    """A sweeper that launches runs of a study. Hydra calls `setup`, then `sweep`."""

    settings: Any
    hydra_context: HydraContext
    config: DictConfig
    launcher: Launcher

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        self.composer = Composer(hydra_context.config_loader, config)
        self.launched = 0
        self.replace_mappings(config.hydra.overrides.hydra)

    @property
    def study_folder(self) -> Path:
        """Where the runs of the study lie."""
        return Path(expanded(self.config.output_dir) / self.config.study)

    def replace_mappings(self, arguments: Sequence[str]) -> None:
        """Leave out what a study file has in a mapping that the command line gives as a whole: Hydra merges the two."""
        given = {one.key_or_group: one.value() for one in OverridesParser.create().parse_overrides(list(arguments))}
        for key, value in given.items():
            section, _, name = key.rpartition(".")
            if section == "hydra.sweeper" and isinstance(value, dict):
                merged = getattr(self.settings, name)
                setattr(self.settings, name, {k: merged[k] for k in merged if k in value or f"{key}.{k}" in given})

    def parsed(self, entries: dict[str, str], arguments: list[str]) -> list[Override]:
        """Return the overrides of the sweeper's own settings and of the command line."""
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        own = [f"{key}={value}" for key, value in entries.items()]
        return parser.parse_overrides(own + arguments)

    def spec(self, overrides: list[str]) -> RunSpec:
        """Return a checked run; raises `InputError` if there cannot be one."""
        return self.specs([overrides])[0]

    def specs(self, jobs: Sequence[list[str]]) -> list[RunSpec]:
        """Return the checked run of each job; raises `InputError` if there cannot be one."""
        found = [spec_of(config, job) for config, job in zip(self.composer.configs(jobs), jobs, strict=True)]
        for spec in found:
            check(spec.config)
        return found

    def launch(self, jobs: list[list[str]]) -> list[RunOutcome]:
        """Do the runs with these overrides; return their outcomes, in the same order."""
        if not jobs:
            return []
        returned = self.launcher.launch(jobs, initial_job_idx=self.launched)
        self.launched += len(jobs)
        return [done.return_value for done in returned]

    def judge(self, comparison: Comparison, jobs: Sequence[list[list[str]]]) -> None:
        """Do the runs that judge each candidate, keep what is compared in the folder of the study, and print it.

        `jobs` has the overrides of the runs of each candidate of `comparison`; none for one without a setting.
        """
        outcomes = iter(self.launch([job for some in jobs for job in some]))
        judged = []
        for candidate, some in zip(comparison.candidates, jobs, strict=True):
            own = [next(outcomes) for _ in some]
            error = next((outcome.error for outcome in own if outcome.error), None)
            signatures = [signature for outcome in own if not outcome.error for signature in outcome.signatures]
            judged.append(replace(candidate, judged=signatures, problem=candidate.problem or error))
        comparison = replace(comparison, candidates=judged)
        comparison.write(self.study_folder)
        self.show_comparison(comparison)

    def show_comparison(self, comparison: Comparison) -> None:
        """Print the ranking of the candidates, and what became of those that are not in it."""
        from pairreg.report.ranking import rank_study
        from pairreg.report.study_runs import read_study
        from pairreg.report.tables import terminal_table

        for candidate in comparison.candidates:
            if candidate.problem:
                console().print(f"{candidate.label}: {candidate.problem}", soft_wrap=True, highlight=False)
        if comparison.judged:
            console().print(terminal_table(rank_study(read_study(self.study_folder))))


def settings_node(settings: object, *open_to: str) -> DictConfig:
    """Return the defaults of a sweeper, a dataclass or an object of one.

    The command line may add entries to those in `open_to`, also without a +.
    """
    node: DictConfig = OmegaConf.structured(settings)
    for name in open_to:
        OmegaConf.set_struct(node[name], False)
    return node


def values_of(candidate: Iterable[str]) -> str:
    """Return what tables call a candidate: the values of its overrides, such as `pcc+ssim, diffusion`."""
    pairs = [override.partition("=")[::2] for override in candidate]
    return ", ".join(value.strip("[]").replace(",", "+") if key in TERM_GROUPS else value for key, value in pairs)
