"""Independent numerical checks of the margins and derivations of the theorems on regularized cross-entropy."""

import json
from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.special import entr, log_softmax, rel_entr, softmax

from nctheory import theorems
from nctheory.domains import Free
from tests.derivations import Margins, call, plain

THEOREMS = (
    "cross_entropy_optimum",
    "label_smoothing_optimum",
    "two_class_cross_entropy",
    "total_collapse",
    "minority_collapse",
    "vanishing_regularization",
    "layer_peeled",
)
CLAIMS = {
    claim.id: claim
    for stated in map(theorems.find, THEOREMS)
    for claim in (stated.claim, *stated.false_neighbors.values())
}
STARTS = json.loads((Path(__file__).parent / "counterexamples.json").read_text())
STARTS |= {name: theorems.find(name).sharp for name in THEOREMS}
SIZES = [(3, 1), (2, 5, 9), (1, 1, 13), (6, 2, 1), (1, 2, 3, 10)]


# ------------------------------------------------------------------------------------------------ inputs of claims


def start(name):
    return {key: plain(value) for key, value in STARTS[name].items()}


def shaken(claim, inputs, rng):
    """The inputs with a little noise on all that is free."""
    noisy = dict(inputs)
    for name, field in claim.domain.fields.items():
        if isinstance(field, Free):
            noisy[name] = plain((inputs[name] + 0.1 * rng.standard_normal(np.shape(inputs[name]))).tolist())
    return noisy


def shrunk(claim, inputs):
    """The inputs with all that is free a tenth as large."""
    free = {name for name, field in claim.domain.fields.items() if isinstance(field, Free)}
    return {name: plain((0.1 * np.array(x)).tolist()) if name in free else x for name, x in inputs.items()}


def drawn(name):
    """Random inputs of all sizes, small ones, and what is near the stored example; where the assumptions hold."""
    claim, rng = CLAIMS[name], np.random.default_rng(0)
    every = [claim.domain.random(sizes, rng).values for sizes in claim.domain.all_sizes for _ in range(4)]
    every += [shrunk(claim, inputs) for inputs in every]
    every += [start(name), *(shaken(claim, start(name), rng) for _ in range(5))]
    return [inputs for inputs in every if claim.slack(inputs) >= 0]


MARGINS = Margins()
margin_of = MARGINS.of


def near(expected):
    return pytest.approx(expected, rel=1e-8, abs=1e-9)


# ------------------------------------------------------------------------------------------------------ the models


def labels_of(sizes):
    return np.repeat(np.arange(len(sizes)), sizes)


def targets(labels, count, smoothing=0.0):
    return (1 - smoothing) * np.eye(count)[labels] + smoothing / count


def losses(logits, labels, smoothing=0.0):
    return -(targets(labels, logits.shape[1], smoothing) * log_softmax(logits, axis=1)).sum(axis=1)


def objective(weights, features, labels, lambdas, bias=0.0, smoothing=0.0, emphasis=1.0):
    """F over all samples; emphasis is a weight of each."""
    each = emphasis * losses(features @ weights.T + bias, labels, smoothing)
    return each.mean() + penalty(weights, features, lambdas)


def penalty(weights, features, lambdas):
    return (lambdas[0] * (weights**2).sum() + lambdas[1] * (features**2).sum()) / 2


def of_logits(logits, sizes, strength):
    """F of collapsed logits (a row for each class) with their best factors: strength times a nuclear norm."""
    shares = np.array(sizes) / np.sum(sizes)
    loss = shares @ losses(logits, np.arange(len(sizes)))
    return loss + strength * np.linalg.norm(np.sqrt(np.array(sizes, dtype=float))[:, None] * logits, "nuc")


def projection(count):
    return np.eye(count) - 1 / count


def projected(sizes):
    return projection(len(sizes)) @ np.diag(np.array(sizes, dtype=float)) @ projection(len(sizes))


def centered(sizes):
    return np.diag(np.array(sizes, dtype=float)) - np.outer(sizes, sizes) / np.sum(sizes)


