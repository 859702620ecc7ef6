"""Independent numerical checks of the theorems on certificates and on squared error of unconstrained features."""

import inspect
import json
from fractions import Fraction
from itertools import permutations
from math import e, log, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import entr, log_softmax, softmax

from nctheory import theorems
from nctheory.constructions import simplex_etf
from nctheory.domains import Free
from tests.derivations import Margins, call, plain

THEOREMS = (
    "nuclear_norm_penalty",
    "global_critical_points",
    "escape_curvature",
    "benign_landscape",
    "within_class_collapse",
    "dual_bound",
    "equivariant_loss",
    "orthogonal_frame_optimum",
    "simplex_optimum_free_bias",
    "penalized_bias",
    "mse_class_sizes",
    "mse_free_bias_sizes",
    "least_squares_head",
    "classifier_bias",
)
CLAIMS = {
    claim.id: claim
    for stated in map(theorems.find, THEOREMS)
    for claim in (stated.claim, *stated.false_neighbors.values())
}
STARTS = json.loads((Path(__file__).parent / "counterexamples.json").read_text())
STARTS |= {name: theorems.find(name).sharp for name in THEOREMS}


# ------------------------------------------------------------------------------------------------ inputs of claims


def shaken(claim, inputs, scale, rng):
    """The inputs with a little noise on all that is free, in another scale."""
    noisy = dict(inputs)
    for name, field in claim.domain.fields.items():
        if isinstance(field, Free):
            noise = 0.05 * rng.standard_normal(np.shape(inputs[name]))
            noisy[name] = plain((scale * (np.array(inputs[name]) + noise)).tolist())
    return noisy


def start(name):
    return {key: plain(value) for key, value in STARTS[name].items()}


def drawn(name):
    """Random inputs of all sizes; and the sharp example, of a false neighbor the counterexample, as it is and near."""
    claim, rng = CLAIMS[name], np.random.default_rng(0)
    for sizes in claim.domain.all_sizes:
        for _ in range(3):
            yield claim.domain.random(sizes, rng).values
    yield start(name)
    for scale in (0.1, 1) * 5:
        yield shaken(claim, start(name), scale, rng)


MARGINS = Margins()
margin_of = MARGINS.of


def near(expected, relative=1e-9):
    return pytest.approx(expected, rel=relative, abs=1e-10)


# ---------------------------------------------------------------------------------------------------------- models


def projection(count):
    return np.eye(count) - 1 / count


def nuclear(matrix):
    return np.linalg.svd(matrix, compute_uv=False).sum()


def one_hot(labels, count):
    return np.eye(count)[np.asarray(labels)]


def squared_error(logits, targets):
    """Of each row."""
    return ((logits - targets) ** 2).sum(axis=1) / 2


def cross_entropy(logits, targets):
    return -(targets * log_softmax(logits, axis=1)).sum(axis=1)


def hinge(logits, targets):
    return (logits - targets + 1 - (logits * targets).sum(axis=1, keepdims=True)).max(axis=1)


def ramp(logits, targets):
    """The hinge loss of the other classes, from 0 to 1."""
    others = np.where(targets > 0, -np.inf, logits - (logits * targets).sum(axis=1, keepdims=True))
    return np.clip(1 + others.max(axis=1), 0, 1)


def penalty(W, H, decay_w, decay_h, counts=None):
    return (decay_w * np.trace(W @ W.T) + decay_h * (np.ones(len(H)) if counts is None else counts) @ (H**2).sum(1)) / 2


def of_means(W, M, bias, counts, decay_w, decay_h, decay_b=0, loss=squared_error):
    """F at collapsed features."""
    losses = loss(M @ W.T + bias, np.eye(len(W)))
    return np.average(losses, weights=counts) + penalty(W, M, decay_w, decay_h, counts) + decay_b / 2 * np.sum(bias**2)


def class_means(features, labels):
    return np.array([features[labels == y].mean(axis=0) for y in labels])


def row_sums(columns):
    """The largest row sum of the sizes of the entries of G G^T, G with these columns."""
    return np.abs(columns.T @ columns).sum(axis=1).max()


class Model:
    """F with a feature for each sample, in one flat vector, and its least value by L-BFGS."""

    def __init__(self, sizes, dimension, loss, decays, decay_b=None, class_weights=None):
        self.labels, self.count = np.repeat(np.arange(len(sizes)), sizes), len(sizes)
        self.dimension, self.loss, self.decays, self.decay_b = dimension, loss, decays, decay_b
        self.weights = np.ones(self.count) if class_weights is None else np.array(class_weights, dtype=float)
        self.targets = one_hot(self.labels, self.count)

    def parts(self, flat):
        W, H, b = np.split(flat, np.cumsum([self.count * self.dimension, len(self.labels) * self.dimension]))
        return W.reshape(-1, self.dimension), H.reshape(-1, self.dimension), b if self.decay_b is not None else 0 * b

    def slopes(self, logits):
        """G, with a row for each sample."""
        model = softmax(logits, axis=1) if self.loss is cross_entropy else logits
        return self.weights[self.labels][:, None] * (model - self.targets) / len(self.labels)

    def value(self, flat):
        W, H, b = self.parts(flat)
        losses = self.weights[self.labels] * self.loss(H @ W.T + b, self.targets)
        return losses.mean() + penalty(W, H, *self.decays) + (self.decay_b or 0) / 2 * b @ b

    def gradient(self, flat):
        W, H, b = self.parts(flat)
        G = self.slopes(H @ W.T + b)
        of_bias = (G.sum(axis=0) + self.decay_b * b) if self.decay_b is not None else 0 * b
        parts = (G.T @ H + self.decays[0] * W, G @ W + self.decays[1] * H, of_bias)
        return np.concatenate([part.ravel() for part in parts])

    def random(self, seed, scale=1.0):
        length = (self.count + len(self.labels)) * self.dimension + self.count
        return scale * np.random.default_rng(seed).standard_normal(length)

    def minimum(self, flat):
        options = {"maxiter": 20000, "maxfun": 40000, "gtol": 1e-11, "ftol": 1e-16, "maxcor": 30}
        return minimize(self.value, flat, jac=self.gradient, method="L-BFGS-B", options=options).x

    def best(self, starts=5):
        found = [self.minimum(self.random(seed)) for seed in range(starts)]
        return min(found, key=self.value)


MODELS = [
    Model((2, 2, 2), 3, cross_entropy, (0.05, 0.02)),
    Model((1, 3, 5), 2, cross_entropy, (0.02, 0.03), decay_b=0.0),
    Model((2, 1, 3), 2, cross_entropy, (0.03, 0.03), decay_b=0.1, class_weights=(1, 3, 0.5)),
    Model((2, 1, 3), 3, squared_error, (0.05, 0.02)),
    Model((2, 4), 2, squared_error, (0.04, 0.02), decay_b=0.2, class_weights=(2, 1)),
]


