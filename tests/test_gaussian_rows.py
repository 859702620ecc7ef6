"""Rows in coordinates with white noise: what integers keep that floats lose, and what fewer coordinates leave out."""

from fractions import Fraction

import numpy as np
import pytest

from nctheory.gaussian_rows import integer_rows, leaves_out, span, spread, to_floats


def inner_products(rows):
    return np.array([[sum(a * b for a, b in zip(x, y, strict=True)) for y in rows] for x in rows], dtype=object)


def check_integers(rows, rank):
    """Products of differences are those of the rows, but for one factor, relative to the least squared distance."""
    form = inner_products(rows)
    found, origin = integer_rows(form)
    assert found.shape[1] == rank
    assert not found.sum(axis=0).any()
    points, count = np.vstack([found, origin]), len(rows)
    with_zero = np.array([*rows, [0] * len(rows[0])], dtype=object)
    apart, exact = inner_products(points[1:] - points[0]), inner_products(with_zero[1:] - with_zero[0])
    factor = Fraction(apart.diagonal()[: count - 1].max(), exact.diagonal()[: count - 1].max())
    distances = form.diagonal()[:, None] + form.diagonal() - 2 * form
    least = min(x for x in distances.flat if x > 0)
    errors = np.abs(apart - exact * factor)
    assert errors[:-1, :-1].max() <= least * factor / 2**98
    sizes = (exact.diagonal() * factor).astype(float) ** 0.5
    assert (errors[-1, :-1] <= 2**-60 * sizes[-1] * sizes[:-1]).all()  # the origin may be outside of the span


@pytest.mark.parametrize("offset", [0, 10**30])
@pytest.mark.parametrize("size", [1, 10**12])
def test_integers_keep_every_difference(offset, size):
    generator = np.random.default_rng(0)
    rows = [[int(x) for x in row] for row in generator.integers(-99, 100, (7, 4))]
    for i in (3, 4, 5):
        rows[i] = [x + size * y for x, y in zip(rows[0], rows[i], strict=True)]
    check_integers([[x + offset for x in row] for row in rows], 4)
    check_integers([[x + offset for x in row] for row in rows[:3]], 2)


def test_integers_of_equal_rows():
    found, origin = integer_rows(np.full((3, 3), 7, dtype=object))
    assert found.shape == (3, 1)
    assert not found.any()
    assert origin.shape == (1,)


def test_a_direction_that_only_close_rows_have_is_kept():
    rows = [[10**20, 0], [-(10**20), 0], [0, 1], [0, -1]]
    found, _ = integer_rows(inner_products(rows))
    floats = to_floats(found[2] - found[3], spread(found[2] - found[3]))
    far = to_floats(found[0] - found[1], spread(found))
    assert abs(floats @ far) < 1e-15 * np.linalg.norm(floats) * np.linalg.norm(far)


def test_fewer_coordinates_leave_out_what_is_tiny():
    rows = np.array([[1.0, 0], [-1, 0], [0, 1e-16], [0, -1e-16]])
    basis = span(rows)
    assert basis.shape == (2, 1)

    def difference(i, j):
        return rows[j] - rows[i]

    assert leaves_out(rows, difference, basis, 1e-9)
    assert not leaves_out(rows[:2], lambda i, j: rows[:2][j] - rows[:2][i], basis, 1e-14)
    assert not leaves_out(rows, difference, basis, 1.0)


def test_a_rotated_plane_leaves_out_rounding():
    generator = np.random.default_rng(1)
    frame = np.linalg.qr(generator.normal(size=(9, 2)))[0]
    rows = generator.normal(size=(40, 2)) @ frame.T
    rows -= rows.mean(axis=0)
    basis = span(rows)
    assert basis.shape == (9, 2)
    assert not leaves_out(rows, lambda i, j: rows[j] - rows[i], basis, 3e-14)
    rows[3] = rows[4] + 1e-9 * generator.normal(size=9)
    assert leaves_out(rows, lambda i, j: rows[j] - rows[i], basis, 3e-14)