def power(matrix, exponent):
    """Of a matrix with the simple smallest eigenvalue 0, which stays 0."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors[:, 1:] * values[1:] ** exponent) @ vectors[:, 1:].T


def value_of(sizes):
    """The least value of minimum-norm separation."""
    return np.sqrt(np.linalg.eigvalsh(projected(sizes))[1:]).sum()


def best_gap(count, slope):
    """Where the loss of the simplex of gap a, plus slope (K - 1) a / K, is least; by its derivative."""

    def derivative(gap):
        return slope / count - 1 / (np.exp(gap) + count - 1)

    return brentq(derivative, 0, 100, xtol=1e-15, rtol=1e-15) if derivative(0) < 0 else 0.0


def of_gap(count, gap, slope):
    return np.log1p((count - 1) * np.exp(-gap)) + slope * (count - 1) * gap / count


def optimize(sizes, dimension, lambdas, bias=False, smoothing=0.0, class_weights=None, starts=4):
    """The least F over all samples that L-BFGS finds from random starts, and where: weights, features, biases."""
    count, labels, rng = len(sizes), labels_of(sizes), np.random.default_rng(0)
    emphasis = (np.ones(count) if class_weights is None else np.array(class_weights))[labels]
    ends, aims = np.cumsum([count * dimension, len(labels) * dimension]), targets(labels, count, smoothing)

    def parts(flat):
        weights, features, offset = np.split(flat, ends)
        return weights.reshape(-1, dimension), features.reshape(-1, dimension), offset * bias

    def both(flat):
        W, H, b = parts(flat)
        logits = H @ W.T + b
        value = objective(W, H, labels, lambdas, b, smoothing, emphasis)
        G = emphasis[:, None] * (softmax(logits, axis=1) - aims) / len(labels)
        return value, np.concatenate(
            [(G.T @ H + lambdas[0] * W).ravel(), (G @ W + lambdas[1] * H).ravel(), G.sum(axis=0) * bias]
        )

    options = {"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-16, "gtol": 1e-11}
    runs = [
        minimize(both, rng.standard_normal(ends[1] + count), jac=True, method="L-BFGS-B", options=options)
        for _ in range(starts)
    ]
    found = min(runs, key=lambda run: run.fun)
    return found.fun, *parts(found.x)


# ------------------------------------------------------------------------------------------------- balanced optimum


def balanced(weights, features, class_size, lambdas, bias, smoothing):
    """The least value over F at the point in units of sqrt(a), less 1."""
    count = len(weights)
    slope = count * sqrt(class_size * lambdas[0] * lambdas[1]) + smoothing
    gap = best_gap(count, slope)
    unit = sqrt(gap) if gap > 0 else 1
    labels = labels_of([class_size] * count)
    return of_gap(count, gap, slope) / objective(unit * weights, unit * features, labels, lambdas, bias, smoothing) - 1


@margin_of("cross_entropy_optimum")
def with_hard_labels(weights, features, bias, lambda_weights, lambda_features, class_size):
    return balanced(weights, features, class_size, (lambda_weights, lambda_features), bias, 0.0)


@margin_of("label_smoothing_optimum")
def with_smooth_labels(weights, features, bias, lambda_weights, lambda_features, smoothing, class_size):
    return balanced(weights, features, class_size, (lambda_weights, lambda_features), bias, smoothing)


@margin_of("cross_entropy_optimum/never_zero")
def falling(num_classes, strength):
    step = 1e-6
    return (of_gap(num_classes, step, strength) - of_gap(num_classes, -step, strength)) / (2 * step)


@margin_of("label_smoothing_optimum/collapses_at_1")
def falling_if_smoothed(num_classes, strength, smoothing):
    return falling(num_classes, strength + smoothing)


def with_gap(num_classes, gap, slope):
    return of_gap(num_classes, gap, slope) / of_gap(num_classes, best_gap(num_classes, slope), slope) - 1


@margin_of("cross_entropy_optimum/gap_log_k_by_c")
def with_log_of_the_quotient(num_classes, ratio):
    return with_gap(num_classes, log(num_classes * (1 + ratio)), 1 / (1 + ratio))


@margin_of("cross_entropy_optimum/gap_log_odds")
def with_odds(num_classes, ratio):
    return with_gap(num_classes, log(ratio), 1 / (1 + ratio))


@margin_of("cross_entropy_optimum/gap_rival_odds")
def with_odds_of_rivals(num_classes, ratio):
    return with_gap(num_classes, log((num_classes - 1) * ratio), 1 / (1 + ratio))


@margin_of("label_smoothing_optimum/gap_in_proportion")
def with_a_shorter_gap(num_classes, strength, smoothing):
    return with_gap(num_classes, (1 - smoothing) * best_gap(num_classes, strength), strength + smoothing)


@margin_of("label_smoothing_optimum/softmax_is_the_target")
def at_the_target(num_classes, strength, smoothing):
    aim = targets([0], num_classes, smoothing)[0]
    return with_gap(num_classes, log(aim[0] / aim[1]), strength + smoothing)


@margin_of("label_smoothing_optimum/any_negative_smoothing")
def minus_the_objective(num_classes, strength, smoothing, gap):
    logits = gap * projection(num_classes)
    loss = losses(logits, np.arange(num_classes), smoothing).mean()
    return -loss - strength / num_classes * np.linalg.norm(logits, "nuc")


@margin_of("cross_entropy_optimum/n_for_its_root")
def with_the_size(weights, features, class_size, num_classes, ratio):
    slope = 1 / (1 + ratio)
    gap, strength = best_gap(num_classes, slope), slope / (num_classes * class_size)
    labels = labels_of([class_size] * num_classes)
    other = objective(sqrt(gap) * weights, sqrt(gap) * features, labels, (strength, strength))
    return of_gap(num_classes, gap, slope) / other - 1


@margin_of("cross_entropy_optimum/mean_class_size")
def with_the_mean_size(class_sizes, ratio):
    slope = 1 / (1 + ratio)
    gap, strength = best_gap(3, slope), slope / 3 / sqrt(class_sizes.mean())
    return of_gap(3, gap, slope) / of_logits(gap * projection(3), class_sizes, strength) - 1


BALANCED = [
    (3, 4, 2, (1 / 12, 1 / 12), 0.0),
    (3, 4, 3, (1 / 12, 1 / 12), 0.1),
    (4, 2, 3, (0.03, 0.1), 0.0),
    (4, 2, 4, (0.03, 0.1), -0.2),
    (2, 3, 2, (0.1, 0.02), 0.0),
    (3, 2, 2, (0.26, 0.26), 0.0),
    (3, 2, 2, (0.2, 0.2), 0.2),
]


@pytest.mark.parametrize(("count", "size", "dimension", "lambdas", "smoothing"), BALANCED)
@pytest.mark.parametrize("bias", [False, True])
def test_a_search_over_all_samples_finds_the_balanced_optimum(count, size, dimension, lambdas, smoothing, bias):
    slope = count * sqrt(size * lambdas[0] * lambdas[1]) + smoothing
    gap = best_gap(count, slope)
    value, W, H, b = optimize([size] * count, dimension, lambdas, bias, smoothing)
    assert value == pytest.approx(of_gap(count, gap, slope), rel=1e-9)
    assert (gap == 0) == (slope >= 1)
    assert np.abs(W @ W.T - sqrt(size * lambdas[1] / lambdas[0]) * gap * projection(count)).max() < 2e-4
    means = projection(count)[labels_of([size] * count)]
    assert np.abs(H @ H.T - sqrt(lambdas[0] / lambdas[1] / size) * gap * means @ means.T).max() < 2e-4
    assert np.ptp(b) < 1e-4


def test_the_example_with_gap_log_4():
    assert best_gap(3, 1 / 2) == near(log(4))
    assert optimize([4] * 3, 2, (1 / 12, 1 / 12))[0] == near(log(1.5) + log(4) / 3)


def test_with_the_smoothing_minus_c_the_infimum_is_0_and_below_there_is_none():
    at = [of_gap(3, gap, 0.0) for gap in (1, 10, 30)]
    assert at == sorted(at, reverse=True)
    assert 0 < at[-1] < 1e-12
    W = projection(3)
    labels = labels_of([1] * 3)
    values = [objective(sqrt(x) * W, sqrt(x) * W, labels, (0.1, 0.1), smoothing=-0.4) for x in (1, 100, 10_000)]
    assert values[2] < -100 < values[1] < 0
    assert values[2] == near(of_gap(3, 10_000, 0.3 - 0.4))


# --------------------------------------------------------------------------------------------------------- two classes


def value_of_two(slope):
    """The least of log(1 + e^-a) + slope a, and where."""
    gap = best_gap(2, 2 * slope)
    return np.logaddexp(0, -gap) + slope * gap, gap


@margin_of("two_class_cross_entropy")
def of_two_classes(class_sizes, weights, means, lambda_weights, lambda_features):
    total, lambdas = class_sizes.sum(), (lambda_weights, lambda_features)
    value, gap = value_of_two(sqrt(total * lambda_weights * lambda_features / 2))
    unit = gap if gap > 0 else 1
    loss = class_sizes @ losses(unit * means @ weights.T, np.arange(2)) / total
    scaled = np.sqrt(class_sizes)[:, None] * means
    return value / (loss + unit * penalty(weights, scaled, lambdas)) - 1


@margin_of("two_class_cross_entropy/free_bias")
def with_a_bias(class_sizes, shift, ratio):
    value, gap = value_of_two(1 / (2 + ratio))
    logits, bias = gap * projection(2), gap * shift * np.array([1, -1]) / 2
    strength = 1 / (2 + ratio) / value_of(class_sizes)
    costs = of_logits(logits, class_sizes, strength) - of_logits(logits, class_sizes, 0)
    return value / (class_sizes @ losses(logits + bias, np.arange(2)) / class_sizes.sum() + costs) - 1


@margin_of("two_class_cross_entropy/harmonic_mean")
def with_the_mode_of_a_bias(class_sizes, ratio):
    slope = 1 / (2 + ratio)
    mode = np.linalg.eigvalsh(centered(class_sizes))[1] / (class_sizes.sum() / 2)
    gap = value_of_two(slope * sqrt(mode))[1]
    return (np.logaddexp(0, -gap) + slope * gap) / value_of_two(slope)[0] - 1


@margin_of("two_class_cross_entropy/never_simplex_encoded")
def how_near(class_sizes, ratio):
    slope = 1 / (2 + ratio)
    value, gap = value_of_two(slope)
    along = of_logits(gap * projection(2), class_sizes, slope / value_of(class_sizes))
    return abs(np.diff(class_sizes)[0]) / class_sizes.sum() / 1000 - along / value + 1


@margin_of("two_class_cross_entropy/threshold_without_half")
def slope_of_two(strength):
    step = 1e-6
    ends = [np.logaddexp(0, -gap) + sqrt(strength / 2) * gap for gap in (-step, step)]
    return (ends[1] - ends[0]) / (2 * step)


@pytest.mark.parametrize("sizes", [(1, 7), (4, 4), (6, 2), (1, 30)])
@pytest.mark.parametrize("scale", [0.3, 0.9, 1.1])
def test_a_search_finds_the_optimum_of_two_classes(sizes, scale):
    total = sum(sizes)
    lambdas = (2 * scale / sqrt(2 * total), scale / sqrt(2 * total) / 2)
    expected, gap = value_of_two(scale / 2)
    value, W, H, _ = optimize(sizes, 1, lambdas)
    assert value == pytest.approx(expected, rel=1e-9)
    assert (gap == 0) == (scale > 1)
    assert np.abs(H @ W.T - gap * projection(2)[labels_of(sizes)]).max() < 1e-3
    assert np.abs(W @ W.T - sqrt(lambdas[1] / lambdas[0]) * gap * power(projected(sizes), 1 / 2)).max() < 1e-3
    if sizes[0] != sizes[1]:
        assert optimize(sizes, 1, lambdas, bias=True)[0] < expected - 1e-3


# ------------------------------------------------------------------------------------------------------ total collapse


def pulls_of(sizes, bias):
    """Minus N times the gradient at zero, a column for each class, times the roots of the sizes."""
    shares = np.array(sizes) / np.sum(sizes)
    softmaxes = shares if bias else np.full(len(sizes), 1 / len(sizes))
    return (np.eye(len(sizes)) - softmaxes[:, None]) * np.sqrt(np.array(sizes, dtype=float))


def base_of(sizes, bias):
    return entr(np.array(sizes) / np.sum(sizes)).sum() if bias else log(len(sizes))


def split_from_zero(sizes, bias, direction, strength):
    """F at s^2 u v' with s^2 = 2 (rho - N lambda), less the bound there; v of all samples of a class is alike."""
    u = direction / max(np.linalg.norm(direction), 1e-300)
    pulled = u @ pulls_of(sizes, bias)
    rho, total = np.linalg.norm(pulled), np.sum(sizes)
    if rho <= strength:
        return -np.inf
    step = 2 * (rho - strength)
    shares = np.array(sizes) / total
    logits = step * np.outer(pulled / max(rho, 1e-300) / np.sqrt(sizes), u) + (np.log(shares) if bias else 0)
    value = shares @ losses(logits, np.arange(len(sizes))) + strength * step / total
    return value - base_of(sizes, bias) + (rho - strength) ** 2 / total


