"""The one check of a config, before anything is computed, written or imported that takes time."""

from collections.abc import Mapping
from typing import Any

from pairreg import names, option_files, validation
from pairreg.files import folder_to_be
from pairreg.registration import PARTS, check_kind
from pairreg.report.figures import FIGURES
from pairreg.runs.spec import STUDY_FILES
from pairreg.transform.base import Precision

OTHERS = ("pair", "tracking", "compute")


def settings(
    precision: Precision,
    trusted_modules: list[str],
    seed: int,
    study: str,
    output_dir: str,
    rerun: bool,
    dry_run: bool,
    draw: str | None,
) -> None:
    """Names and types of the settings beside the groups."""
    del precision, trusted_modules, seed, rerun, dry_run
    if draw is not None:
        validation.one_of("draw", draw, FIGURES)
    names.check_study(study)
    folder_to_be(output_dir)


def check(config: Mapping[str, Any]) -> None:
    """Raise `InputError` for a key, a type or a value that cannot be; no image is read and no tensor made."""
    known = (*option_files.TERM_GROUPS, *PARTS, *OTHERS, "preset", *STUDY_FILES)
    rest = {key: value for key, value in config.items() if key not in known}
    validation.check_arguments(settings, rest, "config")
    settings(**rest)
    trusted = config["trusted_modules"]
    for group in option_files.TERM_GROUPS:
        for name, node in config[group].items():
            check_kind(f"{group}.{name}", option_files.instantiate(node, f"{group}.{name}", trusted))
    for group in PARTS:
        check_kind(group, option_files.instantiate(config[group], group, trusted))
    for group in ("tracking", "compute"):
        option_files.instantiate(config[group], group, trusted)
    option_files.check_node(config["pair"], "pair", trusted)
