"""Sectors, wedges and cells far into the tails, against balls and against formulas in one dimension."""

import math
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from scipy import special

from nctheory.gaussian import simplex_error
from nctheory.gaussian_cells import (
    blocking_walls,
    cell_walls,
    is_empty,
    log_outside_axes,
    log_outside_interval,
    log_outside_polygon,
    outside_axes_ball,
    outside_interval_ball,
    outside_polygon_ball,
)
from nctheory.gaussian_logs import (
    SLACK,
    log_both,
    log_both_lower,
    log_both_upper,
    log_difference,
    log_sector,
    log_sums,
    sector_ball,
)


@pytest.fixture(autouse=True)
def precise():
    with ctx.workprec(300):
        yield


def close(value, exact):
    """Within the accuracy that the exact tier is held to."""
    exact = float(exact.mid()) if isinstance(exact, arb) else exact
    return abs(value - exact) <= 1e-13 + 1e-15 * abs(exact)


def one(value):
    return np.array([value])


def test_sums_and_differences_of_exponentials():
    assert log_sums(np.array([[0.0, 0.0], [-math.inf, -math.inf], [-1e6, -1e6]])) == pytest.approx(
        [math.log(2), -math.inf, -1e6 + math.log(2)], rel=1e-15
    )
    assert log_sums(np.array([math.inf, 0.0])) == math.inf
    assert log_difference(one(0.0), one(-800.0)) == 0
    assert log_difference(one(-5.0), one(-5.0)) == -math.inf
    assert log_difference(one(math.log(3)), one(0.0)) == pytest.approx(math.log(2))


@pytest.mark.parametrize("height", [1e-6, 0.01, 0.7, 5.0, 300.0, 1e5])
@pytest.mark.parametrize("start", [-1.4, -0.2, 0.0, 1e-3, 0.9])
@pytest.mark.parametrize("width", [1e-6, 0.05, 0.6])
def test_a_sector_is_as_its_ball_says(height, start, width):
    h, stop = arb(height), start + width
    exact = sector_ball(h, h * arb(start).tan(), h * arb(stop).tan()).log()
    assert exact.rad() < 1e-20
    value, middle = float(log_sector(one(height), one(start), one(stop))[0]), float(exact.mid())
    assert abs(value - middle) <= 1e-13 + 1e-15 * (abs(middle) + 1 / width + height * abs(math.tan(start)) / width)


@pytest.mark.parametrize("height", [1e-3, 1.0, 40.0])
def test_the_whole_half_plane_is_a_sector(height):
    quarter = math.pi / 2
    assert close(float(log_sector(one(height), one(-quarter), one(quarter))[0]), float(special.log_ndtr(-height)))
    assert log_sector(one(height), one(0.3), one(0.3)) == -math.inf


def wedge(first, second, correlation):
    """log P(X >= h, Y >= k) as a ball."""
    h, k, r = arb(first), arb(second), arb(correlation)
    sine = (1 - r * r).sqrt()
    return (sector_ball(h, (k - r * h) / sine, None) + sector_ball(k, (h - r * k) / sine, None)).log()


def wedges(seed, number=60):
    generator = np.random.default_rng(seed)
    for _ in range(number):
        first, second = 10 ** generator.uniform(-1, 3, 2)
        if generator.random() < 0.7:
            second = first * generator.uniform(0.9, 1.1)
        correlation = generator.uniform(-0.95, 0.99)
        yield first, second, correlation if generator.random() < 0.8 else 1 - 10 ** generator.uniform(-8, -1)


@pytest.mark.parametrize("seed", range(4))
def test_two_half_spaces_at_once(seed):
    for first, second, correlation in wedges(seed):
        exact = wedge(first, second, correlation)
        arguments = one(first), one(second), one(correlation)
        value = float(log_both(*arguments)[0])
        assert close(value, exact)
        assert abs(value - float(exact.mid())) < SLACK + 1e-13 * abs(value)
        assert arb(float(log_both_lower(*arguments)[0])) <= exact <= arb(float(log_both_upper(*arguments)[0]))


