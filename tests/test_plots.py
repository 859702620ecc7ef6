import io
import sys

import numpy as np
import pytest

from nctheory import plots, separation
from nctheory.errors import InputError

SQUARE = [[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]]


def drawn(figure):
    """The figure as a PNG, which lays everything out."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def test_the_trap_is_seen_below_the_line_that_it_should_reach():
    flow = separation.gradient_flow([1] * 4, 3, start=(SQUARE, SQUARE), until_log_loss=-200)
    figure = plots.gradient_flow(flow)
    left, right = figure.axes
    curve, line = left.get_lines()
    assert np.array_equal(curve.get_ydata(), flow.margins)
    assert line.get_ydata()[0] == pytest.approx(1 / 3)
    assert curve.get_ydata()[-1] == pytest.approx(0.25, rel=1e-3)
    low, high = left.get_ylim()
    assert low <= 0
    assert high > 1 / 3, "both the curve and the line are inside"
    assert right.get_lines()[0].get_ydata()[-1] == pytest.approx(0.25, rel=1e-2)
    assert "|B|₂ = 2" in figure.get_suptitle()
    assert drawn(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "flow",
    [
        separation.gradient_flow([50, 20, 5, 1], 3, seed=0, until_log_loss=-50),
        separation.gradient_flow([1] * 5, 2, seed=0, until_log_loss=-20),
        separation.gradient_flow([2, 1], 1, seed=0, until_log_loss=1.0),
    ],
    ids=["imbalanced", "few dimensions", "at once"],
)
def test_every_flow_can_be_drawn(flow):
    figure = plots.gradient_flow(flow)
    assert drawn(figure).startswith(b"\x89PNG")
    bound = "bound on the margin" if flow.weights.shape == (5, 2) else "largest possible margin"
    assert bound in figure.axes[0].get_lines()[1].get_label()
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match="pip install 'nctheory"):
        plots.gradient_flow(separation.gradient_flow([1, 1], 1, seed=0))


def test_only_trajectories_are_drawn():
    with pytest.raises(InputError, match="trajectory is of type list"):
        plots.gradient_flow([1.0, 2.0])
