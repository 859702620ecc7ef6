"""How far apart K points can be kept: a numerical search, whose results are only as good as what they are."""

import functools
import math
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, freeze, positive_integer, real_array
from nctheory.errors import InputError

__all__ = ["Energy", "checked_energy", "search", "spread"]

Energy = Literal["bounded", "equal", "average"]

_POWERS = (2, 8, 32, 128, 512)
_POLISHED_SIZE = 30  # coordinates up to which the active-set polish is affordable
_STARTS = 4
_WORK = 2e7  # differences of coordinates that one start may look at
_EVALUATIONS = 2000
_ACTIVE = 1.3  # pairs up to this multiple of the smallest squared distance enter the polish


def search(num_points: int, dimension: int, *, energy: Energy = "bounded") -> Float[Array, "K d"]:
    """The best of a few local searches for K points far apart, from fixed random starts, and of the regular polygons.

    Formula:
        The largest min_{i<j} |x_i - x_j| found by `spread`; one start has a point at the origin, where that is allowed.
        For d = 2 also K points x_k = (cos 2 pi k / K, sin 2 pi k / K), and K - 1 such points with the origin.
    Args:
        num_points: K >= 2.
        dimension: d >= 1.
        energy: as for `spread`.
    Assumes:
        Nothing; the result is the best of a few local optima, and says nothing of the global one.
    Returns:
        (K, d) read-only float64 of energy 1 up to rounding, the same at every call.
    Raises:
        InputError: sizes that are too small, or an unknown energy.
    Reference:
        nocedal2006, algorithm 7.4 and chapter 18.
    Example:
        >>> search(4, 3).shape
        (4, 3)
    """
    num_points, dimension = positive_integer(num_points, "num_points", 2), positive_integer(dimension, "dimension")
    return _search(num_points, dimension, checked_energy(energy))


@functools.lru_cache(maxsize=16)
def _search(num_points: int, dimension: int, energy: Energy) -> Array:
    """What a stricter energy allows is allowed too, so that the three optima found are in order."""
    found = []
    if energy != "equal":
        found.append(_normalized(_search(num_points, dimension, "equal" if energy == "bounded" else "bounded"), energy))
    for seed in range(_STARTS):
        start = np.random.default_rng(seed).standard_normal((num_points, dimension))
        start /= np.linalg.norm(start, axis=1, keepdims=True)
        if seed == 0 and energy != "equal":
            start[0] = 0
        found.append(spread(start, energy=energy))
    if dimension == 2:
        found.append(_polygon(num_points))
        if energy != "equal":
            found.append(_normalized(np.vstack([_polygon(num_points - 1), [0.0, 0.0]]), energy))
    return freeze(max(found, key=_smallest_squared_distance))


def _polygon(num_points: int) -> Array:
    angles = 2 * math.pi * np.arange(num_points) / num_points
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def spread(points: Float[Array, "K d"], *, energy: Energy = "bounded") -> Float[Array, "K d"]:
    """Move points apart by local search: a configuration with a larger smallest distance for its energy.

    Formula:
        Minimizes (1/p) log sum_{i<j} (E / |x_i - x_j|^2)^p for p = 2, 8, ..., 512 by L-BFGS (a smooth version of
        max E / |x_i - x_j|^2), then, for few coordinates, maximizes the smallest distance itself by SLSQP.
        E is the largest, the common or the average squared norm. The number of evaluations falls with K^2 d.
    Args:
        points: (K, d) where to start, K >= 2; coinciding points are moved apart by a fixed tiny shift.
        energy: "bounded" (|x_i| <= 1), "equal" (|x_i| = 1) or "average" (mean |x_i|^2 <= 1).
    Assumes:
        Nothing; the result is a local optimum at best, and says nothing of the global one.
    Returns:
        (K, d) read-only float64 of energy 1 up to rounding.
    Raises:
        InputError: fewer than two points, or an unknown energy.
    Reference:
        nocedal2006, algorithm 7.4 and chapter 18.
    Example:
        >>> triangle = spread([[1.0, 0.0], [0.9, 0.5], [-1.0, 0.2]])
        >>> round(float(np.linalg.norm(triangle[0] - triangle[1])), 6) == round(3**0.5, 6)
        True
    """
    from scipy.optimize import minimize

    start = real_array(points, "points", 2).astype(np.float64)
    checked_energy(energy)
    if len(start) < 2 or start.shape[1] == 0:
        raise InputError(f"points has shape {start.shape}, expected at least two points and one dimension")
    scale = np.abs(start).max() or 1.0
    evaluations = max(1, int(min(_EVALUATIONS, _WORK / (len(start) * start.size)) / len(_POWERS)))
    current = start / scale + 1e-6 * np.random.default_rng(0).standard_normal(start.shape)
    for power in _POWERS:
        objective = _objective(power, current.shape, energy)
        options = {"maxfun": evaluations, "maxiter": evaluations}
        found = minimize(objective, current.ravel(), jac=True, method="L-BFGS-B", options=options).x
        if np.isfinite(found).all():
            current = _normalized(found.reshape(start.shape), energy)
    candidates = [current]
    if start.size <= _POLISHED_SIZE:
        candidates.append(_polished(current, energy))
    if np.linalg.norm(start / scale, axis=1).all():
        candidates.append(_normalized(start / scale, energy))
    return freeze(max(candidates, key=_smallest_squared_distance))


