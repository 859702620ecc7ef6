"""Searches: descents that escape from saddles, saddles of every rank, and lines of models."""

import math

import numpy as np
import pytest

from nctheory import Configuration, Features, InputError
from nctheory.landscape import certify, critical_points, escape, gradient, minimize, objective, optimum, phase_diagram
from nctheory.landscape.evaluation import Numbers
from nctheory.landscape.flat import Flat, random_start
from nctheory.losses import BinaryCrossEntropy, CrossEntropy, Focal, LabelSmoothing, SquaredError
from nctheory.result import Status
from tests.test_landscape_bounds import BIASES, lowest, modeled
from tests.test_landscape_model import LOSSES, collapsed_point, labels_of, random_point, written_out


def zero(model):
    nothing = np.zeros((model.num_classes, model.dimension))
    return Configuration(nothing, nothing, class_sizes=model.class_sizes)


# ------------------------------------------------------------------------------------------------------------- descent


@pytest.mark.parametrize("method", ["lbfgs", "newton"])
@pytest.mark.parametrize("loss", [CrossEntropy(), SquaredError(), BinaryCrossEntropy()], ids=lambda loss: loss.name)
def test_descents_end_at_the_optimum(loss, method):
    for seed, bias in enumerate(BIASES):
        model = modeled([4, 2, 1], 3, loss, (0.03, 0.01), bias)
        for start in (
            {"seed": seed},
            {"start": random_point(model, seed)[-1]},
            {"start": collapsed_point(model, seed)},
        ):
            run = minimize(model, method=method, **start)
            assert run.objectives[-1] == pytest.approx(optimum(model).value, rel=1e-9)
            assert run.result.status == Status.NEAR_OPTIMAL
            assert objective(model, run.point) == pytest.approx(run.objectives[-1], rel=1e-12)
            assert type(run.point) is type(start.get("start", zero(model)))
            assert len(run.objectives) == len(run.gradient_norms)
            assert run.gradient_norms[-1] < 1e-6


def test_the_trajectory_starts_at_the_start_and_falls():
    model = modeled([4, 2, 1], 3, CrossEntropy(), (0.03, 0.03))
    start = random_point(model)[-1]
    run = minimize(model, start=start)
    assert run.objectives[0] == pytest.approx(objective(model, start), rel=1e-13)
    assert run.gradient_norms[0] == pytest.approx(gradient(model, start).norm, rel=1e-12)
    assert (np.diff(run.objectives) <= 1e-12).all()
    assert not run.objectives.flags.writeable


def test_a_start_at_a_saddle_is_left_by_an_escape():
    model = modeled([4, 4, 2], 4, CrossEntropy(), (0.02, 0.05))
    for point in critical_points(model, ranks=[0, 1]):
        stuck = minimize(model, start=point.configuration, escapes=False)
        assert stuck.objectives[-1] == pytest.approx(point.objective, rel=1e-9)
        assert stuck.escapes == ()
        assert stuck.result.status == Status.IMPROVABLE
        free = minimize(model, start=point.configuration)
        assert free.escapes[0] == len(stuck.objectives) - 1
        assert free.objectives[-1] == pytest.approx(optimum(model).value, rel=1e-9)


@pytest.mark.parametrize("method", ["lbfgs", "newton"])
def test_seeds_and_generators(method):
    model = modeled([4, 4], 2, CrossEntropy(), (0.05, 0.05))
    runs = [minimize(model, seed=seed, method=method) for seed in (3, np.random.default_rng(3), 4)]
    assert np.array_equal(runs[0].objectives, runs[1].objectives)
    assert runs[0].objectives[0] != runs[2].objectives[0]


def test_steps_are_counted():
    model = modeled([40, 20, 3], 3, CrossEntropy(), (1e-4, 1e-4))
    short, long = (minimize(model, seed=0, steps=steps) for steps in (3, 5000))
    assert 2 <= len(short.objectives) <= 5
    assert len(long.objectives) > 10
    assert short.objectives[-1] > long.objectives[-1]


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ({"seed": 0, "method": "sgd"}, "method is 'sgd', expected one of lbfgs, newton"),
        ({}, "expected a start or a seed, and not both"),
        ({"seed": 0, "start": "start"}, "expected a start or a seed, and not both"),
        ({"seed": -1}, "seed is -1, expected an integer that is not negative"),
        ({"seed": "zero"}, "seed is 'zero'"),
        ({"seed": True}, "seed is True"),
        ({"seed": 0, "steps": 0}, "steps is 0, expected an integer of at least 1"),
        ({"seed": 0, "steps": 2.5}, "steps is 2.5"),
        ({"start": np.eye(3)}, "point is of type ndarray"),
        ({"start": Configuration(np.eye(2), np.eye(2), class_sizes=[3, 2])}, "point has 2 classes, expected 3"),
    ],
)
def test_what_descents_refuse(unit, message):
    with pytest.raises(InputError, match=message):
        minimize(modeled([3, 2, 1]), **unit)


