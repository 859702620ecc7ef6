"""Optima: every closed form against the convex problem on all samples, the reduced one and L-BFGS; thresholds."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nctheory import InputError, solver
from nctheory.errors import SolverError
from nctheory.landscape import Model, objective, optimum, solve
from nctheory.landscape.closed_forms import closed_form
from nctheory.landscape.reduced import Reduced, _relaxed
from nctheory.losses import BinaryCrossEntropy, CrossEntropy, Focal, LabelSmoothing, SquaredError
from nctheory.result import Status
from tests.test_landscape_bounds import BIASES, CONVEX, assert_between, lowest, modeled
from tests.test_landscape_model import labels_of, targets

cp = solver.load()


def in_plain_words(model):
    """min over all N samples' logits of mean loss + lambda |Z|_* + lambda_b |b|^2 / 2, by cvxpy."""
    labels, size = labels_of(model), model.num_classes
    logits, bias = cp.Variable((len(labels), size)), cp.Variable(size)
    rows, wanted = logits + np.ones((len(labels), 1)) @ cp.reshape(bias, (1, size), order="C"), None
    wanted = targets(model.loss, labels, size)
    if isinstance(model.loss, SquaredError):
        losses = cp.sum(cp.square(rows - wanted), axis=1) / 2
    elif isinstance(model.loss, BinaryCrossEntropy):
        losses = cp.sum(cp.logistic(rows) - cp.multiply(wanted, rows), axis=1)
    else:
        losses = cp.log_sum_exp(rows, axis=1) - cp.sum(cp.multiply(wanted, rows), axis=1)
    weights = np.ones(size) if model.class_weights is None else model.class_weights
    mean = weights[labels] / len(labels) @ losses
    penalty = model.strength * cp.normNuc(logits) + float(model.lambda_bias) / 2 * cp.sum_squares(bias)
    fixed = [] if model.bias else [bias == 0]
    fixed += [cp.sum(bias) == 0] if model.bias and not isinstance(model.loss, SquaredError | BinaryCrossEntropy) else []
    problem = cp.Problem(cp.Minimize(mean + penalty), fixed)
    problem.solve(solver="CLARABEL")
    return problem.value


# -------------------------------------------------------------------------------------------------------- closed forms

CLOSED = [
    modeled([4, 4, 4], 2, CrossEntropy(), (1 / 12, 1 / 12)),
    modeled([3, 3, 3, 3], 3, CrossEntropy(), (0.02, 0.1), (0,)),
    modeled([5, 5, 5], 3, CrossEntropy(), (0.05, 0.05), (0.3,), class_weights=[2.0, 2.0, 2.0]),
    modeled([2, 2, 2, 2], 5, LabelSmoothing(0.2), (0.05, 0.02)),
    modeled([4, 4, 4], 2, LabelSmoothing(-0.05), (0.1, 0.05), (0,)),
    modeled([7, 2], 1, CrossEntropy(), (0.1, 0.05)),
    modeled([7, 2], 3, CrossEntropy(), (0.01, 0.01)),
    modeled([4, 4, 4], 3, SquaredError(), (0.05, 0.02)),
    modeled([4, 4, 4, 4], 2, SquaredError(), (0.02, 0.02)),
    modeled([6, 3, 1], 3, SquaredError(), (0.02, 0.05)),
    modeled([6, 3, 1], 4, SquaredError(), (0.05, 0.05), class_weights=[0.5, 2.0, 3.0]),
    modeled([6, 3, 1, 1], 2, SquaredError(), (0.02, 0.02)),
    modeled([4, 4, 4], 2, SquaredError(), (0.05, 0.02), (0,)),
    modeled([6, 3, 3, 1], 3, SquaredError(), (0.02, 0.02), (0,)),
    modeled([6, 3, 3, 1], 1, SquaredError(), (0.02, 0.02), (0,)),
    modeled([4, 4, 4], 2, SquaredError(), (0.05, 0.05), (0.02,)),
    modeled([4, 4, 4], 3, SquaredError(), (0.05, 0.05), (5.0,), class_weights=[1.5, 1.5, 1.5]),
    modeled([6, 3, 1], 2, CrossEntropy(), (0.5, 0.5)),
    modeled([6, 3, 1], 2, BinaryCrossEntropy(), (0.5, 0.5), (0.1,)),
]
UNIQUE = [
    model for model in CLOSED if not (isinstance(model.loss, SquaredError) and model.dimension == 2 and not model.bias)
]


