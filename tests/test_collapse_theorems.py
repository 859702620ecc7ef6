"""Independent numerical checks of the theorems on metrics of collapse, and of what `measure` has to do with them."""

import inspect
import math

import numpy as np
import pytest

from nctheory import Features, collapse, theorems
from nctheory.collapse import Accumulator

THEOREMS = tuple(f"collapse_metrics_{name}" for name in ("simplex", "invariance", "rank_floor", "thin_svd", "merge"))
CLAIMS = {
    claim.id: claim
    for stated in map(theorems.find, THEOREMS)
    for claim in (stated.claim, *stated.false_neighbors.values())
}


def drawn(name, count=6):
    """Random inputs of the claim's domain, in floats."""
    claim, generator = CLAIMS[name], np.random.default_rng(1)
    sizes = claim.domain.all_sizes
    for number in range(count):
        values = claim.domain.random(sizes[number % len(sizes)], generator).values
        if all(formula(values) for formula in claim.assumptions):
            yield values


def arrays(inputs, *names):
    return [np.array(inputs[name], dtype=float) for name in names]


def gram_part(points):
    """<G, P> and |G|^2."""
    gram, count = points @ points.T, len(points)
    return (gram * (np.eye(count) - 1 / count)).sum(), (gram**2).sum()


def centered(points):
    return points - points.mean(axis=0)


def gap(logits):
    """The largest logit of another class less that of the own one, the largest over the rows."""
    own = np.diag(logits)
    return (logits + np.diag(np.full(len(logits), -np.inf)) - own[:, None]).max()


def of_any_bias(inputs):
    (bias,) = arrays(inputs, "bias")
    return gap(np.eye(len(bias)) + bias)


def of_no_bias(inputs):
    (center,) = arrays(inputs, "center")
    means = np.eye(len(center)) + center
    return gap(means @ centered(means).T)


def of_mirrored(inputs):
    (normal,) = arrays(inputs, "mirror")[0]
    means = centered(np.eye(len(normal)))
    mirrored = means - 2 * np.outer(means @ normal, normal)
    return 1 - (means * mirrored).sum() / (means**2).sum()


