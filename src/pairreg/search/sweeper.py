"""A search for good settings: a Hydra sweeper over Optuna's ask and tell.

hydra-optuna-sweeper 1.4, the first for Optuna 5, needs Hydra 1.4; its syntax is kept, see `pairreg.search.space`.
"""

import hashlib
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from pairreg import validation
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.files import expanded
from pairreg.metrics.catalogue import CATALOGUE, find
from pairreg.runs.spec import RunSpec
from pairreg.study.checked_config import check
from pairreg.study.compose import spec_of

if TYPE_CHECKING:
    from pairreg.search.space import Space
    from pairreg.search.trials import Trials

_FAILURES = 10  # that many trials in a row, and the search gives up


@dataclass
class SearchConf:
    """The settings of `hydra/sweeper=pairreg_search`."""

    _target_: str = "pairreg.search.sweeper.SearchSweeper"
    _convert_: str = "all"  # plain dictionaries
    objectives: dict[str, str] = field(default_factory=dict)  # metric of a run -> minimize or maximize
    space: dict[str, str] = field(default_factory=dict)  # key -> sweep, such as tag(log, interval(0.1, 10))
    trials: int = 30  # complete ones wanted, over all invocations of the same search
    batch: int = 1  # trials launched together
    seed: int = 0  # of the sampler
    sampler: str = "tpe"  # or random
    storage: str | None = None  # journal of the trials; null: search.log in the folder of the study


class SearchSweeper(Sweeper):
    """Asks Optuna for trials, has the launcher run them on every pair and seed, tells the mean of each objective.

    Hydra makes it by its name and then calls `setup` and `sweep`.
    """

    hydra_context: HydraContext
    config: DictConfig
    launcher: Launcher

    def __init__(self, **settings: Any):
        self.settings = SearchConf(**settings)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run trials until the wanted number is complete; print the best.

        Raises `InputError` for settings that cannot be searched, and when too many trials in a row fail.
        """
        from pairreg.search.trials import Trials

        space = self.check(arguments)
        settings = self.settings
        trials = Trials(
            Path(settings.storage or expanded(self.config.output_dir) / self.config.study / "search.log"),
            self.identity(space),
            settings.objectives,
            space.free,
            settings.trials,
            settings.sampler,
            settings.seed,
        )
        with closing(trials):
            self.run(trials, space)
            self.show(trials, space)

    def check(self, arguments: list[str]) -> "Space":
        """Check the settings of the search, and return its space; raises `InputError` for what cannot be searched."""
        from pairreg.search.space import read_space
        from pairreg.search.trials import SAMPLERS

        settings = self.settings
        if not settings.objectives:
            raise InputError("hydra.sweeper.objectives is empty: give metrics, such as {dice_mean: maximize}.")
        for name, direction in settings.objectives.items():
            validation.one_of(f"hydra.sweeper.objectives.{name}", direction, ("minimize", "maximize"))
            if find(name) is None:
                known = [metric.name for metric in CATALOGUE if metric.gives(metric.name)]
                validation.one_of("hydra.sweeper.objectives: metric", name, known)
        validation.one_of("hydra.sweeper.sampler", settings.sampler, SAMPLERS)
        for name, kind in (("trials", validation.Count), ("batch", validation.Count), ("seed", validation.Seed)):
            validation.check_value(kind, getattr(settings, name), f"hydra.sweeper.{name}")
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        entries = [f"{key}={value}" for key, value in settings.space.items()]
        return read_space(parser.parse_overrides(entries + arguments))

    def identity(self, space: "Space") -> str:
        """Return eight hex digits that are the same for searches that may share trials.

        These have the same objectives, space, sampler, seed, and other settings.
        """
        runs = sorted(self.example(job).signature for job in space.jobs(space.example()))
        question = (self.settings.objectives, space.free, self.settings.sampler, self.settings.seed, runs)
        return hashlib.sha1(repr(question).encode()).hexdigest()[:8]

    def example(self, overrides: list[str]) -> RunSpec:
        """Return a checked run of the search; what it does not share with the other runs is in the space."""
        spec = spec_of(self.hydra_context.config_loader.load_sweep_config(self.config, overrides), overrides)
        check(spec.config)
        return spec

    def run(self, trials: "Trials", space: "Space") -> None:
        """Ask for trials, launch their runs and tell the outcomes, batch by batch."""
        launched = failed = 0
        # Runs of a trial follow each other in the batch, so their outcomes are found by their position.
        while asked := trials.ask(self.settings.batch):
            jobs = [job for trial in asked for job in space.jobs(trial.params)]
            outcomes = [done.return_value for done in self.launcher.launch(jobs, initial_job_idx=launched)]
            launched += len(jobs)
            runs = len(space.replicates)
            for index, trial in enumerate(asked):
                why = trials.tell(trial, outcomes[index * runs : (index + 1) * runs])
                failed = failed + 1 if why else 0
                if failed == _FAILURES:
                    raise InputError(f"{_FAILURES} trials in a row failed, the last because {why}")

    def show(self, trials: "Trials", space: "Space") -> None:
        """Print the best trials and the commands that repeat them."""
        from optuna.trial import TrialState

        from pairreg.search.pareto_table import commands, front_table

        terminal = console()
        complete, running = (len(trials.in_state(state)) for state in (TrialState.COMPLETE, TrialState.RUNNING))
        if running:
            terminal.print(f"{running} more trials run in other processes")
        best = trials.best()
        terminal.print(front_table(best, complete, self.settings.objectives, space))
        for trial in best:
            for command in commands(trial, space):
                terminal.print(command, soft_wrap=True, highlight=False)


def search_node() -> DictConfig:
    """Return the defaults of `hydra/sweeper=pairreg_search`."""
    node: DictConfig = OmegaConf.structured(SearchConf)
    OmegaConf.set_struct(node.objectives, False)  # the command line may add entries, also without a +
    OmegaConf.set_struct(node.space, False)
    return node
