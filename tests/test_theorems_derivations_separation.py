"""Independent numerical checks of the margins and derivations of the theorems on minimum-norm separation."""

import json
from fractions import Fraction
from itertools import combinations, pairwise, product
from math import cos, pi, sqrt
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad_vec, solve_ivp
from scipy.optimize import linprog, minimize
from scipy.special import log_softmax, softmax

from nctheory import theorems
from nctheory.constructions import simplex_etf
from nctheory.domains import Free
from tests.derivations import Margins, call, plain

THEOREMS = (
    "weak_duality",
    "balanced_separation",
    "imbalanced_separation",
    "projected_class_sizes",
    "dual_signs",
    "simplex_encoded_labels",
    "free_bias",
    "separation_on_a_line",
    "paired_classes",
    "few_dimensions",
    "gradient_flow_invariants",
    "two_size_geometry",
)
CLAIMS = {
    claim.id: claim
    for stated in map(theorems.find, THEOREMS)
    for claim in (stated.claim, *stated.false_neighbors.values())
}
STARTS = json.loads((Path(__file__).parent / "counterexamples.json").read_text())
STARTS |= {name: theorems.find(name).sharp for name in THEOREMS}
SIZES = [(3, 1), (1, 1, 13), (2, 5, 9), (6, 2, 1), (4, 4, 1, 1), (1, 2, 3, 10)]
PAIRS = [(count, dimension) for count in range(4, 10) for dimension in range((count + 1) // 2, count - 1)]
SQUARE = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])


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


# -------------------------------------------------------------------------------------------- matrices and margins


def near(expected):
    return pytest.approx(expected, rel=1e-9, abs=1e-12)


def close(left, right, error=1e-12):
    return np.abs(left - right).max() < error


def projection(count):
    return np.eye(count) - 1 / count


def projected(sizes):
    """P D P."""
    return projection(len(sizes)) @ np.diag(np.array(sizes, dtype=float)) @ projection(len(sizes))


def centered(sizes):
    """D - n n' / N."""
    return np.diag(np.array(sizes, dtype=float)) - np.outer(sizes, sizes) / np.sum(sizes)


def power(matrix, exponent):
    """Of a matrix with the simple smallest eigenvalue 0, which stays 0."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors[:, 1:] * values[1:] ** exponent) @ vectors[:, 1:].T


def least(matrix):
    """The sum of the square roots of the eigenvalues, the smallest of which is 0."""
    return np.sqrt(np.linalg.eigvalsh(matrix)[1:]).sum()


def off_diagonal(matrix):
    return matrix[~np.eye(len(matrix), dtype=bool)]


def cosine(gram, i, j):
    return gram[i, j] / sqrt(gram[i, i] * gram[j, j])


def labels_of(sizes):
    return np.repeat(np.arange(len(sizes)), sizes)


def columns(multipliers, labels):
    """B, with the columns sum_c beta_ic (e_y - e_c)."""
    units = np.eye(multipliers.shape[1])
    return np.array([b @ (units[y] - units) for b, y in zip(multipliers, labels, strict=True)]).T


def all_margins(weights, features, labels, bias=0.0):
    """<w_y - w_c, h_i> + b_y - b_c for all samples and all c != y."""
    logits = features @ weights.T + bias
    own = np.arange(len(weights)) == np.asarray(labels)[:, None]
    return (logits[own][:, None] - logits)[~own]


def norms(weights, features):
    return np.linalg.norm(weights) * np.linalg.norm(features)


def squared(ratio):
    """The square of a ratio, of its sign, less 1."""
    return ratio * abs(ratio) - 1


def of_classes(weights, means, sizes, bias=0.0):
    """The smallest margin over |W| |H|, where every sample has the mean of its class as feature."""
    labels = labels_of(sizes)
    return all_margins(weights, means[labels], labels, bias).min() / norms(weights, means[labels])


def of_themselves(points):
    """The smallest margin of points that are their own weights."""
    return all_margins(points, points, range(len(points))).min()


def polygon(count):
    angles = 2 * pi * np.arange(count) / count
    return np.column_stack([np.cos(angles), np.sin(angles)])


def search(sizes, dimension, bias=False, starts=3):
    """The least |W| |H| / m found from random starts, with a feature of its own for every sample."""
    count, labels, rng = len(sizes), labels_of(sizes), np.random.default_rng(0)
    ends = np.cumsum([count * dimension, len(labels) * dimension])

    def parts(flat):
        weights, features, offset = np.split(flat, ends)
        return weights.reshape(-1, dimension), features.reshape(-1, dimension), offset if bias else 0.0

    def slack(flat):
        weights, features, offset = parts(flat)
        return all_margins(weights, features, labels, offset) - 1

    def found(initial):
        flat = minimize(
            lambda x: (x[: ends[1]] ** 2).sum() / 2,
            initial,
            jac=lambda x: np.append(x[: ends[1]], np.zeros(count)),
            constraints={"type": "ineq", "fun": slack},
            method="SLSQP",
            options={"maxiter": 500, "ftol": 1e-12},
        ).x
        smallest = 1 + slack(flat).min()
        return norms(*parts(flat)[:2]) / smallest if smallest > 0 else np.inf

    return min(found(rng.standard_normal(ends[1] + count)) for _ in range(starts))


# -------------------------------------------------------------------------------------------------- weak duality


def row_sum(B):
    """The largest sum of |entries| of a row of B B' + c J."""
    gram = B @ B.T
    return np.abs(gram + np.trace(gram) / (len(gram) * (len(gram) - 1))).sum(axis=1).max()


def total(multipliers, labels):
    return multipliers.sum() - multipliers[np.arange(len(labels)), labels].sum()


