import matplotlib
import pytest
from matplotlib.figure import Figure

from pairreg.report.charts.setting_style import PRINTED, SettingStyle, legend
from pairreg.runs.factors import Factor


@matplotlib.rc_context(PRINTED)
@pytest.mark.parametrize("count", [1, 4, 30])
def test_a_legend_of_many_settings_leaves_the_panels_their_room(count):
    figure = Figure(figsize=(9.3, 2.35), layout="constrained")
    panels = figure.subplots(1, 3)
    legend(
        figure,
        [
            SettingStyle(f"stride 1 · diffusion.weight 0.7131 · trial {k}", "black", "o", "-").handle
            for k in range(count)
        ],
    )
    figure.draw_without_rendering()
    top = figure.legends[0].get_window_extent().y1
    for axes in panels:
        box = axes.get_window_extent()
        assert box.y0 > top
        assert box.height > 100  # pixels of 100 dpi


def test_numbers_that_a_search_drew_are_rounded_where_they_stay_distinct():
    def axis(*values):
        return Factor("regularizer.diffusion.weight", "weight", False, values)

    assert axis("0.7130874662664360", "2").label("0.7130874662664360") == "weight 0.7131"
    assert axis("0.71301", "0.71302").label("0.71301") == "weight 0.71301"
    assert axis("0.5", "off").label("off") == "weight off"
