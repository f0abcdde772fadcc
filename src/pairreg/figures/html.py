"""What a notebook shows of one run, as HTML."""

import html
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from pairreg.figures.data_uri import data_uri
from pairreg.metrics.catalogue import STAGES, all_columns


def metrics_table(metrics: Mapping[str, float]) -> str:
    """Return the metrics of a run as an HTML table, before, after the initialisation and after the registration.

    `metrics`: values by name, earlier ones under `before/<name>` and `initial/<name>`, as in `Result.metrics`. Of a
    metric per label it shows the mean. What was not measured is left empty.
    """
    head = "".join(f"<th>{title}</th>" for title in ("", "before", "initialised", "after"))
    rows = []
    for metric in all_columns():
        if metric.name in metrics and metric.is_shown(metrics):
            names = [*(f"{stage}/{metric.name}" for stage in STAGES), metric.name]
            values = [metric.text(metrics[name]) if name in metrics else "" for name in names]
            cells = "".join(f"<td>{value}</td>" for value in values)
            rows.append(f"<tr><th>{html.escape(metric.title)}</th>{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def embedded(draw: Callable[[Path], object], description: str) -> str:
    """Return the PNG image that `draw` writes to the path that it is given, within HTML, with its description."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.png"
        draw(path)
        address = data_uri(path.read_bytes(), "PNG")
    return f'<img style="max-width: 100%" alt="{html.escape(description)}" src="{address}">'