def optimal_multipliers(sizes):
    """-M_ic for each sample of class i, and labels."""
    M = power(projected(sizes), -1 / 2)
    return (np.diag(np.diag(M)) - M)[labels_of(sizes)], labels_of(sizes)


def with_norm(weights, features, labels, multipliers, norm, margin):
    return squared(margin * total(multipliers, labels) / (norms(weights, features) * norm))


@margin_of("weak_duality")
def against_the_row_sum(weights, features, labels, multipliers):
    margin, norm = all_margins(weights, features, labels).min(), sqrt(row_sum(columns(multipliers, labels)))
    return with_norm(weights, features, labels, multipliers, norm, margin)


@margin_of("weak_duality/largest_margin")
def of_the_largest_margin(weights, features, labels, multipliers):
    margin, norm = all_margins(weights, features, labels).max(), sqrt(row_sum(columns(multipliers, labels)))
    return with_norm(weights, features, labels, multipliers, norm, margin)


@margin_of("weak_duality/longest_column")
def against_the_longest_column(weights, features, labels, multipliers):
    longest = np.linalg.norm(columns(multipliers, labels), axis=0).max()
    return with_norm(weights, features, labels, multipliers, longest, all_margins(weights, features, labels).min())


@margin_of("weak_duality/every_critical_point")
def above_the_least_value(points):
    return (points**2).sum() - least(projected(np.ones(len(points))))


def test_every_step_of_weak_duality():
    for inputs in drawn("weak_duality"):
        W, H, labels, beta = (np.array(inputs[name]) for name in ("weights", "features", "labels", "multipliers"))
        logits, B = H @ W.T, columns(beta, labels)
        paired = sum(beta[i, c] * (logits[i, labels[i]] - logits[i, c]) for i, c in np.ndindex(beta.shape))
        assert paired == near((W * (B @ H)).sum())
        assert all_margins(W, H, labels).min() * total(beta, labels) <= paired + 1e-12
        assert paired <= norms(W, H) * np.linalg.norm(B, 2) + 1e-12
        assert np.linalg.norm(B, 2) ** 2 <= row_sum(B) + 1e-12


@pytest.mark.parametrize("sizes", SIZES)
def test_the_multipliers_of_the_optimum_attain_the_value_with_spectral_norm_1(sizes):
    beta, labels = optimal_multipliers(sizes)
    B = columns(beta, labels)
    assert beta.min() >= 0
    assert close(B @ B.T, projection(len(sizes)))
    assert row_sum(B) == near(1)
    assert total(beta, labels) == near(least(projected(sizes)))


@pytest.mark.parametrize("sizes", SIZES)
def test_multipliers_of_any_sign_give_lower_bounds(sizes):
    rng = np.random.default_rng(1)
    beta, labels = optimal_multipliers(sizes)
    for noise in (0.01, 0.1, 1, 10):
        changed = beta + noise * rng.standard_normal(beta.shape)
        assert total(changed, labels) < least(projected(sizes)) * np.linalg.norm(columns(changed, labels), 2)


def test_a_square_in_space_is_critical_and_has_a_direction_of_descent():
    beta = np.where(SQUARE @ SQUARE.T == 0, 1 / 2, 0)
    B = columns(beta, range(4))
    assert close(B @ SQUARE, SQUARE)
    assert close(B.T @ SQUARE, SQUARE)
    assert beta.sum() == (SQUARE**2).sum()
    u, s, v = np.linalg.svd(B)
    assert s[0] == near(2)
    before = all_margins(SQUARE, SQUARE, range(4))
    for t in (0.01, 0.1, 0.5):
        W, H = (SQUARE + t * np.outer(x, [0, 0, 1]) for x in (u[:, 0], v[0]))
        after = all_margins(W, H, range(4))
        assert after - before == near(t**2 * all_margins(u[:, :1], v[:1].T, range(4)))
        lagrangian = ((W**2).sum() + (H**2).sum()) / 2 - off_diagonal(beta) @ (after - 1)
        assert lagrangian == near((SQUARE**2).sum() + t**2 * (1 - s[0]))
        assert norms(W, H) / after.min() < norms(SQUARE, SQUARE) - t**2 / 2


def test_the_assumption_of_being_critical_asks_for_the_multiplier_of_the_square():
    (assumption,) = CLAIMS["weak_duality/every_critical_point"].assumptions
    inputs = {"points": plain(SQUARE.tolist()), "num_classes": 4, "dimension": 3}
    assert [assumption.exactly({**inputs, "multiplier": Fraction(1, x)}) for x in (1, 2, 3)] == [False, True, False]
    halved = plain((SQUARE / 2).tolist())
    assert not assumption.exactly({**inputs, "points": halved, "multiplier": Fraction(1, 2)})


# ---------------------------------------------------------------------------------------------- balanced separation


def balanced(weights, features, class_size, factor, choose):
    labels = np.repeat(np.arange(len(weights)), class_size)
    return squared(factor * choose(all_margins(weights, features, labels)) / norms(weights, features))


@margin_of("balanced_separation")
def with_the_mean(weights, features, class_size, num_classes):
    return balanced(weights, features, class_size, (num_classes - 1) * sqrt(class_size), np.mean)


@margin_of("balanced_separation/k_for_k_minus_1")
def with_k(weights, features, class_size, num_classes):
    return balanced(weights, features, class_size, num_classes * sqrt(class_size), np.min)


@margin_of("balanced_separation/n_for_its_root")
def with_n(weights, features, class_size, num_classes):
    return balanced(weights, features, class_size, (num_classes - 1) * class_size, np.min)


@margin_of("balanced_separation/largest_margin")
def with_the_largest(weights, features, class_size, num_classes):
    return balanced(weights, features, class_size, (num_classes - 1) * sqrt(class_size), np.max)