@margin_of("total_collapse")
def of_collapse(class_sizes, weights, means, bias, direction, lambda_weights, lambda_features):
    total, lambdas = class_sizes.sum(), (lambda_weights, lambda_features)
    strength, labels = total * sqrt(lambda_weights * lambda_features), np.arange(len(class_sizes))
    cost = penalty(weights, np.sqrt(class_sizes)[:, None] * means, lambdas)
    excess = []
    for biased in (False, True):
        base, sigma = base_of(class_sizes, biased), np.linalg.norm(pulls_of(class_sizes, biased), 2)
        loss = class_sizes @ losses(means @ weights.T + biased * (bias + np.log(class_sizes / total)), labels) / total
        excess += [(base + (1 - sigma / strength) * cost - loss - cost) / (base + cost)]
        excess += [split_from_zero(class_sizes, biased, np.append(direction, -direction.sum()), strength)]
    return max(excess)


@margin_of("total_collapse/largest_class")
def above_sigma(class_sizes, strength):
    return (strength - np.linalg.norm(pulls_of(class_sizes, False), 2)) / sqrt(class_sizes.sum())


@margin_of("total_collapse/bias_is_irrelevant")
def between_sigmas(class_sizes):
    first, second = (np.linalg.norm(pulls_of(class_sizes, bias), 2) ** 2 for bias in (False, True))
    return abs(first - second) / class_sizes.sum()


