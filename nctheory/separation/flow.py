"""Gradient flow of the cross-entropy without regularization, in logarithmic time, to losses of e^-1000 and less.

Everything here is floating point: a trajectory is evidence of where the flow goes, never a proof.
"""

import math
import numbers
import warnings
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, Seed, checked_generator, freeze, positive_integer, real_array
from nctheory.configuration import Configuration
from nctheory.errors import InputError, SolverError
from nctheory.separation.problem import rows_of
from nctheory.spectrum import checked_sizes, class_spectrum

__all__ = ["Direction", "Trajectory", "gradient_flow"]

_SPAN = 2000.0  # of rescaled time; far out, the log loss grows at least like e^(2 t)
_LARGEST = 2.0**20  # of the entries of a start
_WIDTH = Fraction(1, 10**12)  # of the optimum that a direction is compared with
_LEAST_LOG_LOSS = -1e12  # below, margins in floats are off by more than the loss depends on
_TOLERANCES = (1e-13, 0.1)
_TINY = -30.0  # where log(1 + e^a) is e^a (1 - e^a / 2) to the last digit


@dataclass(frozen=True)
class Direction:
    """Where the flow ended, scaled to smallest margin 1, and how far it is from a critical (KKT) direction.

    `weights` (K, d), `class_means` (K, d). `multipliers` (K, K): beta_ic >= 0 for each one sample of class i, the
    softmax weights of the flow, scaled to fit best. `residual` is |W - B H| and |H - B^T W| together, over |(W, H)|,
    with H and B over all samples: 0 at a critical direction. `spectral_norm` is |B|_2: at least 1 wherever the residual
    is 0, and where it is 1 the direction is a global optimum in any dimension; while the residual is not small it may
    be far off. `ratio` is the least (|W|^2 + |H|^2) / 2 possible for d >= K - 1 over that of this direction: at most 1,
    and 1 exactly at a global optimum, where d >= K - 1.
    """

    weights: Float[Array, "K d"]
    class_means: Float[Array, "K d"]
    multipliers: Float[Array, "K K"]
    residual: float
    spectral_norm: float
    ratio: float

    def is_global(self, tolerance: float = 0.02) -> bool | None:
        """True: the direction is a global optimum. False: it is a critical direction and none. None: too early to say.

        In floating point and up to the tolerance: True where the ratio is 1, False where it is not and the residual
        is 0. Where d < K - 1 the optimum is not known, and it stays None.
        """
        if self.ratio >= 1 - tolerance:
            return True
        num_classes, dimension = self.weights.shape
        return False if self.residual <= tolerance and dimension >= num_classes - 1 else None


@dataclass(frozen=True)
class Trajectory:
    """The flow at T moments. All arrays are read-only, all norms are over all samples.

    `times` (T,): rescaled time. `log_losses` (T,): log of the cross-entropy. `margins` (T,): smallest margin over
    (|W|^2 + |H|^2) / 2, whose largest possible value is 1 over that of the separation problem. `drift` (T,): the change
    since the start of what is conserved, 1^T W and W^T W - H^T H, relative to |(W, H)| and its square. `weights` and
    `class_means` (K, d) are the last point, `direction` is None where the last margin is not positive. `reached` says
    whether the log loss asked for was reached; else the flow stood still, or its time ran out.
    """

    class_sizes: Array
    times: Float[Array, " T"]
    log_losses: Float[Array, " T"]
    margins: Float[Array, " T"]
    drift: Float[Array, " T"]
    weights: Float[Array, "K d"]
    class_means: Float[Array, "K d"]
    direction: Direction | None
    reached: bool

    @property
    def configuration(self) -> Configuration:
        """The last point."""
        return Configuration(self.class_means, self.weights, class_sizes=self.class_sizes)