@margin_of("balanced_separation/scatter_is_free")
def scatter(weights, features, class_size):
    within = (features.reshape(len(weights), class_size, -1).std(axis=1) ** 2).sum() * class_size
    return class_size * within / ((weights**2).sum() + class_size * (features**2).sum())


def test_the_identity_term_by_term():
    rng = np.random.default_rng(2)
    for count, size, dimension in product((2, 3, 4), (1, 2, 3), (1, 2, 3)):
        W, H = rng.standard_normal((count, dimension)), rng.standard_normal((count, size, dimension))
        means, middle = H.mean(axis=1), H.mean(axis=(0, 1))
        margins = all_margins(W, H.reshape(-1, dimension), np.repeat(np.arange(count), size))
        off = ((W - size * (means - middle)) ** 2).sum()
        spread = ((H - means[:, None]) ** 2).sum() + count * size * middle @ middle
        left = (W**2).sum() + size * (H**2).sum()
        assert left == near(2 / count * margins.sum() + off + size * spread)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("size", [1, 4])
def test_the_simplex_attains_the_bound_and_what_is_near_does_not(count, size):
    means, labels, rng = np.array(simplex_etf(count, count)), labels_of([size] * count), np.random.default_rng(3)
    bound = (count - 1) * sqrt(size)
    for scale in (0.3, 1, 7):
        assert 1 / of_classes(scale * means, means, [size] * count) == near(bound)
    for _ in range(20):
        W, H = (x + 0.1 * rng.standard_normal(x.shape) for x in (means, means[labels]))
        assert norms(W, H) > (1 + 1e-4) * bound * all_margins(W, H, labels).mean()


# -------------------------------------------------------------------------------------------- imbalanced separation


@margin_of("imbalanced_separation")
def with_three_sizes(class_sizes, weights, means, first, second, third):
    sizes = np.repeat(class_sizes, [first, second, third])
    return least(projected(sizes)) * of_classes(weights, means, sizes) - 1


@margin_of("imbalanced_separation/weights_not_swapped")
def without_swapping(class_sizes, weights, means):
    """Positive below the sum of the two roots, as no value is below their difference."""
    n, m = class_sizes
    one, other, ratio = sqrt(n), sqrt((2 * n + m) / 3), of_classes(weights, means, [n, n, m])
    square = ratio**-2 if ratio > 0 else one**2 + other**2 + 10 * (2 * n + m)
    return ((one + other) ** 2 - square) * (square - (one - other) ** 2) / (2 * n + m) ** 2


@margin_of("imbalanced_separation/simplex_is_best")
def with_the_simplex(class_sizes, weights, means, num_classes):
    simplex = np.array(simplex_etf(num_classes, num_classes))
    return squared(of_classes(weights, means, class_sizes) / of_classes(simplex, simplex, class_sizes))


@margin_of("imbalanced_separation/sizes_themselves")
def without_the_smallest(class_sizes, weights, means):
    return np.sqrt(np.sort(class_sizes)[1:]).sum() * of_classes(weights, means, class_sizes) - 1


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", [*SIZES, (2, 2, 2), (3, 3)])
def test_a_search_over_all_samples_finds_the_value(sizes, bias):
    expected = least(centered(sizes) if bias else projected(sizes))
    assert search(sizes, len(sizes) - 1, bias) == near(expected)


@pytest.mark.parametrize("sizes", SIZES)
def test_logits_that_are_the_projection_attain_the_value_and_others_do_not(sizes):
    count, roots, rng = len(sizes), np.sqrt(sizes), np.random.default_rng(4)
    expected = least(projected(sizes))
    assert np.linalg.norm(projection(count) * roots, "nuc") == near(expected)
    for noise in (0.01, 0.1, 1):
        logits = projection(count) - noise * rng.random((count, count)) * (1 - np.eye(count))
        assert all_margins(np.eye(count), logits.T, range(count)).min() >= 1
        assert np.linalg.norm(logits * roots, "nuc") > expected * (1 + noise / 100)


def test_values_of_two_and_three_classes_and_of_two_sizes():
    rng = np.random.default_rng(5)
    for n, m, k in rng.integers(1, 100, (20, 3)):
        assert least(projected([n, m])) == near(sqrt((n + m) / 2))
        s1, s2 = n + m + k, n * m + n * k + m * k
        assert least(projected([n, m, k])) == near(sqrt(2 * s1 / 3 + 2 * sqrt(s2 / 3)))
    for (n, m), i, j in product([(1, 20), (9, 4)], range(1, 5), range(1, 5)):
        between = sqrt((i * m + j * n) / (i + j))
        assert least(projected([n] * i + [m] * j)) == near((i - 1) * sqrt(n) + (j - 1) * sqrt(m) + between)


# -------------------------------------------------------------------------------------------- projected class sizes


def slope(sizes, x):
    """The derivative of prod (x - n_k)."""
    return np.polyval(np.polyder(np.poly(sizes)), x)


@margin_of("projected_class_sizes/weights_not_swapped")
def at_the_other_mean(class_sizes, first, second):
    """Over what it has of repeated sizes."""
    (n, m), sizes = class_sizes, np.repeat(class_sizes, [first, second])
    x = sizes.mean()
    repeated = (x - n) ** (first - 1) * (x - m) ** (second - 1)
    return abs(slope(sizes, x) / repeated) / sizes.sum() if n != m else 0.0


@margin_of("projected_class_sizes/half_way")
def at_the_middle(class_sizes):
    low, high, *_ = sorted(class_sizes)
    return abs(slope(class_sizes, (low + high) / 2)) / class_sizes.sum() ** (len(class_sizes) - 1)