@margin_of("total_collapse/sum_for_mean")
def above_sigma_of_two(class_sizes, product):
    total = class_sizes.sum()
    return (total**2 * product - np.linalg.norm(pulls_of(class_sizes, False), 2) ** 2) / total


@margin_of("total_collapse/always_log_k")
def below_the_logarithm(class_sizes, bias):
    return log(3) - class_sizes @ losses(np.tile(bias, (3, 1)), np.arange(3)) / class_sizes.sum()


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("bias", [False, True])
def test_zero_is_the_minimizer_on_one_side_of_the_threshold(sizes, bias):
    matrix, total = centered(sizes) if bias else projected(sizes), sum(sizes)
    sigma = sqrt(np.linalg.eigvalsh(matrix)[-1])
    assert sigma == near(np.linalg.norm(pulls_of(sizes, bias), 2))
    above, below = 1.02 * sigma / total, 0.9 * sigma / total
    value, W, _, _ = optimize(sizes, len(sizes) - 1, (2 * above, above / 2), bias, starts=2)
    assert value == near(base_of(sizes, bias))
    assert np.abs(W).max() < 1e-3
    assert optimize(sizes, len(sizes) - 1, (2 * below, below / 2), bias, starts=2)[0] < base_of(sizes, bias) - (
        (0.1 * sigma) ** 2 / total
    )


def test_the_best_direction_attains_the_threshold():
    for sizes in SIZES:
        for bias in (False, True):
            direction = np.linalg.svd(pulls_of(sizes, bias))[0][:, 0]
            sigma = np.linalg.norm(pulls_of(sizes, bias), 2)
            assert np.linalg.norm(direction @ pulls_of(sizes, bias)) == near(sigma)
            assert split_from_zero(sizes, bias, direction, 0.5 * sigma) < 0
            assert abs(direction.sum()) < 1e-9


