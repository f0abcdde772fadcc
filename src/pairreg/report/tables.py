"""The ranking as tables: for a page, a terminal, a spreadsheet and a paper."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text

from pairreg.files import naming
from pairreg.report.metric_columns import MetricColumn
from pairreg.report.ranking import Ranking

_SPECIAL = {"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}", "·": r"$\cdot$"}
_SPECIAL |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_SPECIAL |= {"[": "{[}", "]": "{]}", "*": "{*}", "|": r"\textbar{}", '"': r"\textquotedbl{}"}  # `[` and `*` after `\\`
_SPECIAL |= {"±": r"$\pm$", "–": "--", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "<": r"$<$", ">": r"$>$"}


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its text, whether it is the best of its column, and the value to sort by."""

    text: str
    best: bool = False
    value: float = float("nan")  # to sort by


@dataclass(frozen=True)
class Line:
    """One setting of a table; `index` is its place in the design."""

    index: int
    label: str
    cells: list[Cell]


def page_metrics(ranking: Ranking) -> list[str]:
    """Return the names of the metrics that the table of a page has."""
    found = ranking.columns
    return [name for name, one in found.items() if one.metric.is_shown(found) or name == ranking.asked]


def _paper_metrics(ranking: Ranking) -> list[str]:
    """Return the names of the metrics that a paper has room for."""
    return [name for name in page_metrics(ranking) if ranking.columns[name].metric.in_paper]


def header(ranking: Ranking, names: Sequence[str]) -> list[str]:
    """Return the titles of the columns after that of the settings."""
    shown = [ranking.columns[name].metric.title for name in names]
    return ["n", *(["mean rank"] if _has_ranks(ranking) else []), *shown, *(["p (Holm)"] if ranking.tested else [])]


def lines(ranking: Ranking, names: Sequence[str]) -> list[Line]:
    """Return one line per setting, best first, with the metrics in `names`."""
    shown = [ranking.columns[name] for name in names]
    table = []
    for i in ranking.order:
        counts = [len(column.values[i]) for column in shown if len(column.values[i])]
        cells = [Cell(_span(counts), value=max(counts, default=0))]
        if _has_ranks(ranking):
            best = ranking.ranks[i] == ranking.ranks.min() < ranking.ranks.max()
            cells.append(Cell(f"{ranking.ranks[i]:.2f}", bool(best), float(ranking.ranks[i])))
        cells += [Cell(mean_text(m, i), m.best[i], float(m.means[i])) for m in shown]
        if ranking.tested:
            cells.append(_p_cell(ranking, i))
        table.append(Line(i, ranking.design.labels[i], cells))
    return table


def _has_ranks(ranking: Ranking) -> bool:
    """Return whether the settings are ranked."""
    return bool(np.isfinite(ranking.ranks).all())


def _span(counts: Sequence[int]) -> str:
    """Return a number of values: `8`, or `6–8` where some metrics exist for some pairs only."""
    low, high = min(counts, default=0), max(counts, default=0)
    return f"{high}" if low == high else f"{low}–{high}"


def mean_text(column: MetricColumn, index: int) -> str:
    """Return mean and standard deviation of a setting as text."""
    mean, deviation = column.means[index], column.deviations[index]
    if np.isnan(mean):
        return "–"
    text = column.metric.text(float(mean))
    return text if np.isnan(deviation) else f"{text} ± {column.metric.text(float(deviation))}"


def _p_cell(ranking: Ranking, index: int) -> Cell:
    """Return the cell of a p value, or of the reference."""
    p = ranking.p[index]
    if p is None:
        return Cell("reference")
    return Cell("< 0.001" if p < 0.001 else f"{p:.3f}", value=p)


def write_csv(ranking: Ranking, path: Path) -> None:
    """Write means and standard deviations in full precision, and the value of every factor in a column of its own."""
    design, found = ranking.design, ranking.columns
    columns = [f"{name} {part}" for name in found for part in ("mean", "sd", "n")]
    with naming(path), path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["setting", *(factor.name for factor in design.factors), "mean rank", "p Holm", *columns])
        for i in ranking.order:
            values = [value for m in found.values() for value in (m.means[i], m.deviations[i], len(m.values[i]))]
            own = ["" if value is None else value for value in design.settings[i]]
            row = [ranking.ranks[i], "" if ranking.p[i] is None else ranking.p[i], *values]
            writer.writerow([design.labels[i], *own, *("" if value != value else value for value in row)])


def summary(ranking: Ranking) -> dict[str, float]:
    """Return mean and standard deviation of every setting, such as `dice_mean/pcc+ssim/sd`, NaN where there is none."""
    labels = [label.replace(" · ", " - ") for label in ranking.design.labels]  # an index may not take the dot
    return {
        f"{name}/{label}/{part}": float(value)
        for name, column in ranking.columns.items()
        for i, label in enumerate(labels)
        for part, value in (("mean", column.means[i]), ("sd", column.deviations[i]))
    }


def write_tex(ranking: Ranking, path: Path) -> None:
    """Write a `tabular` to `\\input`, with the notes as comments."""
    names = _paper_metrics(ranking)
    titles = ["setting", *header(ranking, names)]
    body = [
        [tex(line.label), *(rf"\textbf{{{tex(c.text)}}}" if c.best else tex(c.text) for c in line.cells)]
        for line in lines(ranking, names)
    ]
    rows = "\n".join(" & ".join(row) + r" \\" for row in body)
    notes = "\n".join(f"% {note}" for note in [r"Needs \usepackage{booktabs}.", *ranking.notes])
    columns = "l" + "r" * (len(titles) - 1)
    head = " & ".join(map(tex, titles))
    top = [f"\\begin{{tabular}}{{{columns}}}", r"\toprule", rf"{head} \\", r"\midrule"]
    bottom = [r"\bottomrule", r"\end{tabular}"]
    path.write_text("\n".join([notes, *top, rows, *bottom, ""]), encoding="utf-8")


def tex(text: str) -> str:
    """Return a text with the characters escaped that mean something to LaTeX."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def terminal_table(ranking: Ranking) -> Table:
    """Return the ranking as a table for the terminal, with the notes below it."""
    table = Table(title=f"{len(ranking.design.cells)} runs", title_justify="left", caption_justify="left")
    table.caption = "\n".join(ranking.notes)
    table.add_column("setting")
    names = _paper_metrics(ranking)
    for title in header(ranking, names):
        table.add_column(title, justify="right")
    for line in lines(ranking, names):
        table.add_row(line.label, *(Text(cell.text, "bold" if cell.best else "") for cell in line.cells))
    return table