@pytest.mark.parametrize("model", MODELS)
def test_gradients_are_those_of_the_objective(model):
    flat, step = model.random(3), 1e-6
    moves = step * np.eye(len(flat))
    slopes = [(model.value(flat + move) - model.value(flat - move)) / (2 * step) for move in moves]
    assert model.gradient(flat) == pytest.approx(slopes, abs=1e-8)


# ------------------------------------------------------------------------------------------------ the nuclear norm


def dual_excess(weights, features, dual, factor, size):
    """The signed square of a multiple of <G, Z> over (penalty)^2 times a bound of |G|^2, less 1."""
    value = factor * np.trace(dual.T @ weights @ features.T)
    return np.sign(value) * value**2 / (size**2 * row_sums(dual.T)) - 1 if size * np.abs(dual).max() > 0 else -1


@margin_of("nuclear_norm_penalty")
def below_the_nuclear_norm(weights, features, dual, root_w, root_h):
    size = penalty(weights, features, root_w**2, root_h**2)
    return dual_excess(weights, features, dual, root_w * root_h, size)


@margin_of("nuclear_norm_penalty/arithmetic_mean")
def below_the_arithmetic_mean(weights, features, dual, root_w, root_h):
    size = penalty(weights, features, root_w**2, root_h**2)
    return dual_excess(weights, features, dual, (root_w**2 + root_h**2) / 2, size)


@margin_of("nuclear_norm_penalty/no_feature_penalty")
def below_the_weights(weights, features, dual):
    return dual_excess(weights, features, dual, 1, (weights**2).sum())


@margin_of("nuclear_norm_penalty/frobenius")
def above_the_frobenius_norm(points):
    return nuclear(points @ points.T) ** 2 - np.linalg.norm(points @ points.T) ** 2


@margin_of("nuclear_norm_penalty/equal_grams")
def beside_the_gram_matrix(points, root_w, root_h):
    weights = root_h / root_w * points
    return np.abs(weights.T @ weights - points.T @ points).max()


@pytest.mark.parametrize("decays", [(1, 1), (4, 0.25), (0.1, 3)])
def test_the_least_penalty_of_given_logits(decays):
    """Over all factors W A, H A^(-T)."""
    rng = np.random.default_rng(0)
    W, H = rng.standard_normal((3, 2)), rng.standard_normal((4, 2))

    def value(flat):
        A = flat.reshape(2, 2)
        return penalty(W @ A, H @ np.linalg.inv(A).T, *decays)

    found = min(minimize(value, rng.standard_normal(4), tol=1e-12).fun for _ in range(5))
    assert found == near(sqrt(decays[0] * decays[1]) * nuclear(W @ H.T), 1e-7)


@pytest.mark.parametrize("model", MODELS)
def test_minima_are_balanced_and_other_points_are_not(model):
    W, H, _ = model.parts(model.best(2))
    assert model.decays[0] * W.T @ W == pytest.approx(model.decays[1] * H.T @ H, abs=1e-7)
    assert np.abs(W.T @ W - H.T @ H).max() > 1e-3 or model.decays[0] == model.decays[1]


# ------------------------------------------------------------------------------------------- global critical points


@margin_of("global_critical_points")
def below_another_point(weights, features, other_weights, other_features, targets, decay_w, decay_h):
    Z, count = features @ weights.T, len(features)
    slopes = (Z - targets) / count
    of_weights, of_features = slopes.T @ features + decay_w * weights, slopes @ weights + decay_h * features
    here = squared_error(Z, targets).mean() + penalty(weights, features, decay_w, decay_h)
    size = penalty(other_weights, other_features, decay_w, decay_h)
    there = squared_error(other_features @ other_weights.T, targets).mean() + size
    critical = ((of_weights * weights).sum() + (of_features * features).sum()) / 2
    ratio = row_sums(slopes) / (decay_w * decay_h)
    return (here - critical - max(0, ratio - 1) / 2 * size - there) / (1 + there)


@margin_of(
    "global_critical_points/arithmetic_mean",
    "global_critical_points/column_norms",
    "global_critical_points/every_critical_point",
)
def below_the_origin(weights, features, targets, decay_w, decay_h):
    origin = squared_error(0 * targets, targets).mean()
    found = squared_error(features @ weights.T, targets).mean() + penalty(weights, features, decay_w, decay_h)
    return (origin - found) / (1 + origin)


@margin_of("global_critical_points/necessary", "benign_landscape/squared_error_without_bias")
def norm_of_the_gradient(size):
    W = np.array([[size], [0.0]])
    G = (W @ W.T - np.eye(2)) / 2
    return np.linalg.norm(G, 2) ** 2 - ((1 - size**2) / 2) ** 2


def test_assumptions_on_the_gradient_at_the_origin():
    targets = ((2, 0), (0, 1))
    inputs = {"targets": targets, "decay_w": 1, "num_classes": 2, "num_samples": 2}
    of_mean, of_columns = (
        CLAIMS[f"global_critical_points/{name}"].assumptions[0] for name in ("arithmetic_mean", "column_norms")
    )
    assert [of_mean.exactly({**inputs, "decay_h": h}) for h in (Fraction(9, 10), 1)] == [False, True]
    assert [of_columns.exactly({**inputs, "decay_h": h}) for h in (Fraction(9, 10), 1)] == [False, True]


@pytest.mark.parametrize("model", MODELS)
def test_at_the_minimum_the_gradient_has_the_norm_lambda(model):
    W, H, b = model.parts(model.best(3))
    norm = np.linalg.norm(model.slopes(H @ W.T + b), 2)
    assert norm == near(sqrt(model.decays[0] * model.decays[1]), 1e-5)


# --------------------------------------------------------------------------------------------------------- escapes


def curvature(W, H, u, v, factor, slopes, decay_w, decay_h, axis=None):
    """The second derivative along (factor u a^T, -v a^T / factor) where the loss has the identity as Hessian / N."""
    a = np.eye(W.shape[1] + 1)[-1] if axis is None else np.append(axis, 0)
    W, H = (np.column_stack([X, np.zeros(len(X))]) for X in (W, H))
    dW, dH = factor * np.outer(u, a), -np.outer(v, a) / factor
    first = H @ dW.T + dH @ W.T
    quadratic = (first**2).sum() / len(H) + 2 * (slopes * (dH @ dW.T)).sum()
    return quadratic + decay_w * (dW**2).sum() + decay_h * (dH**2).sum()


@margin_of("escape_curvature", "benign_landscape")
def nothing():
    """What identities are off by."""
    return 0.0


def of_the_origin(targets, left, right, factor, decay_w, decay_h):
    zeros = np.zeros((len(left), 1)), np.zeros((len(right), 1))
    return curvature(*zeros, left, right, factor, -targets / len(targets), decay_w, decay_h)