# --------------------------------------------------------------------------------------------------- minority collapse


def merged(rows, block):
    return np.vstack([np.tile(rows[:block].mean(axis=0), (block, 1)), rows[block:]])


@margin_of("minority_collapse")
def of_merging(
    weights,
    features,
    bias,
    class_weights,
    smoothing,
    lambda_weights,
    lambda_features,
    minority,
    class_size,
    num_samples,
):
    lambdas, labels = (lambda_weights, lambda_features), np.full(num_samples, minority)
    block = minority * class_size
    labels[:block] = labels_of([class_size] * minority)
    emphasis = np.where(labels < minority, class_weights[0], class_weights[1])
    before = objective(weights, features, labels, lambdas, bias, smoothing, emphasis)
    W, H, b = merged(weights, minority), merged(features, block), merged(bias[:, None], minority)[:, 0]
    after = objective(W, H, labels, lambdas, b, smoothing, emphasis)
    # the norm of the block's part of the gradient at the merged point, by its singular values
    G = emphasis[:, None] * (softmax(H @ W.T + b, axis=1) - targets(labels, len(W), smoothing)) / num_samples
    part = G[:block, :minority] - G[:block, :minority].mean(axis=1, keepdims=True)
    norm, strength = np.linalg.norm(part, 2), sqrt(lambda_weights * lambda_features)
    removed = penalty(weights - W, features - H, lambdas)
    step = sqrt(2 * num_samples * max(0, norm - strength) / class_weights[0])
    u, v = np.zeros(len(W)), np.zeros(num_samples)
    u[:2], v[:class_size], v[class_size : 2 * class_size] = (sqrt(0.5), -sqrt(0.5)), sqrt(0.5), -sqrt(0.5)
    longer = (lambda_features / lambda_weights) ** 0.25
    W = np.column_stack([W, step * longer * u])
    H = np.column_stack([H, step / longer * v / sqrt(class_size)])
    split = objective(W, H, labels, lambdas, b, smoothing, emphasis)
    gain = num_samples * max(0, norm - strength) ** 2 / class_weights[0]
    left = (split + gain - after) / after if norm > strength else -1
    return max((after + (1 - norm / strength) * removed - before) / before, left)


@margin_of("minority_collapse/different_sizes")
def of_merging_two(class_sizes, weights, means, lambda_weights, lambda_features):
    def value(W, M):
        loss = class_sizes @ losses(M @ W.T, np.arange(3)) / class_sizes.sum()
        return loss + penalty(W, np.sqrt(class_sizes)[:, None] * M, (lambda_weights, lambda_features))

    middle = np.average(means[:2], axis=0, weights=class_sizes[:2])
    return value(merged(weights, 2), np.array([middle, middle, means[2]])) / value(weights, means) - 1


def fall(sizes, strength, step, class_weights=1.0, smoothing=0.0):
    """What F falls by from zero to the point s^2 u v' that splits the first two classes, which have equal sizes."""
    count, total = len(sizes), sum(sizes)
    u = np.zeros(count)
    u[:2] = sqrt(0.5), -sqrt(0.5)
    logits = step * np.outer(u / sqrt(sizes[0]), u)
    shares = np.array(sizes) / total * class_weights
    change = shares @ (losses(logits, np.arange(count), smoothing) - log(count))
    return -change - strength * step


@margin_of("minority_collapse/weights_not_squared")
def gain_of_weighted(num_classes, class_size, class_weight, strength):
    sizes, total = [class_size] * num_classes, num_classes * class_size
    each = strength * sqrt(class_size) / total
    step = 2 * total * max(0, class_weight * sqrt(class_size) / total - each) / class_weight
    return fall(sizes, each, step, np.full(num_classes, class_weight))


@margin_of("minority_collapse/smoothing_changes_nothing")
def missing_of_smoothed(num_classes, smoothing, strength):
    gain = fall([1] * num_classes, strength / num_classes, 2 * (1 - strength), smoothing=smoothing)
    return (1 - strength) ** 2 / num_classes - gain


@margin_of("minority_collapse/n_for_its_square")
def missing_of_the_mean(num_classes, class_size, strength):
    total = num_classes * class_size
    far = max(0, sqrt(class_size) - sqrt(total) * strength)
    return far**2 / total - fall([class_size] * num_classes, strength, 2 * far)


@margin_of("minority_collapse/inverse_frequency")
def gain_of_rare(class_sizes, strength):
    common, rare = class_sizes
    sizes = np.array([rare, rare, common, common])
    step = 2 * rare * max(0, 1 / sqrt(rare) - strength)
    return fall(sizes, strength / sizes.sum(), step, 1 / sizes)


BLOCKS = [
    ((2, 2, 2, 7, 7), None, 0.0),
    ((3, 3, 8), (1.5, 1.5, 0.8), 0.0),
    ((2, 2, 6, 9), None, 0.15),
    ((2, 2, 1, 9), (2.0, 2.0, 1.0, 1.0), 0.1),
]


