"""Samples with sets of labels: the closed form against searches and the convex problem on all samples, certificates.

`written_out` and `in_digits` are the objective as it is defined, on all N samples; they share no code with the package.
"""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize as scipy_minimize
from scipy.special import logsumexp, softmax

from nctheory import Configuration, InputError, kernel, solver
from nctheory.landscape import (
    Model,
    Tangent,
    certify,
    escape,
    gradient,
    hessian_vector_product,
    minimize,
    objective,
    optimum,
    solve,
)
from nctheory.landscape.label_data import (
    LabelSetPoint,
    LabelSets,
    all_label_sets,
    label_sets_of,
    read_label_sets,
)
from nctheory.landscape.label_forms import scales, tag_wise_ratio
from nctheory.landscape.label_sets import _factored, _relaxed, thresholds
from nctheory.losses import CrossEntropy, PickAllLabels
from nctheory.result import Status

cp = solver.load()
FANO = [{0, 1, 2}, {0, 3, 4}, {0, 5, 6}, {1, 3, 5}, {1, 4, 6}, {2, 3, 6}, {2, 4, 5}]
BIASES = [(), (0,), (0.3,)]


def model_of(sets, sizes, penalties=(0.01, 0.02), bias=(), labels=None, normalized=False, dimension=None):
    loss = PickAllLabels(sets, labels, normalized=normalized)
    return Model(sizes, dimension, loss=loss, regularization=(*penalties, *bias), bias=bool(bias))


def balanced(labels, samples, *unit, **named):
    found = all_label_sets(labels, samples)
    return model_of(found.sets, found.sizes, *unit, labels=labels, **named)


def places_of(model):
    return np.repeat(np.arange(len(model.class_sizes)), model.class_sizes)


def written_out(model, weights, features, bias):
    """F and its gradient by W, all N features and b."""
    logits, places = features @ weights.T + bias, places_of(model)
    values, slopes = np.zeros(len(logits)), np.zeros_like(logits)
    for i, place in enumerate(places):
        labels = sorted(model.loss.label_sets[place])
        factor = 1 / len(labels) if model.loss.normalized else 1.0
        for k in labels:
            values[i] += factor * (logsumexp(logits[i]) - logits[i, k])
            slopes[i] += factor * (softmax(logits[i]) - np.eye(logits.shape[1])[k])
    parts, strengths = (
        (weights, features, bias),
        (model.lambda_weights, model.lambda_features, model.lambda_bias),
    )
    value = values.mean() + sum(float(c) / 2 * (part**2).sum() for c, part in zip(strengths, parts, strict=True))
    slopes = slopes / len(logits)
    found = slopes.T @ features, slopes @ weights, slopes.sum(axis=0)
    return value, [slope + float(c) * part for slope, c, part in zip(found, strengths, parts, strict=True)]


def tables(model):
    """(N, K) targets and (N,) multipliers, for a faster one."""
    sets = [model.loss.label_sets[place] for place in places_of(model)]
    targets = np.array([[(k in labels) / len(labels) for k in range(model.num_classes)] for labels in sets])
    return targets, np.array([1.0 if model.loss.normalized else len(labels) for labels in sets])


def lowest(model, starts, seed=0, steps=4000):
    """The least value that L-BFGS finds on all N samples, and where: (W, features, b)."""
    targets, factors = tables(model)
    size, width, count = model.num_classes, model.dimension, len(targets)
    cuts, balance = np.cumsum([size * width, count * width]), math.sqrt(model.ratio)

    def split(flat):
        parts = np.split(flat, cuts)
        weights, features = parts[0].reshape(size, width), parts[1].reshape(count, width)
        return weights * balance, features / balance, parts[2] * model.bias

    def evaluate(flat):
        weights, features, bias = split(flat)
        logits = features @ weights.T + bias
        values = factors * (logsumexp(logits, axis=1) - (targets * logits).sum(axis=1))
        slopes = factors[:, None] * (softmax(logits, axis=1) - targets) / count
        value = values.mean() + float(model.lambda_bias) / 2 * bias @ bias
        value += float(model.lambda_weights) / 2 * (weights**2).sum()
        value += float(model.lambda_features) / 2 * (features**2).sum()
        by_weights = (slopes.T @ features + float(model.lambda_weights) * weights) * balance
        by_features = (slopes @ weights + float(model.lambda_features) * features) / balance
        by_bias = (slopes.sum(axis=0) + float(model.lambda_bias) * bias) * model.bias
        return value / model.strength, np.concatenate(
            [by_weights.ravel(), by_features.ravel(), by_bias]
        ) / model.strength

    generator = np.random.default_rng(seed)
    options = {"maxiter": steps, "maxfun": 4 * steps, "ftol": 1e-16, "gtol": 1e-9, "maxcor": 30}
    ends = [
        scipy_minimize(
            evaluate, generator.standard_normal(cuts[1] + size), jac=True, method="L-BFGS-B", options=options
        )
        for _ in range(starts)
    ]
    best = min(ends, key=lambda end: end.fun)
    return best.fun * model.strength, split(best.x)


def in_plain_words(model):
    """min over all N samples' logits of the mean loss + lambda |Z|_* + lambda_b |b|^2 / 2, by cvxpy."""
    targets, factors = tables(model)
    logits, bias = cp.Variable(targets.shape), cp.Variable(model.num_classes)
    rows = logits + np.ones((len(targets), 1)) @ cp.reshape(bias, (1, model.num_classes), order="C")
    losses = cp.log_sum_exp(rows, axis=1) - cp.sum(cp.multiply(targets, rows), axis=1)
    penalty = model.strength * cp.normNuc(logits) + float(model.lambda_bias) / 2 * cp.sum_squares(bias)
    problem = cp.Problem(
        cp.Minimize(factors / len(targets) @ losses + penalty), [cp.sum(bias) == 0] if model.bias else [bias == 0]
    )
    problem.solve(solver="CLARABEL", tol_gap_rel=1e-10, tol_gap_abs=1e-10)
    return problem.value