@margin_of("escape_curvature/unscaled")
def of_the_unscaled_pair(targets, left, right, decay, factor):
    decays = decay / factor**2, decay * factor**2
    scale = 1 + decays[0] * left @ left + decays[1] * right @ right
    return of_the_origin(targets, left, right, 1, *decays) / scale


@margin_of("escape_curvature/same_sign")
def of_the_same_sign(targets, left, right, decay):
    return of_the_origin(targets, left, -right, 2.5, decay / 2.5**2, decay * 2.5**2)


@margin_of("escape_curvature/any_axis")
def along_the_first_axis(weights, features, targets, left, right, decay, factor, dimension):
    slopes, decays = (features @ weights.T - targets) / len(targets), (decay / factor**2, decay * factor**2)
    axis = np.eye(dimension)[0]
    both = [curvature(weights, features, left, right, factor, slopes, *decays, axis=a) for a in (axis, None)]
    steps = [
        (weights + t * factor * np.outer(left, axis), features - t / factor * np.outer(right, axis))
        for t in range(-2, 3)
    ]
    return abs(both[0] - both[1]) / (1 + sum(squared_error(H @ W.T, targets).mean() for W, H in steps))


@margin_of("escape_curvature/half")
def half_of_the_curvature(targets, left, right, decay):
    found = of_the_origin(targets, left, right, 1, decay, decay)
    gain = abs(left @ targets.T @ right) / len(targets)
    return abs(found / 2) / (1 + decay * (left @ left + right @ right) + gain)


def test_a_direction_goes_down_only_with_the_norm_above_lambda():
    (assumption,) = CLAIMS["escape_curvature/unscaled"].assumptions
    inputs = {"left": (1,), "right": (1,), "decay": 1, "num_samples": 1}
    assert [assumption.exactly({**inputs, "targets": ((t,),)}) for t in (-2, -1, 2)] == [True, False, False]
    assert not assumption.exactly({**inputs, "targets": ((-9,),), "right": (2,)})


@pytest.mark.parametrize("loss", [cross_entropy, squared_error])
def test_the_curvature_of_any_smooth_loss_at_a_saddle(loss):
    """A minimum in fewer dimensions is a saddle in one more: there -2 (sigma - lambda) is measured."""
    small = Model((2, 2, 2, 2), 1, loss, (0.004, 0.02))
    W, H, b = small.parts(small.best(3))
    u, s, vt = np.linalg.svd(small.slopes(H @ W.T + b).T)
    lam, rho = sqrt(0.004 * 0.02), (0.02 / 0.004) ** 0.25
    assert s[0] > 1.5 * lam

    def value(t):
        weights, features = (np.column_stack(pair) for pair in ((W, t * rho * u[:, 0]), (H, -t / rho * vt[0])))
        return loss(features @ weights.T + b, small.targets).mean() + penalty(weights, features, *small.decays)

    step = 1e-3
    measured = (-value(2 * step) + 16 * value(step) - 30 * value(0) + 16 * value(-step) - value(-2 * step)) / 12
    assert measured / step**2 == near(-2 * (s[0] - lam), 1e-6)


# ------------------------------------------------------------------------------------------------ benign landscapes


@margin_of("benign_landscape/one_dimension_less")
def norm_on_the_line(size):
    points = size * np.array([[1.0], [-1], [0]])
    G = (points @ points.T - projection(3)) / 3
    return np.linalg.norm(G, 2) ** 2 - ((1 - 2 * size**2) / 3) ** 2


@margin_of("benign_landscape/sum_of_weights")
def norm_of_the_sum(size):
    return np.linalg.norm(size * np.eye(2) @ np.ones(2)) ** 2


@margin_of("benign_landscape/no_saddles")
def below_a_saddle(weights, features, decay_w, decay_h):
    losses = [squared_error(Z + 0.5, np.eye(2)).mean() for Z in (0 * features @ weights.T, features @ weights.T)]
    return losses[0] - losses[1] - penalty(weights, features, decay_w, decay_h)


@pytest.mark.parametrize("name", ["one_dimension_less", "squared_error_without_bias"])
def test_critical_points_on_a_line(name):
    (assumption,) = CLAIMS[f"benign_landscape/{name}"].assumptions
    assert assumption.exactly({"size": Fraction(1, 2)}) is True
    assert assumption.exactly({"size": 0}) is False