@pytest.mark.parametrize(("sizes", "class_weights", "smoothing"), BLOCKS)
@pytest.mark.parametrize("bias", [False, True])
def test_rows_of_the_block_coincide_on_one_side_of_the_threshold(sizes, class_weights, smoothing, bias):
    weight, block = (class_weights or [1.0])[0], sizes.count(sizes[0])
    threshold = weight * (1 - smoothing) * sqrt(sizes[0]) / sum(sizes)
    spreads = []
    for strength in (1.03 * threshold, 0.93 * threshold):
        _, W, _, _ = optimize(
            sizes, len(sizes) - 1, (2 * strength, strength / 2), bias, smoothing, class_weights, starts=2
        )
        spreads.append(np.ptp(W[:block], axis=0).max())
    assert spreads[0] < 2e-3
    assert spreads[1] > 0.1


def test_classes_of_different_sizes_do_not_merge_below_the_threshold_of_the_larger():
    sizes = (1, 2, 9)
    strength = 1.1 * sqrt(2) / sum(sizes)
    value, W, _, _ = optimize(sizes, 2, (strength, strength))
    assert value < log(3) - 0.01
    assert np.abs(W[0] - W[1]).max() > 0.05


def test_with_inverse_frequencies_majorities_merge_first():
    sizes = np.array([2, 2, 6, 6])
    strength = 1.25 / sqrt(6) / 16
    _, W, _, _ = optimize(tuple(sizes), 3, (strength, strength), class_weights=1 / sizes)
    assert np.abs(W[2] - W[3]).max() < 2e-3
    assert np.abs(W[0] - W[1]).max() > 0.1


# --------------------------------------------------------------------------------------------- vanishing regularization


def bracket(sizes, strength):
    """B, U, the probabilities p_k and kappa, with matrix functions."""
    sizes = np.array(sizes, dtype=float)
    count, total, M = len(sizes), sizes.sum(), power(projected(sizes), -1 / 2)
    probabilities = -total * strength * M
    np.fill_diagonal(probabilities, 1 - total * strength * np.diag(M))
    s = strength * value_of(sizes)
    labels = np.append(np.full(count - 1, s / (count - 1)), 1 - s)
    beta = -sizes[:, None] * M / value_of(sizes)
    even = np.outer(sizes, np.full(count, 1 / (count - 1))) / total
    off = ~np.eye(count, dtype=bool)
    return (
        sizes / total @ entr(probabilities).sum(axis=1),
        entr(labels).sum(),
        probabilities,
        rel_entr(beta[off], even[off]).sum(),
    )


def largest_strength(sizes):
    return 1 / (np.sum(sizes) * np.diag(power(projected(sizes), -1 / 2)).max())


@margin_of("vanishing_regularization")
def of_the_bracket(class_sizes, weights, means, inverse, balance):
    strength = largest_strength(class_sizes) / (2 + inverse)
    lower, upper, probabilities, kappa = bracket(class_sizes, strength)
    root, shares = np.sqrt(balance), class_sizes / class_sizes.sum()
    W, H = root * weights, means / root
    off = W - power(projected(class_sizes), -1 / 2) @ (class_sizes[:, None] * H)
    divergence = shares @ rel_entr(probabilities, softmax(means @ weights.T, axis=1)).sum(axis=1)
    value = shares @ losses(means @ weights.T, np.arange(3))
    value += penalty(W, np.sqrt(class_sizes)[:, None] * H, (strength, strength))
    bound = lower + divergence + strength * (off**2).sum() / 2
    squares = shares @ (1 - np.diag(probabilities)) ** 2
    return max(bound / value, upper / (lower + kappa * strength * value_of(class_sizes) + squares), lower / upper) - 1


@margin_of("vanishing_regularization/exact_before_the_limit")
def with_other_lengths(class_sizes, ratio, factors):
    strength = 1 / (2 + ratio) / value_of(class_sizes)
    gap = best_gap(3, 3 / (2 + ratio) / 2)
    W = power(projected(class_sizes), 1 / 4) * sqrt(gap)
    M = power(projected(class_sizes), -1 / 4) * sqrt(gap) * factors[:, None]
    loss = class_sizes @ losses(M @ W.T, np.arange(3)) / class_sizes.sum()
    other = loss + penalty(W, np.sqrt(class_sizes)[:, None] * M, (strength, strength))
    return of_logits(gap * projection(3), class_sizes, strength) / other - 1


@margin_of("vanishing_regularization/weights_tend_to_a_simplex")
def with_weights_of_a_simplex(class_sizes, ratio):
    strength, gap = 1 / (2 + ratio) / value_of(class_sizes), best_gap(3, 3 / (2 + ratio) / 2)
    cost = np.linalg.norm(projection(3)) * np.linalg.norm(np.sqrt(class_sizes)[:, None] * projection(3))
    slope = 1.5 * strength * cost
    simplex = of_gap(3, best_gap(3, slope), slope)
    return simplex / of_logits(gap * projection(3), class_sizes, strength) - 1


@margin_of("vanishing_regularization/nearly_attained")
def near_to_attained(class_sizes, inverse):
    strength = largest_strength(class_sizes) / (2 + inverse)
    lower, upper, _, _ = bracket(class_sizes, strength)
    return upper / (lower + strength * value_of(class_sizes) / 1000) - 1


