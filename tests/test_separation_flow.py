import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import integrate

from nctheory import Configuration, InputError
from nctheory.errors import SolverError
from nctheory.separation import flow, gradient_flow

SQUARE = np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])


def logits(weights, means):
    return means @ weights.T


def loss(sizes, weights, means):
    each = [math.log(sum(np.exp(row - row[k]))) for k, row in enumerate(logits(weights, means))]
    return sum(n * x for n, x in zip(sizes, each, strict=True)) / sum(sizes)


def test_the_field_is_the_gradient_of_the_loss_over_the_probability_of_a_wrong_class():
    sizes = np.array([3, 1, 2])
    model = flow._Model(sizes, 2, 100)
    point = np.random.default_rng(0).normal(size=12)
    value = loss(sizes, *model.parts(point))
    assert model.log_loss(point) == pytest.approx(math.log(value), rel=1e-12)
    wrong = [1 - 1 / sum(np.exp(row - row[k])) for k, row in enumerate(logits(*model.parts(point)))]
    slopes = []
    for step in 1e-6 * np.eye(12):
        up, down = (loss(sizes, *model.parts(point + sign * step)) for sign in (1, -1))
        slopes.append((up - down) / 2e-6)
    weights, means = model.parts(-model.speed * np.array(slopes) / (sizes @ wrong / 6))
    expected = np.concatenate([weights.ravel(), (means / sizes[:, None]).ravel()])  # of one sample of each class
    assert model.field(0.0, point) == pytest.approx(expected, abs=1e-7)


def test_the_jacobian_is_that_of_the_field():
    model = flow._Model(np.array([3, 1, 2]), 2, 100)
    point = np.random.default_rng(0).normal(size=12)
    for scale in (1, 4):
        x = scale * point
        slopes = [(model.field(0, x + step) - model.field(0, x - step)) / 2e-5 for step in 1e-5 * np.eye(12)]
        assert model.jacobian(0.0, x) == pytest.approx(np.array(slopes).T, rel=1e-4, abs=1e-5)


def test_the_field_far_out_is_what_it_tends_to():
    model = flow._Model(np.array([1, 1]), 1, 100)
    for scale in (3.0, 30.0, 1e3, 1e6):
        point = np.array([1.0, -1, 1, -1]) * scale
        assert model.log_loss(point) == pytest.approx(-2 * scale**2, rel=1e-6)
        assert model.pull(point)[0, 1] == pytest.approx(0.5, rel=1e-6)


def test_the_log_loss_does_not_jump_where_the_formula_changes():
    model = flow._Model(np.array([1, 1]), 1, 100)
    gaps = []
    for excess in (29.999999, 30.000001):
        point = np.array([1.0, -1, 1, -1]) * math.sqrt(excess / 2)
        gaps.append(model.log_loss(point) + excess)
    assert max(map(abs, gaps)) < 1e-12


@pytest.mark.parametrize(
    ("sizes", "value"), [([1, 1, 1], 2.0), ([2, 2, 2, 2], 3 * math.sqrt(2)), ([8, 2], math.sqrt(5))]
)
def test_the_margin_tends_to_the_best_possible(sizes, value):
    found = gradient_flow(sizes, len(sizes) - 1, seed=1, until_log_loss=-1000)
    assert found.reached
    assert found.log_losses[-1] == pytest.approx(-1000, rel=1e-6)
    assert 1 / found.margins[-1] == pytest.approx(value, rel=1e-2)
    assert found.margins.max() <= 1 / value * (1 + 1e-9)
    assert np.isfinite(found.log_losses).all()
    assert (np.diff(found.log_losses) < 0).all()
    assert found.direction.is_global() is True
    assert found.direction.spectral_norm == pytest.approx(1, abs=1e-2)


def test_imbalance():
    found = gradient_flow([100, 1, 10], 2, seed=3, until_log_loss=-1000)
    s, t = 111, 100 + 10 + 1000
    assert 1 / found.margins[-1] == pytest.approx(math.sqrt(2 * s / 3 + 2 * math.sqrt(t / 3)), rel=1e-2)
    weights, means = found.direction.weights, found.direction.class_means
    scores = means @ weights.T
    gaps = (np.diagonal(scores)[:, None] - scores)[~np.eye(3, dtype=bool)]
    assert gaps.min() == pytest.approx(1, rel=1e-12)
    assert found.configuration.class_sizes.tolist() == [100, 1, 10]