def test_the_identity_of_the_landscape_with_determinants_and_inverses():
    rng = np.random.default_rng(5)
    for _ in range(20):
        W, H, G = rng.standard_normal((3, 2)), rng.standard_normal((4, 2)), projection(3) @ rng.standard_normal((3, 4))
        decay_w, decay_h = rng.uniform(0.1, 2, 2)
        R = G @ (decay_h * H + G.T @ W) - decay_h * projection(3) @ (decay_w * W + G @ H)
        M = np.column_stack([W, np.ones(3)])
        left = G @ G.T - decay_w * decay_h * projection(3)
        assert left == pytest.approx(np.column_stack([R, np.zeros(3)]) @ np.linalg.inv(M), abs=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_every_run_ends_at_the_same_value_where_the_landscape_is_benign(model):
    values = [model.value(model.minimum(model.random(seed, scale))) for seed in range(4) for scale in (0.3, 2)]
    assert np.array(values) == near(min(values), 1e-7)


# -------------------------------------------------------------------------------------------- collapse within classes


def growth(weights, features, labels, loss, targets=None):
    """Of the mean loss, by class means."""
    targets = one_hot(labels, len(weights)) if targets is None else targets
    losses = [loss(x @ weights.T, targets).mean() for x in (features, class_means(features, labels))]
    return losses[1] - losses[0]


@margin_of("within_class_collapse")
def of_convex_losses(weights, features, labels, decay):
    both = max(growth(weights, features, labels, loss) for loss in (hinge, squared_error))
    targets = one_hot(labels, len(weights))
    sums = sum(loss(features @ weights.T, targets).sum() for loss in (hinge, squared_error))
    return both / (1 + sums + decay * (features**2).sum())


@margin_of("within_class_collapse/exactly_the_scatter")
def of_squared_error(weights, features, labels):
    return (((features - class_means(features, labels)) @ weights.T) ** 2).sum() / (2 * len(labels))


@margin_of("within_class_collapse/any_loss")
def of_ramps(weights, features, labels):
    return growth(weights, features, labels, ramp)


@margin_of("within_class_collapse/own_targets")
def of_own_targets(weights, features, labels, targets):
    before = squared_error(features @ weights.T, targets).mean()
    return growth(weights, features, labels, squared_error, targets) / (1 + before)


@margin_of("within_class_collapse/no_penalty")
def scatter(features, labels):
    return ((features - class_means(features, labels)) ** 2).sum()


@pytest.mark.parametrize("model", MODELS)
def test_minima_have_no_variation_within_classes(model):
    _, H, _ = model.parts(model.best(2))
    assert scatter(H, model.labels) < 1e-9 * (H**2).sum()


@pytest.mark.parametrize("model", MODELS)
def test_class_means_lower_the_objective_by_the_scatter(model):
    for seed in range(5):
        flat = model.random(seed)
        W, H, _ = model.parts(flat)
        averaged = np.concatenate([W.ravel(), class_means(H, model.labels).ravel(), flat[-model.count :]])
        fall = model.value(flat) - model.value(averaged)
        assert fall >= model.decays[1] / 2 * scatter(H, model.labels) > 0.01


# ----------------------------------------------------------------------------------------------------- lower bounds


@margin_of("dual_bound")
def below_both_losses(weights, features, bias, labels, scores, class_weights, decays):
    targets, w = one_hot(labels, len(weights)), class_weights[labels]
    pulls = scores / scores.sum(axis=1, keepdims=True) - targets
    columns = w[:, None] * pulls / len(labels)
    theta = min(1, 2 / (1 + row_sums(columns) / (decays[0] * decays[1])))
    q, r, Z = targets + theta * pulls, theta * pulls, features @ weights.T + bias
    bounds = (w * entr(q).sum(axis=1)).mean(), -(w * ((r**2).sum(axis=1) / 2 + (r * targets).sum(axis=1))).mean()
    rest = np.linalg.norm(theta * columns.sum(axis=0)) ** 2 / (2 * decays[2])
    rest += penalty(weights, features, decays[0], decays[1]) + decays[2] / 2 * bias @ bias
    losses = [(w * loss(Z, targets)).mean() for loss in (cross_entropy, squared_error)]
    return max(bound - loss - rest for bound, loss in zip(bounds, losses, strict=True)) / (1 + class_weights.max())


@margin_of("dual_bound/not_shrunk", "dual_bound/arithmetic_mean", "dual_bound/column_norms")
def conjugate_above(weights, features, targets, residuals, decay_w, decay_h):
    """-|r|^2 / 2 - <r, t> = (|t|^2 - |t + r|^2) / 2."""
    value = squared_error(features @ weights.T, targets).mean() + penalty(weights, features, decay_w, decay_h)
    bound = ((targets**2).sum() - ((targets + residuals) ** 2).sum()) / (2 * len(targets))
    return (bound - value) / (1 + value)


@margin_of("dual_bound/penalized_bias_is_free")
def conjugate_above_the_bias(bias, targets, residuals, decay_b):
    bound = ((targets**2).sum() - ((targets + residuals) ** 2).sum()) / (2 * len(targets))
    return bound - squared_error(0 * targets + bias, targets).mean() - decay_b / 2 * bias @ bias


def test_assumptions_on_dual_points():
    inputs = {"residuals": ((2, 0), (0, 1)), "decay_w": 1, "num_classes": 2, "num_samples": 2}
    of_mean, of_columns = (CLAIMS[f"dual_bound/{name}"].assumptions[0] for name in ("arithmetic_mean", "column_norms"))
    assert [of_mean.exactly({**inputs, "decay_h": h}) for h in (Fraction(9, 10), 1)] == [False, True]
    assert [of_columns.exactly({**inputs, "decay_h": h}) for h in (Fraction(9, 10), 1)] == [False, True]


def lower_bound(model, flat):
    """The bound of the statement, with the spectral norm, from any point."""
    W, H, b = model.parts(flat)
    Z, w, t = H @ W.T + b, model.weights[model.labels], model.targets
    slopes = model.slopes(Z)
    theta = min(1, sqrt(model.decays[0] * model.decays[1]) / np.linalg.norm(slopes, 2))
    if model.loss is cross_entropy:
        bound = (w * entr(t + theta * (softmax(Z, axis=1) - t)).sum(axis=1)).mean()
    else:
        r = theta * (Z - t)
        bound = -(w * ((r**2).sum(axis=1) / 2 + (r * t).sum(axis=1))).mean()
    if model.decay_b:
        bound -= theta**2 * np.linalg.norm(slopes.sum(axis=0)) ** 2 / (2 * model.decay_b)
    return bound


@pytest.mark.parametrize("model", MODELS)
def test_the_bound_is_the_minimum_there_and_below_it_elsewhere(model):
    best = model.best(3)
    assert lower_bound(model, best) == near(model.value(best), 1e-6)
    if model.decay_b == 0:  # a free bias has to be the best one
        return
    for seed in range(30):
        assert lower_bound(model, model.random(seed, 0.5)) <= model.value(best) * (1 + 1e-9)


# ------------------------------------------------------------------------------------------------- equivariant losses


def symmetrized(Z):
    """The mean of Q Z Q^T over all permutations."""
    orders = list(permutations(range(len(Z))))
    return sum(Z[np.ix_(order, order)] for order in orders) / len(orders)


@margin_of("equivariant_loss")
def below_the_mean_of_permutations(weights, means, root_w, root_h, class_root):
    Z, eye = means @ weights.T, np.eye(len(means))
    both = max((loss(symmetrized(Z), eye) - loss(Z, eye)).mean() for loss in (squared_error, hinge))
    size = penalty(weights, class_root * means, root_w**2, root_h**2)
    least = root_w * root_h * class_root * nuclear(symmetrized(Z))
    return (both + least - size) / (1 + squared_error(Z, eye).sum() + size)


def nuclear_parts(weights, means):
    """(K - 1) |alpha| and |beta|."""
    Z = symmetrized(means @ weights.T)
    values = np.linalg.eigvalsh(Z)
    beta = Z.sum() / len(Z)
    return np.abs(values).sum() - abs(beta), abs(beta)


@margin_of("equivariant_loss/n_for_its_root")
def below_n_times(weights, means, root_w, root_h, class_root):
    size = penalty(weights, class_root * means, root_w**2, root_h**2)
    return (class_root**2 * root_w * root_h * sum(nuclear_parts(weights, means)) - size) / (1 + size)


@margin_of("equivariant_loss/k_for_k_minus_1")
def below_k_times(weights, means, root_w, root_h, class_root):
    size, (alpha, beta), count = (
        penalty(weights, class_root * means, root_w**2, root_h**2),
        nuclear_parts(weights, means),
        len(means),
    )
    return (class_root * root_w * root_h * (count / (count - 1) * alpha + beta) - size) / (1 + size)


@margin_of("equivariant_loss/class_weights")
def growth_with_weights(weights, means, class_weights):
    Z, eye = means @ weights.T, np.eye(len(means))
    return 2 * class_weights @ (squared_error(symmetrized(Z), eye) - squared_error(Z, eye))


@margin_of("equivariant_loss/not_convex")
def growth_of_ramps(weights, means):
    Z, eye = means @ weights.T, np.eye(len(means))
    return (ramp(symmetrized(Z), eye) - ramp(Z, eye)).sum()


def test_the_two_scalars_of_cross_entropy():
    model = Model((2, 2, 2), 3, cross_entropy, (0.03, 0.02))
    W, H, _ = model.parts(model.best(2))
    Z = H[::2] @ W.T
    assert symmetrized(Z) == pytest.approx(Z, abs=1e-5)

    def value(scalars):
        logits = scalars[0] * projection(3) + scalars[1] / 3
        least = sqrt(2 * 0.03 * 0.02) * (2 * abs(scalars[0]) + abs(scalars[1]))
        return cross_entropy(logits, np.eye(3)).mean() + least

    found = minimize(value, (1, 0.1), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14}).fun
    assert model.value(model.best(2)) == near(found, 1e-7)