def grams(weights, means):
    return weights @ weights.T, means @ means.T


def assert_close_grams(one, two):
    for first, second in zip(one, two, strict=True):
        assert np.abs(first - second).max() < 1e-5 * max(1.0, np.abs(second).max())


@pytest.mark.parametrize("model", CLOSED, ids=repr)
def test_closed_forms_are_what_descent_finds(model):
    found, (end, (weights, features, _)) = optimum(model), lowest(model, 5)
    assert closed_form(model) is not None
    assert found.status == Status.NEAR_OPTIMAL
    assert found.value == pytest.approx(end, rel=1e-7)
    assert found.lower <= end * (1 + 1e-12)
    point = found.configuration
    assert objective(model, point) == pytest.approx(found.value, rel=1e-12)
    labels = labels_of(model)
    means = np.array([features[labels == k].mean(axis=0) for k in range(model.num_classes)])
    assert np.abs(features - means[labels]).max() < 1e-4 * max(1.0, np.abs(features).max())
    if model in UNIQUE:
        assert_close_grams(grams(point.weights, point.class_means), grams(weights, means))


@pytest.mark.parametrize("model", [model for model in CLOSED if model.dimension >= model.num_classes - 1], ids=repr)
def test_closed_forms_are_what_convex_problems_give(model):
    """The reduced problem, and the one on all samples; the squared error without a bias needs one dimension more."""
    found = optimum(model)
    wide = model.replace(dimension=max(model.dimension, found.details.rank))
    reduced = solve(wide, formulation="convex")
    if wide != model or model.dimension >= np.linalg.matrix_rank(reduced.details.logits, 1e-6):
        assert found.value == pytest.approx(in_plain_words(model), rel=1e-6, abs=1e-8)
        assert found.value == pytest.approx(reduced.value, rel=1e-9)
        points = [grams(each.configuration.weights, each.configuration.class_means) for each in (found, reduced)]
        assert_close_grams(*points)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.data())
def test_drawn_closed_forms_are_what_descent_finds(data):
    """Balanced, or any sizes for the squared error; any penalties from far below to beyond total collapse."""
    size, each = data.draw(st.integers(2, 5)), data.draw(st.integers(1, 4))
    loss = data.draw(st.sampled_from([CrossEntropy(), LabelSmoothing(0.1), LabelSmoothing(0.6), SquaredError()]))
    bias = data.draw(st.sampled_from([(), (0,)]))
    sizes = [each] * size
    if isinstance(loss, SquaredError):
        sizes = data.draw(st.lists(st.integers(1, 6), min_size=size, max_size=size))
    c = data.draw(st.sampled_from([0.05, 0.3, 0.6, 0.95, 1.5]))
    ratio = data.draw(st.sampled_from([1e-2, 1.0, 30.0]))
    strength = c / (size * math.sqrt(max(sizes)))
    width = data.draw(st.integers(size, size + 2))
    model = modeled(sizes, width, loss, (strength / ratio, strength * ratio), bias)
    assert closed_form(model) is not None
    end, (weights, features, _) = lowest(model, 5)
    found = optimum(model)
    assert found.value == pytest.approx(end, rel=1e-7)
    labels = labels_of(model)
    means = np.array([features[labels == k].mean(axis=0) for k in range(size)])
    point = found.configuration
    assert_close_grams(grams(point.weights, point.class_means), grams(weights, means))


def test_the_value_of_the_smallest_example():
    """K = 3, n = 4, lambda_W = lambda_H = 1/12: c = 1/2, logit gap log 4, F = log(3/2) + log(4)/3."""
    model = Model([4, 4, 4], 2, regularization=(Fraction(1, 12), Fraction(1, 12)))
    found = optimum(model)
    with mpmath.workdps(40):
        assert_between(found.lower, mpmath.log(1.5) + mpmath.log(4) / 3, found.upper)
    assert found.details.logits[0] == pytest.approx(np.log(4) * np.array([2, -1, -1]) / 3)
    assert found.configuration.weights @ found.configuration.weights.T == pytest.approx(
        2 * np.log(4) * (np.eye(3) - 1 / 3)
    )
    assert str(found.exact) == "-log(2) + 2*log(2)/3 + log(3)" or abs(float(found.exact) - found.value) < 1e-15