def random_point(model, seed=0):
    generator = np.random.default_rng(seed)
    weights = generator.standard_normal((model.num_classes, model.dimension))
    features = generator.standard_normal((model.num_samples, model.dimension))
    bias = generator.standard_normal(model.num_classes) * model.bias
    labels = [model.loss.label_sets[place] for place in places_of(model)]
    return weights, features, bias, LabelSetPoint(features, labels, weights, bias)


def collapsed_point(model, weights, means, bias=None):
    sets = LabelSets(model.loss.label_sets, model.class_sizes, np.arange(len(means)), model.num_classes)
    return LabelSetPoint(means, sets, weights, bias, counts=model.class_sizes)


def zero(model):
    shapes = (model.num_classes, model.dimension), (len(model.class_sizes), model.dimension)
    return collapsed_point(model, *map(np.zeros, shapes))


def drawn_model(seed, penalties=None):
    """Sets without any balance, every label in one of them."""
    generator = np.random.default_rng(seed)
    labels = int(generator.integers(3, 6))
    pool = [set(s) for m in range(1, labels) for s in itertools.combinations(range(labels), m)]
    chosen = [pool[i] for i in generator.choice(len(pool), int(generator.integers(2, 7)), replace=False)]
    chosen += [{k} for k in range(labels) if not any(k in each for each in chosen)]
    sizes = generator.integers(1, 6, len(chosen))
    penalties = 10 ** generator.uniform(-3, -1.5, 2) if penalties is None else penalties
    return model_of(chosen, sizes, penalties, BIASES[int(generator.integers(3))], labels, bool(generator.integers(2)))


# --------------------------------------------------------------------------------------------- objective, derivatives

SMALL = [
    model_of([{0}, {1}, {0, 2}], [2, 1, 3], bias=bias, normalized=normalized, dimension=2)
    for bias in BIASES
    for normalized in (False, True)
]


@pytest.mark.parametrize("model", SMALL, ids=repr)
def test_the_objective_and_its_gradient_are_as_written(model):
    weights, features, bias, point = random_point(model)
    value, slopes = written_out(model, weights, features, bias)
    assert objective(model, point) == pytest.approx(value, rel=1e-13)
    found = gradient(model, point)
    for slope, part in zip(slopes[: 2 + model.bias], found.parts, strict=False):
        assert np.allclose(part, slope, rtol=1e-12, atol=1e-14)
    assert model.bias or not found.bias.any()


@pytest.mark.parametrize("model", SMALL, ids=repr)
def test_the_second_derivative_is_that_of_the_gradient(model):
    weights, features, bias, point = random_point(model)
    generator = np.random.default_rng(5)
    along = Tangent(*(generator.standard_normal(part.shape) for part in (weights, features, bias)))
    moves, step = (along.weights, along.features, along.bias * model.bias), 1e-5
    pairs = list(zip((weights, features, bias), moves, strict=True))
    ends = [written_out(model, *(part + sign * step * move for part, move in pairs))[1] for sign in (1, -1)]
    found = hessian_vector_product(model, point, along)
    for high, low, part in zip(*ends, found.parts, strict=True):
        if part is not found.bias or model.bias:
            assert np.allclose((high - low) / (2 * step), part, rtol=1e-7, atol=1e-8)


def test_rows_may_stand_for_several_samples_and_sets_come_in_any_order():
    model = model_of([{1}, {0, 2}, {2}], [2, 3, 1], dimension=2)
    means = np.random.default_rng(0).standard_normal((3, 2))
    weights = np.random.default_rng(1).standard_normal((3, 2))
    one = collapsed_point(model, weights, means)
    order, labels = [0, 0, 1, 1, 1, 2], [{1}, {1}, {0, 2}, {2, 0}, {0, 2}, {2}]
    two = LabelSetPoint(means[order][::-1], labels[::-1], weights)
    indicators = np.array([[k in each for k in range(3)] for each in labels], dtype=int)
    three = LabelSetPoint(means[order], indicators, weights, [0, 0, 0])
    values = [objective(model, point) for point in (one, two, three)]
    assert values == pytest.approx([values[0]] * 3, rel=1e-14)
    assert two.label_sets == ((1,), (2,), (0, 2))
    assert two.class_sizes.tolist() == [2, 1, 3]
    assert np.allclose(two.class_means, means[[0, 2, 1]], rtol=1e-15)
    assert np.allclose(two.norms, np.linalg.norm(means[[0, 2, 1]], axis=1))


# -------------------------------------------------------------------------------------------------------- closed forms

CLOSED = [
    balanced(3, {1: 2, 2: 1}, dimension=2),
    balanced(3, {1: 1, 2: 5}, (0.1, 0.003), (0,), normalized=True),
    balanced(4, {1: 3, 2: 1, 3: 2}, (0.02, 0.01), (0.2,), dimension=3),
    balanced(4, {1: 1, 3: 3}, (0.02, 0.01), normalized=True, dimension=6),
    balanced(4, {2: 2}, (0.01, 0.03), (0,)),
    balanced(5, {2: 1, 3: 1}, (0.01, 0.01), normalized=True),
    balanced(2, {1: 4}, (0.05, 0.05)),
    balanced(4, {1: 2, 2: 1}, (0.4, 0.4), (0,)),
    balanced(4, {1: 2, 2: 1}, (0.4, 0.4), normalized=True),
    model_of(FANO, [2] * 7, (0.01, 0.02), dimension=6),
    model_of([*FANO, *({k} for k in range(7))], [1] * 7 + [2] * 7, (0.01, 0.02), (0,)),
]