# --------------------------------------------------------------------------------------- closed forms, squared error


def shrunk(values, weights, decay):
    """The least value of sum weights (values - s)^2 / 2 + decay s over s >= 0."""
    s = np.maximum(0, np.asarray(values) - decay / np.asarray(weights))
    return (weights * (values - s) ** 2 / 2 + decay * s).sum()


def balanced_value(count, modes, total, constant):
    """`modes` of `total` modes shrunk, the others 0."""
    return (shrunk(np.ones(modes), np.ones(modes), constant) + (total - modes) / 2) / count


def at_means(weights, means, bias, root_w, root_h, class_root, decay_b=0):
    counts = np.full(len(means), class_root**2)
    return of_means(weights, means, bias, counts, root_w**2, root_h**2, decay_b)


@margin_of("orthogonal_frame_optimum")
def above_the_frame(weights, means, root_w, root_h, class_root, dimension):
    count = len(means)
    least = balanced_value(count, min(count, dimension), count, count * class_root * root_w * root_h)
    return least / at_means(weights, means, 0, root_w, root_h, class_root) - 1


@margin_of("orthogonal_frame_optimum/n_for_its_root")
def above_the_frame_with_n(weights, means, root_w, root_h, class_root, dimension):
    count = len(means)
    least = balanced_value(count, min(count, dimension), count, count * class_root**2 * root_w * root_h)
    return least / at_means(weights, means, 0, root_w, root_h, class_root) - 1


@margin_of("orthogonal_frame_optimum/simplex")
def above_the_simplex(weights, means, root_w, root_h, class_root):
    count = len(means)
    least = balanced_value(count, count - 1, count, count * class_root * root_w * root_h)
    return least / at_means(weights, means, 0, root_w, root_h, class_root) - 1


def frame(count, size, class_root, root_w, root_h):
    """Weights and class means of the frame with logits x I."""
    weights = sqrt(class_root * root_h / root_w * size) * np.eye(count)
    return weights, sqrt(root_w / (class_root * root_h) * size) * np.eye(count)


@margin_of("orthogonal_frame_optimum/without_n")
def above_the_wrong_value(root_w, root_h, num_classes, class_root):
    constant = num_classes * root_w * root_h
    size = max(0, 1 - constant)
    found = at_means(*frame(num_classes, size, class_root, root_w, root_h), 0, root_w, root_h, class_root)
    return found - balanced_value(num_classes, num_classes, num_classes, constant)


@margin_of("orthogonal_frame_optimum/ratio_per_class")
def beside_the_ratio(root_w, root_h, num_classes, class_root):
    size = max(0, 1 - num_classes * class_root * root_w * root_h)
    W, M = frame(num_classes, size, class_root, root_w, root_h)
    return abs((root_w * W[0, 0]) ** 2 - (root_h * M[0, 0]) ** 2)


@margin_of("orthogonal_frame_optimum/simplex_in_one_dimension_less")
def beside_the_simplex(directions, size):
    v = directions[0]
    return np.linalg.norm(size * (np.eye(len(v)) - np.outer(v, v) - projection(len(v)))) ** 2


def test_other_projections_are_optimal_for_few_dimensions():
    (assumption,) = CLAIMS["orthogonal_frame_optimum/simplex_in_one_dimension_less"].assumptions
    v, size, count = np.array([3, 4, 0]) / 5, 0.4, 3
    columns = np.array([[4, 0], [-3, 0], [0, 5]]) * sqrt(size) / 5
    decay = sqrt((1 - size) / count)
    found = at_means(columns, columns, 0, decay, decay, 1)
    assert found == near(balanced_value(3, 2, 3, 1 - size))
    assert columns @ columns.T == pytest.approx(size * (np.eye(3) - np.outer(v, v)))
    exact = {"size": Fraction(2, 5), "num_classes": 3}
    assert assumption.exactly({**exact, "directions": ((Fraction(3, 5), Fraction(4, 5), 0),)}) is True
    assert assumption.exactly({**exact, "directions": ((1, 1, 0),)}) is False


@margin_of("simplex_optimum_free_bias")
def above_the_simplex_with_bias(weights, means, bias, root_w, root_h, class_root, dimension):
    count = len(means)
    least = balanced_value(count, min(count - 1, dimension), count - 1, count * class_root * root_w * root_h)
    return least / at_means(weights, means, bias, root_w, root_h, class_root) - 1


@margin_of("simplex_optimum_free_bias/needs_k_dimensions")
def with_one_dimension_less(weights, means, bias, root_w, root_h, class_root, dimension):
    count = len(means)
    least = balanced_value(count, min(count - 1, dimension - 1), count - 1, count * class_root * root_w * root_h)
    return least / at_means(weights, means, bias, root_w, root_h, class_root) - 1


@margin_of("simplex_optimum_free_bias/bias_is_irrelevant")
def with_all_modes(weights, means, bias, root_w, root_h, class_root):
    count = len(means)
    least = balanced_value(count, count, count, count * class_root * root_w * root_h)
    return least / at_means(weights, means, bias, root_w, root_h, class_root) - 1


@margin_of("simplex_optimum_free_bias/n_for_its_root")
def with_n(weights, means, bias, root_w, root_h, class_root, dimension):
    count = len(means)
    least = balanced_value(count, min(count - 1, dimension), count - 1, count * class_root**2 * root_w * root_h)
    return least / at_means(weights, means, bias, root_w, root_h, class_root) - 1


def penalized_value(count, constant, kappa):
    return (shrunk(np.ones(count), np.append(np.ones(count - 1), kappa), constant)) / count


@margin_of("penalized_bias")
def above_the_penalized(weights, means, bias, root_w, root_h, decay_b, class_root):
    count = len(means)
    least = penalized_value(count, count * class_root * root_w * root_h, decay_b / (1 + decay_b))
    return least / at_means(weights, means, bias, root_w, root_h, class_root, decay_b) - 1


@margin_of("penalized_bias/decay_for_kappa")
def above_without_kappa(weights, means, bias, root_w, root_h, decay_b, class_root):
    count = len(means)
    least = penalized_value(count, count * class_root * root_w * root_h, decay_b)
    return least / at_means(weights, means, bias, root_w, root_h, class_root, decay_b) - 1