def test_what_is_conserved():
    found = gradient_flow([5, 1, 2], 3, seed=0, until_log_loss=-300)
    assert found.drift.max() < 1e-8
    first = np.random.default_rng(0).standard_normal(18) / math.sqrt(3)
    weights, means = first.reshape(2, 3, 3)
    assert found.weights.sum(axis=0) == pytest.approx(weights.sum(axis=0), abs=1e-6)
    sizes = np.array([5, 1, 2])
    before = weights.T @ weights - means.T @ np.diag(sizes) @ means
    after = found.weights.T @ found.weights - found.class_means.T @ np.diag(sizes) @ found.class_means
    assert after == pytest.approx(before, abs=1e-5)


def test_the_planar_square_is_a_trap():
    found = gradient_flow([1] * 4, 3, start=(SQUARE, SQUARE), until_log_loss=-1000)
    assert found.reached
    assert found.margins[-1] == pytest.approx(1 / 4, rel=1e-9)  # 1/3 is possible
    assert found.direction.residual < 1e-9
    assert found.direction.spectral_norm == pytest.approx(2, rel=1e-9)
    assert found.direction.is_global() is False


def test_near_the_square_it_looks_converged_to_the_wrong_thing():
    nudge = 1e-3 * np.random.default_rng(0).normal(size=(2, 4, 3))
    found = gradient_flow([1] * 4, 3, start=(SQUARE + nudge[0], SQUARE + nudge[1]), until_log_loss=-200)
    assert found.margins[-1] == pytest.approx(1 / 4, rel=1e-3)
    assert found.direction.is_global() is False
    off_plane = np.abs(found.weights[:, 2]).max() / np.abs(found.weights).max()
    assert 0 < off_plane < 0.1


def test_below_the_simplex_dimension_a_global_optimum_may_have_a_larger_spectral_norm():
    found = gradient_flow([1] * 5, 2, seed=0, until_log_loss=-500)
    assert 1 / found.margins[-1] == pytest.approx(5 / (1 - math.cos(2 * math.pi / 5)), rel=1e-3)
    assert found.direction.spectral_norm > 2
    assert found.direction.is_global() is None


@pytest.mark.parametrize(("seed", "until"), [(0, -100), (1, -100), (2, -1000)])
def test_too_early_to_say(seed, until):
    """|B|_2 is far above 1 on the way to a global optimum, with a residual of a few percent."""
    found = gradient_flow([1] * 10, 9, seed=seed, until_log_loss=until)
    assert 0.9 < found.direction.ratio < 0.99
    assert found.direction.spectral_norm > 1.1
    assert found.direction.is_global() is None


def test_the_ratio_is_that_of_the_margin_to_the_best_one():
    found = gradient_flow([1, 4, 9], 2, seed=0)
    assert found.direction.ratio == pytest.approx(found.margins[-1] * 4.173276542723813, rel=1e-9)
    assert 0.9 < found.direction.ratio <= 1


def test_already_there():
    found = gradient_flow([1, 1], 1, start=([[10.0], [-10.0]], [[10.0], [-10.0]]), until_log_loss=-1)
    assert len(found.times) == 1
    assert found.reached
    assert found.drift.max() == 0


def test_standing_still():
    found = gradient_flow([1, 1, 1], 2, start=(np.zeros((3, 2)), np.zeros((3, 2))))
    assert not found.reached
    assert found.log_losses[-1] == pytest.approx(math.log(math.log(3)))
    assert found.direction is None
    assert found.margins[-1] == 0


@pytest.mark.parametrize("size", [1e-60, 1e-9, 1e-2])
def test_a_start_near_zero_leaves_it(size):
    start = size * np.array([[1.0], [0.3]]), size * np.array([[0.2], [-1.0]])
    found = gradient_flow([1, 1], 1, start=start)
    assert found.reached
    assert found.direction.is_global() is True