def gradient_flow(
    class_sizes: Any,
    dimension: int,
    *,
    seed: Seed | None = None,
    start: Configuration | tuple[Any, Any] | None = None,
    until_log_loss: float = -100.0,
    tolerance: float = 1e-9,
    budget: int = 200_000,
) -> Trajectory:
    """Where gradient flow on the cross-entropy, without regularization, takes features and classifier.

    Formula:
        L = (1/N) sum_k n_k log(1 + sum_{c != k} exp(-<w_k - w_c, h_k>)), with dW/dt = -grad_W L, and dh/dt = -grad_h L
        for each of the n_k samples of class k, which start together and so stay together. The time is rescaled by
        sum_k n_k^(1/2) over the mean probability of a wrong class, which tends to L. Conserved: 1^T W, and
        W^T W - sum_k n_k h_k h_k^T, as both terms have the derivative -sum_k (n_k/N) (W^T g_k h_k^T + h_k g_k^T W),
        g_k the gradient of the loss of class k in its logits.
    Args:
        class_sizes: (K,) numbers of samples n_k >= 1, K >= 2.
        dimension: d >= 1.
        seed: for a start of independent standard normal coordinates over d^(1/2).
        start: (W, H), both (K, d), one row for each class, or a Configuration with weights; in place of a seed.
        until_log_loss: where to stop, from -1e12 on.
        tolerance: relative error of each step of the integrator, between 1e-13 and 0.1.
        budget: how many evaluations of the gradient at most.
    Assumes:
        Collapsed features. The matrices of the stiff solver have (2 K d)^2 entries: to a log loss of -1000, 30 classes
        in 29 dimensions take about ten seconds, 60 in 59 minutes.
    Returns:
        Trajectory, in floating point: its limits and conclusions are evidence, not proofs. `direction` says which
        critical direction was reached, `direction.is_global()` whether it is a global optimum. A critical one need
        not be, and from near one that is not the flow may leave only as a power of -log loss.
    Raises:
        InputError: a start, sizes, a log loss or a tolerance that cannot be used.
        SolverError: the budget is spent, or the integrator (LSODA) broke down.
    Reference:
        ji2022 (margins and critical directions of this flow); lyu2020 (homogeneous models); du2018 (balancedness).
    Example:
        >>> from nctheory import separation
        >>> flow = separation.gradient_flow([1, 1, 1], 2, seed=1)
        >>> flow.reached, round(float(flow.margins[-1]), 2), flow.direction.is_global()
        (True, 0.5, True)
    """
    sizes = checked_sizes(class_sizes)
    dimension = positive_integer(dimension, "dimension")
    until = _between(until_log_loss, "until_log_loss", _LEAST_LOG_LOSS, -_LEAST_LOG_LOSS)
    accuracy = _between(tolerance, "tolerance", *_TOLERANCES)
    model = _Model(sizes, dimension, positive_integer(budget, "budget"))
    times, points = _integrate(model, _start(sizes, dimension, seed, start), until, accuracy)
    return _trajectory(model, times, points, until)


def _between(value: Any, name: str, least: float, most: float) -> float:
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not least <= float(value) <= most:
        raise InputError(f"{name} is {value!r}, expected a number from {least:g} to {most:g}")
    return float(value)


def _start(sizes: Array, dimension: int, seed: Seed | None, start: Any) -> Array:
    if (seed is None) == (start is None):
        raise InputError("expected a seed or a start, and not both: nothing is random without a seed")
    shape = (len(sizes), dimension)
    if start is None:
        return checked_generator(seed).standard_normal(2 * math.prod(shape)) / math.sqrt(dimension)
    if isinstance(start, Configuration):
        start = (start.linear_weights if start.is_float else start.weights, start.class_means)
    if not isinstance(start, tuple | list) or len(start) != 2:
        raise InputError(f"start of type {type(start).__name__} is not a pair, expected (weights, class_means)")
    parts = [real_array(part, name, 2) for part, name in zip(start, ("weights", "class_means"), strict=True)]
    for part, name in zip(parts, ("weights", "class_means"), strict=True):
        if part.shape != shape:
            raise InputError(f"{name} of start has shape {part.shape}, expected {shape}")
        if (abs(part) > _LARGEST).any():
            raise InputError(f"{name} of start has entries above {_LARGEST:.3g} in size")
    return np.concatenate([part.astype(np.float64).ravel() for part in parts])