def test_the_closed_bounds_are_near_each_other_far_out():
    arguments = one(10.0), one(10.5), one(0.5)
    assert float(log_both_upper(*arguments)[0] - log_both_lower(*arguments)[0]) < 0.02


@pytest.mark.parametrize(("first", "second", "correlation"), [(-1.0, 2.0, 0.5), (-1.0, -2.0, -0.3), (0.0, 0.0, 0.2)])
def test_the_closed_bounds_where_a_half_space_holds_the_origin(first, second, correlation):
    draws = np.random.default_rng(0).standard_normal((2, 400_000))
    other = correlation * draws[0] + math.sqrt(1 - correlation**2) * draws[1]
    share = math.log(((draws[0] >= first) & (other >= second)).mean())
    arguments = one(first), one(second), one(correlation)
    assert float(log_both_lower(*arguments)[0]) <= share + 0.02
    assert share - 0.02 <= float(log_both_upper(*arguments)[0])


@pytest.mark.parametrize("correlation", [1.0, -1.0])
def test_the_closed_bounds_at_the_ends(correlation):
    arguments = one(2.0), one(3.0), one(correlation)
    exact = special.log_ndtr(-3.0) if correlation == 1 else -math.inf
    assert log_both_lower(*arguments)[0] <= exact <= log_both_upper(*arguments)[0]


# ------------------------------------------------------------------------------------------------------------- cells


def test_an_interval():
    exact = np.log(special.ndtr(-1.0) + special.ndtr(-2.0))
    assert float(log_outside_interval(one(1.0), one(2.0))[0]) == pytest.approx(exact, rel=1e-14)
    assert log_outside_interval(one(1.0), one(-2.0)) == 0
    assert log_outside_interval(one(math.inf), one(math.inf)) == -math.inf
    ball = outside_interval_ball(arb(1), arb(2)).log()
    assert abs(float(ball.mid()) - exact) < 1e-14
    assert outside_interval_ball(arb(1), arb(-2)) == 1
    assert outside_interval_ball(arb("inf"), arb("inf")) == 0
    assert outside_interval_ball(arb(1), arb(-1)).contains(1)