def test_a_start_on_the_wrong_side_turns_around():
    start = 100 * np.array([[1.0, 0], [-1, 0.1]]), 100 * np.array([[-1.0, 0.2], [1, 0]])
    found = gradient_flow([1, 1], 2, start=start, until_log_loss=-1e5)
    assert found.log_losses[0] > 9
    assert found.reached
    assert found.drift.max() < 1e-6


def test_classes_that_cannot_be_separated():
    found = gradient_flow([1, 1, 1], 1, seed=0)
    assert not found.reached
    assert found.log_losses[-1] > -2
    assert found.margins[-1] <= 0
    assert found.direction is None


def test_a_start_from_a_configuration():
    found = gradient_flow([1] * 4, 3, start=Configuration(SQUARE, SQUARE), until_log_loss=-50)
    same = gradient_flow([1] * 4, 3, start=(SQUARE, SQUARE), until_log_loss=-50)
    assert np.array_equal(found.weights, same.weights)
    with pytest.raises(InputError, match="no weights"):
        gradient_flow([1] * 4, 3, start=Configuration(SQUARE))


def test_far_below_any_float():
    found = gradient_flow([1, 2, 3], 2, seed=0, until_log_loss=-1e9)
    assert found.reached
    assert found.log_losses[-1] == pytest.approx(-1e9)
    assert found.direction.is_global(1e-3) is True


def test_sizes_stay_the_integers_that_were_given():
    assert gradient_flow([2**60 + 1, 1], 1, seed=0, until_log_loss=5).class_sizes.tolist() == [2**60 + 1, 1]


def test_the_same_seed_gives_the_same_trajectory():
    first, second = (gradient_flow([1, 2], 2, seed=4) for _ in range(2))
    assert np.array_equal(first.weights, second.weights)
    with pytest.raises(ValueError, match="read-only"):
        first.weights[0, 0] = 1


def test_the_budget_counts_evaluations():
    with pytest.raises(SolverError, match="budget"):
        gradient_flow([1, 1, 1], 2, seed=0, budget=20)


def test_a_solver_that_breaks_down_is_named(monkeypatch):
    failed = SimpleNamespace(status=-1, message="steps too small")
    monkeypatch.setattr(integrate, "solve_ivp", lambda *arguments, **options: failed)
    with pytest.raises(SolverError, match="gradient flow: LSODA ended with status -1: steps too small"):
        gradient_flow([1, 1], 1, seed=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 1], 1), "expected a seed or a start"),
        (([3], 1, 0), r"class_sizes is \[3\]"),
        (([3, 0], 1, 0), r"class_sizes\[1\] is 0, expected a positive integer"),
        (([3, 1], 0, 0), "dimension is 0"),
        (([1, 1], 1, None, 7), "start of type int is not a pair"),
        (([1, 1], 1, None, ([[1.0], [2.0]], [[1.0]])), r"class_means of start has shape \(1, 1\), expected \(2, 1\)"),
        (([1, 1], 1, None, ([[1.0], [1e300]], [[1.0], [1.0]])), "weights of start has entries above"),
        (([1, 1], 1, 0, None, -math.inf), "until_log_loss is -inf"),
        (([1, 1], 1, 0, None, -1e13), "until_log_loss is -10000000000000.0, expected a number from -1e.12"),
        (([1, 1], 1, 0, None, True), "until_log_loss is True"),
        (([1, 1], 1, 0, None, -5, 1e-16), "tolerance is 1e-16, expected a number from 1e-13 to 0.1"),
        (([1, 1], 1, 0, None, -5, math.inf), "tolerance is inf"),
        (([1, 1], 1, -1), "seed is -1, expected an integer that is not negative"),
        (([1, 1], 1, "a"), "seed is 'a'"),
    ],
)
def test_bad_input_is_quoted(arguments, message):
    names = ("class_sizes", "dimension", "seed", "start", "until_log_loss", "tolerance")
    with pytest.raises(InputError, match=message):
        gradient_flow(**dict(zip(names, arguments, strict=False)))