# ----------------------------------------------------------------------------------------------------- the vector field


class _Model:
    """The collapsed model on flat vectors (W, H), without under- or overflow."""

    def __init__(self, sizes: Array, dimension: int, budget: int) -> None:
        self.class_sizes, self.dimension, self.left = sizes, dimension, budget
        self.sizes = sizes.astype(np.float64)
        self.speed = float(np.sqrt(self.sizes).sum())
        self.off, self.classes = ~np.eye(len(sizes), dtype=bool), np.arange(len(sizes))

    def parts(self, flat: Array) -> tuple[Array, Array]:
        weights, means = flat.reshape(2, len(self.sizes), self.dimension)
        return weights, means

    def margins(self, flat: Array) -> Array:
        """(K, K) <w_k - w_c, h_k>, 0 on the diagonal."""
        weights, means = self.parts(flat)
        logits = means @ weights.T
        return np.asarray(np.diagonal(logits)[:, None] - logits)

    def log_shares(self, flat: Array) -> tuple[Array, Array]:
        """(K,) log(e^l_k - 1) for the losses l_k, and (K, K) the log of the softmax weights, -inf on the diagonal."""
        from scipy.special import logsumexp

        margins = np.where(self.off, self.margins(flat), np.inf)
        excess = logsumexp(-margins, axis=1)
        return excess, -margins - np.logaddexp(0, excess)[:, None]

    def log_loss(self, flat: Array) -> float:
        """Log L."""
        excess = self.log_shares(flat)[0]
        log_losses = np.where(excess < _TINY, excess, np.log(np.logaddexp(0, np.maximum(excess, _TINY))))
        return float(np.logaddexp.reduce(log_losses + np.log(self.sizes / self.sizes.sum())))

    def pull(self, flat: Array) -> Array:
        """(K, K) -dl_k/dm_kc on one sample of class k, 0 on the diagonal, over their sum over all samples."""
        log_shares = self.log_shares(flat)[1]
        terms = np.exp(log_shares - log_shares.max())
        return np.asarray(terms / (self.sizes @ terms).sum())

    def field(self, _: float, flat: Array) -> Array:
        """-grad L of W and of each sample, over the mean probability of a wrong class, times `speed`."""
        self.left -= 1
        if self.left < 0:
            raise SolverError("gradient flow: the budget of evaluations is spent before the log loss was reached")
        weights, means = self.parts(flat)
        rows = rows_of(self.pull(flat), self.classes)
        return self.speed * np.concatenate([(rows.T @ (self.sizes[:, None] * means)).ravel(), (rows @ weights).ravel()])

    def jacobian(self, _: float, flat: Array) -> Array:
        """Of the field, by the chain rule through margins, pull and rows."""
        weights, means = self.parts(flat)
        pull, slopes = self.pull(flat), self.margin_slopes(weights, means)
        shift = np.einsum("kc,kcx->kx", np.exp(self.log_shares(flat)[1]), slopes)[:, None]
        change = pull[..., None] * (shift - slopes - np.tensordot(self.sizes[:, None] * pull, shift - slopes))
        turned, rows = -change, rows_of(pull, self.classes)
        turned[self.classes, self.classes] += change.sum(axis=1)
        of_weights = np.einsum("kcx,kj->cjx", turned, self.sizes[:, None] * means).reshape(-1, flat.size)
        of_means = np.einsum("kcx,cj->kjx", turned, weights).reshape(-1, flat.size)
        half, unit = flat.size // 2, np.eye(self.dimension)
        of_weights[:, half:] += np.kron(rows.T * self.sizes, unit)
        of_means[:, :half] += np.kron(rows, unit)
        return self.speed * np.vstack([of_weights, of_means])

    def margin_slopes(self, weights: Array, means: Array) -> Array:
        """(K, K, 2 K d) of every margin in (W, H)."""
        size, index = len(weights), np.arange(len(weights))
        slopes = np.zeros((size, size, 2, size, self.dimension))
        slopes[index, :, 0, index] += means[:, None]
        slopes[:, index, 0, index] -= means[:, None]
        slopes[index, :, 1, index] = weights[:, None] - weights[None]
        return slopes.reshape(size, size, -1)

    def square(self, flat: Array) -> float:
        """|W|^2 + |H|^2."""
        weights, means = self.parts(flat)
        return float((weights**2).sum() + self.sizes @ (means**2).sum(axis=1))

    def conserved(self, flat: Array) -> tuple[Array, Array]:
        weights, means = self.parts(flat)
        return weights.sum(axis=0), weights.T @ weights - means.T @ (self.sizes[:, None] * means)