def grams(weights, means):
    return weights @ weights.T, means @ means.T


@pytest.mark.parametrize("model", CLOSED, ids=repr)
def test_closed_forms_are_what_twenty_descents_find(model):
    found, (end, (weights, features, _)) = optimum(model), lowest(model, 20)
    assert scales(model) is not None
    assert found.status == Status.NEAR_OPTIMAL
    assert found.value == pytest.approx(end, rel=1e-9)
    assert found.lower <= end * (1 + 1e-12)
    assert found.gap < 1e-12
    point, places = found.configuration, places_of(model)
    assert objective(model, point) == pytest.approx(found.value, rel=1e-13)
    means = np.array([features[places == place].mean(axis=0) for place in range(len(model.class_sizes))])
    assert np.abs(features - means[places]).max() < 1e-5 * max(1.0, np.abs(features).max())
    for one, two in zip(grams(point.weights, point.features), grams(weights, means), strict=True):
        assert np.abs(one - two).max() < 1e-5 * max(1.0, np.abs(two).max())


@pytest.mark.parametrize("model", CLOSED, ids=repr)
def test_closed_forms_are_what_the_convex_problem_on_all_samples_gives(model):
    found = optimum(model)
    assert found.value == pytest.approx(in_plain_words(model), rel=1e-7)
    assert solve(model, formulation="convex").value == pytest.approx(found.value, rel=1e-9)
    assert solve(model, formulation="factored").value == pytest.approx(found.value, rel=1e-9)


@pytest.mark.parametrize("model", CLOSED, ids=repr)
def test_the_equations_of_the_closed_form(model):
    """nu a_m (m e^(a_m) + K - m) = K r_m with one nu, nu^2 sum w_m a_m^2 = N^2 lambda^2, and the value, in digits."""
    found, labels, total = scales(model), model.num_classes, model.num_samples
    if not any(found.values()):
        assert optimum(model).value == pytest.approx(
            sum(n * u for n, u in zip(model.class_sizes, model.loss.multipliers, strict=True))
            * math.log(labels)
            / total,
            rel=1e-14,
        )
        return
    sizes = np.array([len(each) for each in model.loss.label_sets])
    number = {m: int(model.class_sizes[sizes == m].sum()) for m in found}
    rate = {m: 1 / m if model.loss.normalized else 1 for m in found}
    with mpmath.workdps(30):
        nus = [mpmath.mpf(labels) * rate[m] / (a * (m * mpmath.exp(a) + labels - m)) for m, a in found.items()]
        assert max(nus) / min(nus) - 1 < 1e-12
        spread = {m: mpmath.mpf(number[m]) * m * (labels - m) / (labels * (labels - 1)) for m in found}
        square = sum(spread[m] * a**2 for m, a in found.items())
        assert float(nus[0] ** 2 * square) == pytest.approx(total**2 * model.strength**2, rel=1e-11)
        value = sum(
            number[m] * m * rate[m] * (mpmath.log(m * mpmath.exp(a) + labels - m) - a) for m, a in found.items()
        )
        value = value / total + model.strength * mpmath.sqrt(square) * (labels - 1)
    assert float(value) == pytest.approx(optimum(model).value, rel=1e-12)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.data())
def test_drawn_closed_forms_are_what_descent_finds(data):
    labels = data.draw(st.integers(2, 4))
    samples = data.draw(st.dictionaries(st.integers(1, labels - 1), st.integers(1, 3), min_size=1, max_size=labels - 1))
    bias, normalized = data.draw(st.sampled_from(BIASES)), data.draw(st.booleans())
    width = data.draw(st.integers(labels - 1, labels + 1))
    start = balanced(labels, samples, (1, 1), bias, normalized=normalized, dimension=width)
    level = thresholds(start)["total collapse"] * data.draw(st.sampled_from([0.02, 0.2, 0.7, 0.97, 1.3]))
    ratio = data.draw(st.sampled_from([0.05, 1.0, 20.0]))
    model = start.replace(regularization=(level / ratio, level * ratio, *bias))
    found = optimum(model)
    assert "convex problem" not in found.details.statement
    assert found.value == pytest.approx(lowest(model, 3)[0], rel=1e-8)


@pytest.mark.parametrize("model", CLOSED, ids=repr)
def test_exact_values_are_in_their_brackets(model):
    """Of a single size of sets, or of zero."""
    found = optimum(model)
    one_size = len(set(map(len, model.loss.label_sets))) == 1
    assert (found.exact is not None) == (one_size or found.details.rank == 0)
    if found.exact is not None:
        low, high = (mpmath.mpf(end.numerator) / end.denominator for end in (found.lower, found.upper))
        with mpmath.workdps(40):
            assert low <= mpmath.mpf(str(found.exact.evalf(40))) <= high


def test_single_labels_are_plain_cross_entropy():
    for bias in BIASES:
        ours = balanced(4, {1: 3}, bias=bias)
        plain = Model([3] * 4, regularization=(0.01, 0.02, *bias), bias=bool(bias), loss=CrossEntropy())
        assert optimum(ours).value == pytest.approx(optimum(plain).value, rel=1e-13)
        assert optimum(ours).details.logits == pytest.approx(optimum(plain).details.logits, abs=1e-12)


