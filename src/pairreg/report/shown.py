"""Which settings and pairs of a large study its page has pictures of: of all of them it would be too large to open."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pairreg.errors import InputError
from pairreg.report.design import Design
from pairreg.report.metric_columns import MetricColumn
from pairreg.report.ranking import Ranking, fitting

_WHOLE = 40  # pictures: settings times pairs; as many and fewer are shown whatever they are
_BEST, _PAIRS = 6, 5  # settings and pairs of a study with more


@dataclass(frozen=True)
class Shown:
    """What the pictures and the charts of a page show.

    **Attributes:** `settings`: their indices in the design, in its order; `pairs`: their names; `note`: a sentence on
    what is left out, empty if nothing is.
    """

    settings: list[int]
    pairs: list[str]
    note: str

    def design(self, whole: Design, pairs: Sequence[str] | None = None) -> Design:
        """Return the part of a design that has these settings, and of its pairs those in `pairs` (None: all)."""
        settings = [whole.settings[i] for i in self.settings]
        kept = set(settings)
        cells = {
            key: run for key, run in whole.cells.items() if key[0] in kept and (pairs is None or key[1] in set(pairs))
        }
        return replace(whole, settings=settings, pairs=list(whole.pairs if pairs is None else pairs), cells=cells)

    def of(self, column: MetricColumn) -> MetricColumn:
        """Return a column with the values of these settings alone."""
        return replace(column, values=[column.values[i] for i in self.settings])


def shown(ranking: Ranking, settings: Sequence[str] = (), pairs: Sequence[str] = ()) -> Shown:
    """Return what a page shows of a ranking, besides the tables, which have everything.

    A study of at most 40 settings times pairs is shown whole. Of a larger one it is the six best settings, and five
    pairs, the worst, the best, and the quartiles in between by the metric that ranks, under the best setting; and
    whatever is asked for: `settings`, such as `similarity=pcc`, each of which may fit several; names of `pairs`.

    Raises `InputError` for a setting or a pair that the study lacks.
    """
    design = ranking.design
    asked = {index for text in settings for index in fitting("--show", text, design)}
    for pair in pairs:
        if pair not in design.pairs:
            raise InputError(f"--show-pair {pair}: the study has no such pair; give one of {', '.join(design.pairs)}.")
    if len(design.settings) * len(design.pairs) <= _WHOLE:
        return Shown(list(range(len(design.settings))), design.pairs, "")
    chosen = sorted({*ranking.order[:_BEST], *asked})
    among = sorted(pair for pair in {*_spread(ranking), *pairs} if any(design.first(pair)[i] for i in chosen))
    is_ranked = bool(np.isfinite(ranking.ranks).all())
    best, spread = (" (the best ones)", " (from the worst to the best)") if is_ranked else ("", "")
    more = " and what was asked for" if asked or pairs else ""
    said = [
        f"{len(part)} of {len(every)} {which}"
        for part, every, which in (
            (chosen, design.settings, f"settings{best}"),
            (among, design.pairs, f"pairs{spread}"),
        )
        if len(part) < len(every)
    ]
    note = f"Shown are {' and '.join(said)}{more}. Tables have all; pairreg-report --show and --show-pair add others."
    return Shown(chosen, among, note if said else "")


def _spread(ranking: Ranking) -> list[str]:
    """Return the pairs at the quartiles of the primary metric under the best setting; the first ones without it."""
    design, primary = ranking.design, ranking.primary
    if len(design.pairs) <= _PAIRS:
        return design.pairs
    if primary is None:
        return design.pairs[:_PAIRS]
    runs = {pair: design.first(pair)[ranking.order[0]] for pair in design.pairs}
    values = {pair: run.metrics[primary.name] for pair, run in runs.items() if run and primary.name in run.metrics}
    worst_first = np.nan_to_num([value * primary.metric.direction for value in values.values()], nan=-np.inf)
    in_order = [list(values)[i] for i in np.argsort(worst_first, kind="stable")]
    at = np.linspace(0, len(in_order) - 1, min(_PAIRS, len(in_order))).round().astype(int)
    return [in_order[i] for i in at]
