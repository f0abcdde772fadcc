"""The command `pairreg`: Hydra composes the config, a study does the work."""

import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from pairreg import interruption
from pairreg.cli import from_run
from pairreg.cli.arguments import checked_options
from pairreg.cli.common import BAD_INPUT, FAILED, INTERRUPTED, complain, failure
from pairreg.cli.help import print_help
from pairreg.cli.hydra_errors import as_input_errors
from pairreg.cli.hydra_guard import guard_hydra
from pairreg.cli.plugins import register_plugins
from pairreg.cli.surroundings import check_working_folder, ended, settle
from pairreg.cli.text_overrides import as_typed, with_text_quoted
from pairreg.console import console
from pairreg.errors import InputError
from pairreg.runs.read import Run
from pairreg.study.cases import expand
from pairreg.study.compose import spec_of
from pairreg.study.study import DryRun, FailedFast, Study
from pairreg.trust import trust_arguments

log = logging.getLogger("pairreg")


class _Command:
    """One call of `pairreg`. Of several jobs, `pairreg.cli.launcher` starts the runs; a single one is started here."""

    def __init__(self, study: Study, config: str):
        self.study, self.config = study, config
        self.composed: list[tuple[DictConfig, list[str]]] = []

    def record(self, config: DictConfig) -> None:
        """Only record what was composed; `run` goes on with it after Hydra has returned.

        Hydra would print "Error executing job" for an exception raised in here.
        """
        composed = OmegaConf.create({**config, "hydra": HydraConfig.get()})
        self.composed.append((composed, [as_typed(override) for override in HydraConfig.get().overrides.task]))

    def run(self) -> int:
        """Have Hydra read the command line, do what it asks for, and return the exit code."""
        try:
            hydra.main(version_base="1.3", config_path="pkg://pairreg.conf", config_name=self.config)(self.record)()
            specs = [one for composed, overrides in self.composed for one in expand(spec_of(composed, overrides))]
            if specs:
                self.study.start(specs, single=len(specs) == 1)
        except FailedFast:
            pass  # the tables of what there is
        return self.study.finish()


def _work(earlier: Run | None, arguments: Sequence[str]) -> int:
    """Do what the arguments ask for, on the config of an `earlier` run if there is one; return the exit code."""
    trust_arguments(arguments)
    guard_hydra()
    with as_input_errors():
        sys.argv[:] = ["pairreg", *with_text_quoted(list(arguments))]  # where Hydra reads them, and provenance
    config = "config"
    if earlier is not None:
        config = from_run.primary_config(earlier)
        from_run.warn_of_changed_inputs(earlier, arguments)
    with as_input_errors(), Study() as study, interruption.unmasked():
        return _Command(study, config).run()


def main() -> None:
    """Run the command `pairreg`; see `execute`."""
    execute(sys.argv[1:])


def execute(arguments: Sequence[str]) -> NoReturn:
    """Do what `pairreg` does with these arguments, and end the process.

    Exit code 0: every run is complete; 2: the input cannot be used; 1: a run failed; 130: interrupted.
    """
    try:
        settle()
    except InputError as error:
        sys.exit(complain("pairreg", str(error), BAD_INPUT))
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # errors reach the handlers below instead of Hydra's printer
    log.setLevel(logging.INFO)
    screen = logging.StreamHandler(sys.stdout)
    screen.setLevel(logging.WARNING if console().is_terminal else logging.INFO)  # a terminal has the progress bar
    log.addHandler(screen)
    try:
        # Signals are remembered from here on: whatever follows may be interrupted inside of a library.
        interruption.listen(late=_say_interrupted)
        code = ended("pairreg", _outcome(arguments))
        interruption.leave()
    except KeyboardInterrupt:
        code = ended("pairreg", _say_interrupted())
    sys.exit(code)


def _outcome(arguments: Sequence[str]) -> int | str | None:
    """Do the work, print why if it cannot be done, and return the exit code; only an interruption is raised."""
    try:
        register_plugins()
        check_working_folder()
        earlier, arguments = from_run.split(arguments)
        given = checked_options(arguments)
        if given.help:
            print_help(given.config_dir)
            return 0
        return _work(earlier, arguments)
    except DryRun:
        return 0
    except InputError as error:
        return complain("pairreg", str(error), BAD_INPUT)
    except (OSError, MemoryError) as error:
        return complain("pairreg", failure(error), FAILED)
    except SystemExit as end:  # Hydra's own way to end
        return end.code


def _say_interrupted() -> int:
    return complain("pairreg", "interrupted; the same command goes on with what is missing.", INTERRUPTED)


if __name__ == "__main__":
    main()