def test_where_no_closed_form_is_claimed():
    for model in (
        balanced(4, {1: 3, 2: 1}, dimension=2),
        model_of([{0}, {1}, {2}, {0, 1}], [2, 2, 2, 1]),
        model_of([{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 2}], [2, 2, 2, 1, 1, 2]),
        model_of([{0, 1}, {1, 2}, {2, 3}, {0, 3}], [1, 1, 1, 1]),  # every label twice, but not every pair
        model_of([{0}, {1}], [2, 2], labels=3),
        model_of([{0}, {1}, {2}], [2**40, 2**40, 2**40 + 1]),
    ):
        assert scales(model) is None, model
        assert tag_wise_ratio(model) is None
    assert scales(model_of([{0}, {1}, {2}], [2**60, 2**60, 2**60])) is not None
    assert scales(model_of([{0}, {1}, {2}], [2**60, 2**60, 2**60 + 1])) is None


# ----------------------------------------------------------------------------------------------------- tag-wise average


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("strength", [1e-7, 1e-3, 0.02])
def test_the_mean_of_a_set_is_a_multiple_of_the_sum_of_its_labels_means(normalized, strength):
    """In what descent finds, not in what the closed form says."""
    model = balanced(4, {1: 2, 2: 1, 3: 1}, (strength, 2 * strength), normalized=normalized)
    ratio, found = tag_wise_ratio(model), solve(model, formulation="factored").configuration
    single = found.features[:4]
    for labels, mean in zip(found.label_sets, found.features, strict=True):
        assert np.allclose(
            mean, ratio[len(labels)] * single[list(labels)].sum(axis=0), atol=2e-5 * np.abs(single).max()
        )
    assert ratio[1] == 1
    assert 1 > ratio[2] > ratio[3] > 1 / 3
    assert ratio[2] > 1 / 2


@pytest.mark.parametrize("normalized", [False, True])
def test_the_ratio_tends_to_one(normalized):
    ratios = [
        tag_wise_ratio(balanced(5, {1: 2, 2: 1}, (10.0**-p, 10.0**-p), normalized=normalized))[2]
        for p in (2, 8, 32, 128)
    ]
    assert ratios == sorted(ratios)
    assert 0.995 < ratios[-1] < 1
    assert ratios[0] < 0.9


def test_at_collapse_the_ratio_is_one_or_one_over_the_size():
    for normalized, limit in ((False, 1), (True, Fraction(1, 3))):
        start = balanced(5, {1: 2, 3: 1}, (1, 1), normalized=normalized)
        level = thresholds(start)["total collapse"] * (1 - 1e-7)
        ratio = tag_wise_ratio(start.replace(regularization=(level, level)))[3]
        assert ratio == pytest.approx(float(limit), abs=1e-4)


def test_without_single_labels_or_with_all_collapsed_there_is_no_ratio():
    assert tag_wise_ratio(balanced(4, {2: 1})) is None
    assert tag_wise_ratio(balanced(4, {1: 1, 2: 1}, (5, 5))) is None


def test_without_balance_the_mean_of_a_set_is_no_multiple_of_that_sum():
    """Nearly one, but not: single labels are balanced here, pairs are not."""
    sets = [{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}]
    model = model_of(sets, [1, 1, 1, 1, 1, 30], (0.03, 0.03), normalized=True)
    found = optimum(model)
    assert found.gap < 1e-12
    features = found.configuration.features
    total, mean = features[0] + features[1], features[3]
    assert total @ mean / np.linalg.norm(total) / np.linalg.norm(mean) == pytest.approx(0.996335, abs=1e-5)


# ---------------------------------------------------------------------------------------------------------- thresholds


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("samples", [{1: 3}, {2: 1}, {1: 2, 2: 1}, {1: 1, 3: 2}, {1: 1, 2: 1, 3: 1}])
def test_total_collapse_in_numbers(samples, normalized):
    """N^2 lambda_W lambda_H = sum n_m C(K-2, m-1), over m^2 each where normalized."""
    model = balanced(4, samples, normalized=normalized)
    square = sum(n * math.comb(2, m - 1) / (m * m if normalized else 1) for m, n in samples.items())
    level = optimum(model).details.thresholds["total collapse"]
    assert level == pytest.approx(math.sqrt(square) / model.num_samples, rel=1e-12)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("seed", range(6))
def test_total_collapse_begins_at_its_threshold(bias, seed):
    start = balanced(4, {1: 2, 2: 1}, (1, 1), bias) if seed == 0 else drawn_model(seed, (1, 1))
    start = start.replace(bias=bool(bias), regularization=(1, 1, *bias))
    level = thresholds(start)["total collapse"]
    below, above = (
        optimum(start.replace(regularization=(level * (1 + sign * 1e-3), level * (1 + sign * 1e-3), *bias)))
        for sign in (-1, 1)
    )
    assert below.details.rank > 0
    assert np.linalg.norm(below.configuration.weights) > 1e-3
    assert above.details.rank == 0
    assert not above.configuration.weights.any()
    assert "total collapse" in above.details.statement
    assert below.gap < 1e-9
    assert above.gap < 1e-9


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize(
    ("sets", "sizes", "labels", "square"),
    [
        (
            [{0}, {1}, {2}, {3}, *map(set, itertools.combinations(range(4), 2))],
            [60, 60, 6, 6, *[3] * 6],
            (2, 3),
            (6, 6),
        ),
        ([{0}, {1, 2}, {1, 3}, {0, 2}, {0, 3}], [9, 2, 2, 1, 1], (2, 3), (0, 3)),
        ([{0}, {1}, {2}, {3}, {1, 2, 3}], [40, 2, 2, 2, 5], (1, 2, 3), (2, 0)),
    ],
)
def test_labels_that_may_be_exchanged_merge_at_their_threshold(sets, sizes, labels, square, bias, normalized):
    """N^2 lambda^2 is half the samples with one of the two labels, those with two labels over 4 where normalized."""
    start = model_of(sets, sizes, (1, 1), bias, normalized=normalized)
    level = thresholds(start)[f"labels {', '.join(map(str, labels))} merge"]
    singles, pairs = square
    assert level == pytest.approx(math.sqrt(singles + pairs / (4 if normalized else 1)) / sum(sizes), rel=1e-12)
    apart = []
    for sign in (-1, 1):
        model = start.replace(regularization=(level * (1 + sign * 1e-3), level * (1 + sign * 1e-3), *bias))
        rows = optimum(model).configuration.weights
        apart.append(np.abs(rows[list(labels)] - rows[list(labels)].mean(axis=0)).max() / np.abs(rows).max())
    assert apart[0] > 1e-3
    assert apart[1] < 1e-6


