"""What a notebook shows of a result, read back."""

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
from PIL import Image

import pairreg
from pairreg.figures.html import embedded, metrics_table
from pairreg.schedule.single_level import SingleLevel

SHORT = {"transform": "displacement", "initialization": "none", "schedule": SingleLevel(iterations=2)}


def test_the_table_has_every_metric_of_the_catalogue_that_was_measured():
    """Of a metric per label the mean, and nothing of unknown names."""
    metrics = {"before/ssim": 0.25, "initial/ssim": 0.5, "ssim": 0.75, "folds_percent": 0.0, "dice/lung": 0.9, "x": 1.0}
    rows = [[cell.text or "" for cell in row] for row in ET.fromstring(metrics_table(metrics)).iter("tr")]
    assert rows == [
        ["", "before", "initialised", "after"],
        ["SSIM ↑", "0.250", "0.500", "0.750"],
        ["folds (%) ↓", "", "", "0.000"],
    ]


def test_a_name_is_text():
    found = embedded(lambda path: path.write_bytes(b"image"), 'a"><script>')
    assert "<script>" not in found and 'alt="a&quot;&gt;&lt;script&gt;"' in found
    assert base64.b64decode(re.search('base64,([^"]*)', found)[1]) == b"image"


def test_a_result_shows_its_metrics_and_its_overview(warped_2d, tmp_path):
    """The picture is the one that the run folder has."""
    result = pairreg.register(warped_2d.pair(), **SHORT)
    shown = result._repr_html_()
    assert f">{result.metrics['ssim']:.3f}<" in shown
    assert re.fullmatch(rf"Result\('\w+', .*SSIM {result.metrics['ssim']:.3f}, .*\)", repr(result)), "one line"
    result.save(tmp_path / "run")
    data = base64.b64decode(re.search('base64,([^"]*)', shown)[1])
    with Image.open(io.BytesIO(data)) as image, Image.open(tmp_path / "run" / "figures" / "overview.png") as kept:
        np.testing.assert_array_equal(image, kept)


def test_a_pair_prints_its_sizes_and_what_it_has():
    assert repr(pairreg.build("pair/thorax_ct_2d")) == (
        "Pair('thorax_ct_2d', fixed 214 × 192, moving 195 × 150, fixed_labels, moving_labels, label_names)"
    )


def test_a_bar_is_drawn_where_a_terminal_is(warped_2d, capsys):
    """On one that is recorded; without a terminal nothing is printed."""
    from rich.console import Console

    written = io.StringIO()
    bar = pairreg.ProgressBar(Console(file=written, force_terminal=True, width=160))
    pairreg.register(warped_2d.pair(), **SHORT, observers=[bar])
    assert "level 1/1" in written.getvalue() and "2/2" in written.getvalue()
    pairreg.register(warped_2d.pair(), **SHORT, observers=[pairreg.ProgressBar()])
    assert capsys.readouterr().out.strip() == ""