# ------------------------------------------------------------------------------------------------------ critical points


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("bias", BIASES)
def test_critical_points_are_critical_and_of_their_rank(loss, bias):
    model = modeled([20, 5, 2, 1], 4, loss, (0.004, 0.02), bias)
    points = critical_points(model, ranks=range(3))
    assert [point.rank for point in points] == [0, 1, 2]
    for point in points:
        parts = point.configuration.weights, point.configuration.class_means, point.configuration.bias
        labels = labels_of(model)
        value, slopes = written_out(model, parts[0], parts[1][labels], parts[2], labels)
        assert value == pytest.approx(point.objective, rel=1e-12)
        sizes = [np.linalg.norm(slope) for slope in slopes[: 2 + model.bias]]
        assert max(sizes) < 1e-8
        assert point.gradient_norm < 1e-8
        rank = np.linalg.matrix_rank(parts[1] @ parts[0].T, 1e-5) if parts[0].any() else 0
        assert rank == point.rank
        assert (point.escape is not None) == (certify(model, point.configuration).details.steepness > 1 + 1e-6)
    assert [point.objective for point in points] == sorted((point.objective for point in points), reverse=True)


def test_a_focal_loss_with_a_bias_has_a_critical_point_of_rank_0():
    """The best bias of a loss that is not convex: Newton's method on its own leads elsewhere."""
    for gamma in (0.5, 2, 5):
        for bias in BIASES[1:]:
            model = modeled([100, 10, 1, 1], None, Focal(gamma), (0.01, 0.02), bias)
            (point,) = critical_points(model, ranks=[0])
            assert point.gradient_norm < 1e-9
            assert np.abs(gradient(model, point.configuration).bias).max() < 1e-9


def test_ranks_that_are_left_out():
    model = modeled([4, 4, 4], 5, CrossEntropy(), (1 / 12, 1 / 12))
    assert [point.rank for point in critical_points(model)] == [0, 1, 2]
    assert [point.rank for point in critical_points(model, ranks=[2, 4, 0])] == [2, 0]
    assert critical_points(model, ranks=[]) == []
    above = model.replace(regularization=(1, 1))
    assert [point.rank for point in critical_points(above)] == [0]


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("sizes", [[4, 4, 4], [5, 3, 2, 2]])
def test_with_one_dimension_less_than_classes_every_end_is_the_optimum(sizes, bias):
    """Cross-entropy at d = K - 1: critical points have a rank below K - 1, and so an escape, or are optima."""
    model = modeled(sizes, len(sizes) - 1, CrossEntropy(), (0.01, 0.02), bias)
    best = optimum(model).value
    for seed in range(5):
        end = minimize(model, seed=seed, escapes=False).point
        value = objective(model, end)
        assert value == pytest.approx(best, rel=1e-8) or escape(model, end) is not None
        assert minimize(model, seed=seed).objectives[-1] == pytest.approx(best, rel=1e-8)
    for point in critical_points(model):
        assert (point.escape is None) == (point.objective < best * (1 + 1e-8))