def directions(*angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def by_counting(normals, thresholds, number=400_000):
    draws = np.random.default_rng(1).standard_normal((number, 2))
    return (draws @ normals.T >= thresholds).any(axis=1).mean()


@pytest.mark.parametrize(
    ("angles", "thresholds"),
    [
        ((0.3,), (0.8,)),  # a half-plane
        ((0.0, math.pi), (0.5, 1.0)),  # a strip
        ((0.0, 1.0), (0.5, 0.7)),  # a wedge
        ((0.0, 2.0, 4.0), (1.0, 1.0, 1.5)),  # a triangle
        ((0.0, 2.0, 4.0, 0.1), (1.0, 1.0, 1.5, 9.0)),  # with a wall that does not matter
        ((0.0, 0.0, 2.0), (1.0, 2.0, 1.0)),  # with two parallel walls
        ((0.0, 2.0, 4.0), (1.0, -0.2, 1.5)),  # the origin is outside
        ((0.0, 2.0), (-0.3, -0.5)),
        ((0.3,), (-0.8,)),
        ((0.0, math.pi), (-0.5, 1.0)),
        ((0.0, 2.0, 4.0), (0.0, 1.0, 1.0)),  # or on the boundary
        ((0.0, 2.0), (0.0, 0.0)),
        ((0.0, 2.0, 4.0), (1.0, -3.0, -3.0)),  # the cell is empty
    ],
)
def test_a_polygon_is_as_counting_says_and_as_its_ball(angles, thresholds):
    normals, limits = directions(*angles), np.array(thresholds)
    value = log_outside_polygon(normals, limits)
    share = by_counting(normals, limits)
    assert abs(math.exp(value) - share) < 5 * math.sqrt(share * (1 - share) / 400_000) + 1e-12
    rows = [(fmpq(*x.as_integer_ratio()), fmpq(*y.as_integer_ratio())) for x, y in normals.tolist()]
    balls = [arb(t) for t in thresholds]
    order = cell_walls(normals, limits)
    if order:
        ball = outside_polygon_ball(rows, (arb(1), arb(1)), balls, order)
        assert ball.rad() < 1e-10
        assert abs(math.exp(value) - float(ball.mid())) < 1e-9
    else:
        blocking = blocking_walls(normals, limits)
        assert is_empty([rows[j] for j in blocking], [fmpq(*thresholds[j].as_integer_ratio()) for j in blocking])


def test_no_wall_at_all():
    assert log_outside_polygon(np.zeros((0, 2)), np.zeros(0)) == -math.inf
    assert cell_walls(np.zeros((0, 2)), np.zeros(0)) == []
    assert log_outside_axes(1.0, math.inf, np.zeros((0, 4))) == -math.inf
    assert outside_axes_ball(arb(1), None, [], 0.0) == 0


def test_a_cell_that_is_not_empty_is_not_called_so():
    rows = [(fmpq(1), fmpq(0)), (fmpq(-1), fmpq(2)), (fmpq(-1), fmpq(-2))]
    assert is_empty(rows, [1, -3, -3])
    assert is_empty(rows[::-1], [-3, -3, 1])
    assert not is_empty(rows, [5, 1, -1])
    assert not is_empty(rows[:2], [-1, -1])
    assert not is_empty(rows[:1], [-1])
    assert not is_empty([rows[0], (fmpq(1), fmpq(1)), rows[1]], [-1, -1, -1])


def test_walls_that_meet_in_a_point_and_opposite_walls():
    """Exactly: the walls <row, x> < m leave the point out."""
    rows = [(fmpq(1), fmpq(0)), (fmpq(-1), fmpq(2)), (fmpq(-1), fmpq(-2))]
    assert is_empty(rows, [2, -1, -3])
    assert not is_empty(rows, [3, -1, -3])
    opposite = [(fmpq(1), fmpq(2)), (fmpq(-3), fmpq(-6))]
    assert is_empty(opposite, [1, -3])
    assert not is_empty(opposite, [1, -2])
    assert not is_empty([opposite[0], (fmpq(3), fmpq(6))], [-1, -1])


def test_a_strip_between_walls_that_are_almost_parallel():
    """Its corners are 1e5 away, and a wall so near the origin sees them at angles that round to a right one."""
    generator = np.random.default_rng(0)
    for near in (1e-12, 6e-14, 1e-16):
        for tilts in generator.uniform(-1e-10, 1e-10, (10, 4)):
            limits = np.array([1.8e-2, 1.4e-5, near, 3.4e-4])
            normals = np.column_stack([[-1.0, 1.0, -1.0, 1.0], tilts])
            strip = math.log1p(-(limits[1] + near) / math.sqrt(2 * math.pi))
            assert log_outside_polygon(normals, limits) == pytest.approx(strip, rel=1e-3)


def test_walls_so_far_that_squares_overflow():
    normals = directions(0.0, 2.0, 4.0)
    assert log_outside_polygon(normals, np.full(3, 1e160)) == -math.inf
    assert log_outside_polygon(normals, np.full(3, 1e152)) == pytest.approx(-5e303, rel=1e-15)
    assert log_outside_polygon(normals, np.array([1.0, 1e200, 1e200])) == pytest.approx(
        special.log_ndtr(-1.0), rel=1e-14
    )


def test_an_empty_slab_of_the_class_in_the_center():
    """Given any y the walls x >= -1 and -x >= -1 are passed; those that only meet are not decided."""
    one, other = (arb(-1), arb(1)), (arb(-1), arb(1))
    assert outside_axes_ball(arb(0), None, [(one, other, 1)], 0.0) == 1
    far = outside_axes_ball(arb(0), None, [((arb(2), arb(1)), (arb(3), arb(1)), 1)], -3.0)
    assert float(far.mid()) == pytest.approx(special.ndtr(-2.0) + special.ndtr(-3.0), rel=1e-12)
    met = outside_axes_ball(arb(0), None, [((arb(1, 1e-9), arb(1)), (arb(-1), arb(1)), 1)], 0.0)
    assert met.contains(1)


def test_a_wrong_choice_of_walls_only_widens_the_ball():
    normals, limits = directions(0.0, 2.0, 4.0), np.array([1.0, 1.0, 1.5])
    rows = [(fmpq(*x.as_integer_ratio()), fmpq(*y.as_integer_ratio())) for x, y in normals.tolist()]
    exact = outside_polygon_ball(rows, (arb(1), arb(1)), [arb(t) for t in limits], [0, 1, 2])
    for walls in ([0, 1], [0], [1, 2]):
        assert outside_polygon_ball(rows, (arb(1), arb(1)), [arb(t) for t in limits], walls).contains(exact)


@pytest.mark.parametrize("own", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("limit", [math.inf, 1.0, -0.5])
def test_axes_are_as_counting_says_and_as_their_ball(own, limit):
    axes = np.array([[1.0, 1.0, math.inf, 1.0], [2.0, 0.5, 1.0, 2.0], [2.0, 0.5, 1.0, 2.0], [0.5, 1.0, 3.0, 1.0]])
    value = log_outside_axes(own, limit, axes)
    draws = np.random.default_rng(2).standard_normal((400_000, 5))
    y, shift = draws[:, 0], own * draws[:, :1]
    above = draws[:, 1:] >= (axes[:, 0] + shift) / axes[:, 1]
    below = -draws[:, 1:] >= (axes[:, 2] + shift) / axes[:, 3]
    share = ((-y >= limit) | (above | below).any(axis=1)).mean()
    assert abs(math.exp(value) - share) < 5 * math.sqrt(share * (1 - share) / 400_000)
    sides = [[(arb(t), arb(r)) if math.isfinite(t) else None for t, r in row.reshape(2, 2)] for row in axes]
    balls = [(sides[0][0], None, 1), (*sides[1], 2), (*sides[3], 1)]
    ball = outside_axes_ball(arb(own), None if limit == math.inf else arb(limit), balls, value).log()
    assert ball.rad() < 1e-25
    assert close(value, ball)


def test_axes_of_very_different_lengths():
    """Sharp steps, far apart from each other."""
    axes = np.array([[1.0, 1e-7, math.inf, 1.0], [300.0, 5.0, math.inf, 1.0], [80.0, 1.0, 90.0, 1e-3]])
    for own in (1e-4, 1.0, 50.0):
        value = log_outside_axes(own, math.inf, axes)
        balls = [(*((arb(t), arb(r)) if math.isfinite(t) else None for t, r in row.reshape(2, 2)), 1) for row in axes]
        ball = outside_axes_ball(arb(own), None, balls, value).log()
        assert ball.rad() < 1e-15
        assert close(value, ball)


@pytest.mark.parametrize("noise", [Fraction(5), Fraction(1, 5), Fraction(1, 20), Fraction(1, 1000)])
def test_the_simplex_of_ten_thousand_classes(noise):
    """K - 1 equal axes: as the ball of the one-dimensional formula says, and at once."""
    distance = math.sqrt(2 * 10_000 / 9999)
    wall = distance**2 / (2 * float(noise)), distance / math.sqrt(2)
    value = log_outside_axes(wall[1], math.inf, np.tile([*wall, math.inf, 1.0], (9999, 1)))
    exact = simplex_error(10_000, Fraction(float(noise))).log()
    assert close(value, exact)