@margin_of("projected_class_sizes/sizes_themselves")
def at_the_largest(class_sizes):
    return abs(slope(class_sizes, class_sizes.max())) / class_sizes.sum() ** (len(class_sizes) - 1)


@pytest.mark.parametrize("sizes", SIZES)
def test_the_characteristic_polynomial(sizes):
    count = len(sizes)
    for x in np.random.default_rng(6).normal(scale=10, size=20):
        determinant = np.linalg.det(x * np.eye(count) - projected(sizes))
        assert determinant == near(x / count * slope(sizes, x))


def test_eigenvalues_are_between_neighboring_sizes_and_those_that_repeat():
    rng = np.random.default_rng(7)
    for _ in range(50):
        sizes = np.sort(rng.integers(1, 12, rng.integers(2, 8)))
        values = np.linalg.eigvalsh(projected(sizes))[1:]
        for x, (low, high) in zip(values, pairwise(sizes), strict=True):
            assert x == near(low) if low == high else low + 1e-3 < x < high - 1e-3
    assert np.linalg.eigvalsh(projected([2] * 3 + [7] * 4)) == near([0, 2, 2, (3 * 7 + 4 * 2) / 7, 7, 7, 7])


# -------------------------------------------------------------------------------------------------------- dual signs


def precise_power(sizes, exponent):
    """Of P D P, by mpmath."""
    count, mean = len(sizes), mpmath.mpf(sum(sizes)) / len(sizes)
    matrix = mpmath.matrix(count)
    for i, j in np.ndindex(count, count):
        matrix[i, j] = (sizes[i] if i == j else 0) - (sizes[i] + sizes[j] - mean) / count
    values, vectors = mpmath.eigsy(matrix)
    assert abs(values[0]) < mpmath.mpf(10) ** -25 < values[1]
    return vectors * mpmath.diag([0, *(value**exponent for value in values[1:])]) * vectors.T


@margin_of("dual_signs")
def largest_off_the_diagonal(class_sizes, shift):
    """If it is positive."""
    inverse = np.linalg.pinv(projected(class_sizes + shift))
    return max(0, off_diagonal(inverse).max())


@margin_of("dual_signs/of_the_matrix_itself")
def largest_of_the_matrix(class_sizes):
    return off_diagonal(projected(class_sizes)).max() / class_sizes.mean()


@margin_of("dual_signs/every_power")
def largest_of_the_square(class_sizes):
    return off_diagonal(power(projected(class_sizes), -2)).max()


@margin_of("dual_signs/projected_inverse")
def beside_the_inverse(class_sizes):
    P = projection(len(class_sizes))
    return np.abs(projected(class_sizes) @ P @ np.diag(1 / class_sizes) @ P - P).max()


@pytest.mark.parametrize("sizes", [*SIZES, (1, 10**6, 1), (1, 10, 100, 1000), (5, 1, 1, 2, 9)])
def test_powers_up_to_1_of_the_pseudoinverse_are_negative_off_the_diagonal(sizes):
    with mpmath.workdps(40):
        inverses = mpmath.fsum(1 / mpmath.mpf(n) for n in sizes)
        pseudoinverse = precise_power(sizes, -1)
        for exponent in (mpmath.mpf(1) / 10, mpmath.mpf(1) / 2, 1):
            root = precise_power(sizes, -exponent)
            assert all(root[i, j] < 0 < root[i, i] for i, j in np.ndindex(root.rows, root.cols) if i != j)
        for i, j in combinations(range(len(sizes)), 2):
            expected = -1 / (mpmath.mpf(sizes[i]) * sizes[j] * inverses)
            assert abs(pseudoinverse[i, j] / expected - 1) < mpmath.mpf(10) ** -15


@pytest.mark.parametrize("sizes", SIZES)
def test_the_root_of_the_pseudoinverse_is_an_integral_of_pseudoinverses(sizes):
    def pseudoinverse(t):
        a = np.array(sizes) + t**2
        return np.diag(1 / a) - np.outer(1 / a, 1 / a) / (1 / a).sum()

    P = projection(len(sizes))
    assert close(pseudoinverse(2), np.linalg.pinv(projected(sizes) + 4 * P))
    integral = 2 / pi * quad_vec(pseudoinverse, 0, np.inf, epsabs=1e-10)[0]
    assert close(integral, power(projected(sizes), -1 / 2), 1e-9)


# ------------------------------------------------------------------------------------------ simplex-encoded labels


def optimal_grams(sizes):
    """Of the weights and of the class means."""
    return power(projected(sizes), 1 / 2), power(projected(sizes), -1 / 2)


@margin_of("simplex_encoded_labels")
def with_the_distance(class_sizes, weights, means):
    G, M = optimal_grams(class_sizes)
    features = means[labels_of(class_sizes)]
    off = ((weights - M @ np.diag(class_sizes) @ means) ** 2).sum()
    smallest = all_margins(weights, means, range(3)).min()
    return (2 * np.trace(G) * smallest + off) / ((weights**2).sum() + (features**2).sum()) - 1


@margin_of("simplex_encoded_labels/nearest_mean")
def excess_distance(class_sizes, combination):
    """At a feature that is a combination of the class means, of which the eigenvectors of M make coordinates."""
    G, M = optimal_grams(class_sizes)
    values, vectors = np.linalg.eigh(M)
    means = vectors * np.sqrt(np.clip(values, 0, None))
    squares = ((combination @ means - means) ** 2).sum(axis=1)
    return np.trace(G) * (squares[(projection(3) @ combination).argmax()] - squares.min())


@margin_of("simplex_encoded_labels/weights_are_a_simplex")
def beside_the_simplex(class_sizes):
    return abs(cosine(optimal_grams(class_sizes)[0], 0, 1) + 1 / 2)


