import io
import math
import sys

import numpy as np
import pytest

import nctheory
from nctheory import plots, separation
from nctheory.errors import InputError
from nctheory.probability import curve, error_probability
from nctheory.probability.bounds import bounds
from nctheory.probability.problem import Problem

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


# ------------------------------------------------------------------------------------------------- error probabilities

SIMPLEX = nctheory.exact_simplex_etf(10)
UNEQUAL = np.random.default_rng(0).normal(size=(5, 4))


def labels(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def edges(axes):
    """The drawn band as 1 / sigma^2, its lower and its upper edge."""
    path = axes.collections[0].get_paths()[0].vertices
    where = np.unique(path[:, 0])
    return where, *(np.array([choose(path[path[:, 0] == each, 1]) for each in where]) for choose in (min, max))


def test_the_curve_has_points_band_and_slope_down_to_1e_300():
    noises = [1.0, 0.2, 0.02]
    points = curve(SIMPLEX, noises)
    figure = plots.error_curve(noises, points, SIMPLEX)
    left, right = figure.axes
    line, drawn_points = left.get_lines()[0], left.get_lines()[1]
    assert np.allclose(drawn_points.get_xdata(), [1, 25, 2500])
    assert np.allclose(drawn_points.get_ydata(), [point.log_value / math.log(10) for point in points])
    slope = np.diff(line.get_ydata()) / np.diff(line.get_xdata())
    assert np.allclose(slope, -5 / 18 / math.log(10))
    assert right.get_lines()[1].get_ydata()[-1] == pytest.approx(5 / 18, rel=1e-2)
    assert np.allclose(right.get_lines()[0].get_ydata(), 5 / 18)
    assert left.get_ylim()[0] < -300
    assert labels(figure) == ["rigorous bounds", "exact exponent 0.277778", "exact (numerical)"]
    assert drawn(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("priors", [None, [0.1, 0.1, 0.1, 0.1, 0.6]])
def test_the_band_is_the_rigorous_bounds_at_each_noise(priors):
    noises = [2.0, 0.5]
    points = [error_probability(UNEQUAL, noise, rtol=0.1, seed=0, priors=priors) for noise in noises]
    left, right = plots.error_curve(noises, points, UNEQUAL, priors=priors).axes
    for axes, divide in ((left, lambda _: math.log(10)), (right, lambda each: -each)):
        where, low, high = edges(axes)
        assert where[0] < 0.25
        assert where[-1] > 4
        for index in (0, 10, -1):
            limits = bounds(Problem.of(UNEQUAL, 1 / math.sqrt(where[index]), priors))[:2]
            ends = sorted(limit / divide(where[index]) for limit in limits)
            assert [low[index], high[index]] == pytest.approx(ends, rel=1e-6)


def test_the_band_and_the_slope_are_those_of_the_covariance():
    noises, covariance = [1.0, 0.5], [[4.0, 0.0], [0.0, 1.0]]
    points = curve([[1.0, 0.0], [-1.0, 0.0]], noises, noise_covariance=covariance)
    figure = plots.error_curve(noises, points, [[1.0, 0.0], [-1.0, 0.0]], noise_covariance=covariance)
    assert labels(figure)[1] == "exact exponent 0.125", "1 / 2 for white noise"
    where, low, high = edges(figure.axes[0])
    for inverse, end in zip(where, low, strict=True):
        assert end == pytest.approx(math.log10(math.erfc(math.sqrt(inverse / 8)) / 2), rel=1e-9)
    assert low == pytest.approx(high, rel=1e-9)


def test_intervals_are_drawn_as_they_are():
    points = [error_probability(UNEQUAL, noise, method="plain", max_samples=500, seed=0) for noise in (1.0, 2.0)]
    for axes in plots.error_curve([1.0, 2.0], points, UNEQUAL).axes:
        (bars,) = axes.containers[0].lines[2]
        for point, inverse, segment in zip(points, (1, 0.25), bars.get_segments(), strict=True):
            divisor = math.log(10) if axes.get_ylabel().startswith("log") else -inverse
            assert sorted(segment[:, 1]) == pytest.approx(sorted(end / divisor for end in point.log_interval))


def test_an_interval_without_a_lower_end_is_an_arrow():
    point = error_probability(
        [[10.0], [-10.0]], 1.0, max_samples=100, seed=0, decoder=lambda rows: 1 * (rows[:, 0] < 0)
    )
    assert point.log_interval[0] == -math.inf
    figure = plots.error_curve([1.0], [point], [[10.0], [-10.0]])
    assert "upper end of an interval" in labels(figure)
    left, right = figure.axes
    assert left.get_lines()[-1].get_ydata() == pytest.approx(point.log_interval[1] / math.log(10))
    assert (left.get_lines()[-1].get_marker(), right.get_lines()[-1].get_marker()) == ("v", "^")
    assert drawn(figure).startswith(b"\x89PNG")


def test_an_error_that_never_happens_is_said():
    never = nctheory.Configuration([[1.0], [1.0]], [[0.0], [0.0]], [1.0, 0.0])
    point = error_probability(never, 0.5, priors=[1, 0])
    assert point.log_interval == (-math.inf, -math.inf)
    figure = plots.error_curve([0.5], [point], never, priors=[1, 0])
    assert "P is exactly 0 at the noise 0.5" in figure.get_suptitle()
    assert drawn(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("noises", [[0.1], [1e-8, 1e8], [1e-100, 1.0], [0.3, 0.3]])
def test_every_curve_can_be_drawn(noises):
    figure = plots.error_curve(noises, curve(SIMPLEX, noises), SIMPLEX)
    assert drawn(figure).startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_refused():
    (point,) = curve(SIMPLEX, [0.1])
    with pytest.raises(InputError, match="2 noises and 1 estimates"):
        plots.error_curve([0.1, 0.2], [point], SIMPLEX)
    with pytest.raises(InputError, match="0 noises"):
        plots.error_curve([], [], SIMPLEX)
    with pytest.raises(InputError, match=r"noises\[0\] is 1e-200, expected from 1e-100"):
        plots.error_curve([1e-200], [point], SIMPLEX)
    with pytest.raises(InputError, match=r"estimates\[0\] is of type float"):
        plots.error_curve([0.1], [4e-13], SIMPLEX)