def test_which_labels_may_be_exchanged():
    names = [
        [name for name in thresholds(model) if "merge" in name]
        for model in (
            balanced(4, {1: 2, 2: 1}),  # all of them: that is total collapse
            model_of([{0}, {1}, {2}, {3}], [5, 2, 5, 2]),
            model_of([{0, 1}, {1, 2}, {2, 3}, {0, 3}], [1, 1, 1, 1]),
            model_of([{k} for k in range(9)], [9] + [1] * 8),
        )
    ]
    assert names == [
        [],
        ["labels 0, 2 merge", "labels 1, 3 merge"],
        ["labels 0, 2 merge", "labels 1, 3 merge"],
        ["labels 1, 2, 3, 4, 5, 6, ... merge"],
    ]


# -------------------------------------------------------------------------------------------------- the convex problem


@pytest.mark.parametrize("seed", range(10))
def test_imbalanced_optima_are_what_descent_and_convex_problems_find(seed):
    model = drawn_model(seed)
    found, (end, (weights, features, _)) = optimum(model), lowest(model, 3)
    assert found.status == Status.NEAR_OPTIMAL
    assert found.value == pytest.approx(end, rel=1e-8)
    assert found.value == pytest.approx(in_plain_words(model), rel=1e-6)
    assert solve(model, formulation="convex").value == pytest.approx(found.value, rel=1e-9)
    places = places_of(model)
    means = np.array([features[places == place].mean(axis=0) for place in range(len(model.class_sizes))])
    point = found.configuration
    for one, two in zip(grams(point.weights, point.features), grams(weights, means), strict=True):
        assert np.abs(one - two).max() < 2e-5 * max(1.0, np.abs(two).max())


@pytest.mark.parametrize("seed", range(4))
def test_the_convex_problem_is_solved_before_it_is_polished(seed):
    model = drawn_model(seed)
    point = _factored(model, *_relaxed(model, None))
    assert point.value(model) == pytest.approx(optimum(model).value, rel=1e-7)


@pytest.mark.parametrize("strength", [1e-12, 1e-6])
def test_small_penalties_are_solved_as_well(strength):
    for normalized in (False, True):
        model = model_of([{0}, {1}, {2}, {0, 1}], [5, 1, 2, 2], (strength, strength), normalized=normalized)
        found = optimum(model)
        assert found.status == Status.NEAR_OPTIMAL
        assert found.gap < 1e-10
        least = 2 / 10 * math.log(2) * (1 if normalized else 2)
        assert found.lower >= least * (1 - 1e-12)


def test_large_penalties_leave_nothing():
    found = optimum(model_of([{0}, {1}, {2}, {0, 1}], [5, 1, 2, 2], (1e6, 1e6)))
    assert found.details.rank == 0
    assert str(found.exact) == "6*log(3)/5"


@pytest.mark.parametrize("bias", [(), (0,)])
def test_with_too_few_dimensions_the_bracket_is_honest(bias):
    model = balanced(4, {1: 3, 2: 1}, (0.005, 0.005), bias, dimension=1)
    found = optimum(model)
    assert found.status == Status.UNDECIDED
    assert "best of" in found.details.statement
    end, _ = lowest(model, 10)
    assert found.lower < end * (1 - 1e-3)
    assert found.upper <= end * (1 + 1e-8)
    wide = optimum(model.replace(dimension=4))
    assert wide.lower * (1 - Fraction(1, 10**9)) <= found.lower <= wide.upper < found.upper
    assert found.details.rank == 1
    assert found.configuration.dimension == 1


def test_one_dimension_less_than_labels_is_enough():
    model = drawn_model(3)
    narrow, wide = (optimum(model.replace(dimension=model.num_classes + extra)) for extra in (-1, 2))
    assert narrow.status == wide.status == Status.NEAR_OPTIMAL
    assert narrow.value == pytest.approx(wide.value, rel=1e-10)
    assert wide.configuration.dimension == model.num_classes + 2
    assert np.linalg.matrix_rank(wide.configuration.weights, 1e-6) <= model.num_classes - 1


def test_many_sets():
    found = optimum(balanced(20, {1: 9, 2: 2}, (1e-4, 1e-4)))
    assert found.status == Status.NEAR_OPTIMAL
    assert found.details.rank == 19
    assert len(found.configuration.label_sets) == 210


# ---------------------------------------------------------------------------------------------- certificates, escapes