def checked_energy(energy: Energy) -> Energy:
    """The energy constraint, if it is one."""
    if energy not in get_args(Energy):
        raise InputError(f"energy is {energy!r}, expected one of {', '.join(map(repr, get_args(Energy)))}")
    return energy


def _smallest_squared_distance(points: Array) -> float:
    from scipy.spatial.distance import pdist

    return float(pdist(points, "sqeuclidean").min())


def _normalized(points: Array, energy: Energy) -> Array:
    """Scaled to energy 1; under average energy also centered, which costs nothing."""
    if energy == "equal":
        return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))
    if energy == "average":
        points = points - points.mean(axis=0)
        return points / math.sqrt(float((points**2).sum(axis=1).mean()))
    return points / float(np.linalg.norm(points, axis=1).max())


def _objective(power: int, shape: tuple[int, ...], energy: Energy) -> Callable[[Array], tuple[float, Array]]:
    """(1/p) log sum_{i<j} |x_i - x_j|^(-2p) + log E with its gradient; E is smoothed by the same power."""
    upper = np.triu_indices(shape[0], 1)

    def repulsion(points: Array) -> tuple[float, Array]:
        gram = points @ points.T
        squares = np.diagonal(gram)
        distances = np.maximum(squares[:, None] + squares - 2 * gram, 1e-30)
        logs = -power * np.log(distances[upper])
        top = logs.max()
        weights = np.zeros_like(distances)
        weights[upper] = np.exp(logs - top)
        total = weights.sum()
        pull = (weights + weights.T) / total / distances
        return (top + math.log(total)) / power, -2 * (pull.sum(axis=1)[:, None] * points - pull @ points)

    def log_energy(points: Array) -> tuple[float, Array]:
        if energy == "average":
            centered = points - points.mean(axis=0)
            mean = float((centered**2).sum(axis=1).mean())
            return math.log(mean), 2 * centered / (mean * len(points))
        norms = np.maximum((points**2).sum(axis=1), 1e-30)
        relative = (norms / norms.max()) ** power
        value = math.log(norms.max()) + math.log(relative.sum()) / power
        return value, 2 * points * (relative / relative.sum() / norms)[:, None]

    def objective(flat: Array) -> tuple[float, Array]:
        points = flat.reshape(shape)
        if energy != "equal":
            (value, gradient), (log, gradient_log) = repulsion(points), log_energy(points)
            return value + log, (gradient + gradient_log).ravel()
        norms = np.linalg.norm(points, axis=1, keepdims=True)
        unit = points / norms
        value, gradient = repulsion(unit)
        tangent = gradient - (gradient * unit).sum(axis=1, keepdims=True) * unit
        return value, (tangent / norms).ravel()

    return objective


def _polished(points: Array, energy: Energy) -> Array:
    """Maximize t subject to |x_i - x_j|^2 >= t and the energy constraint, from a good start."""
    from scipy.optimize import minimize

    num_points, dimension = points.shape
    i, j = np.triu_indices(num_points, 1)
    squared = ((points[i] - points[j]) ** 2).sum(axis=1)
    near = squared <= _ACTIVE * squared.min()
    i, j, squared = i[near], j[near], squared[near]
    rows = np.arange(len(i))

    def unpack(flat: Array) -> Array:
        return flat[:-1].reshape(points.shape)

    def separation(flat: Array) -> Array:
        return np.asarray(((unpack(flat)[i] - unpack(flat)[j]) ** 2).sum(axis=1) - flat[-1])

    def separation_jacobian(flat: Array) -> Array:
        difference = 2 * (unpack(flat)[i] - unpack(flat)[j])
        jacobian = np.zeros((len(i), num_points, dimension))
        jacobian[rows, i], jacobian[rows, j] = difference, -difference
        return np.hstack([jacobian.reshape(len(i), -1), -np.ones((len(i), 1))])

    def slack(flat: Array) -> Array:
        room = 1 - (unpack(flat) ** 2).sum(axis=1)
        return np.asarray([room.sum()] if energy == "average" else room)

    def slack_jacobian(flat: Array) -> Array:
        jacobian = np.zeros((num_points, num_points, dimension))
        jacobian[np.arange(num_points), np.arange(num_points)] = -2 * unpack(flat)
        table = np.hstack([jacobian.reshape(num_points, -1), np.zeros((num_points, 1))])
        return table.sum(axis=0, keepdims=True) if energy == "average" else table

    goal = np.append(np.zeros(points.size), -1.0)
    found = minimize(
        lambda flat: -flat[-1],
        np.append(points.ravel(), squared.min()),
        jac=lambda _: goal,
        method="SLSQP",
        constraints=[
            {"type": "ineq", "fun": separation, "jac": separation_jacobian},
            {"type": "eq" if energy == "equal" else "ineq", "fun": slack, "jac": slack_jacobian},
        ],
        options={"maxiter": 100, "ftol": 1e-14},
    )
    result = unpack(found.x)
    return _normalized(result, energy) if np.isfinite(result).all() and result.any() else points