@pytest.mark.parametrize("model", [model for model in CLOSED if closed_form(model).build_exact is not None], ids=repr)
def test_exact_values_are_in_their_brackets(model):
    found = optimum(model)
    assert_between(found.lower, mpmath.mpf(str(found.exact.evalf(50))), found.upper)


def test_where_no_closed_form_is_claimed():
    for model in (
        modeled([4, 4, 4, 4], 2, CrossEntropy(), (1e-3, 1e-3)),
        modeled([4, 4, 3], 3, CrossEntropy(), (1e-3, 1e-3)),
        modeled([4, 4], 3, CrossEntropy(), (1e-3, 1e-3), class_weights=[1.0, 2.0]),
        modeled([7, 2], 2, CrossEntropy(), (1e-3, 1e-3), (0,)),
        modeled([7, 2], 2, LabelSmoothing(0.1), (1e-3, 1e-3)),
        modeled([7, 2], 2, SquaredError(), (1e-3, 1e-3), (0.1,)),
        modeled([4, 4], 1, SquaredError(), (1e-3, 1e-3), (5.0,)),
        modeled([7, 2], 2, SquaredError(), (1e-3, 1e-3), (0,), class_weights=[1.0, 2.0]),
        modeled([7, 2], 1, SquaredError(), (1e-3, 1e-3), class_weights=[1.0, 2.0]),
        modeled([4, 4], 2, BinaryCrossEntropy(), (1e-3, 1e-3)),
        modeled([5, 4], 2, Focal(1), (1e-3, 1e-3)),
    ):
        assert closed_form(model) is None, model


# ------------------------------------------------------------------------------------------------ the reduced problem


@pytest.mark.parametrize("loss", [*CONVEX, Focal(0.0)], ids=lambda loss: loss.name)
@pytest.mark.parametrize("bias", BIASES)
def test_imbalanced_optima_are_what_descent_and_convex_problems_find(loss, bias):
    for sizes, weights in (([5, 2, 2, 1], None), ([3, 3, 1], [1.0, 1.0, 4.0]), ([2, 3, 4], [3.0, 0.5, 1.0])):
        model = modeled(sizes, None, loss, (0.02, 0.05), bias, class_weights=weights)
        found, (end, (w, features, _)) = optimum(model), lowest(model, 2)
        assert found.status == Status.NEAR_OPTIMAL
        assert found.value == pytest.approx(end, rel=1e-7)
        if not isinstance(loss, Focal):
            assert found.value == pytest.approx(in_plain_words(model), rel=1e-6)
            assert solve(model).value == pytest.approx(found.value, rel=1e-9)
        labels = labels_of(model)
        means = np.array([features[labels == k].mean(axis=0) for k in range(len(sizes))])
        point = found.configuration
        assert_close_grams(grams(point.weights, point.class_means), grams(w, means))


@pytest.mark.parametrize("loss", CONVEX, ids=lambda loss: loss.name)
@pytest.mark.parametrize("bias", BIASES)
def test_the_convex_problem_is_solved_before_it_is_polished(loss, bias):
    model = modeled([3, 3, 1], None, loss, (0.02, 0.05), bias, class_weights=[1.5, 1.5, 4.0])
    reduced = Reduced(model)
    start = _relaxed(reduced, None)
    assert reduced.evaluate(start)[0] * reduced._unit == pytest.approx(optimum(model).value, rel=1e-9)
    assert reduced.logits(start)[0] == pytest.approx(optimum(model).details.logits, abs=1e-4)


def test_both_formulations_agree():
    model = modeled([9, 9, 4, 1, 1, 1], None, LabelSmoothing(0.05), (0.01, 0.01), (0.1,))
    one, two = (solve(model, formulation=each) for each in ("convex", "factored"))
    assert one.status == two.status == Status.NEAR_OPTIMAL
    assert np.abs(one.details.logits - two.details.logits).max() < 1e-6


