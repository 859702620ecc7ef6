import math

import numpy as np
import pytest

from nctheory import InputError
from nctheory.spherical_code import _objective, search, spread


def smallest_distance(points):
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    return distances[~np.eye(len(points), dtype=bool)].min()


def start(num_points, dimension, seed=0):
    return np.random.default_rng(seed).standard_normal((num_points, dimension))


@pytest.mark.parametrize("energy", ["bounded", "equal", "average"])
@pytest.mark.parametrize(("num_points", "dimension"), [(3, 2), (4, 3), (5, 6), (2, 1)])
def test_simplices_are_found_where_they_fit(num_points, dimension, energy):
    found = spread(start(num_points, dimension), energy=energy)
    assert smallest_distance(found) == pytest.approx(math.sqrt(2 * num_points / (num_points - 1)), rel=1e-6)


@pytest.mark.parametrize(
    ("num_points", "dimension", "energy", "distance"),
    [
        (5, 2, "equal", 2 * math.sin(math.pi / 5)),
        (7, 2, "bounded", 1),
        (7, 3, "equal", 1.2568702250),
        (8, 3, "equal", 1.2155625241),
        (6, 3, "bounded", math.sqrt(2)),
    ],
)
def test_known_packings_are_found(num_points, dimension, energy, distance):
    best = max(smallest_distance(spread(start(num_points, dimension, seed), energy=energy)) for seed in range(3))
    assert best == pytest.approx(distance, rel=1e-6)


@pytest.mark.parametrize("energy", ["bounded", "equal", "average"])
def test_the_result_has_energy_one_and_is_no_worse(energy):
    points = start(9, 4)
    found = spread(points, energy=energy)
    squares = (found**2).sum(axis=1)
    assert (squares.mean() if energy == "average" else squares.max()) == pytest.approx(1)
    if energy == "equal":
        np.testing.assert_allclose(squares, 1)
    squares = (points**2).sum(axis=1)
    scale = {"average": squares.mean(), "bounded": squares.max(), "equal": squares[:, None]}[energy]
    assert smallest_distance(found) > smallest_distance(points / np.sqrt(scale))


@pytest.mark.parametrize("energy", ["bounded", "equal", "average"])
@pytest.mark.parametrize("power", [2, 32])
def test_gradients_agree_with_differences(energy, power):
    points = start(5, 3).ravel()
    objective = _objective(power, (5, 3), energy)
    gradient = objective(points)[1]
    for k in range(points.size):
        step = np.zeros(points.size)
        step[k] = 1e-6
        difference = (objective(points + step)[0] - objective(points - step)[0]) / 2e-6
        assert gradient[k] == pytest.approx(difference, rel=1e-5, abs=1e-7)


def test_coinciding_points_are_moved_apart():
    assert smallest_distance(spread(np.ones((4, 3)))) > 1.5


def test_the_same_start_gives_the_same_answer():
    assert np.array_equal(spread(start(6, 2)), spread(start(6, 2)))


def test_nonsense_is_refused():
    with pytest.raises(InputError, match="expected at least two points"):
        spread(np.ones((1, 3)))
    with pytest.raises(InputError, match=r"points has shape \(3, 0\)"):
        spread(np.zeros((3, 0)))
    with pytest.raises(InputError, match=r"num_points is 4\.0"):
        search(4.0, 3)
    with pytest.raises(InputError, match="energy is 'free'"):
        spread(np.eye(2), energy="free")