@pytest.mark.parametrize("seed", range(6))
def test_certificates_never_contradict_a_point(seed):
    model = drawn_model(seed)
    end, (weights, features, bias) = lowest(model, 2)
    labels = [model.loss.label_sets[place] for place in places_of(model)]
    best = certify(model, LabelSetPoint(features, labels, weights, bias))
    assert best.status == Status.NEAR_OPTIMAL or best.upper == 1
    assert best.lower > 1 - 1e-6
    for point in (random_point(model, seed)[-1], zero(model), optimum(model).configuration):
        found = certify(model, point)
        assert found.details.minimum[0] <= end * (1 + 1e-12)
        assert found.lower <= end / objective(model, point) * (1 + 1e-12)
        if found.status == Status.IMPROVABLE:
            assert objective(model, found.configuration) < objective(model, point)
            assert found.details.bound_certificate.verify()
        assert found.verify()


def test_a_point_of_the_optimum_is_certified_and_a_scaled_one_is_improved():
    model = balanced(4, {1: 3, 2: 1})
    best = optimum(model).configuration
    assert certify(model, best).status == Status.NEAR_OPTIMAL
    assert certify(model, best).details.steepness == pytest.approx(1, abs=1e-12)
    assert certify(model, best).details.gradient_norm < 1e-12
    other = collapsed_point(model, 1.01 * best.weights, best.features)
    found = certify(model, other)
    assert found.status == Status.IMPROVABLE
    assert found.details.gradient_norm > 1e-6


def test_a_certificate_with_a_better_bound_is_refused():
    found = optimum(balanced(3, {1: 2, 2: 1}))
    claim = found.certificate.claim
    assert float(claim["bound"]) == pytest.approx(float(found.lower), rel=1e-12)
    assert "even on the sets {0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2} of 3 labels" in found.verify().statement
    better = type(found.certificate)(
        claim | {"bound": Fraction(float(claim["bound"]) * 1.001)}, found.certificate.witness
    )
    with pytest.raises(kernel.Invalid):
        better.verify()


@pytest.mark.parametrize("model", [balanced(3, {1: 2, 2: 1}), drawn_model(1), drawn_model(4)], ids=repr)
def test_the_curvature_of_an_escape_is_as_predicted(model):
    for point in (zero(model), random_point(model.replace(dimension=model.num_classes + model.num_samples + 1))[-1]):
        own = model.replace(dimension=point.dimension)
        leap = escape(own, point)
        product = hessian_vector_product(own, point, leap.tangent)
        assert product.dot(leap.tangent) == pytest.approx(leap.curvature, rel=1e-9)
        assert leap.curvature < 0
        assert gradient(own, point).dot(leap.tangent) == pytest.approx(0, abs=1e-10)
        assert objective(own, leap.point) < objective(own, point)
        assert leap.objective[1] < objective(own, point)


def test_there_is_no_escape_from_an_optimum_or_without_room():
    model = drawn_model(2)
    assert escape(model, optimum(model).configuration) is None
    assert (
        escape(model, random_point(model.replace(dimension=1))[-1] if model.dimension == 1 else random_point(model)[-1])
        is None
    )


@pytest.mark.parametrize("method", ["lbfgs", "newton"])
@pytest.mark.parametrize("seed", range(3))
def test_descents_end_at_the_optimum(seed, method):
    model = drawn_model(seed)
    best = optimum(model)
    for start in ({"seed": seed}, {"start": random_point(model, seed)[-1]}, {"start": zero(model)}):
        run = minimize(model, method=method, **start)
        assert run.objectives[-1] == pytest.approx(best.value, rel=1e-9)
        assert objective(model, run.point) == pytest.approx(run.objectives[-1], rel=1e-12)
        assert run.result.lower > 1 - 1e-8
    assert len(run.escapes) > 0
    assert len(minimize(model, start=random_point(model)[-1]).point.features) == model.num_samples


def test_every_one_of_twenty_descents_ends_at_the_optimum():
    """No other local minimum is met where the dimension is as large as the number of labels."""
    for seed in (0, 5):
        model, value = drawn_model(seed), optimum(drawn_model(seed)).value
        for start in range(20):
            assert minimize(model, seed=start).objectives[-1] == pytest.approx(value, rel=1e-8)


# ------------------------------------------------------------------------------------------------------ sets of samples


def test_sets_and_matrices_are_counted_alike(tmp_path):
    samples = [{2}, {0, 1}, {2}, {1}, {1, 0}, {1}, {2}]
    matrix = np.array([[k in each for k in range(3)] for each in samples])
    (tmp_path / "a.txt").write_text("2\n0 1\n2\n1\n1,0\n 1 \n2\n")
    np.save(tmp_path / "a.npy", matrix)
    np.save(tmp_path / "b.npy", np.asfortranarray(matrix.astype(np.float32)))
    readings = [label_sets_of(samples), label_sets_of(matrix), label_sets_of(matrix.astype(float))]
    readings += [read_label_sets(tmp_path / name) for name in ("a.txt", "a.npy", "b.npy")]
    for found in readings:
        assert found.sets == ((1,), (2,), (0, 1))
        assert found.sizes.tolist() == [2, 3, 2]
        assert found.places.tolist() == [1, 2, 1, 0, 2, 0, 1]
        assert found.num_labels == 3
        assert [set(found.sets[place]) for place in found.places] == samples


def test_the_columns_of_a_matrix_are_all_labels():
    assert label_sets_of(np.array([[1, 0, 0], [0, 1, 0]])).num_labels == 3
    assert label_sets_of([{0}, {1}]).num_labels == 2