@margin_of("penalized_bias/frame")
def above_the_best_frame(weights, means, bias, root_w, root_h, decay_b, class_root):
    count = len(means)
    total = count - 1 + decay_b / (1 + decay_b)
    least = shrunk(np.ones(1), np.array([total]), count * count * class_root * root_w * root_h) / count
    return least / at_means(weights, means, bias, root_w, root_h, class_root, decay_b) - 1


@margin_of("penalized_bias/only_without_penalty", "penalized_bias/threshold_c")
def slope_of_the_mean(root_w, root_h, decay_b, num_classes, class_root):
    constant = num_classes * class_root * root_w * root_h
    return (constant - decay_b / (1 + decay_b)) / (1 + constant)


def test_the_assumption_on_the_threshold():
    (assumption,) = CLAIMS["penalized_bias/threshold_c"].assumptions
    inputs = {"root_w": 1, "root_h": Fraction(1, 2), "num_classes": 2, "class_root": 3}
    assert [assumption.exactly({**inputs, "decay_b": x}) for x in (2, 3, 4)] == [False, False, True]


@margin_of("mse_class_sizes")
def above_all_classes(weights, means, class_roots, class_weights, root_w, root_h):
    counts = class_roots**2
    total = counts.sum()
    least = shrunk(np.ones(len(counts)), counts * class_weights / total, root_w * root_h * class_roots)
    losses = class_weights * squared_error(means @ weights.T, np.eye(len(counts)))
    return least / (np.average(losses, weights=counts) + penalty(weights, means, root_w**2, root_h**2, counts)) - 1


def of_diagonal(class_roots, logits, decay, class_weights=1.0):
    """F at diagonal logits."""
    counts = np.array(class_roots, dtype=float) ** 2
    losses = class_weights * squared_error(np.diag(logits), np.eye(len(counts)))
    return np.average(losses, weights=counts) + decay * nuclear(np.diag(logits) * class_roots)


@margin_of("mse_class_sizes/n_for_its_square")
def slope_at_zero(class_roots, root_w, root_h):
    """F is quadratic for logits of at least 0."""
    largest = np.eye(len(class_roots))[np.argmax(class_roots)]
    values = [of_diagonal(class_roots, t * largest, root_w * root_h) for t in (0, 1, 2)]
    return (4 * values[1] - values[2] - 3 * values[0]) / 2


@margin_of("mse_class_sizes/inverse_frequency")
def below_the_best_equal(class_roots, logits, root_w, root_h):
    counts = class_roots**2.0
    weights = counts.sum() / (len(counts) * counts)
    equal = shrunk(np.ones(1), np.ones(1), root_w * root_h * class_roots.sum())
    return equal - of_diagonal(class_roots, logits, root_w * root_h, weights)


@margin_of("mse_class_sizes/oversampling")
def beside_more_samples(class_roots, root_w, root_h):
    """The logit z of class 0 has the least (W / 2T) (1 - z)^2 + lambda sqrt(n) z, W the weight of all its samples."""
    n = class_roots[0] ** 2
    total = (class_roots**2).sum() + 3 * n
    found = [max(0, 1 - root_w * root_h * sqrt(m) / (4 * n / total)) for m in (n, 4 * n)]
    return abs(found[0] - found[1])


@margin_of("mse_class_sizes/balanced_is_best")
def below_the_mean_size(class_roots, logits, root_w, root_h):
    total, count = (class_roots**2).sum(), len(class_roots)
    constant = count * sqrt(total / count) * root_w * root_h
    return min(1, constant**2) / 2 - of_diagonal(class_roots, logits, root_w * root_h)


def test_the_assumption_on_class_sizes():
    (assumption,) = CLAIMS["mse_class_sizes/n_for_its_square"].assumptions
    inputs = {"class_roots": (2, 1), "root_w": 1}
    assert [assumption.exactly({**inputs, "root_h": Fraction(x, 10)}) for x in (8, 9)] == [True, False]


def modes(counts):
    """The singular values of the centered labels."""
    Y = one_hot(np.repeat(np.arange(len(counts)), counts), len(counts)).T
    return np.linalg.svd(Y - Y.mean(axis=1, keepdims=True), compute_uv=False)


def roots_of_modes(counts):
    """The same from diag(n) - n n^T / N, for sizes of any magnitude; the smallest eigenvalue is 0."""
    counts = np.asarray(counts, dtype=float)
    return np.sqrt(np.linalg.eigvalsh(np.diag(counts) - np.outer(counts, counts) / counts.sum())[1:])


@margin_of("mse_free_bias_sizes")
def above_the_modes(weights, means, bias, class_sizes, decay_w, decay_h, first, second):
    counts = np.repeat(class_sizes, (first, second))
    total, values = counts.sum(), roots_of_modes(counts)
    least = shrunk(values, np.full(len(values), 1 / total), sqrt(decay_w * decay_h))
    return least / of_means(weights, means, bias, counts, decay_w, decay_h) - 1


def of_two(least, weights, means, bias, class_sizes, decay_w, decay_h):
    """A bound, times twice N, over F, less 1."""
    total = class_sizes.sum()
    return least / (2 * total) / of_means(weights, means, bias, class_sizes, decay_w, decay_h) - 1


@margin_of("mse_free_bias_sizes/mean_size")
def above_the_mean_size(weights, means, bias, class_sizes, decay_w, decay_h):
    total = class_sizes.sum()
    least = min(class_sizes.mean(), total**2 * decay_w * decay_h)
    return of_two(least, weights, means, bias, class_sizes, decay_w, decay_h)


@margin_of("mse_free_bias_sizes/bias_is_irrelevant")
def above_the_classes(weights, means, bias, class_sizes, decay_w, decay_h):
    least = np.minimum(class_sizes, class_sizes.sum() ** 2 * decay_w * decay_h).sum()
    return of_two(least, weights, means, bias, class_sizes, decay_w, decay_h)


@margin_of("mse_free_bias_sizes/equal_bias")
def loss_of_the_equal_bias(weights, bias, size, class_sizes):
    means = size * np.array([[class_sizes[1]], [-class_sizes[0]]])
    both = [2 * of_means(weights[:, None], means, b, class_sizes, 0, 0) for b in (bias, np.full(2, 0.5))]
    return (both[1] - both[0]) / (1 + both[1])


@margin_of("mse_free_bias_sizes/plain_mean")
def sum_of_means(class_sizes):
    """The right singular vector of the centered labels at both classes, by its projection on them."""
    Y, share = np.eye(2), class_sizes / class_sizes.sum()
    means = (Y - share[:, None]).T @ np.array([1, -1])
    return (means[0] + means[1]) ** 2 / (means[0] - means[1]) ** 2