@pytest.mark.parametrize("strength", [1e-14, 1e-10, 1e-6])
@pytest.mark.parametrize("bias", [(), (0,)])
@pytest.mark.parametrize("loss", [CrossEntropy(), BinaryCrossEntropy()], ids=lambda loss: loss.name)
def test_small_penalties_are_solved_as_well(loss, strength, bias):
    found = optimum(modeled([30, 10, 10, 2], None, loss, (strength, strength), bias))
    assert found.status == Status.NEAR_OPTIMAL
    assert found.gap < 1e-12
    assert "factors" in found.details.statement


# ---------------------------------------------------------------------------------------------------------- thresholds


@pytest.mark.parametrize("loss", CONVEX, ids=lambda loss: loss.name)
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize(("sizes", "weights"), [([5, 2, 1], None), ([3, 3, 3], None), ([3, 2, 2], [1.0, 2.0, 0.5])])
def test_total_collapse_begins_at_its_threshold(loss, bias, sizes, weights):
    start = modeled(sizes, None, loss, bias=bias, class_weights=weights)
    level = optimum(start).details.thresholds["total collapse"]
    below, above = (
        optimum(start.replace(regularization=(level * (1 + sign * 1e-3), level * (1 + sign * 1e-3), *bias)))
        for sign in (-1, 1)
    )
    assert below.details.rank > 0
    assert np.linalg.norm(below.configuration.weights) > 1e-3
    assert above.details.rank == 0
    assert not above.configuration.weights.any()
    assert "total collapse" in above.details.statement


@pytest.mark.parametrize(
    ("sizes", "loss", "expected"),
    [
        ([4, 4, 4], CrossEntropy(), 2 / 12),
        ([4, 4, 4], LabelSmoothing(0.25), 0.75 * 2 / 12),
        ([9, 4, 4], SquaredError(), 3 / 17),
        ([7, 2], CrossEntropy(), math.sqrt(1 / 18)),
    ],
)
def test_total_collapse_in_numbers(sizes, loss, expected):
    found = optimum(modeled(sizes, None, loss)).details.thresholds["total collapse"]
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "loss", [CrossEntropy(), LabelSmoothing(0.2), BinaryCrossEntropy()], ids=lambda loss: loss.name
)
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("weights", [None, [1.0, 1.0, 0.5, 0.5, 0.5]])
def test_small_classes_merge_at_their_threshold(loss, bias, weights):
    """Minority collapse: the rows of W of the classes of one size and weight are equal from lambda on."""
    start = modeled([20, 20, 3, 3, 3], None, loss, bias=bias, class_weights=weights)
    name = "classes of 3 samples" + (" and weight 0.5" if weights else "") + " merge"
    level = optimum(start).details.thresholds[name]
    smoothing = getattr(loss, "smoothing", 0)
    assert level == pytest.approx((1 - smoothing) * (0.5 if weights else 1) * math.sqrt(3) / 49, rel=1e-12)
    apart = []
    for sign in (-1, 1):
        model = start.replace(regularization=(level * (1 + sign * 1e-3), level * (1 + sign * 1e-3), *bias))
        rows = optimum(model).configuration.weights
        apart.append(np.abs(rows[2:] - rows[2:].mean(axis=0)).max() / np.abs(rows).max())
    assert apart[0] > 1e-3
    assert apart[1] < 1e-6


@pytest.mark.parametrize("weights", [None, [2.0, 1.0, 0.5]])
def test_classes_vanish_at_their_threshold(weights):
    start = modeled([9, 4, 4], None, SquaredError(), class_weights=weights)
    thresholds = optimum(start).details.thresholds
    for name, level in thresholds.items():
        if name == "total collapse":
            continue
        sizes = np.array([9, 4, 4]) if weights is None else np.sqrt([9, 4, 4]) * weights
        which = np.isclose(np.sqrt(sizes) / 17 if weights is None else sizes / 17, level)
        assert which.any()
        for sign in (-1, 1):
            model = start.replace(regularization=(level * (1 + sign * 1e-3), level * (1 + sign * 1e-3)))
            vanished = np.linalg.norm(optimum(model).configuration.weights, axis=1) == 0
            assert vanished[which].all() == (sign == 1)
    assert len(thresholds) == (4 if weights else 3)


