"""What is given, margins in floats and exactly, and the multipliers of the closed form, checked by plain integers."""

import math
from fractions import Fraction

import numpy as np
import pytest

from nctheory import Configuration, Features, InputError, separation
from nctheory.errors import SolverError
from nctheory.point import as_point
from nctheory.separation import problem
from nctheory.separation.problem import dual_multipliers, smallest_margin
from nctheory.solver import Solution
from tests.test_separation import changed, collapsed

# --------------------------------------------------------------------------------------------------- margins in floats


def test_margins_and_their_norms():
    points = Features([[3.0, 4.0], [0.0, 1.0]], [0, 1], [[2.0, 0.0], [0.0, 0.0]], [0.5, 0.0])
    assert separation.margins(points).tolist() == [6.5, -0.5]
    assert separation.margins(points, norm="weights").tolist() == [3.25, -0.25]
    assert separation.margins(points, norm="features").tolist() == [1.3, -0.5]
    assert separation.margins(points, norm="both").tolist() == [0.65, -0.25]


def test_margins_where_a_norm_is_zero():
    points = Features([[0.0], [1.0]], [0, 1], [[1.0], [1.0]], [1.0, 0.0])
    assert separation.margins(points, norm="weights").tolist() == [math.inf, -math.inf]
    assert separation.margins(points, norm="features").tolist() == [math.inf, -1]
    assert separation.margins(changed(points, bias=[0.0, 0.0]), norm="both").tolist() == [0, 0]


@pytest.mark.parametrize("exponent", [-1040, -500, 500, 1000])
def test_extreme_scales(exponent):
    points = Features([[1, 0], [-1, 0.25], [0.5, -3]], [0, 1, 2], [[1, 0], [-1, 0], [0, -1]])
    scaled = changed(points, features=np.ldexp(points.features, exponent))
    assert separation.certify(scaled).lower == separation.certify(points).lower < 0.4
    assert separation.margins(scaled, norm="both").tolist() == separation.margins(points, norm="both").tolist()
    assert separation.margins(scaled).tolist() == np.ldexp(separation.margins(points), exponent).tolist()
    assert separation.kkt_residual(scaled).largest == separation.kkt_residual(points).largest > 0.1


def test_simplex_encoded_labels_have_margins_one():
    encoded = separation.simplex_encoded_labels([0, 2, 1, 2])
    assert np.allclose(encoded.sum(axis=1), 0)
    assert np.allclose(encoded[1], [-1 / 3, -1 / 3, 2 / 3])
    logits = encoded[:, None, :] - encoded[:, :, None]
    assert np.allclose(np.sort(logits[1, 2]), [-1, -1, 0])


@pytest.mark.parametrize("size", [1e-300, 1e-100, 1e200, 1e300])
def test_a_bias_far_from_the_weights_leaves_their_distance_as_it_is(size):
    points = Features([[1.0], [-1.0]], [0, 1], [[1.0], [0.0]], [size, 0.0])
    assert separation.margins(points, norm="weights").tolist() == [1 + size, -1 * (size - 1)]
    tiny = Features([[1.0], [-1.0]], [0, 1], [[size], [0.0]])
    assert separation.margins(tiny, norm="both").tolist() == [1, 1]


def test_each_sample_has_its_own_scale():
    points = Features([[1e-300, 0.0], [0.0, 1e300], [-1.0, 1.0]], [0, 1, 1], [[1.0, 0.0], [0.0, 1.0]])
    assert separation.margins(points).tolist() == [1e-300, 1e300, 2]
    assert separation.margins(points, norm="features") == pytest.approx([1, 1, math.sqrt(2)])
    close = Features([[1.0], [-1.0], [-2.0]], [0, 1, 2], [[1e-200], [-1e-200], [-1.0]])
    assert separation.margins(close, norm="weights") == pytest.approx([1, -1, 2])


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0, 2], "no sample of class 1"), ([0, 0], "labels has 1 classes"), ([], "labels has"), ([0, -1], "labels")],
)
def test_bad_labels(labels, message):
    with pytest.raises(InputError, match=message):
        separation.simplex_encoded_labels(labels)


# ----------------------------------------------------------------------------------------------------- what is given