@margin_of("simplex_encoded_labels/self_duality")
def beside_self_duality(class_sizes):
    G, M = optimal_grams(class_sizes)
    return G[0, 0] * M[0, 0] - projection(3)[0, 0] ** 2


@margin_of("simplex_encoded_labels/longer_means")
def longer_mean(class_sizes):
    """Times the trace of the Gram matrix of the weights, over the product of its nonzero eigenvalues."""
    G, M = optimal_grams(class_sizes)
    return (M[1, 1] - M[0, 0]) * np.trace(G) / np.prod(np.linalg.eigvalsh(G)[1:])


@pytest.mark.parametrize("sizes", SIZES)
def test_the_grams_of_the_optimum_and_every_step_of_the_bound(sizes):
    rng, D, P = np.random.default_rng(8), np.diag(sizes), projection(len(sizes))
    G, M = optimal_grams(sizes)
    assert close(M @ D @ M, P)
    onto = np.sqrt(D) @ M @ M @ np.sqrt(D)
    assert close(onto @ onto, onto)
    assert np.trace(M @ D) == near(np.trace(G))
    for noise in (0, 0.01, 0.3, 3):
        H = power(M, 1 / 2) + noise * rng.standard_normal(M.shape)
        W = M @ D @ H + noise * rng.standard_normal(M.shape)
        pulled, margins = M @ D @ H, np.diag(W @ H.T)[:, None] - H @ W.T
        square = (np.array(sizes) @ H**2).sum()
        assert (pulled**2).sum() <= square + 1e-12
        assert (W * pulled).sum() == near(-(D @ M * margins).sum())
        smallest = off_diagonal(margins).min()
        assert (W * pulled).sum() >= smallest * np.trace(G) - 1e-12
        excess = (W**2).sum() + square - 2 * np.trace(G) * smallest - ((W - pulled) ** 2).sum()
        assert excess > 1e-6 if noise else excess == near(0)


def test_larger_classes_have_longer_weights_and_shorter_means():
    G, M = optimal_grams([1, 2, 3, 10])
    assert (np.diff(np.diag(G)) > 0.1).all()
    assert (np.diff(np.diag(M)) < -0.01).all()
    (assumption,) = CLAIMS["simplex_encoded_labels/longer_means"].assumptions
    of_sizes = {sizes: assumption.exactly({"class_sizes": sizes}) for sizes in ((3, 2, 1), (2, 3, 1), (2, 2, 1))}
    assert of_sizes == {(3, 2, 1): True, (2, 3, 1): False, (2, 2, 1): False}


# --------------------------------------------------------------------------------------------------------- free bias


@margin_of("free_bias")
def with_a_bias(class_sizes, weights, means, bias):
    return least(centered(class_sizes)) * of_classes(weights, means, class_sizes, bias) - 1


@margin_of("free_bias/bias_is_irrelevant")
def as_without_bias(class_sizes, weights, means, bias):
    return squared(least(projected(class_sizes)) * of_classes(weights, means, class_sizes, bias))


@margin_of("free_bias/only_the_smallest_class")
def as_with_a_large_class(class_sizes, weights, means, bias):
    return squared(sqrt(2 * class_sizes.min()) * of_classes(weights, means, class_sizes, bias))


@pytest.mark.parametrize("sizes", SIZES)
def test_the_multipliers_with_a_bias(sizes):
    root, labels = power(centered(sizes), 1 / 2), labels_of(sizes)
    assert (off_diagonal(root) < 0).all()
    beta = ((np.diag(np.diag(root)) - root) / np.array(sizes)[:, None])[labels]
    B = columns(beta, labels)
    assert close(B, (root / sizes)[:, labels])
    assert close(B @ B.T, projection(len(sizes)))
    assert close(B.sum(axis=1), 0)  # so that the bias cancels
    assert total(beta, labels) == near(least(centered(sizes)))


@pytest.mark.parametrize("sizes", SIZES)
def test_the_root_of_the_laplacian_is_an_integral_of_positive_resolvents(sizes):
    A, identity = centered(sizes), np.eye(len(sizes))
    assert all((np.linalg.inv(A + t**2 * identity) > 0).all() for t in (0.1, 1, 10))
    integral = quad_vec(lambda t: identity - t**2 * np.linalg.inv(A + t**2 * identity), 0, np.inf, epsabs=1e-10)[0]
    assert close(2 / pi * integral, power(A, 1 / 2), 1e-9)


@pytest.mark.parametrize("sizes", SIZES)
def test_logits_and_bias_that_attain_the_value_with_a_bias(sizes):
    p = np.array(sizes) / sum(sizes)
    logits = np.eye(len(sizes)) - p[:, None]
    assert all_margins(np.eye(len(sizes)), logits.T, range(len(sizes)), p) == near(1)
    assert np.linalg.norm(logits * np.sqrt(sizes), "nuc") == near(least(centered(sizes)))
    assert least(centered(sizes)) < least(projected(sizes)) * (1 - 1e-3)


def test_values_of_two_and_three_classes_with_a_bias():
    for n, m, k in np.random.default_rng(9).integers(1, 100, (20, 3)):
        assert least(centered([n, m])) == near(sqrt(2 * n * m / (n + m)))
        s1, s2, s3 = n + m + k, n * m + n * k + m * k, n * m * k
        assert least(centered([n, m, k])) == near(sqrt(2 * s2 / s1 + 2 * sqrt(3 * s3 / s1)))
    assert least(centered([5, 10**6])) == pytest.approx(sqrt(2 * 5), rel=1e-5)
    for count in range(2, 6):
        assert least(centered([7] * count)) == near((count - 1) * sqrt(7))


# ---------------------------------------------------------------------------------------------- separation on a line


