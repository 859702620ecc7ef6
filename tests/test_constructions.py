from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

import nctheory
from nctheory import Configuration, InputError, channel, simplex_etf
from tests.reference import dot, rational

EPS = Fraction(float(np.finfo(float).eps))


def squared_cosine_error_is_small(points, i, j):
    """|cos + 1/(K-1)| <= 4 eps, decided in rationals: both sides squared after isolating the square root."""
    x, y = rational([points[i], points[j]])
    product, size = dot(x, y), dot(x, x) * dot(y, y)
    target = Fraction(-1, len(points) - 1)
    low, high = target - 4 * EPS, target + 4 * EPS

    def at_most(value):  # product / sqrt(size) <= value, for negative product and value
        return product <= 0 and (value >= 0 or product**2 >= value**2 * size)

    def at_least(value):
        return product >= 0 or (value <= 0 and product**2 <= value**2 * size)

    return at_most(high) and at_least(low)


@pytest.mark.parametrize("num_classes", [2, 3, 4, 5, 10, 37, 64])
def test_canonical_cosines_are_within_four_eps(num_classes):
    points = simplex_etf(num_classes)
    pairs = [(i, j) for i in range(num_classes) for j in range(i)]
    assert all(squared_cosine_error_is_small(points, i, j) for i, j in pairs)


def test_the_cosine_check_rejects_a_wrong_frame():
    points = np.array(simplex_etf(5))
    points[0, 0] += 16 * float(EPS)
    assert not all(squared_cosine_error_is_small(points, 0, j) for j in range(1, 5))


@pytest.mark.parametrize("num_classes", [1000, 10_000])
def test_large_canonical_simplices_have_three_kinds_of_pairs_all_within_four_eps(num_classes):
    points = simplex_etf(num_classes)
    diagonal, off, last = points[0, 0], points[0, 1], points[-1, 0]
    assert (points[-1] == last).all()
    np.testing.assert_array_equal(np.diagonal(points), diagonal)
    assert np.count_nonzero(points[:-1] == off) == (num_classes - 1) * (num_classes - 2)
    rank, diagonal, off, last = num_classes - 1, Fraction(diagonal), Fraction(off), Fraction(last)
    square = diagonal**2 + (rank - 1) * off**2
    inner = {2 * diagonal * off + (rank - 2) * off**2: square**2}
    inner[last * (diagonal + (rank - 1) * off)] = square * rank * last**2
    for product, size in inner.items():
        low, high = -Fraction(1, rank) - 4 * EPS, -Fraction(1, rank) + 4 * EPS
        assert low**2 * size >= product**2 >= high**2 * size
        assert product < 0


@pytest.mark.parametrize("num_classes", [2, 3, 10, 100, 400])
@pytest.mark.parametrize("extra", [0, 1, 7])
def test_random_orientations_stay_simplices(num_classes, extra):
    points = simplex_etf(num_classes, num_classes - 1 + extra, seed=num_classes)
    error = np.abs(points @ points.T - nctheory.simplex_etf_gram(num_classes).astype(float)).max()
    assert error <= 16 * np.sqrt(num_classes) * np.finfo(float).eps


def test_random_orientation_is_haar():
    """The first coordinate of a Haar-random unit vector of R^3 is uniform on [-1, 1]."""
    draws = [simplex_etf(3, 3, seed=seed)[0, 0] for seed in range(2000)]
    assert stats.kstest(draws, stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_seeds():
    assert np.array_equal(simplex_etf(5, seed=1), simplex_etf(5, seed=np.random.SeedSequence(1)))
    assert not np.array_equal(simplex_etf(5, seed=1), simplex_etf(5, seed=2))


def test_results_are_read_only():
    made = (simplex_etf(3), simplex_etf(3, seed=0), nctheory.simplex_etf_gram(3), nctheory.orthoplex(3, 2))
    for array in (*made, nctheory.orthogonal_frame(2)):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 7


def test_extra_dimensions_are_zero():
    points = simplex_etf(3, 5)
    assert points.shape == (3, 5)
    assert not points[:, 2:].any()


def test_simplex_gram_is_exactly_the_formula():
    gram = nctheory.simplex_etf_gram(7)
    identity, ones = np.eye(7, dtype=int), np.ones((7, 7), dtype=int)
    expected = Fraction(7, 6) * (identity.astype(object) - ones * Fraction(1, 7))
    assert (gram == expected).all()


def test_exact_simplex_attains_the_optimum():
    assert channel.certify(nctheory.exact_simplex_etf(6, 9)).status == "optimal"


@pytest.mark.parametrize(("num_classes", "dimension"), [(4, 3), (6, 4), (8, 4), (5, 3)])
def test_orthoplex_attains_rankin(num_classes, dimension):
    assert channel.exponent(nctheory.orthoplex(num_classes, dimension)).lower == Fraction(1, 4)


@pytest.mark.parametrize("seed", [None, 3])
def test_orthogonal_frame(seed):
    frame = nctheory.orthogonal_frame(4, 6, seed=seed)
    np.testing.assert_allclose(frame @ frame.T, np.eye(4), atol=1e-15)


def test_random_configuration_is_repeatable():
    first, second = (nctheory.random_configuration(4, 3, seed=5) for _ in range(2))
    assert isinstance(first, Configuration)
    assert np.array_equal(first.weights, second.weights)
    assert first.decoder == "linear"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: simplex_etf(1), "num_classes is 1, expected an integer of at least 2"),
        (lambda: simplex_etf(0), "num_classes is 0"),
        (lambda: simplex_etf(2.0), r"num_classes is 2\.0"),
        (lambda: simplex_etf(True), "num_classes is True"),
        (lambda: simplex_etf(5, 3), "dimension is 3, expected at least K - 1 = 4"),
        (lambda: nctheory.orthoplex(5, 2), "at most 2d = 4"),
        (lambda: nctheory.orthogonal_frame(3, 2), "dimension is 2, expected at least 3"),
        (lambda: nctheory.simplex_etf_gram(1), "num_classes is 1"),
    ],
)
def test_impossible_sizes_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_shape_annotations_are_enforced():
    """The hook of conftest.py is alive: a wrong rank is caught before the code sees it."""
    from jaxtyping import TypeCheckError

    from nctheory.channel.optimality import _nearest_simplex_etf

    with pytest.raises(TypeCheckError, match="means"):
        _nearest_simplex_etf(np.zeros(3), "bounded")