@pytest.mark.parametrize("counts", [(1, 1, 4, 4), (2, 5), (3, 3, 3), (1, 1, 1, 6)])
def test_modes_of_two_sizes(counts):
    first, count = counts.count(counts[0]), len(counts)
    sizes, total = (counts[0], counts[-1]), sum(counts)
    second = count - first
    expected = (
        [sizes[0]] * (first - 1) + [sizes[1]] * (second - 1) + [sizes[0] * sizes[1] * count / total] * (second > 0)
    )
    assert modes(counts)[: count - 1] ** 2 == near(sorted(expected, reverse=True))
    assert roots_of_modes(counts) ** 2 == near(sorted(expected))


SQUARED = [
    ((2, 2, 2), 3, (0.05, 0.02), None, None),
    ((2, 2, 2), 2, (0.05, 0.02), None, None),
    ((2, 2, 2), 1, (0.05, 0.02), None, None),
    ((3, 3), 2, (0.5, 0.9), None, None),
    ((1, 4, 6), 3, (0.01, 0.02), None, None),
    ((1, 4, 6), 2, (0.01, 0.02), None, None),
    ((1, 4, 6), 4, (0.01, 0.01), None, (4, 1, 0.5)),
    ((2, 2, 2), 2, (0.05, 0.02), 0.0, None),
    ((2, 2, 2, 2), 2, (0.02, 0.02), 0.0, None),
    ((1, 5), 1, (0.02, 0.04), 0.0, None),
    ((1, 1, 5, 5), 3, (0.01, 0.02), 0.0, None),
    ((2, 3, 6), 2, (0.01, 0.02), 0.0, None),
    ((2, 2, 2), 3, (0.05, 0.02), 3.0, None),
    ((2, 2, 2), 2, (0.05, 0.02), 0.1, None),
]


def predicted(sizes, dimension, decays, decay_b, class_weights):
    """The least value by the statements."""
    counts, total, decay = np.array(sizes, dtype=float), sum(sizes), sqrt(decays[0] * decays[1])
    if decay_b:
        return penalized_value(len(sizes), len(sizes) * sqrt(sizes[0]) * decay, decay_b / (1 + decay_b))
    weights = np.ones(len(sizes)) if class_weights is None else np.array(class_weights)
    values = np.sort(np.sqrt(counts) * weights if decay_b is None else roots_of_modes(sizes))[::-1]
    if class_weights is not None:
        return shrunk(np.ones(len(sizes)), counts * weights / total, decay * np.sqrt(counts))
    kept = shrunk(values[:dimension], np.full(len(values[:dimension]), 1 / total), decay)
    return kept + (values[dimension:] ** 2).sum() / (2 * total)


@pytest.mark.parametrize(("sizes", "dimension", "decays", "decay_b", "class_weights"), SQUARED)
def test_closed_forms_of_squared_error_against_optimization(sizes, dimension, decays, decay_b, class_weights):
    model = Model(sizes, dimension, squared_error, decays, decay_b, class_weights)
    found = model.best()
    assert model.value(found) == near(predicted(sizes, dimension, decays, decay_b, class_weights), 1e-7)
    _, _, b = model.parts(found)
    if decay_b == 0:
        assert b + model.parts(found)[0] @ model.parts(found)[1].mean(axis=0) == near(
            np.array(sizes) / sum(sizes), 1e-5
        )


def test_weights_means_and_bias_at_the_optima():
    W, H, _ = (model := Model((4, 4, 4), 3, squared_error, (0.02, 0.03))).parts(model.best(3))
    size = 1 - 3 * 2 * sqrt(0.02 * 0.03)
    assert pytest.approx(2 * sqrt(0.03 / 0.02) * size * np.eye(3), abs=1e-5) == W @ W.T
    assert pytest.approx(2 * sqrt(0.03 / 0.02) * H[::4], abs=1e-5) == W
    W, _, b = (model := Model((4, 4, 4), 2, squared_error, (0.02, 0.03), 0.0)).parts(model.best(3))
    assert pytest.approx(2 * sqrt(0.03 / 0.02) * size * projection(3), abs=1e-5) == W @ W.T
    assert b == pytest.approx(1 / 3, abs=1e-5)
    W, H, _ = (model := Model((1, 9), 2, squared_error, (0.02, 0.01))).parts(model.best(3))
    x = np.maximum(0, 1 - 10 * sqrt(0.0002) / np.array([1, 3]))
    assert (W**2).sum(axis=1) == pytest.approx(sqrt(0.5) * np.array([1, 3]) * x, abs=1e-5)
    assert (H[[0, 1]] ** 2).sum(axis=1) == pytest.approx(sqrt(2) * x / [1, 3], abs=1e-5)


@pytest.mark.parametrize(("decay", "vanishes"), [(0.19, False), (0.21, True)])
def test_a_small_class_vanishes_at_its_threshold(decay, vanishes):
    """N lambda = 5 lambda against sqrt(n) = 1."""
    model = Model((1, 4), 2, squared_error, (decay, decay))
    W, _, _ = model.parts(model.best(3))
    assert (np.linalg.norm(W[0]) < 1e-3) == vanishes


@pytest.mark.parametrize(("decay_b", "simplex"), [(0.95, True), (1.05, False)])
def test_the_simplex_stays_up_to_the_threshold_of_the_penalty(decay_b, simplex):
    """c = 1/2, so that c / (1 - c) = 1."""
    model = Model((1, 1), 2, squared_error, (0.25, 0.25), decay_b)
    W, H, b = model.parts(model.best(3))
    y = max(0, 1 - (1 + decay_b) / (2 * decay_b))
    assert ((H @ W.T).sum() / 2 < 1e-5) == simplex
    assert (H @ W.T).sum() / 2 == pytest.approx(y, abs=1e-5)
    assert b == pytest.approx((1 - y) / (2 * (1 + decay_b)), abs=1e-5)


# ------------------------------------------------------------------------------------------------ least-squares heads


def ridge(features, targets, decay, bias=True):
    """The minimum by the normal equations, with a column of ones for the bias."""
    count = len(features)
    X = np.column_stack([features, np.ones(count)]) if bias else features
    penalties = decay * np.diag([1.0] * features.shape[1] + [0.0] * bias)
    return np.linalg.solve(X.T @ X / count + penalties, X.T @ targets / count)


@margin_of("least_squares_head")
def off_the_head(features, labels, decay, num_classes, weights, bias):
    """0 where the head of the statement is the solution of the normal equations."""
    targets, center = one_hot(labels, num_classes), features.mean(axis=0)
    S = (features - center).T @ (features - center) / len(features)
    shares = targets.mean(axis=0)
    M = np.array([features[labels == c].mean(axis=0) for c in range(num_classes)])
    W = np.diag(shares) @ (M - center) @ np.linalg.inv(S + decay * np.eye(2))
    return np.abs(ridge(features, targets, decay) - np.vstack([W.T, shares - W @ center])).max()


