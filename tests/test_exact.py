import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nctheory import exact
from nctheory.errors import InputError
from tests.reference import dot, rational

wild = st.floats(allow_nan=False, allow_infinity=False)
tame = st.floats(-4, 4)
short = st.integers(-(2**62), 2**62).map(lambda n: float(n) / 2**60)  # few slices


def matrices(elements, rows=4, columns=3):
    return arrays(np.float64, st.tuples(st.integers(1, rows), st.just(columns)), elements=elements)


@given(matrices(wild))
@settings(deadline=None)
def test_floats_survive_the_way_to_integers_and_back(matrix):
    there = exact.ExactMatrix.of(matrix)
    assert (there.floats() == matrix).all()
    assert there.fractions().tolist() == rational(matrix.tolist())


@given(matrices(wild))
@settings(deadline=None)
def test_integers_are_in_lowest_terms(matrix):
    there = exact.ExactMatrix.of(matrix)
    content = math.gcd(*there.integers.flat)
    assert content % 2 == 1 or (content, there.exponent) == (0, 0)


@given(st.lists(st.fractions(max_denominator=1000), min_size=1, max_size=6))
def test_fractions_survive(entries):
    there = exact.ExactMatrix.of(np.array([entries], dtype=object))
    assert there.fractions().tolist() == [entries]
    assert there.denominator % 2 == 1
    assert math.gcd(there.denominator, *there.integers.flat) == 1


@pytest.mark.parametrize("elements", [tame, wild])
def test_inner_products_equal_fractions(elements):
    @given(matrices(elements), matrices(elements))
    @settings(deadline=None)
    def check(x, y):
        products = exact.InnerProducts(x, y)
        i, j = np.indices((len(x), len(y)))
        expected = [[dot(a, b) for b in rational(y.tolist())] for a in rational(x.tolist())]
        assert (products.take(i, j) * products.unit).tolist() == expected

    check()


@given(matrices(tame))
@settings(deadline=None)
def test_rowwise_and_symmetric_products_agree_with_the_full_table(x):
    every = np.arange(len(x))
    table = exact.InnerProducts(x, x.copy())
    symmetric, rowwise = exact.InnerProducts(x, x), exact.InnerProducts(x, x, rowwise=True)
    unit = min(table.unit, symmetric.unit, rowwise.unit)
    i, j = np.indices((len(x), len(x)))
    assert (table.take(i, j, unit=unit) == symmetric.take(i, j, unit=unit)).all()
    assert (rowwise.take(*rowwise.diagonal(), unit=unit) == table.take(every, every, unit=unit)).all()
    assert (table.take(*table.diagonal(), unit=unit) == table.take(every, every, unit=unit)).all()


@given(matrices(short), matrices(short))
@settings(deadline=None)
def test_rounded_products_are_within_their_error(x, y):
    products = exact.InnerProducts(x, y)
    i, j = np.indices((len(x), len(y)))
    whole, rounded = products.take(i, j), products.rounded(i, j, unit=products.unit)
    eps = Fraction(float(np.finfo(np.longdouble).eps))
    for true, near in zip(whole.flat, rounded.flat, strict=True):
        high = float(near)
        assert abs(Fraction(high) + Fraction(float(near - high)) - true) <= 20 * eps * abs(true)


@pytest.mark.parametrize("dimension", [1, 2, 100, 5000])
def test_slices_do_not_overflow_at_the_largest_entries(dimension):
    x = np.full((2, dimension), np.nextafter(1.0, 0.0))
    products = exact.InnerProducts(x, x)
    expected = dimension * Fraction(float(x[0, 0])) ** 2
    assert products.take(np.array([0]), np.array([1]))[0] * products.unit == expected


def test_slices_and_flint_agree_where_slices_give_up():
    x = np.ldexp(1.0 + np.arange(6.0).reshape(2, 3) / 8, np.array([[0, -400, 300], [700, 1, -900]]))
    assert exact._sliced_products(x, x, rowwise=False) is None
    products = exact.InnerProducts(x, x)
    rows = rational(x.tolist())
    assert products.take(np.array([0]), np.array([1]))[0] * products.unit == dot(*rows)


@given(matrices(wild, rows=6), st.data())
@settings(deadline=None)
def test_class_sums_equal_fractions(features, data):
    count = len(features)
    labels = np.array([*range(min(2, count)), *data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))])
    labels = labels[:count]
    sums = exact.class_sums(features, labels, int(labels.max()) + 1).fractions()
    for c in range(len(sums)):
        rows = rational(features[labels == c].tolist())
        assert sums[c].tolist() == [sum(column, Fraction(0)) for column in zip(*rows, strict=True)]


@given(st.fractions())
def test_rounding_is_directed_and_tight(number):
    below, above = exact.floor_float(number), exact.ceil_float(number)
    assert below <= number <= above
    assert below == above == number or above == math.nextafter(below, math.inf)


def test_rounding_beyond_float64():
    huge = Fraction(10) ** 400
    assert exact.floor_float(huge) == math.nextafter(math.inf, 0)
    assert exact.ceil_float(huge) == math.inf
    assert exact.nearest_float(-huge) == -math.inf
    assert exact.floor_float(1 / huge) == 0
    assert exact.ceil_float(1 / huge) == 5e-324


def test_an_entry_beyond_float64_is_refused():
    with pytest.raises(InputError, match="beyond the range of float64"):
        exact.ExactMatrix.scaled(np.array([[1]], dtype=object), Fraction(10) ** 400).floats()


def integers(rows):
    return np.array(rows, dtype=object)


@pytest.mark.parametrize(
    ("matrix", "rank"),
    [
        ([[0]], 0),
        ([[3]], 1),
        ([[-1]], None),
        ([[0, 1], [1, 5]], None),
        ([[0, 0], [0, 5]], 1),
        ([[2, -1, -1], [-1, 2, -1], [-1, -1, 2]], 2),
        ([[1, 2], [2, 1]], None),
        ([[1, 0, 1], [0, 0, 0], [1, 0, 1]], 1),
        ([[1, 1, 1], [1, 1, 2], [1, 2, 5]], None),
    ],
)
def test_semidefinite_rank(matrix, rank):
    assert exact.positive_semidefinite_rank(integers(matrix)) == rank


@given(arrays(np.int64, st.tuples(st.integers(1, 5), st.integers(1, 4)), elements=st.integers(-3, 3)))
def test_gram_matrices_are_semidefinite_of_their_rank(points):
    gram = (points @ points.T).astype(object)
    assert exact.positive_semidefinite_rank(gram) == np.linalg.matrix_rank(points)
    broken = gram.copy()
    broken[0, 0] = -1
    assert exact.positive_semidefinite_rank(broken) is None
