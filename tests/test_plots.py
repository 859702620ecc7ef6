import io
import math
import sys

import numpy as np
import pytest

import nctheory
from nctheory import landscape, plots, separation
from nctheory.errors import InputError
from nctheory.losses import CrossEntropy, Focal, PickAllLabels, SquaredError
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


# ------------------------------------------------------------------------------------------------------ phase diagrams


def line_model(sizes, loss=SquaredError(), **options):  # noqa: B008
    return landscape.Model(sizes, loss=loss, regularization=(4, 1), **options)


def panel(figure, label):
    return next(axes for axes in figure.axes if axes.get_ylabel() == label)


def heights(figure, label):
    """The lines of a panel by their names, and what is drawn."""
    lines = panel(figure, label).get_lines()
    return {line.get_label(): np.asarray(line.get_ydata()) for line in lines if not line.get_label().startswith("_")}


def test_norms_rank_and_objective_are_those_of_the_formulas():
    """The squared error without bias: logits x_k = max(0, 1 - N lambda / n_k^(1/2)) on the diagonal."""
    sizes, values = np.array([9, 4, 1]), np.array([0.01, 0.05, 0.1, 0.15, 0.3])
    figure = plots.phase_diagram(landscape.phase_diagram(line_model(sizes), values=values))
    kept = np.maximum(0, 1 - 14 * values[:, None] / np.sqrt(sizes))
    weights = np.sqrt(np.sqrt(sizes) * kept * 0.5)  # |w|^2 = (lambda_H / lambda_W)^(1/2) n^(1/2) x
    means = np.sqrt(kept / np.sqrt(sizes) / 0.5)
    for label, expected in (("norm |w|", weights), ("norm |h|", means)):
        drawn_lines = heights(figure, label)
        assert list(drawn_lines) == ["n = 9", "n = 4", "n = 1"]
        assert np.allclose(np.array(list(drawn_lines.values())).T, expected, atol=1e-7)
    (rank,) = panel(figure, "rank of the logits").get_lines()[:1]
    assert rank.get_ydata().tolist() == (kept > 0).sum(axis=1).tolist() == [3, 3, 2, 1, 0]
    (least,) = panel(figure, "least objective F").get_lines()[:1]
    assert np.allclose(least.get_ydata(), ((1 - kept**2) * sizes).sum(axis=1) / 28)
    cosines = heights(figure, "cos(w, w′)")
    assert list(cosines) == ["9 and 4", "9 and 1", "4 and 1"]
    assert np.allclose(cosines["9 and 4"][:3], 0)
    assert np.isnan(cosines["4 and 1"]).tolist() == [False, False, True, True, True], "a vector of 0 has no angle"
    assert drawn(figure).startswith(b"\x89PNG")


def test_thresholds_are_marked_numbered_and_named():
    model = line_model([9, 4, 1])
    figure = plots.phase_diagram(landscape.phase_diagram(model, values=[0.01, 0.1]), at=0.05)
    text = figure.get_supxlabel()
    assert text.startswith("1: classes of 1 samples vanish from 0.07143 on      2: classes of 4 samples")
    assert "3: " in text
    assert "total collapse" in text.split("3: ")[1]
    assert "4: " not in text, "what happens at one value is named together"
    assert text.endswith("black line: λ = 0.05")
    for axes in figure.axes:
        levels = [line.get_xdata()[0] for line in axes.get_lines() if len(set(line.get_xdata())) == 1]
        assert levels == pytest.approx([1 / 14, 2 / 14, 3 / 14, 0.05])
        assert [text.get_text() for text in axes.texts] == ["1", "2", "3"]
    many = plots.phase_diagram(landscape.phase_diagram(line_model(range(1, 9)), values=[0.01, 0.1]))
    assert many.get_supxlabel().count(": ") == 2, "of many only the first and the last"
    assert "1: classes of 1 samples vanish" in many.get_supxlabel()
    assert "total collapse" in many.get_supxlabel()


def test_minority_collapse_is_seen():
    model = line_model([200] * 3 + [2] * 3, CrossEntropy())
    level = math.sqrt(2) / 606
    diagram = landscape.phase_diagram(model, values=[level / 3, 0.98 * level, 1.02 * level])
    cosines = heights(plots.phase_diagram(diagram), "cos(w, w′)")["2 and 2"]
    assert cosines[0] < 0.9
    assert cosines[1] < 1 - 1e-6
    assert cosines[2] == pytest.approx(1, abs=1e-6)