@margin_of("least_squares_head/rows_from_new_data")
def beside_the_joint_row(old, new, decay):
    targets = np.append(np.zeros(len(old)), np.ones(len(new)))
    joint = ridge(np.append(old, new)[:, None], targets, decay, bias=False)
    alone = ridge(new[:, None], np.ones(len(new)), decay * len(targets) / len(new), bias=False)
    return abs(joint[0] - alone[0])


@margin_of("least_squares_head/ridge_without_n")
def above_with_the_wrong_ridge(old, weight, decay):
    wrong = ridge(old[:, None], np.ones(len(old)), decay / len(old), bias=False)[0]
    values = [np.mean((v * old - 1) ** 2) + decay * v**2 for v in (weight, wrong)]
    return (values[1] - values[0]) / (1 + values[1])


@margin_of("least_squares_head/bias_is_share")
def above_with_the_share(features, bias, weight):
    """By the mean of the residuals."""
    residuals = weight * features - [1, 0]
    values = [2 * np.var(residuals) + 2 * (residuals.mean() + b) ** 2 for b in (bias, 0.5)]
    return (values[1] - values[0]) / (1 + values[1])


@margin_of("least_squares_head/always_parallel")
def angle_to_the_means(points, decay):
    moved = points - points.mean(axis=0)
    S = moved.T @ moved / 3 + decay * np.eye(2)
    head = moved @ np.linalg.inv(S) * np.linalg.det(S)
    norms = (head**2).sum() * (moved**2).sum()
    return (norms - (head * moved).sum() ** 2) / (1 + norms)


def test_the_head_of_a_simplex_is_parallel_to_it():
    M = sqrt(2.5 * 3 / 4) * np.array(simplex_etf(4, 3))
    features, labels = np.repeat(M + np.array([1, 2, 3]), 2, axis=0), np.repeat(range(4), 2)
    head = ridge(features, one_hot(labels, 4), 0.3)[:3].T
    assert head == pytest.approx(M / (2.5 + 4 * 0.3), abs=1e-7)


def test_without_a_ridge_the_logits_are_labels():
    rng = np.random.default_rng(3)
    features = np.repeat(rng.standard_normal((4, 5)), 2, axis=0)
    targets = one_hot(np.repeat(range(4), 2), 4)
    head = ridge(features, targets, 1e-10)
    logits = np.column_stack([features, np.ones(8)]) @ head
    assert logits == pytest.approx(targets, abs=1e-6)
    assert cross_entropy(logits, targets).mean() == near(log(1 + 3 / e), 1e-6)


@pytest.mark.parametrize("model", MODELS[3:])
def test_minima_have_the_least_squares_head(model):
    if model.decay_b is not None:
        model = Model((2, 4), 2, squared_error, (0.04, 0.02), decay_b=0.0)
    W, H, b = model.parts(model.best(3))
    head = ridge(H, model.targets, model.decays[0], bias=model.decay_b is not None)
    assert pytest.approx(head[: W.shape[1]].T, abs=1e-5) == W
    assert model.decay_b is None or b == pytest.approx(head[-1], abs=1e-5)


# ------------------------------------------------------------------------------------------- the bias of nearest means


@margin_of("classifier_bias")
def beside_the_distances():
    return 0.0


def excess_distance(feature, means, logits):
    """Of the class mean of the largest logit; of the nearest among several."""
    distances = np.linalg.norm(means - feature, axis=1) ** 2
    return distances[np.isclose(logits, logits.max(), rtol=0, atol=1e-12)].min() - distances.min()


@margin_of("classifier_bias/no_bias")
def excess_without_bias(direction, center, feature):
    means = np.array([center + direction, center - direction])
    return excess_distance(feature, means, (means - center) @ feature)


@margin_of("classifier_bias/centered_norms")
def excess_with_centered_norms(means, center, feature):
    bias = -(np.linalg.norm(means - center, axis=1) ** 2) / 2
    return excess_distance(feature, means, (means - center) @ feature + bias)


@margin_of("classifier_bias/without_half")
def excess_without_half(means, feature):
    return excess_distance(feature, means, means @ feature - np.linalg.norm(means, axis=1) ** 2)


def test_the_bias_of_the_statement_decides_by_the_nearest_mean_and_no_other_does():
    rng = np.random.default_rng(7)
    means, center, factor = rng.standard_normal((4, 2)), rng.standard_normal(2), 1.7
    best = 3 - factor / 2 * np.linalg.norm(means, axis=1) ** 2
    features = 3 * rng.standard_normal((2000, 2))

    def mismatches(bias):
        logits = features @ (factor * (means - center)).T + bias
        nearest = np.linalg.norm(features[:, None] - means, axis=2).argmin(axis=1)
        return (logits.argmax(axis=1) != nearest).sum()

    assert mismatches(best) == 0
    assert all(mismatches(best + 0.3 * np.eye(4)[k]) > 0 for k in range(4))


# ------------------------------------------------------------------------------------------------------- all margins


def test_every_margin_is_computed_in_another_way():
    assert MARGINS.keys() == CLAIMS.keys()


@pytest.mark.parametrize("name", CLAIMS)
def test_a_margin_is_what_its_statement_says(name):
    for inputs in drawn(name):
        assert CLAIMS[name].margin(inputs) == near(call(MARGINS[name], inputs))


MUTANTS = [
    ("nuclear_norm_penalty", "root_h**2 * x[k] + g[k]", "root_h**2 * x[k] - g[k]"),
    ("escape_curvature", "16 * values[1]", "15 * values[1]"),
    ("escape_curvature", "- 2 * gain", "- gain"),
    ("escape_curvature", "-step / factor", "step / factor"),
    ("benign_landscape", "x - sum(row) / 3", "x - sum(row) / 4"),
    ("benign_landscape", "decay_h * (of_weights", "decay_w * (of_weights"),
    ("within_class_collapse", "sums[1] + scatter", "sums[1] + 2 * scatter"),
    ("least_squares_head", "share - dot(w, center)", "share"),
    ("least_squares_head", "decay if k == m", "2 * decay if k == m"),
    ("classifier_bias", "factor / 2 * dot(x, x)", "factor * dot(x, x)"),
]


@pytest.mark.parametrize(("name", "right", "wrong"), MUTANTS)
def test_margins_of_identities_are_positive_where_one_side_is_wrong(name, right, wrong):
    function = CLAIMS[name].margin.function
    source = inspect.getsource(function)
    text, scope = source[source.index("def ") :], dict(function.__globals__)
    assert right in text
    exec(text.replace(right, wrong), scope)
    found = [call_plain(scope[name], inputs) for inputs in drawn(name)]
    assert max(call_plain(function, inputs) for inputs in drawn(name)) < 1e-10
    assert max(found) > 1e-3


def call_plain(function, inputs):
    return function(**{name: inputs[name] for name in inspect.signature(function).parameters})