def test_a_configuration_stands_for_its_samples():
    best = separation.optimum([1, 2, 4], bias=True).configuration
    uneven = Configuration(best.class_means * np.array([[1], [2], [3]]), best.weights, best.bias, best.class_sizes)
    for configuration in (best, uneven):
        labels = np.repeat(np.arange(3), [1, 2, 4])
        points = Features(configuration.class_means[labels], labels, configuration.weights, configuration.bias)
        one, other = separation.certify(configuration), separation.certify(points)
        assert (one.lower, one.upper, one.status) == (other.lower, other.upper, other.status)
        assert np.array_equal(separation.margins(configuration)[labels], separation.margins(points))
        few, all_of_them = separation.kkt_residual(configuration), separation.kkt_residual(points)
        assert few.largest == pytest.approx(all_of_them.largest, abs=1e-12)
        assert few.multipliers.shape == (3, 3)
        assert np.allclose(few.multipliers[labels], all_of_them.multipliers)
    assert separation.certify(uneven).status == "improvable"


def test_a_violation_names_the_class_of_a_configuration():
    tie = Configuration([[1.0], [1.0]], [[1.0], [0.0]], class_sizes=[3, 4])
    assert "class 1 is not separated from class 0: margin -1" in separation.certify(tie).reason


def test_rational_numbers_are_taken_exactly():
    """Means and weights of sixths: the optimum is attained exactly, which their floats do not."""
    means = [[Fraction(6 * (i == j) - 1, 6) for j in range(6)] for i in range(6)]
    ones = [1] * 6
    exact = Configuration(means, means, class_sizes=ones)
    result = separation.certify(exact, tolerance=0)
    assert (result.status, result.lower, result.details.margin.value) == ("optimal", 1, 1)
    moved = Configuration([[m + Fraction(1, 10**30) for m in means[0]], *means[1:]], means, class_sizes=ones)
    assert 0 < separation.certify(moved).gap < Fraction(1, 10**28)
    rounded = Configuration(exact.class_means, exact.weights, class_sizes=ones)
    assert 0 < separation.certify(rounded).gap < Fraction(1, 10**15)


def test_bad_features():
    bare, nearest = Features([[1.0], [2.0]], [0, 1]), Configuration([[1.0], [2.0]], class_sizes=[1, 1])
    for ask in (separation.margins, separation.certify, separation.kkt_residual):
        with pytest.raises(InputError, match=r"features has no weights: .* Features\(features, labels, weights\)"):
            ask(bare)
        with pytest.raises(InputError, match=r"features has no weights: .* Configuration\(class_means, weights\)"):
            ask(nearest)
        with pytest.raises(InputError, match="features is of type list, expected Features or a Configuration"):
            ask([[1.0]])
        with pytest.raises(InputError, match="features has one class"):
            ask(Features([[1.0]], [0], [[1.0]]))
    sizeless = Configuration([[1.0], [-1.0]], [[1.0], [-1.0]])
    assert separation.margins(sizeless).tolist() == [2, 2]
    for ask in (separation.certify, separation.kkt_residual):
        with pytest.raises(InputError, match="without class_sizes"):
            ask(sizeless)
    with pytest.raises(InputError, match="norm is 'weight'"):
        separation.margins(collapsed([1, 1]), norm="weight")
    with pytest.raises(InputError, match="tolerance is -1"):
        separation.certify(collapsed([1, 1]), tolerance=-1)
    with pytest.raises(InputError, match="bias is 'free'"):
        separation.certify(collapsed([1, 1]), bias="free")
    with pytest.raises(InputError, match="the margin of sample 1 of class 1 is not positive"):
        separation.kkt_residual(Features([[1.0], [1.0]], [0, 1], [[1.0], [0.0]]))


def test_a_bracket_has_a_status():
    one, two, solution = Fraction(1), Fraction(2), Solution("toy", "SCS", "optimal", 1.0, 0.1)
    assert problem.bracket_status(one, one, Fraction(0), solution)[0] == "optimal"
    assert problem.bracket_status(one, two, Fraction(1, 2), solution)[0] == "near_optimal"
    status, reason = problem.bracket_status(one, two, Fraction(1, 3), solution)
    assert (status, reason[:9], "SCS" in reason) == ("undecided", "0.5 above", False)


