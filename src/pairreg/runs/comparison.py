"""How the settings that a study compares were chosen: which runs chose them, and which runs judge them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pairreg.errors import InputError
from pairreg.files import replacing
from pairreg.plain_json import dumps

_FILE = "comparison.json"
SEARCH_LOG = "search.log"  # beside it, of a study that was searched; see `pairreg.runs.search_log`


@dataclass(frozen=True)
class Candidate:
    """One of the things that are compared, such as `mse`, with all settings that were tried for it.

    **Attributes:** `label`: its name; `tried`: for each setting that was tried, the signatures of its runs on the
    tuning pairs; `chosen`: which of these, None if none will do, and then `problem` says why; `judged`: the signatures
    of the runs with the chosen setting on the pairs of the comparison; `reached`: what the chosen setting gave on the
    tuning pairs, as a clause.
    """

    label: str
    tried: Sequence[Sequence[str]]
    chosen: int | None
    judged: Sequence[str] = ()
    problem: str | None = None
    reached: str | None = None


@dataclass(frozen=True)
class Comparison:
    """What a study compares.

    **Attributes:** `rule`: how settings were chosen, as a clause (`at SD log J 0.3 ± 5 %`); `regularity`: the metric
    that is equal for all, None where the best is chosen; `tuned_on`: names of the pairs that chose, empty if those that
    judge also chose; `candidates`.
    """

    rule: str
    regularity: str | None
    tuned_on: Sequence[str]
    candidates: Sequence[Candidate]

    @property
    def judged(self) -> set[str]:
        """The signatures of the runs that the settings are compared by."""
        return {signature for candidate in self.candidates for signature in candidate.judged}

    @property
    def runs(self) -> set[str]:
        """The signatures of all runs that chose or judge."""
        return self.judged.union(*(signatures for candidate in self.candidates for signatures in candidate.tried))

    def write(self, study_folder: Path) -> None:
        """Write it into the folder of the study, in place of what an earlier command compared there."""
        study_folder.mkdir(parents=True, exist_ok=True)
        with replacing(study_folder / _FILE) as part:
            part.write_text(dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def read(cls, study_folder: Path) -> "Comparison | None":
        """Return what the study compares, None if its runs are all there is to it; raises `InputError` for damage."""
        path = study_folder / _FILE
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{**content, "candidates": [Candidate(**one) for one in content["candidates"]]})
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{path} is damaged ({error}); call the command of the study again.") from None
