"""The notebook, executed by a kernel of Jupyter as a reader would."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "experiments" / "notebooks" / "first_ablation.ipynb"


def test_it_is_kept_without_outputs():
    """They would be of another version sooner or later, and name folders of somebody's machine."""
    cells = [cell for cell in nbformat.read(NOTEBOOK, 4).cells if cell.cell_type == "code"]
    assert cells and all(not cell.outputs and cell.execution_count is None for cell in cells)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of the client's own libraries
def test_it_runs(tmp_path, monkeypatch):
    """A result shows its metrics and images, a bar its progress; the table and the panel are there."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    notebook = nbformat.read(NOTEBOOK, 4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [cell.get("outputs", []) for cell in notebook.cells]
    texts = [
        str(output)
        for outputs in shown
        for output in outputs
        if output.output_type == "stream" and "rror" in str(output)
    ]
    assert not texts
    data = [output.data for outputs in shown for output in outputs if "data" in output]
    (result,) = [one["text/html"] for one in data if "<img" in one.get("text/html", "")]
    assert "Dice" in result and "data:image/png;base64," in result
    bars = [one for one in data if "application/vnd.jupyter.widget-view+json" in one]
    assert len(bars) == 4, "one of each registration in Python"
    tables = [one["text/html"] for one in data if "dataframe" in one.get("text/html", "")]
    assert len(tables) == 2 and all(name in tables[0] for name in ("mse", "pcc + ssim", "dice_mean"))
    assert "image/png" in data[-1]
    assert len(list(tmp_path.glob("runs/first_ablation/*/result.json"))) == 3