# --------------------------------------------------------------------------------------------------- margins, exactly


def test_a_margin_below_rounding_is_seen_exactly():
    """1 + 2^-60 as a difference of logits: floats say 0, and 2^-60 it is; its negative is a violation."""
    tiny = 2.0**-30
    margins = []
    for sign in (1, -1):
        points = Features([[1.0, tiny], [-1.0, 0.0]], [0, 1], [[1.0, sign * tiny], [0.0, 0.0]], [-1.0, 0.0])
        assert separation.margins(points)[0] == 0
        margins.append(separation.certify(points).details.margin)
    assert [margin.value for margin in margins] == [Fraction(2) ** -60, -(Fraction(2) ** -60)]
    assert [(margin.sample, margin.other) for margin in margins] == [(0, 1)] * 2


def test_the_float_filter_keeps_what_rounding_hides():
    """Float margins 0 and one ulp, exact margins 0.98 and 0.51 of it: the larger float is the smaller margin."""
    ulp = 2.0**-52
    points = Features([[1.5, 0.49 * ulp, 0], [1.5, 0, 0.51 * ulp], [0, -5, 0]], [0, 0, 1], [[1, 1, 1], [1, -1, 0]])
    assert separation.margins(points)[:2].tolist() == [0, ulp]
    margin = separation.certify(points).details.margin
    assert (margin.sample, margin.value) == (1, Fraction(0.51 * ulp))


def test_the_exact_margin_is_the_smallest_of_all():
    generator = np.random.default_rng(5)
    points = Features(generator.integers(-9, 9, (60, 3)), np.arange(60) % 4, generator.integers(-9, 9, (4, 3)))
    logits = points.features.astype(int) @ points.weights.astype(int).T
    own = logits[np.arange(60), points.labels]
    logits[np.arange(60), points.labels] = -1000
    margin = separation.certify(points).details.margin
    assert margin.value == (own - logits.max(axis=1)).min()
    assert margin.value == own[margin.sample] - logits[margin.sample, margin.other]


@pytest.mark.parametrize("exponent", [-900, -700, -600, -540, -400, 400, 900])
@pytest.mark.parametrize("weights_exponent", [0, -700, 700])
def test_the_float_filter_knows_its_errors_at_every_scale(exponent, weights_exponent):
    """The same points: squares of such numbers underflow or overflow, their rounding errors do not."""
    ulp = 2.0**-52
    features = np.array([[1.5, 0.49 * ulp, 0], [1.5, 0, 0.51 * ulp], [0, -5, 0]])
    weights = np.ldexp([[1, 1, 1], [1, -1, 0]], weights_exponent)
    points = Features(np.ldexp(features, exponent), [0, 0, 1], weights)
    margin = smallest_margin(as_point(points))
    assert (margin.sample, margin.value) == (1, Fraction(0.51 * ulp) * Fraction(2) ** (exponent + weights_exponent))


def test_the_first_of_equal_margins_is_named():
    points = Features([[3.0], [1.0], [1.0], [-2.0]], [0, 0, 0, 1], [[1.0], [0.0]])
    assert smallest_margin(as_point(points)).sample == 1


# ------------------------------------------------------------------------------------ multipliers of the closed form

SAMPLED = np.random.default_rng(0).integers(1, 5001, 100).tolist()
GEOMETRIC = sorted({round(5000 ** (k / 99)) for k in range(100)})
CASES = {
    "two": [1, 7],
    "balanced": [5] * 6,
    "graded": [3**k for k in range(1, 20)],
    "primes": [10**9 + 7, 10**9 + 9, 998244353, 3],
    "far apart": [1, 10**15, 10**15],
    "random": SAMPLED,
    "geometric": GEOMETRIC,
    "few small": [1] * 2 + [5000] * 98,
    "few large": [1] * 98 + [5000] * 2,
}