@margin_of("separation_on_a_line", "separation_on_a_line/two_classes")
def smallest_on_a_line(weights, features):
    return all_margins(weights[:, None], features[:, None], range(len(weights))).min()


@margin_of("separation_on_a_line/with_a_bias")
def smallest_with_a_bias(weights, features, bias):
    return all_margins(weights[:, None], features[:, None], range(len(weights)), bias).min()


@margin_of("separation_on_a_line/in_the_plane")
def smallest_in_the_plane(points):
    return of_themselves(points)


def largest_margin(weights, bias):
    """The largest smallest margin for these weights, by a linear program in features, bias and margin, of size <= 1."""
    (count, dimension), rows = weights.shape, []
    for j, c in product(range(count), repeat=2):
        if j != c:
            features, offset = np.zeros((count, dimension)), np.zeros(count)
            features[j], offset[[j, c]] = weights[c] - weights[j], (-1, 1)
            rows.append([*features.ravel(), *(bias * offset), 1])
    objective = -np.eye(len(rows[0]))[-1]
    return -linprog(objective, rows, np.zeros(len(rows)), bounds=(-1, 1)).fun


@pytest.mark.parametrize("count", range(2, 7))
def test_a_linear_program_separates_on_a_line_two_classes_or_with_a_bias_only(count):
    rng = np.random.default_rng(10)
    for _ in range(10):
        line, plane = rng.standard_normal((count, 1)), rng.standard_normal((count, 2))
        assert (largest_margin(line, bias=False) > 1e-3) == (count == 2)
        assert largest_margin(line, bias=False) > -1e-9
        assert largest_margin(line, bias=True) > 1e-6
        assert largest_margin(plane / np.linalg.norm(plane, axis=1, keepdims=True), bias=False) > 1e-6


@pytest.mark.parametrize("count", range(3, 8))
def test_constructions_that_separate_on_a_parabola_and_on_a_circle(count):
    numbers = np.arange(count, dtype=float)
    margins = all_margins(numbers[:, None], numbers[:, None], range(count), -(numbers**2) / 2)
    assert margins == near(off_diagonal((numbers[:, None] - numbers) ** 2 / 2))
    assert of_themselves(polygon(count)) == near(1 - cos(2 * pi / count))


# ---------------------------------------------------------------------------------------------------- paired classes


def paired(count, dimension):
    """The logits, one column per class: classes i and i + K - d are a pair."""
    pairs, logits = count - dimension, projection(count)
    for i in range(pairs):
        difference = np.eye(count)[i] - np.eye(count)[i + pairs]
        logits[:, i], logits[:, i + pairs] = difference, -difference
    return logits


def polar_factors(matrix):
    """(Z Z')^(1/2) and (Z' Z)^(1/2)."""
    u, s, v = np.linalg.svd(matrix)
    return (u * s) @ u.T, (v.T * s) @ v


@margin_of("paired_classes/value_k")
def below_k(num_classes, dimension):
    return num_classes - np.linalg.norm(paired(num_classes, dimension), "nuc")


@margin_of("paired_classes/value_k_minus_1")
def above_k_minus_1(num_classes, dimension):
    return np.linalg.norm(paired(num_classes, dimension), "nuc") - (num_classes - 1)


@margin_of("paired_classes/self_duality")
def difference_of_squared_norms(num_classes, dimension):
    of_weights, of_means = polar_factors(paired(num_classes, dimension))
    return of_means[-1, -1] - of_weights[-1, -1]


@pytest.mark.parametrize(("count", "dimension"), PAIRS)
def test_singular_values_and_margins_of_pairs(count, dimension):
    logits, last = paired(count, dimension), sqrt(2 * (count - dimension) / count)
    singles = 2 * dimension - count
    found = np.sort(np.linalg.svd(logits)[1])
    expected = [2] * (count - dimension) + ([1] * (singles - 1) + [last] if singles else [])
    assert found == near(sorted([0] * (count - dimension) + expected))
    assert found.sum() == near(count - 1 + last)
    margins = (np.diag(logits)[:, None] - logits.T)[~np.eye(count, dtype=bool)]
    assert sorted(margins) == near([1] * (len(margins) - 2 * (count - dimension)) + [2] * 2 * (count - dimension))


@pytest.mark.parametrize(("count", "dimension"), PAIRS)
def test_factors_of_the_logits_of_pairs_are_self_dual_without_single_classes_only(count, dimension):
    left, s, right = np.linalg.svd(paired(count, dimension))
    W, H = (left * np.sqrt(s))[:, :dimension], (right.T * np.sqrt(s))[:, :dimension]
    assert norms(W, H) / all_margins(W, H, range(count)).min() == near(s.sum())
    of_weights, of_means = polar_factors(paired(count, dimension))
    assert close(W @ W.T, of_weights)
    assert close(H @ H.T, of_means)
    assert close(of_weights, of_means) == (2 * dimension == count)
    assert (s.sum() < count - 1e-3) == (2 * dimension > count)


# ---------------------------------------------------------------------------------------------------- few dimensions


def conjectured(count, dimension):
    if 2 * dimension >= count:
        return count - 1 + sqrt(2 * (count - dimension) / count)
    return count / (1 - cos(2 * pi / count))


@margin_of("few_dimensions")
def with_the_conjectured_value(weights, means, num_classes, dimension):
    return conjectured(num_classes, dimension) * of_classes(weights, means, np.ones(num_classes, dtype=int)) - 1


@margin_of("few_dimensions/one_dimension_more")
def in_one_dimension_more(points, num_classes):
    """Positive where the first factor is, as the ratio is at most 1 / (K - 1)."""
    ratio, last = of_themselves(points) / (points**2).sum(), sqrt(2 / num_classes)
    if ratio <= 0:
        return -((last * ratio) ** 2) - (1 - (num_classes - 1) * ratio) ** 2
    return ((num_classes - 1 + last) * ratio - 1) * (1 - (num_classes - 1 - last) * ratio)