def of_stretched(inputs):
    features, labels = arrays(inputs, "features", "labels")
    labels = labels.astype(int)
    sums = []
    for points in (features, features * [inputs["stretch"], 1]):
        means = np.array([points[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
        sums.append((((points - means[labels]) ** 2).sum(), 2 * len(means) * (centered(means) ** 2).sum()))
    return abs(sums[0][0] * sums[1][1] - sums[1][0] * sums[0][1])


def of_common_row(inputs):
    points, common = arrays(inputs, "points", "common")
    D, W = centered(points), centered(points) + common
    return (D**2).sum() * (W**2).sum() - (D * W).sum() ** 2


def of_centers(inputs):
    (sizes,) = arrays(inputs, "class_sizes")
    means = np.array([0.0, 1.0])
    about = [((means - g) ** 2).sum() for g in (0.5, sizes @ means / sizes.sum())]
    return abs(about[1] / about[0] - 1)


def floor_margin(inputs, factor):
    (points,) = arrays(inputs, "points")
    inner, square = gram_part(points)
    return (factor(len(points)) * inner**2 - points.shape[1] * factor(len(points), 1) * square) / (1 + square)


def of_square(inputs):
    (u,) = arrays(inputs, "direction")[0]
    inner, square = gram_part(np.array([u, [-u[1], u[0]], -u, [u[1], -u[0]]]))
    return 1 - inner**2 / (3 * square)


def of_frame(inputs):
    count = inputs["num_classes"]
    inner, square = gram_part(math.sqrt(inputs["size"]) * np.eye(count))
    return 1 - inner**2 / ((count - 1) * square)


def line(inputs):
    """Sigma_W, Sigma_B and K."""
    scales, direction, residuals = arrays(inputs, "scales", "direction", "residuals")
    D = np.outer(scales, direction)
    return residuals.T @ residuals / len(residuals), D.T @ D / len(D), len(D)


def of_without_k(inputs):
    within, between, count = line(inputs)
    trace = np.trace(within @ np.linalg.pinv(between, rcond=1e-9, hermitian=True))
    return abs(trace - trace / count)


def of_ridge(inputs):
    within, between, count = line(inputs)
    exact = np.trace(within @ np.linalg.pinv(between, rcond=1e-9, hermitian=True))
    return abs(np.trace(within @ np.linalg.inv(between + inputs["ridge"] * np.eye(len(between)))) - exact) / count


def squares(values):
    return len(values) * np.var(values)


def of_without_root(inputs):
    first, second = arrays(inputs, "first", "second")
    moved = len(first) / (len(first) + len(second)) * (second.mean() - first.mean())
    both = squares(np.concatenate([first, second]))
    return abs(((second - second.mean() + moved) ** 2).sum() - (both - squares(first)))


def of_wrong(inputs):
    means, weights, bias = arrays(inputs, "means", "weights", "bias")
    return gap(means @ weights.T + bias)


def of_bias_left(inputs):
    weights, translation = arrays(inputs, "weights", "translation")
    return abs(np.diff(weights @ translation)[0])


NEIGHBORS = {
    "simplex/nc1_implies_nc4": of_wrong,
    "simplex/any_bias": of_any_bias,
    "simplex/no_bias_needed": of_no_bias,
    "simplex/nc2_implies_nc3": of_mirrored,
    "simplex/nc3_implies_nc2": lambda inputs: np.ptp((centered(arrays(inputs, "points")[0]) ** 2).sum(axis=1)),
    "invariance/linear_maps": of_stretched,
    "invariance/bias_left_behind": of_bias_left,
    "invariance/common_row": of_common_row,
    "invariance/one_center": of_centers,
    "rank_floor/k_for_k_minus_1": lambda inputs: floor_margin(inputs, lambda count, less=0: count - less),
    "rank_floor/distance_0_in_few_dimensions": of_square,
    "rank_floor/frame_not_centered": of_frame,
    "thin_svd/without_k": of_without_k,
    "thin_svd/ridge_for_cut_off": of_ridge,
    "merge/parts_only": lambda inputs: (
        squares(np.concatenate(arrays(inputs, "first", "second")))
        - sum(map(squares, arrays(inputs, "first", "second")))
    ),
    "merge/mean_of_means": lambda inputs: abs(
        np.mean([part.mean() for part in arrays(inputs, "first", "second")])
        - np.concatenate(arrays(inputs, "first", "second")).mean()
    ),
    "merge/without_root": of_without_root,
}


def test_every_false_neighbor_is_computed_in_another_way():
    assert {f"collapse_metrics_{name}" for name in NEIGHBORS} == CLAIMS.keys() - set(THEOREMS)


@pytest.mark.parametrize("name", NEIGHBORS)
def test_the_margin_of_a_false_neighbor_is_what_its_statement_says(name):
    claim = CLAIMS[f"collapse_metrics_{name}"]
    found = list(drawn(claim.id))
    assert found
    for inputs in found:
        assert claim.margin(inputs) == pytest.approx(NEIGHBORS[name](inputs), rel=1e-9, abs=1e-9)


MUTANTS = [
    ("simplex", "a - 2 * dot", "a - dot"),
    ("simplex", "logits[k][k] - logits[k][m] - factor", "logits[k][k] - logits[k][m] + factor"),
    ("simplex", "axes[k][m] - 1 / num_classes", "axes[k][m] - 1 / (num_classes + 1)"),
    ("invariance", "size * factor * b - dot", "size * factor * b + dot"),
    ("invariance", "h[m] - 2 * dot(h, normal)", "h[m] - dot(h, normal)"),
    ("invariance", "size**4, size**4", "size**4, size**3"),
    ("thin_svd", "num_classes * a * b / (squares", "a * b / (squares"),
    ("thin_svd", "/ (num_samples * squares", "/ (squares"),
    ("merge", "num_first * num_second / count * moved[k]", "num_first / count * moved[k]"),
    ("merge", "num_second / count * moved[m] - center", "num_first / count * moved[m] - center"),
]


@pytest.mark.parametrize(("name", "right", "wrong"), MUTANTS)
def test_margins_of_identities_are_positive_where_one_side_is_wrong(name, right, wrong):
    claim = CLAIMS[f"collapse_metrics_{name}"]
    function = claim.margin.function
    text = inspect.getsource(function)
    text, scope = text[text.index("def ") :], dict(function.__globals__)
    assert right in text
    exec(text.replace(right, wrong), scope)
    inputs = [{key: given[key] for key in claim.margin.parameters} for given in drawn(claim.id)]
    scales = [1 + max(np.abs(np.array(value, dtype=float)).max() for value in given.values()) ** 8 for given in inputs]
    assert max(function(**given) / scale for given, scale in zip(inputs, scales, strict=True)) < 1e-10
    assert max(scope[function.__name__](**given) for given in inputs) > 1e-2


def test_the_floor_has_the_margin_of_gram_matrices():
    claim = CLAIMS["collapse_metrics_rank_floor"]
    for inputs in drawn(claim.id):
        expected = floor_margin(inputs, lambda count, less=0: 1)
        assert claim.margin(inputs) == pytest.approx(expected, rel=1e-9, abs=1e-9)
        points = np.array(inputs["points"])
        measured = collapse.measure(Features(points, np.arange(len(points))))
        assert measured.gram_distance >= measured.gram_floor - 1e-12


def test_what_the_simplex_statement_says_is_measured():
    stated = theorems.find("collapse_metrics_simplex")
    normal, center = np.array(stated.sharp["mirror"][0]), np.array(stated.sharp["center"])
    means = 2 * (np.eye(3) - 2 * np.outer(np.eye(3) @ normal, normal)) + center
    weights = 3 * centered(means)
    measured = collapse.measure(Features(means, [0, 1, 2], weights, -weights @ means.mean(axis=0)))
    zeros = ("variability", "equinorm_means", "max_angle_weights", "self_duality", "nearest_mean_mismatch")
    assert max(getattr(measured, name) for name in zeros) < 1e-14
    assert measured.cosine_margin_quantiles == pytest.approx(1.5)


def test_the_merge_statement_is_what_the_accumulator_does():
    first, second = arrays(theorems.find("collapse_metrics_merge").sharp, "first", "second")
    accumulator = Accumulator(2, 2)
    for part in (first, second, [[0.0, 0.0]]):
        accumulator.update(part, [int(len(part) == 1 and np.all(np.array(part) == 0))] * len(part))
    together = np.concatenate([first, second])
    assert accumulator.means[0] == pytest.approx(together.mean(axis=0))
    scatter = accumulator.moments().covariance * 4
    assert scatter == pytest.approx(centered(together).T @ centered(together))