def test_all_sets_of_some_sizes():
    found = all_label_sets(4, {3: 2, 1: 5})
    assert found.sets == ((0,), (1,), (2,), (3,), (0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3))
    assert found.sizes.tolist() == [5] * 4 + [2] * 4
    assert np.array_equal(np.bincount(found.places), found.sizes)
    again = label_sets_of([found.sets[place] for place in found.places])
    assert again.sets == found.sets
    assert np.array_equal(again.sizes, found.sizes)


def test_a_point_is_read_only_and_says_what_it_is():
    point = random_point(SMALL[0])[-1]
    assert repr(point) == "LabelSetPoint(6 samples in 6 rows, 3 label sets, 3 labels, dimension 2)"
    with pytest.raises(AttributeError):
        point.weights = 3
    for part in (point.features, point.weights, point.bias, point.counts, point.places):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "labels is empty, expected at least one sample"),
        ("ab", "labels is 'ab', expected sets of labels or an array of 0 and 1"),
        (3, "labels is 3, expected sets of labels"),
        ([{0}, set()], r"labels\[1\] has no label, expected at least one"),
        ([{0}, 1], r"labels\[1\] is 1, expected a set of labels"),
        ([{0}, "1"], r"labels\[1\] is '1', expected a set of labels"),
        ([{0}, {-1}], r"labels\[1\] is {-1}, expected a set of labels 0, 1, ..."),
        ([{0}, {1.0}], r"labels\[1\] is {1.0}, expected"),
        ([[0, 1], [1, 1]], r"labels\[1\] has label 1 twice, expected it once"),
        ([{2**40}], r"labels\[0\] is"),
        (np.array([[0, 1], [0, 2]]), r"labels has 2.* at \(1, 1\), expected an array \(N, K\) of 0 and 1"),
        (np.array([[0.5, 1]]), r"labels has 0.5 at \(0, 0\)"),
        (np.array([[1, 0], [0, 0]]), r"labels\[1\] has no label, expected at least one"),
        (np.array([0, 1]), r"labels has shape \(2,\), expected 2 axes"),
        (np.zeros((0, 3)), "labels is empty"),
    ],
)
def test_labels_that_are_no_sets(labels, message):
    with pytest.raises(InputError, match=message):
        label_sets_of(labels)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "0 1\n\n2\n", r"a.txt, line 2 has no label, expected at least one"),
        ("a.txt", "0 1\n2 x\n", r"a.txt, line 2 has 'x', expected labels 0, 1, ... separated by spaces or commas"),
        ("a.txt", "0\n-1\n", "line 2 has '-1'"),
        ("a.txt", "0\n1.0\n", "line 2 has '1.0'"),
        ("a.txt", "0\n1 2 1\n", "line 2 has label 1 twice"),
        ("a.txt", "12345678901\n", "line 1 has '12345678901'"),
        ("a.txt", "\u0661\n", "line 1 has"),
        ("a.txt", "", "a.txt is empty, expected at least one sample"),
        ("a.txt", b"\xff\xfe0\n", "cannot be read as text"),
        ("a.npz", b"PK", "a.npz is an archive, expected text or an .npy file"),
        ("a.npy", b"0 1\n", "no .npy array"),
        ("a.npy", np.array([{0}, {1}], dtype=object), "entries of type object, expected numbers 0 and 1"),
        ("a.npy", np.array(["0", "1"]), "entries of type <U1, expected numbers"),
        ("a.npy", np.array([[0, 3]]), r"a.npy: labels has 3.* at \(0, 1\)"),
        ("a.npy", np.array([0, 1]), r"a.npy: labels has shape \(2,\)"),
        ("a.npy", np.zeros((2, 2)), r"a.npy: labels\[0\] has no label"),
    ],
)
def test_files_that_are_no_label_sets(tmp_path, name, content, message):
    path = tmp_path / name
    if isinstance(content, np.ndarray):
        np.save(path, content, allow_pickle=True)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message):
        read_label_sets(path)


def test_files_that_are_cut_short_or_not_there(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((4, 3)))
    whole = (tmp_path / "a.npy").read_bytes()
    for content in (whole[:-8], whole + b"0", whole[:20]):
        (tmp_path / "b.npy").write_bytes(content)
        with pytest.raises(InputError, match=r"b\.npy: (8[0-9]|9[0-9]|no \.npy)"):
            read_label_sets(tmp_path / "b.npy")
    with pytest.raises(InputError, match="is a directory"):
        read_label_sets(tmp_path)
    with pytest.raises(InputError, match=r"missing.txt: no such file"):
        read_label_sets(tmp_path / "missing.txt")
    with pytest.raises(InputError, match=r"missing.npy: no such file"):
        read_label_sets(tmp_path / "missing.npy")
    with pytest.raises(InputError, match="path is 3, expected the name of a file"):
        read_label_sets(3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, {1: 1}), "num_labels is 1, expected an integer of at least 2"),
        ((4, {}), r"samples is {}, expected numbers of samples by size"),
        ((4, [1, 2]), r"samples is \[1, 2\], expected numbers of samples by size"),
        ((4, {4: 1}), "samples has the size 4, expected one from 1 to 3, K - 1"),
        ((4, {0: 1}), "a size in samples is 0, expected an integer of at least 1"),
        ((4, {1: 0}), r"samples\[1\] is 0, expected an integer of at least 1"),
        ((100, {5: 1}), "there are 75287520 sets of these sizes, expected at most 1000000"),
    ],
)
def test_sizes_that_are_none(arguments, message):
    with pytest.raises(InputError, match=message):
        all_label_sets(*arguments)