def test_with_two_dimensions_less_a_local_minimum_may_be_spurious():
    """Four classes on a line: different starts end at different values, and nothing escapes."""
    model = modeled([4, 3, 2, 2], 1, CrossEntropy(), (0.01, 0.01))
    ends = [minimize(model, seed=seed) for seed in range(12)]
    values = np.array([end.objectives[-1] for end in ends])
    worst = ends[int(np.argmax(values))]
    assert values.max() > values.min() * (1 + 1e-4)
    assert certify(model, worst.point).details.gradient_norm < 1e-7
    assert escape(model, worst.point) is None
    generator = np.random.default_rng(0)
    flat = Flat.like(model, Numbers.of(model, worst.point))
    at = flat.of(Numbers.of(model, worst.point))
    curvatures = np.linalg.eigvalsh(np.array([flat.curvature(at, along) for along in np.eye(len(at))]))
    assert curvatures[0] > -1e-7
    for _ in range(50):
        assert flat.evaluate(at + 1e-3 * generator.standard_normal(len(at)))[0] > values.max() - 1e-12
    found = certify(model, worst.point)
    assert found.status in (Status.IMPROVABLE, Status.UNDECIDED)
    assert found.details.minimum[0] <= values.min()


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ({"ranks": [4]}, "rank is 4, expected at most the dimension 3"),
        ({"ranks": [-1]}, "rank is -1, expected an integer of at least 0"),
        ({"ranks": [1.0]}, "rank is 1.0"),
        ({"ranks": [True]}, "rank is True"),
        ({"seed": None}, "seed is None"),
    ],
)
def test_what_critical_points_refuse(unit, message):
    with pytest.raises(InputError, match=message):
        critical_points(modeled([3, 2, 1], 3), **unit)


# -------------------------------------------------------------------------------------------------------- flat vectors


def test_flat_vectors_are_points():
    """The gradient of the flat function by differences, and both penalties the same multiple of the square."""
    for bias in BIASES:
        model = modeled([3, 1, 2], 2, LabelSmoothing(0.1), (0.3, 0.02), bias)
        for point in (random_point(model)[-1], collapsed_point(model)):
            numbers = Numbers.of(model, point)
            flat = Flat.like(model, numbers)
            at = flat.of(numbers)
            back = flat.numbers(at)
            assert np.allclose(back.features, numbers.features, rtol=1e-14)
            assert np.allclose(back.weights, numbers.weights, rtol=1e-14)
            assert np.array_equal(back.bias, numbers.bias)
            along = np.random.default_rng(1).standard_normal(len(at))
            values = [flat.evaluate(at + step * along) for step in (-1e-5, 0, 1e-5)]
            slope = (values[2][0] - values[0][0]) / 2e-5
            assert values[1][1] @ along == pytest.approx(slope, rel=1e-8)
            bent = (values[2][1] - values[0][1]) / 2e-5
            assert np.allclose(flat.curvature(at, along), bent, rtol=1e-6, atol=1e-9)
            logits = numbers.logits
            loss = numbers.shares(model) @ model.loss.value(logits, numbers.labels)
            shift = 3 if model.bias else 0
            square = at[: len(at) - shift] @ at[: len(at) - shift]
            penalty = model.strength / 2 * square + float(model.lambda_bias) / 2 * numbers.bias @ numbers.bias
            assert values[1][0] == pytest.approx(loss + penalty, rel=1e-12)


def test_random_starts_are_of_the_size_of_logits_1():
    for penalties in ((1.0, 1.0), (1e-4, 10.0)):
        model = modeled([50, 5, 1, 1], 50, None, penalties)
        start = random_start(model, np.random.default_rng(0))
        assert 0.05 < np.abs(start.logits).mean() < 5


# ------------------------------------------------------------------------------------------------------ phase diagrams


def test_a_line_of_penalties():
    model = modeled([20, 20, 2, 2], None, CrossEntropy(), (1e-2, 4e-2))
    levels = {
        name: optimum(model).details.thresholds[name] for name in ("classes of 2 samples merge", "total collapse")
    }
    merged, gone = levels["classes of 2 samples merge"], levels["total collapse"]
    values = [merged / 10, merged * 0.999, merged * 1.001, gone * 0.999, gone * 1.001]
    diagram = phase_diagram(model, "strength", values)
    assert diagram.values.tolist() == values
    assert diagram.thresholds.items() >= levels.items()
    assert [result.details.model.ratio for result in diagram.results] == pytest.approx([2] * 5, rel=1e-12)
    assert [each.strength for each in diagram.models] == pytest.approx(values, rel=1e-12)
    assert diagram.rank.tolist() == [3, 3, 2, 1, 0]
    assert diagram.objective == pytest.approx([optimum(each).value for each in diagram.models], rel=1e-12)
    assert (np.diff(diagram.objective) > 0).all()
    point = diagram.results[0].configuration
    assert diagram.weight_norms[0] == pytest.approx(np.linalg.norm(point.weights, axis=1))
    assert diagram.mean_norms[0] == pytest.approx(np.linalg.norm(point.class_means, axis=1))
    cosine = point.weights[0] @ point.weights[3] / np.prod(np.linalg.norm(point.weights[[0, 3]], axis=1))
    assert diagram.weight_cosines[0, 0, 3] == pytest.approx(cosine)
    assert diagram.weight_cosines[2, 2, 3] == pytest.approx(1, abs=1e-9)
    assert diagram.mean_cosines.shape == (5, 4, 4)
    assert np.isnan(diagram.mean_cosines[4]).all()
    assert not diagram.weight_norms[4].any()


