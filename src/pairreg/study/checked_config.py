"""The one check of a config, before anything that takes time is computed, written or imported."""

from collections.abc import Mapping
from typing import Any

from pairreg import names, option_files, validation
from pairreg.errors import InputError
from pairreg.files import folder_to_be
from pairreg.per_level import check_counts, parts_of
from pairreg.registration import PARTS, check_kind, check_names
from pairreg.report.figures import FIGURES
from pairreg.runs.spec import STUDY_FILES
from pairreg.schedule.base import Schedule
from pairreg.transform.base import Precision, Transform

_OTHERS = ("pair", "tracking", "compute")  # groups that are no part of the method


def _settings(
    precision: Precision,
    threads: validation.Threads,
    trusted_modules: list[str],
    seed: validation.Seed,
    study: str,
    output_dir: str,
    fail_fast: bool,
    rerun: bool,
    dry_run: bool,
    figure: str | None,
    pause_after_level: validation.Count | None,
) -> None:
    """Declare the names and types of the settings beside the groups, and check their values."""
    del precision, threads, trusted_modules, seed, fail_fast, rerun, dry_run, pause_after_level
    if figure is not None:
        validation.one_of("figure", figure, FIGURES)
    names.check_study(study)
    folder_to_be(output_dir)


def check(config: Mapping[str, Any]) -> None:
    """Raise `InputError` for a key, a type or a value that cannot be used; no image is read and no tensor made."""
    for group in ("preset", *STUDY_FILES):
        if isinstance(config.get(group), Mapping):
            raise InputError(f"The file of the {group} sets nothing; begin it with the line '# @package _global_'.")
    known = (*option_files.TERM_GROUPS, *PARTS, *_OTHERS)
    trusted = config["trusted_modules"]
    if not config.get("method"):
        raise InputError("method is empty; choose an option, such as method=optimization.")
    method = option_files.instantiate(config["method"], "method", trusted)
    check_kind("method", method)
    needed = [group for group in known if group in method.uses or group in ("method", *_OTHERS)]
    for group in needed:
        if not config.get(group):
            example = option_files.options(group)[0]
            raise InputError(f"{group} is empty; choose an option, such as {group}={example}.")
    rest = {key: value for key, value in config.items() if key not in known}
    validation.check_arguments(_settings, rest, "config")
    _settings(**rest)
    built: list[Any] = []
    for group in option_files.TERM_GROUPS:
        if group not in needed:
            continue
        for name, node in config[group].items():
            built.append(option_files.instantiate(node, f"{group}.{name}", trusted))
            check_kind(f"{group}.{name}", built[-1])
    for group in needed:
        if group not in PARTS:
            continue
        built.append(option_files.instantiate(config[group], group, trusted))
        check_kind(group, built[-1])
    for schedule in (part for part in built if isinstance(part, Schedule)):
        check_counts(built, {len(schedule.levels(ndim)) for ndim in (2, 3)})
    for transform in (part for part in built if isinstance(parts_of(part)[0], Transform)):
        check_names(transform, config["regularizer"])
    # These are built, as building checks their settings; a pair is not, as building it would read its images.
    for group in ("tracking", "compute"):
        option_files.instantiate(config[group], group, trusted)
    option_files.check_node(config["pair"], "pair", trusted)