def test_the_imbalance_has_its_own_axis_and_names():
    diagram = landscape.phase_diagram(
        landscape.Model([100] * 4, regularization=(1e-3, 1e-3)), "imbalance", [1.0, 10.0, 100.0]
    )
    figure = plots.phase_diagram(diagram, at=10.0)
    assert list(heights(figure, "norm |w|")) == ["n = 100", "n = 100 / R"]
    assert list(heights(figure, "cos(h, h′)")) == ["n and n", "n and n / R", "n / R and n / R"]
    assert [axes.get_xlabel() for axes in figure.axes[-3:]] == ["imbalance R"] * 3
    assert figure.get_supxlabel() == "black line: R = 10"
    first = [line[0] for line in heights(figure, "cos(w, w′)").values()]
    assert first == pytest.approx([-1 / 3] * 3), "at R = 1 a simplex ETF"


def test_many_sizes_are_a_band():
    diagram = landscape.phase_diagram(line_model(range(1, 9)), values=[0.001, 0.01])
    figure = plots.phase_diagram(diagram)
    band = panel(figure, "norm |w|").collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(diagram.weight_norms.max())
    assert heights(figure, "norm |w|").keys() == {"all 8 sizes"}
    assert len(panel(figure, "cos(w, w′)").collections) == 1
    assert drawn(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (line_model([3, 3], CrossEntropy(), bias=True, dimension=1), [0.01]),
        (line_model([3, 3, 3, 3], CrossEntropy(), dimension=1), [0.01, 10.0]),
        (line_model([3, 3, 3], SquaredError(), class_weights=[1, 1, 2]), [0.01, 0.02]),
        (line_model([3, 3, 2], Focal(2), bias=True), [0.01, 5.0]),
        (line_model([3, 3, 2], CrossEntropy()), [1.0, 2.0]),
        (line_model(range(1, 9)), [1.0, 2.0]),
    ],
)
def test_every_diagram_can_be_drawn(model, values):
    diagram = landscape.phase_diagram(model, values=values)
    figure = plots.phase_diagram(diagram, at=values[0])
    assert drawn(figure).startswith(b"\x89PNG")
    undecided = sum(str(result.status) == "undecided" for result in diagram.results)
    assert (f"{undecided} of {len(values)} are the best found" in figure.get_suptitle()) == (undecided > 0)
    for value, line in zip(values, heights(figure, "norm |w|").values(), strict=False):
        assert line.shape in ((len(values),), (0,)), value
    for line in heights(figure, "cos(h, h′)").values():
        if line.size:
            assert np.isnan(line[diagram.rank == 0]).all()


def test_what_is_no_diagram_is_refused():
    with pytest.raises(InputError, match="diagram is of type list"):
        plots.phase_diagram([])
    diagram = landscape.phase_diagram(line_model([1, 2]), values=[0.1])
    for value in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(InputError, match="expected a positive number"):
            plots.phase_diagram(diagram, at=value)


def label_set_model():
    """Four labels, of which two are in no sample, and so are equal at every penalty."""
    sets = PickAllLabels([{0}, {1}, {0, 1}], 4)
    return landscape.Model([2, 3, 5], 4, loss=sets, regularization=(0.01, 0.01))


def test_what_is_so_at_every_penalty_has_no_mark():
    diagram = landscape.phase_diagram(label_set_model(), values=[0.01, 0.1, 1.0])
    assert diagram.thresholds["labels 2, 3 merge"] == 0
    figure = plots.phase_diagram(diagram)
    assert "labels 2, 3" not in figure.get_supxlabel()
    assert "total collapse" in figure.get_supxlabel()
    figure.savefig(io.BytesIO())  # a mark at 0 has no place on a logarithmic axis, and leaves none for the panels


def test_labels_and_label_sets_have_lines_of_their_own():
    figure = plots.phase_diagram(landscape.phase_diagram(label_set_model(), values=[0.01, 0.1]))
    lines = [[line.get_label() for line in axes.get_lines()] for axes in figure.axes]
    assert lines[0][:3] == ["n = 8", "n = 7", "n = 0"]
    assert lines[3][:3] == ["|S| = 1, n = 2", "|S| = 1, n = 3", "|S| = 2, n = 5"]
    assert figure.axes[0].get_xlabel() == ""
    assert figure.axes[3].get_xlabel() == "λ = √(λ_W λ_H)"


@pytest.mark.parametrize(
    ("arguments", "over", "along"),
    [
        ({"features": "sphere", "temperature": 2}, "temperature", "temperature τ"),
        ({"loss": Focal(2), "regularization": (0.01, 0.01)}, "gamma", "focusing γ"),
        ({"loss": SquaredError(), "depth": 3, "regularization": (0.01, 0.01)}, "strength", "λ_1 ... λ_3 λ_H)^(1/4)"),
    ],
)
def test_the_axis_says_what_a_diagram_is_against(arguments, over, along):
    model = landscape.Model([3, 3, 3], **arguments)
    figure = plots.phase_diagram(landscape.phase_diagram(model, over, [0.5, 1.0]))
    assert figure.axes[3].get_xlabel().endswith(along)