def test_a_line_of_imbalances():
    model = modeled([100] * 5, None, CrossEntropy(), (1e-3, 1e-3))
    diagram = phase_diagram(model, "imbalance", [1, 3, 100])
    assert [each.class_sizes.tolist() for each in diagram.models] == [
        [100] * 5,
        [100, 100, 100, 33, 33],
        [100, 100, 100, 1, 1],
    ]
    assert diagram.thresholds == {}
    assert diagram.weight_norms[0] == pytest.approx(np.full(5, diagram.weight_norms[0, 0]))
    assert (diagram.weight_norms[1:, 0] > diagram.weight_norms[1:, 4]).all()
    assert diagram.weight_cosines[0, 0, 1] == pytest.approx(-1 / 4)


def test_lines_that_are_left_to_the_model():
    model = modeled([5, 3, 1], None, SquaredError(), (1e-3, 1e-3))
    diagram = phase_diagram(model)
    gone = diagram.thresholds["total collapse"]
    assert diagram.values[0] == pytest.approx(gone / 100)
    assert diagram.values[-1] == pytest.approx(1.2 * gone)
    assert diagram.rank[0] == 3
    assert diagram.rank[-1] == 0
    assert (np.diff(diagram.rank) <= 0).all()
    assert diagram.rank.tolist() == [sum(math.sqrt(n) / 9 > level for n in (5, 3, 1)) for level in diagram.values]
    many = phase_diagram(model, "imbalance")
    assert many.values[0] == 1
    assert many.values[-1] == pytest.approx(5)


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ({"over": "width"}, "over is 'width', expected one of 'strength', 'imbalance', 'temperature', 'gamma'"),
        ({"values": []}, "values"),
        ({"values": [0.1, 0.1]}, r"values is \[0.1, 0.1\], expected rising positive numbers"),
        ({"values": [0.2, 0.1]}, "expected rising positive numbers"),
        ({"values": [0, 0.1]}, r"values is \[0.0, 0.1\]"),
        ({"values": [-1, 0.1]}, "expected rising positive numbers"),
        ({"values": [math.nan, 0.1]}, "values"),
        ({"values": [[0.1]]}, r"values has shape \(1, 1\), expected 1 axis"),
        ({"over": "imbalance", "values": [0.5, 2]}, r"expected rising positive numbers from 1"),
    ],
)
def test_what_lines_refuse(unit, message):
    with pytest.raises(InputError, match=message):
        phase_diagram(modeled([3, 2]), **unit)


def test_a_diagram_has_both_ends_of_what_is_undecided():
    deep = modeled([1] * 4, None, CrossEntropy(), (0.1, 0.1)).replace(depth=2)
    diagram = phase_diagram(deep, values=[0.05, 0.4])
    assert diagram.lower[0] < 0.9 * diagram.objective[0]
    assert diagram.lower[1] == pytest.approx(diagram.objective[1], rel=1e-9)
    assert diagram.objective == pytest.approx([float(result.upper) for result in diagram.results], rel=1e-15)


def test_a_loss_without_thresholds_needs_values():
    model = modeled([3, 2], None, Focal(2), (0.05, 0.05))
    with pytest.raises(InputError, match=r"no total collapse is known of Model\(F = mean focal:2.*; expected values"):
        phase_diagram(model)
    diagram = phase_diagram(model, values=[0.01, 0.3])
    assert diagram.thresholds == {}
    assert diagram.rank.tolist() == [1, 0]
    assert diagram.results[0].upper == pytest.approx(lowest(diagram.models[0], 3)[0], rel=1e-8)


def test_features_stay_features():
    model = modeled([3, 2], 2, CrossEntropy(), (0.02, 0.02))
    run = minimize(model, start=random_point(model)[-1])
    assert isinstance(run.point, Features)
    assert run.point.class_sizes.tolist() == [3, 2]
    spread = run.point.features[:3] - run.point.features[:3].mean(axis=0)
    assert np.abs(spread).max() < 1e-5