@margin_of("few_dimensions/value_k")
def of_two_pairs_and_a_single_class(weights, means):
    def points(numbers):
        x, y, z = numbers
        return np.array([(x, 0, -y), (-x, 0, -y), (0, x, -y), (0, -x, -y), (0, 0, z)])

    return squared(5 * of_classes(points(weights), points(means), np.ones(5, dtype=int)))


@pytest.mark.parametrize(("count", "dimension"), [(4, 2), (5, 2), (6, 2), (7, 2), *PAIRS[1:9]])
def test_a_search_finds_the_conjectured_value_and_none_below(count, dimension):
    assert search([1] * count, dimension, starts=8) == near(conjectured(count, dimension))


@pytest.mark.parametrize("count", range(4, 9))
def test_the_regular_polygon_attains_the_value_of_the_plane(count):
    points = polygon(count)
    assert (points**2).sum() / of_themselves(points) == near(count / (1 - cos(2 * pi / count)))
    assert (count - 1) * of_themselves(points) < (points**2).sum() * (1 - 1e-3)  # above the bound of the simplex


# ------------------------------------------------------------------------------------------ invariants of the flow


def pulls(labels, scores):
    """The negative gradients of the loss in the logits."""
    return np.eye(scores.shape[1])[labels] - scores / scores.sum(axis=1, keepdims=True)


def velocities(weights, features, labels):
    """Of gradient flow on the cross-entropy."""
    pull = pulls(labels, softmax(features @ weights.T, axis=1))
    return pull.T @ features, pull @ weights


@margin_of("gradient_flow_invariants/sum_of_features")
def velocity_of_the_sum(weights, labels, scores):
    velocity = pulls(labels, scores) @ weights
    return np.abs(velocity.sum(axis=0)).max() / (1 + (weights**2).sum())


@margin_of("gradient_flow_invariants/sum_of_squares")
def velocity_of_the_squares(weights, features, labels, scores):
    pull = pulls(labels, scores)
    velocity = 2 * (weights * (pull.T @ features)).sum() + 2 * (features * (pull @ weights)).sum()
    return abs(velocity) / (1 + (weights**2).sum() + (features**2).sum())


@margin_of("gradient_flow_invariants/gradient_descent")
def change_by_a_step(weights, features, labels, scores):
    """Of |W|^2 - |H|^2: that of first order is 0."""
    pull = pulls(labels, scores)
    change = np.linalg.norm(pull.T @ features) ** 2 - np.linalg.norm(pull @ weights) ** 2
    return abs(change) / (1 + (weights**2).sum() + (features**2).sum())


@margin_of("gradient_flow_invariants/every_limit_is_the_simplex")
def above_the_simplex(points):
    return (points**2).sum() - (len(points) - 1) * of_themselves(points)


def test_the_flow_descends_along_the_gradient_of_the_cross_entropy():
    rng, labels, step = np.random.default_rng(11), np.array([0, 1, 2, 1]), 1e-6
    W, H = rng.standard_normal((3, 2)), rng.standard_normal((4, 2))

    def loss(weights, features):
        return -log_softmax(features @ weights.T, axis=1)[range(4), labels].sum()

    def slopes(f, point):
        moves = step * np.eye(point.size).reshape(-1, *point.shape)
        return np.array([f(point + move) - f(point - move) for move in moves]).reshape(point.shape) / (2 * step)

    of_weights, of_features = velocities(W, H, labels)
    assert close(of_weights, -slopes(lambda x: loss(x, H), W), 1e-8)
    assert close(of_features, -slopes(lambda x: loss(W, x), H), 1e-8)


def test_invariants_along_an_integrated_flow():
    rng, labels = np.random.default_rng(12), np.array([0, 1, 2, 1])
    initial = rng.standard_normal(6 + 8)

    def split(flat):
        return flat[:6].reshape(3, 2), flat[6:].reshape(4, 2)

    def velocity(_, flat):
        return np.concatenate([part.ravel() for part in velocities(*split(flat), labels)])

    end = solve_ivp(velocity, (0, 20), initial, rtol=1e-10, atol=1e-12).y[:, -1]
    (W0, H0), (W1, H1) = split(initial), split(end)
    assert close(W0.sum(axis=0), W1.sum(axis=0))
    assert close(W0.T @ W0 - H0.T @ H0, W1.T @ W1 - H1.T @ H1, 1e-9)
    assert not close(H0.sum(axis=0), H1.sum(axis=0), 0.1)
    assert np.linalg.norm(W1) ** 2 + np.linalg.norm(H1) ** 2 > 1.5 * (initial**2).sum()


def test_the_flow_keeps_the_direction_of_a_square_in_space():
    (assumption,) = CLAIMS["gradient_flow_invariants/every_limit_is_the_simplex"].assumptions
    kite, folded = SQUARE * [[1], [1], [2], [2]], 2 * SQUARE + np.outer([1, 1, -1, -1], [0, 0, 1])
    for points, kept in ((SQUARE, True), (np.array(simplex_etf(4, 3)), True), (kite, False), (folded, False)):
        for scale in (0.2, 0.5, 1):
            for velocity in velocities(scale * points, scale * points, range(4)):
                assert close(velocity / np.linalg.norm(velocity), points / np.linalg.norm(points)) == kept
    for points, kept in ((SQUARE, True), (kite, False), (folded, False), (SQUARE / 2, False)):
        assert assumption.exactly({"points": plain(points.tolist()), "num_classes": 4, "dimension": 3}) == kept


