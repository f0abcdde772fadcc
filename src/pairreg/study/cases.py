"""The cases of an HDF5 file: a pattern of them is one run for each."""

from dataclasses import replace

from pairreg.runs.spec import RunSpec


def expand(spec: RunSpec) -> list[RunSpec]:
    """Return a run for every case of the HDF5 file that matches `pair.case`; other runs as they are.

    Raises `InputError` if the file cannot be read or no case matches.
    """
    pair = spec.config.get("pair") or {}  # the check of the config says what is missing
    if not {"file", "case"} <= pair.keys() or not set("*?[") & set(str(pair["case"])):
        return [spec]
    from pairreg.pair.hdf5 import cases

    return [
        replace(
            spec,
            config={**spec.config, "pair": {**pair, "case": case}},
            choices={**spec.choices, "pair": case},
            overrides=(*spec.overrides, f"pair.case={case}"),
        )
        for case in cases(pair["file"], pair["case"])
    ]