def test_no_thresholds_are_claimed_of_a_focal_loss_of_different_sizes():
    assert optimum(modeled([3, 2], loss=Focal(2)), starts=2).details.thresholds == {}


# ------------------------------------------------------------------------------------------------------ few dimensions


@pytest.mark.parametrize("seed", range(4))
def test_one_dimension_less_than_classes_is_enough_for_cross_entropy(seed):
    generator = np.random.default_rng(seed)
    size = int(generator.integers(3, 6))
    weights = None if seed % 2 else generator.uniform(0.5, 2, size)
    loss = LabelSmoothing(0.1) if seed == 3 else CrossEntropy()
    model = modeled(
        generator.integers(1, 6, size), size - 1, loss, (0.01, 0.02), [(), (0,)][seed // 2], class_weights=weights
    )
    found, wide = optimum(model), optimum(model.replace(dimension=size + 2))
    assert found.status == Status.NEAR_OPTIMAL
    assert found.value == pytest.approx(wide.value, rel=1e-10)


@pytest.mark.parametrize("bias", BIASES)
def test_with_too_few_dimensions_the_bracket_is_honest(bias):
    model = modeled([4, 3, 2, 2], 1, CrossEntropy(), (0.01, 0.01), bias)
    found = optimum(model)
    assert found.status == Status.UNDECIDED
    assert "best of" in found.details.statement
    end, _ = lowest(model, 10)
    assert found.lower < end * (1 - 1e-3)
    assert found.upper <= end * (1 + 1e-8)
    assert found.details.rank == 1
    assert found.configuration.dimension == 1


def test_focal_loss_of_different_sizes_is_a_search():
    model = modeled([4, 4, 3], None, Focal(2), (0.02, 0.02))
    found, (end, _) = optimum(model), lowest(model, 5)
    assert "starts" in found.details.statement
    assert found.certificate is None
    assert found.lower <= end * (1 + 1e-8)
    assert found.upper <= end * (1 + 1e-8)


def test_more_dimensions_than_needed_are_left_empty():
    found = optimum(modeled([4, 4, 4], 7, CrossEntropy(), (0.05, 0.05)))
    assert found.configuration.dimension == 7
    assert np.linalg.matrix_rank(found.configuration.weights, 1e-6) == 2


# --------------------------------------------------------------------------------------------------- what is said of it


def test_norms_are_shared_out_as_penalties_say():
    """lambda_W |W|^2 = lambda_H |H|^2 at every critical point."""
    for model in CLOSED[:-2]:
        point = optimum(model).configuration
        weights = float(model.lambda_weights) * (point.weights**2).sum()
        features = float(model.lambda_features) * model.class_sizes @ (point.class_means**2).sum(axis=1)
        assert weights == pytest.approx(features, rel=1e-9)


@pytest.mark.parametrize(
    ("loss", "bias", "shift"),
    [
        (CrossEntropy(), (0,), True),
        (LabelSmoothing(0.1), (0,), True),
        (CrossEntropy(), (0.1,), False),
        (CrossEntropy(), (), False),
        (SquaredError(), (0,), False),
        (BinaryCrossEntropy(), (0,), False),
    ],
)
def test_the_invariance_that_is_named_is_one(loss, bias, shift):
    model = modeled([3, 3, 1], 4, loss, (0.05, 0.05), bias)
    found = optimum(model)
    text = found.details.invariance
    assert text.startswith("rotations of the feature space, O(4); permutations of classes of one size")
    assert ("common shift of all biases" in text) == shift
    if model.bias:
        point = found.configuration
        moved = type(point)(point.class_means, point.weights, point.bias + 0.5, point.class_sizes)
        assert (abs(objective(model, moved) - objective(model, point)) < 1e-12) == shift


def test_invariance_of_classes_that_all_differ():
    assert "permutations" not in optimum(modeled([3, 2, 1])).details.invariance
    text = optimum(modeled([2, 2, 2], class_weights=[1.0, 1.0, 2.0])).details.invariance
    assert "classes of one size and weight" in text


def test_certificates_of_optima_are_verified():
    for model in (*CLOSED, modeled([5, 2, 1], loss=CrossEntropy(), bias=(0,), class_weights=[0.1, 0.7, 3.3])):
        found = optimum(model)
        if found.certificate is not None:
            statement = found.verify().statement
            assert float(found.certificate.claim["bound"]) == pytest.approx(float(found.lower), rel=1e-12)
            assert statement.startswith("no weights W and features H, of any dimension, have F below")
    certified = [model for model in CLOSED if optimum(model).certificate is not None]
    assert len(certified) >= 15


# ------------------------------------------------------------------------------------------------------------- extremes


@pytest.mark.parametrize("strengths", [(1e-12, 1e-12), (1e6, 1e6), (1e6, 1e-12), (1e-12, 1e6), (1e-150, 1e-150)])
@pytest.mark.parametrize("loss", [CrossEntropy(), SquaredError(), BinaryCrossEntropy()], ids=lambda loss: loss.name)
def test_extreme_penalties(loss, strengths):
    for bias in BIASES:
        model = modeled([1, 10**6, 1, 50], 3, loss, strengths, bias)
        found = optimum(model, starts=1)
        assert 0 <= found.lower <= found.upper
        assert found.details.dual is None or found.details.dual.lower <= found.upper


@pytest.mark.parametrize("loss", CONVEX, ids=lambda loss: loss.name)
def test_extreme_class_weights(loss):
    for bias in BIASES:
        model = modeled([3, 1, 5], None, loss, (1e-2, 1e-3), bias, class_weights=[1e-6, 1e6, 1.0])
        found = optimum(model, starts=1)
        end, _ = lowest(model, 1, steps=500)
        assert found.lower <= end * (1 + 1e-12)
        assert found.details.dual is None or found.details.dual.lower <= found.upper
        if found.certificate is not None:
            assert found.verify()


def test_many_classes_of_one_size():
    found = optimum(modeled([7] * 300, 299, CrossEntropy(), (1e-5, 1e-5)))
    assert found.status == Status.NEAR_OPTIMAL
    assert found.details.rank == 299


def test_many_classes_of_different_sizes():
    found = optimum(modeled(range(1, 31), 29, CrossEntropy(), (1e-5, 1e-4), (0,)))
    assert found.status == Status.NEAR_OPTIMAL
    assert found.details.statement == "the class-reduced convex problem, solved in factors"


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda model: optimum("model"), "model is of type str, expected a landscape.Model"),
        (lambda model: solve(None), "model is of type NoneType, expected a landscape.Model"),
        (lambda model: optimum(model, tolerance=-1), "tolerance is -1, expected a number that is not negative"),
        (lambda model: optimum(model, tolerance=math.nan), "tolerance is nan"),
        (
            lambda model: optimum(model.replace(loss=Focal(1)), starts=0),
            "starts is 0, expected an integer of at least 1",
        ),
        (lambda model: optimum(model.replace(loss=Focal(1)), seed=None), "seed is None"),
        (lambda model: optimum(model.replace(loss=Focal(1)), seed=-1), "seed is -1"),
        (lambda model: solve(model.replace(loss=Focal(1))), "loss is focal:1, which is not convex"),
        (lambda model: solve(model, formulation="dual"), "formulation is 'dual', expected 'convex' or 'factored'"),
        (lambda model: solve(model, solver="NONESUCH"), "NONESUCH"),
    ],
)
def test_what_questions_refuse(ask, message):
    with pytest.raises(InputError, match=message):
        ask(modeled([3, 2, 1]))


def test_a_solver_that_cannot_says_so():
    with pytest.raises(SolverError):
        solve(modeled([3, 2, 1]), solver="OSQP")


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", [[10] * 4, [30, 20, 10, 5]])
def test_few_dimensions_are_bounded_by_the_convex_problem(sizes, bias):
    """The dual of the convex problem holds in every dimension, and is far above that of the best point of low rank."""
    wide, narrow = (optimum(Model(sizes, dimension, regularization=(0.003, 0.002), bias=bias)) for dimension in (3, 2))
    assert narrow.status == "undecided"
    assert wide.lower * (1 - Fraction(1, 10**9)) <= narrow.lower <= wide.upper < narrow.upper
    assert narrow.verify().claim["bound"] >= wide.lower * (1 - Fraction(1, 10**9))
