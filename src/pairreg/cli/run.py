"""The command line: Hydra composes the config, a study does the work."""

import logging
import os
import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pairreg import interruption
from pairreg.cli.hydra_errors import sentence
from pairreg.cli.launcher import task
from pairreg.cli.plugins import register_plugins
from pairreg.errors import InputError
from pairreg.runs.spec import RunSpec
from pairreg.study.cases import expand
from pairreg.study.study import DryRun, Study, console

log = logging.getLogger("pairreg")
single: list[RunSpec] = []


def main() -> None:
    """Exit code 0: every run is complete; 2: the input cannot be used; 1: a run failed; 130: interrupted."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # errors reach the handlers below instead of Hydra's printer
    log.setLevel(logging.INFO)
    screen = logging.StreamHandler(sys.stdout)
    screen.setLevel(logging.WARNING if console.is_terminal else logging.INFO)  # a terminal has the progress bar
    log.addHandler(screen)
    interruption.listen()
    register_plugins()
    try:
        with interruption.unmasked():
            hydra_main()  # many runs are begun in there, by the launcher
            for only in single:
                tasks = expand(only)
                Study.of(tasks[0]).run(tasks)
            code = Study.current.finish() if Study.current else 0  # none: --help, --cfg and the like
    except DryRun:
        code = 0
    except (HydraException, OmegaConfBaseException) as error:
        code = refuse(sentence(error))
    except InputError as error:
        code = refuse(str(error))
    except KeyboardInterrupt:
        print("pairreg: interrupted; the same command goes on with what is missing.", file=sys.stderr)
        code = 130
    finally:
        if Study.current:
            Study.current.close()
    sys.exit(code)


@hydra.main(version_base="1.3", config_path="pkg://pairreg.conf", config_name="config")
def hydra_main(config: DictConfig) -> None:
    """Keeps the one run for later: Hydra prints its own words about an error in here."""
    composed = OmegaConf.create({**config, "hydra": HydraConfig.get()})
    single.append(task(composed, list(HydraConfig.get().overrides.task), alone=True))


def refuse(message: str) -> int:
    print(f"pairreg: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