def _integrate(model: _Model, start: Array, until: float, tolerance: float) -> tuple[Array, Array]:
    """Times (T,) and points (T, 2 K d), up to the moment at which the log loss is reached."""
    from scipy.integrate import solve_ivp

    def left(_: float, flat: Array) -> float:
        return model.log_loss(flat) - until

    left.terminal = True  # type: ignore[attr-defined]  # scipy asks for it on the function
    if left(0.0, start) <= 0:
        return np.zeros(1), start[None]
    size = min(1.0, float(np.abs(start).max())) or 1.0  # a start near 0 leaves it along a mode that must not be lost
    steps = {"rtol": tolerance, "atol": tolerance * size / 1000}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LSODA warns where its status says the same
        found = solve_ivp(model.field, (0.0, _SPAN), start, method="LSODA", jac=model.jacobian, events=left, **steps)
    if found.status < 0:
        raise SolverError(f"gradient flow: LSODA ended with status {found.status}: {found.message}")
    return found.t, found.y.T


# --------------------------------------------------------------------------------------------------------- the outcome


def _trajectory(model: _Model, times: Array, points: Array, until: float) -> Trajectory:
    log_losses = np.array([model.log_loss(point) for point in points])
    margins = np.array([2 * model.margins(point)[model.off].min() / (model.square(point) or 1.0) for point in points])
    weights, means = model.parts(points[-1])
    return Trajectory(
        class_sizes=model.class_sizes,
        times=freeze(times),
        log_losses=freeze(log_losses),
        margins=freeze(margins),
        drift=freeze(_drift(model, points)),
        weights=freeze(weights),
        class_means=freeze(means),
        direction=_direction(model, points[-1]),
        reached=bool(log_losses[-1] <= until + 1e-6 * max(1.0, abs(until))),
    )


def _drift(model: _Model, points: Array) -> Array:
    sums, squares = model.conserved(points[0])
    drift = []
    for point in points:
        size = model.square(point) or 1.0
        now = model.conserved(point)
        drift.append(max(np.linalg.norm(now[0] - sums) / math.sqrt(size), np.linalg.norm(now[1] - squares) / size))
    return np.array(drift)


def _direction(model: _Model, flat: Array) -> Direction | None:
    margin = model.margins(flat)[model.off].min()
    if margin <= 0:
        return None
    weights, means = model.parts(flat / math.sqrt(margin))
    pull = model.pull(flat)
    counts, rows = model.sizes[:, None], rows_of(pull, model.classes)
    pulled = rows.T @ (counts * means), rows @ weights
    along = float((weights * pulled[0]).sum() + (counts * means * pulled[1]).sum())
    square = float((pulled[0] ** 2).sum() + (counts * pulled[1] ** 2).sum())
    scale = along / square
    off = (weights - scale * pulled[0], means - scale * pulled[1])
    rest = float((off[0] ** 2).sum() + (counts * off[1] ** 2).sum())
    size = float((weights**2).sum() + (counts * means**2).sum())
    norm = float(np.linalg.norm(np.sqrt(counts) * rows, 2)) * scale
    best = 2 * float(class_spectrum(model.class_sizes).value(_WIDTH)[0])
    return Direction(freeze(weights), freeze(means), freeze(scale * pull), math.sqrt(rest / size), norm, best / size)