@pytest.mark.parametrize("sizes", [(1, 4, 10), (2, 2, 9), (1, 2, 3, 10), (3, 7)])
def test_as_the_regularization_vanishes_margins_are_its_logarithm_up_to_a_constant(sizes):
    shares, ones = np.array(sizes) / sum(sizes), ~np.eye(len(sizes), dtype=bool)
    angles, beyond = [], []
    for strength in np.array([0.1, 1e-3, 1e-5]) * largest_strength(sizes):
        lower, upper, probabilities, kappa = bracket(sizes, strength)
        value, W, H = reduced(sizes, strength)
        logits = H @ W.T
        assert lower - 1e-9 * upper <= value <= upper * (1 + 1e-9)
        assert upper - lower <= kappa * strength * value_of(sizes) + shares @ (1 - np.diag(probabilities)) ** 2 + 1e-15
        divergence = shares @ rel_entr(probabilities, softmax(logits, axis=1)).sum(axis=1)
        assert divergence <= upper - lower + 1e-7 * upper
        margins = (np.diag(logits)[:, None] - logits)[ones]
        cosine = (logits * projection(len(sizes))).sum() / np.linalg.norm(logits) / sqrt(len(sizes) - 1)
        angles.append((1 - cosine) * log(1 / strength) ** 2)
        beyond.append(margins - log(1 / strength))
    assert np.abs(beyond[1] - beyond[2]).max() < 0.05
    assert angles[2] == pytest.approx(angles[1], rel=0.2, abs=1e-6)
    assert (angles[2] > 1e-2) == (len(sizes) > 2)
    root = power(projected(sizes), 1 / 2)
    distance = np.linalg.norm(W @ W.T / np.linalg.norm(W @ W.T) - root / np.linalg.norm(root))
    assert distance < 0.1
    simplex = projection(len(sizes)) / sqrt(len(sizes) - 1)
    assert len(sizes) == 2 or np.linalg.norm(root / np.linalg.norm(root) - simplex) > 2 * distance


def reduced(sizes, strength):
    """L-BFGS on class means, from the simplex-encoded labels at their best length and from a point near."""
    count, roots, rng = len(sizes), np.sqrt(np.array(sizes, dtype=float))[:, None], np.random.default_rng(0)
    shares = (roots**2 / (roots**2).sum()).ravel()
    gap = best_gap(count, count * strength * value_of(sizes) / (count - 1))
    first = [sqrt(gap) * power(projected(sizes), 1 / 4), sqrt(gap) * roots * power(projected(sizes), -1 / 4)]

    def both(flat):
        W, scaled = flat.reshape(2, count, count)
        logits = scaled / roots @ W.T
        G = shares[:, None] * (softmax(logits, axis=1) - np.eye(count))
        value = shares @ losses(logits, np.arange(count)) + penalty(W, scaled, (strength, strength))
        return value / strength, np.ravel([G.T @ (scaled / roots), G @ W / roots]) / strength + flat

    options = {"maxiter": 50_000, "maxfun": 100_000, "ftol": 1e-16, "gtol": 1e-10}
    runs = [
        minimize(both, np.ravel(first) + noise, jac=True, method="L-BFGS-B", options=options)
        for noise in (0, 0.1 * rng.standard_normal(2 * count**2))
    ]
    best = min(runs, key=lambda run: run.fun)
    W, scaled = best.x.reshape(2, count, count)
    return best.fun * strength, W, scaled / roots


# --------------------------------------------------------------------------------------------------------- layer-peeled


def loss_at(energy, count):
    """Of a simplex."""
    return losses(count * energy / (count - 1) * projection(count), np.arange(count))[0]


def peeled_bound(sizes, energy):
    """The dual bound: entropies of p_k less nu K^2 E."""
    count, shares = len(sizes), np.array(sizes) / np.sum(sizes)
    q = softmax(count * energy / (count - 1) * projection(count), axis=1)[0, 1]
    nu = q * shares.min()
    probabilities = np.tile(nu / shares[:, None], (1, count))
    np.fill_diagonal(probabilities, 1 - (count - 1) * nu / shares)
    return shares @ entr(probabilities).sum(axis=1) - nu * count**2 * energy


@margin_of("layer_peeled")
def of_the_peeled(class_sizes, weights, means):
    sizes, count = np.append(class_sizes[0], class_sizes), len(weights)
    shares, total = sizes / sizes.sum(), (weights**2).sum() + (means**2).sum()
    energy = sqrt((weights**2).sum() / count * (means**2).sum() / count)
    W, M = merged(weights, 2), merged(means, 2)
    before, after = (shares @ losses(m @ w.T, np.arange(count)) for w, m in ((weights, means), (W, M)))
    removed = total - (W**2).sum() - (M**2).sum()
    return max(peeled_bound(sizes, energy) - before, (after - before - shares[0] / 2 * removed) / (1 + total))


@margin_of("layer_peeled/any_class_sizes")
def below_simplex(class_sizes, gaps):
    M = gaps[:, None] * projection(3)
    energy = np.linalg.norm(projection(3)) * np.linalg.norm(M) / 3
    return loss_at(energy, 3) - class_sizes @ losses(M @ projection(3), np.arange(3)) / class_sizes.sum()