FEATURES, WEIGHTS = [[1.0], [2.0]], [[1.0], [0.0], [-1.0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((FEATURES, [{0}], WEIGHTS), r"labels has shape \(1,\), expected \(2,\) to match features"),
        ((FEATURES, [{0}, {3}], WEIGHTS), "labels says that there are 4, but weights has 3 rows"),
        ((FEATURES, [{0}, {1}], [[1.0, 2.0]]), r"weights has shape \(1, 2\), expected \(1, 1\) to match features"),
        ((FEATURES, [{0}, {1}], WEIGHTS, [1.0]), r"bias has shape \(1,\), expected \(3,\) to match weights"),
        ((np.zeros((0, 1)), [], WEIGHTS), r"features has shape \(0, 1\), expected at least one sample"),
        ((np.array([[math.nan], [0]]), [{0}, {1}], WEIGHTS), "features has 1 entries that are not finite"),
        (([[Fraction(1, 3)], [0]], [{0}, {1}], WEIGHTS), "features has entries that are no float64"),
    ],
)
def test_what_is_no_point(arguments, message):
    with pytest.raises(InputError, match=message):
        LabelSetPoint(*arguments)


def test_counts_that_are_none():
    with pytest.raises(InputError, match=r"counts\[1\] is 0, expected at least one sample for each row"):
        LabelSetPoint(FEATURES, [{0}, {1}], WEIGHTS, counts=[1, 0])
    with pytest.raises(InputError, match=r"counts has shape \(1,\), expected \(2,\)"):
        LabelSetPoint(FEATURES, [{0}, {1}], WEIGHTS, counts=[1])


@pytest.mark.parametrize(
    ("point", "message"),
    [
        (Configuration(np.eye(3), np.eye(3)), "point is of type Configuration, expected a LabelSetPoint"),
        (LabelSetPoint(FEATURES, [{0}, {1}], WEIGHTS), "point has 3 labels and dimension 1, expected 3 and 2"),
        (LabelSetPoint(np.eye(2), [{0}, {1}], np.eye(2)), "point has 2 labels and dimension 2, expected 3 and 2"),
        (
            LabelSetPoint(np.ones((6, 2)), [{0}, {0}, {1}, {0, 2}, {0, 2}, {2}], np.ones((3, 2))),
            r"point has samples with the labels \{2\}, expected only sets of the model",
        ),
        (
            LabelSetPoint(np.ones((6, 2)), [{0}, {1}, {1}, {0, 2}, {0, 2}, {0, 2}], np.ones((3, 2))),
            r"point has 1 samples with the labels \{0\}, expected 2 as the model",
        ),
        (
            LabelSetPoint(np.ones((3, 2)), [{0}, {0}, {1}], np.ones((3, 2))),
            r"point has 0 samples with the labels \{0, 2\}, expected 3 as the model",
        ),
        (random_point(SMALL[2])[-1], "point has a bias that is not 0, and the model has none"),
    ],
)
def test_points_of_other_models(point, message):
    for question in (objective, gradient, certify, escape):
        with pytest.raises(InputError, match=message):
            question(SMALL[0], point)


def test_with_a_free_bias_every_label_has_to_occur():
    model = model_of([{0}, {1}, {0, 1}], [2, 2, 1], bias=(0,), labels=3)
    with pytest.raises(InputError, match="label 2 is in no label set, expected samples with it where the bias is free"):
        optimum(model)
    with pytest.raises(InputError, match="label 2 is in no label set"):
        solve(model)
    assert optimum(model.replace(regularization=(0.01, 0.02, 0.1))).status == Status.NEAR_OPTIMAL
    assert optimum(model.replace(bias=False, regularization=(0.01, 0.02))).status == Status.NEAR_OPTIMAL
    found = certify(model, random_point(model)[-1])
    assert found.status == Status.IMPROVABLE
    assert objective(model, found.configuration) < objective(model, random_point(model)[-1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_sizes": [1, 2]}, "class_sizes has 2 entries, expected 3, one for each label set"),
        ({"class_weights": [1, 2, 3]}, "class_weights for this model: label sets have theory here"),
        ({"depth": 2}, "depth=2 for this model: label sets"),
        ({"features": "nonnegative"}, "features='nonnegative' for this model: label sets"),
    ],
)
def test_models_without_theory(change, message):
    with pytest.raises(InputError, match=message):
        SMALL[0].replace(**change)


def test_unknown_solvers():
    with pytest.raises(InputError, match="formulation is 'dual'"):
        solve(SMALL[0], formulation="dual")
    with pytest.raises(InputError, match="NONESUCH"):
        solve(SMALL[0], solver="NONESUCH")


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': [",
        b"(" * 900,
        b"{}\n   a\n  b",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (-3, -3), }",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (True, 9), }",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999, 0), }",
    ],
)
def test_hostile_headers_are_refused(tmp_path, header):
    padded = header + b" " * (64 - (10 + len(header)) % 64 - 1) + b"\n"
    path = tmp_path / "labels.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + b"\0" * 72)
    with pytest.raises(InputError, match=r"labels\.npy: "):
        read_label_sets(path)


def test_names_that_are_none_and_files_of_windows(tmp_path):
    with pytest.raises(InputError, match="cannot be read: embedded null byte"):
        read_label_sets("a\0b")
    (tmp_path / "sets.txt").write_bytes(b"\xef\xbb\xbf0 1\r\n2\r\n")
    assert read_label_sets(tmp_path / "sets.txt").sets == ((2,), (0, 1))


def test_more_samples_than_can_be_counted_are_refused():
    with pytest.raises(InputError, match="there are 3000000000000000000 samples in these sets, expected at most"):
        all_label_sets(3, {1: 10**18})