# -------------------------------------------------------------------------------------------------- two class sizes


def grams_of_two_sizes(half, ratio):
    return optimal_grams([1] * half + [ratio] * half)


@margin_of("two_size_geometry/minority_always_obtuse")
def cosine_of_the_minority(half, ratio):
    return cosine(grams_of_two_sizes(half, ratio)[0], 0, 1)


@margin_of("two_size_geometry/simplex")
def beside_the_cosine_of_the_simplex(half, ratio):
    return abs(cosine(grams_of_two_sizes(half, ratio)[0], 0, 1) + 1 / (2 * half - 1))


@margin_of("two_size_geometry/ratio_of_norms")
def beside_the_root(half, ratio):
    G, _ = grams_of_two_sizes(half, ratio)
    return abs(G[-1, -1] / G[0, 0] - sqrt(ratio)) / (1 + sqrt(ratio))


@margin_of("two_size_geometry/same_angles_of_means")
def beside_the_angle_of_means(half, ratio):
    G, M = grams_of_two_sizes(half, ratio)
    return abs(cosine(G, 0, 1) - cosine(M, 0, 1))


@margin_of("two_size_geometry/mean_of_roots")
def beside_the_eigenvalue(half, ratio):
    values = np.linalg.eigvalsh(projected([1] * half + [ratio] * half))
    return abs(values[half] - ((1 + sqrt(ratio)) / 2) ** 2) / (1 + ratio)


@pytest.mark.parametrize("half", [2, 3, 5])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 1, 6.9, 7.1, 100.0])
def test_angles_and_norms_of_two_sizes(half, ratio):
    count, a, (G, M) = 2 * half, sqrt((ratio + 1) / 2), grams_of_two_sizes(half, ratio)
    values = np.linalg.eigvalsh(projected([1] * half + [ratio] * half))
    assert values == near([0, *sorted([1] * (half - 1) + [a**2] + [ratio] * (half - 1))])
    assert cosine(G, 0, 1) == near((a - 2) / (a + count - 2))
    assert cosine(G, -2, -1) == near((a - 2 * sqrt(ratio)) / (a + (count - 2) * sqrt(ratio)))
    assert G[-1, -1] / G[0, 0] == near(((count - 2) * sqrt(ratio) + a) / (count - 2 + a))
    assert count * G[0, -1] == near(-a)
    assert (cosine(G, 0, 1) > 0) == (ratio > 7)
    assert cosine(M, 0, 1) == near((1 / a - 2) / (1 / a + count - 2))


# ------------------------------------------------------------------------------------------------------- all margins


@margin_of("projected_class_sizes", "paired_classes", "gradient_flow_invariants", "two_size_geometry")
def nothing():
    """What identities are off by."""
    return 0.0


def test_every_margin_is_computed_in_another_way():
    assert MARGINS.keys() == CLAIMS.keys()


@pytest.mark.parametrize("name", CLAIMS)
def test_a_margin_is_what_its_statement_says(name):
    for inputs in drawn(name):
        margin, expected = CLAIMS[name].margin(inputs), call(MARGINS[name], inputs)
        assert margin == near(expected)


BOUNDS = ("weak_duality", "balanced_separation", "imbalanced_separation", "free_bias", "few_dimensions")
OF_ZEROS = {name: -1 for name in CLAIMS if name.split("/")[0] in BOUNDS} | {
    "balanced_separation/scatter_is_free": 0,
    "simplex_encoded_labels": 0,
}
del OF_ZEROS["weak_duality/every_critical_point"], OF_ZEROS["imbalanced_separation/weights_not_swapped"]


@pytest.mark.parametrize("name", OF_ZEROS)
def test_zeros_refute_nothing(name):
    zeros = {
        key: plain(np.zeros(np.shape(start(name)[key])).tolist())
        for key, field in CLAIMS[name].domain.fields.items()
        if isinstance(field, Free)
    }
    assert CLAIMS[name].margin({**start(name), **zeros}) == OF_ZEROS[name]


@pytest.mark.parametrize("name", ["projected_class_sizes", "paired_classes"])
def test_margins_of_identities_are_positive_where_a_size_is_wrong(name):
    wrong = {"projected_class_sizes": {"num_classes": 2}, "paired_classes": {"dimension": 2}}[name]
    assert CLAIMS[name].margin(start(name)) < 1e-12
    assert CLAIMS[name].margin({**start(name), **wrong}) > 1e-3


def test_the_margin_of_dual_signs_is_the_positive_entry_for_negative_sizes():
    inputs = {"class_sizes": (1, 5, 9), "shift": -2, "num_classes": 3}
    expected = off_diagonal(np.linalg.pinv(projected([-1, 3, 7]))).max()
    assert CLAIMS["dual_signs"].margin(inputs) == near(expected)
    assert expected > 0.01


def test_the_margin_of_the_flow_is_the_change_of_the_sum_for_a_label_that_is_no_class():
    inputs = start("gradient_flow_invariants") | {"labels": (0, 2)}
    weights, features = np.array(inputs["weights"]), np.array(inputs["features"])
    change = 2 * np.abs(features[1]).max()  # between a step back and one forward, as the pulls of sample 1 sum to -1
    scale = 1 + (weights**2).sum() + (features**2).sum()
    assert CLAIMS["gradient_flow_invariants"].margin(inputs) == near(change / scale)


def test_the_margin_of_two_size_geometry_is_positive_with_wrong_roots(monkeypatch):
    margin = CLAIMS["two_size_geometry"].margin.function
    assert margin(half=2, ratio=5) < 1e-12
    monkeypatch.setattr("nctheory.theorems.two_size_geometry.sqrt", lambda x: 1.01 * sqrt(x))
    assert margin(half=2, ratio=5) > 1e-3