@margin_of("layer_peeled/limit_of_separation")
def of_encoded_labels(class_sizes, energy):
    W, M = (power(projected(class_sizes), exponent) for exponent in (1 / 4, -1 / 4))
    logits = 3 * energy * M @ W.T / np.linalg.norm(W) / np.linalg.norm(M)
    return class_sizes @ losses(logits, np.arange(3)) / class_sizes.sum() - loss_at(energy, 3)


@margin_of("layer_peeled/energy_is_the_gap")
def above_the_simplex(num_classes, energy):
    return losses(energy * projection(num_classes), np.arange(num_classes))[0] - loss_at(energy, num_classes)


@margin_of("layer_peeled/wide_gradient")
def gain_of_apart(multiplier, step):
    W = sqrt(step / 2) * np.array([[1], [-1]])
    return log(2) - losses(W @ W.T, np.arange(2)).mean() - multiplier * (W**2).sum()


def peel(sizes, energy, starts=3):
    """The least loss at this energy, of class means: on the boundary, by L-BFGS on directions; weights, means."""
    count, shares, rng = len(sizes), np.array(sizes) / np.sum(sizes), np.random.default_rng(0)

    def both(flat):
        raw = flat.reshape(2, count, count)
        sizes_of = np.linalg.norm(raw, axis=(1, 2))
        W, M = units = raw / sizes_of[:, None, None] * sqrt(count * energy)
        logits = M @ W.T
        value = shares @ losses(logits, np.arange(count))
        G = shares[:, None] * (softmax(logits, axis=1) - np.eye(count)) / value
        slopes = np.array([G.T @ M, G @ W])
        along = (slopes * units).sum(axis=(1, 2)) / (count * energy)
        tangent = slopes - along[:, None, None] * units
        return log(value), (tangent * (sqrt(count * energy) / sizes_of)[:, None, None]).ravel()

    options = {"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-16, "gtol": 1e-11}
    runs = [
        minimize(both, rng.standard_normal(2 * count**2), jac=True, method="L-BFGS-B", options=options)
        for _ in range(starts)
    ]
    raw = min(runs, key=lambda run: run.fun).x.reshape(2, count, count)
    W, M = raw / np.linalg.norm(raw, axis=(1, 2))[:, None, None] * sqrt(count * energy)
    return shares @ losses(M @ W.T, np.arange(count)), W, M


@pytest.mark.parametrize("energy", [0.3, 2.0, 6.0])
@pytest.mark.parametrize("sizes", [(2, 2, 2), (1, 1, 1, 1), (1, 1, 4), (2, 2, 3, 9)])
def test_a_search_at_fixed_energy_stays_between_the_bound_and_the_simplex(sizes, energy):
    value, _, _ = peel(sizes, energy)
    upper, lower = loss_at(energy, len(sizes)), peeled_bound(sizes, energy)
    assert lower * (1 - 1e-9) <= value <= upper * (1 + 1e-9)
    if len(set(sizes)) == 1:
        assert lower == near(upper)
    else:
        assert value < upper * (1 - 1e-3)
        assert lower > upper / (2 * max(sizes))


def test_as_the_energy_grows_weights_tend_to_a_simplex():
    sizes = (1, 1, 4)
    simplex, root = projection(3) / sqrt(2), power(projected(sizes), 1 / 2)
    distances = []
    for energy in (2, 6, 18):
        _, W, _ = peel(sizes, energy)
        gram = W @ W.T / np.linalg.norm(W @ W.T)
        distances.append(np.linalg.norm(gram - simplex))
        if energy == 18:
            assert np.linalg.norm(gram - root / np.linalg.norm(root)) > 3 * distances[-1]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < distances[0] / 4


@pytest.mark.parametrize("energy", [0.3, 0.6, 1.2, 2.4])
def test_minority_weights_merge_as_the_square_gradient_says(energy):
    sizes = np.array([2, 2, 7, 7])
    share = sizes[0] / sizes.sum()
    _, W, M = peel(sizes, energy)
    G = (softmax(M @ W.T, axis=1) - np.eye(4)) * sizes[:, None] / sizes.sum()
    is_merged = np.abs(W[0] - W[1]).max() < 1e-3
    assert is_merged == (energy < 1)
    assert is_merged == (share <= np.linalg.norm(G, 2))
    wide = np.linalg.norm(G / np.sqrt(sizes)[:, None], 2)
    assert share > wide  # which would say that they never merge here


# ------------------------------------------------------------------------------------------------------- all margins


def test_every_margin_is_computed_in_another_way():
    assert MARGINS.keys() == CLAIMS.keys()


@pytest.mark.parametrize("name", CLAIMS)
def test_a_margin_is_what_its_statement_says(name):
    inputs = drawn(name)
    assert inputs
    for each in inputs:
        assert CLAIMS[name].margin(each) == near(call(MARGINS[name], each))


@pytest.mark.parametrize("name", ["cross_entropy_optimum", "label_smoothing_optimum", "two_class_cross_entropy"])
def test_margins_are_positive_with_a_wrong_constant(name, monkeypatch):
    margin = CLAIMS[name].margin
    assert abs(margin(start(name))) < 1e-12
    monkeypatch.setattr(f"nctheory.theorems.{name}.sqrt", lambda x: 1.1 * sqrt(x))
    assert margin(start(name)) > 1e-3