def check_multipliers(sizes, bias):
    """All that is claimed, in Python's integers and Fractions."""
    found, exponent = dual_multipliers(sizes, bias)
    beta, unit, size = found.tolist(), Fraction(2) ** exponent, len(sizes)
    assert all(type(x) is int and x >= 0 for row in beta for x in row)
    assert not any(beta[i][i] for i in range(size))
    columns = [[sum(row) if i == c else -x for c, x in enumerate(row)] for i, row in enumerate(beta)]  # B_i
    if bias:
        assert not any(sum(n * column[c] for n, column in zip(sizes, columns, strict=True)) for c in range(size))
    rows = list(zip(*columns, strict=True))
    weighted = [[n * x for n, x in zip(sizes, row, strict=True)] for row in rows]
    gram = [[sum(map(int.__mul__, x, y)) * unit**2 for y in rows] for x in weighted]
    shift = sum(gram[i][i] for i in range(size)) / (size * (size - 1))
    for i in range(size):
        off = sum(abs(gram[i][c] + shift) for c in range(size) if c != i)
        assert 1 - gram[i][i] - shift >= off  # hence the diagonal is not negative
    bound = unit * sum(n * sum(row) for n, row in zip(sizes, beta, strict=True))
    best = separation.optimum(sizes, bias=bias, relative_width=1e-15)
    assert best.lower * (1 - Fraction(1, 10**12)) <= bound <= best.upper
    return found, bound


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_multipliers_prove_the_optimum(name, bias):
    found, bound = check_multipliers(CASES[name], bias)
    assert found.max() < 2**60 or name in ("graded", "primes", "far apart")
    if name != "graded":
        assert bound >= separation.optimum(CASES[name], bias=bias).lower * (1 - Fraction(1, 10**13))


@pytest.mark.parametrize("bias", [False, True])
def test_multipliers_of_three_hundred_classes(bias):
    """As above, but with the row sums by FLINT; 27 million products are too slow for a test."""
    sizes = np.random.default_rng(1).integers(1, 5001, 300)
    found, exponent = dual_multipliers(sizes, bias)
    counts = np.array(sizes.tolist(), dtype=object)
    assert (found >= 0).all()
    assert found.max() < 2**60
    assert problem._row_sum(found, counts) * Fraction(4) ** exponent <= 1
    flows = found * counts[:, None]
    assert not bias or (flows.sum(axis=0) == flows.sum(axis=1)).all()
    best = separation.optimum(sizes, bias=bias).lower
    assert int(flows.sum()) * Fraction(2) ** exponent >= best * (1 - Fraction(1, 10**12))


def test_rational_multipliers_are_exact():
    """Four classes of 4: beta = 1 / (4 * 2), and nothing is lost."""
    found, exponent = dual_multipliers([4] * 4)
    assert found[0, 1] * Fraction(2) ** exponent == Fraction(1, 8)
    assert 4 * int(found.sum()) * Fraction(2) ** exponent == 6


def test_more_bits_are_taken_where_sixty_lose_too_much(monkeypatch):
    few, _ = dual_multipliers([1, 7], True)
    monkeypatch.setattr(problem, "_LOSS", Fraction(1, 10**25))
    many, exponent = dual_multipliers([1, 7], True)
    assert few.max() < 2**60 < many.max()
    bound = (many[0, 1] + 7 * many[1, 0]) * Fraction(2) ** exponent
    assert 1 - Fraction(1, 10**24) < bound**2 * 4 / 7 <= 1


def test_multipliers_that_rounding_spoils_are_refused(monkeypatch):
    monkeypatch.setattr(problem, "_LOSS", Fraction(1, 10**80))
    with pytest.raises(SolverError, match=r"class sizes \[2, 3, 5\]"):
        dual_multipliers([2, 3, 5])


def test_the_row_sum_is_that_of_the_definition():
    sizes, generator = [2, 1, 3], np.random.default_rng(0)
    beta = generator.integers(0, 9, (3, 3)).astype(object)
    beta[range(3), range(3)] = 0
    columns = np.array([[sum(beta[i]) if i == c else -beta[i, c] for i in range(3)] for c in range(3)], dtype=object)
    gram = sum(n * np.outer(columns[:, i], columns[:, i]) for i, n in enumerate(sizes))
    table = gram + Fraction(int(np.trace(gram)), 6)
    assert problem._row_sum(beta, np.array(sizes, dtype=object)) == abs(table).sum(axis=1).max()
