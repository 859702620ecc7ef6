"""How far a classifier and its features are from the optimality (KKT) conditions of minimum-norm separation."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, freeze
from nctheory.errors import InputError
from nctheory.point import Point, as_point, floats
from nctheory.separation.problem import halved, has_bias, rows_of, smallest_margin, square_norm

__all__ = ["KKTResidual", "kkt_residual"]

_STEPS = 300  # of the joint search for multipliers, at most


@dataclass(frozen=True)
class KKTResidual:
    """How far W, H, scaled to smallest margin 1 and |W| = |H|, are from the KKT conditions; all 0 at a KKT point.

    With nonnegative multipliers beta_ic and B in R^(K x N) of columns B_i = sum_c beta_ic (e_y - e_c): `weights` =
    |W - B H| / |W|; `features` = |H - B^T W| / |H|; `bias` = |B 1| / |B| with a free bias, else 0; `slackness` = max
    of beta_ic (m_ic - 1), relative to the largest beta_ic; `primal` = max(0, 1 - smallest m_ic); `dual` =
    max(0, |B|_2 - 1). The first five are the conditions for a critical point, the last makes it a global optimum in
    any dimension; where W has rank below K - 1, other multipliers may fit as well and have another |B|_2.
    `multipliers` (N, K) holds beta, 0 in the column of the own class. In floats; `print` explains each number.
    """

    weights: float
    features: float
    bias: float
    slackness: float
    primal: float
    dual: float
    multipliers: Float[Array, "N K"]

    @property
    def largest(self) -> float:
        """The largest of the residuals."""
        return max(self.weights, self.features, self.bias, self.slackness, self.primal, self.dual)

    def __str__(self) -> str:
        explained = [
            ("stationarity", "weights", self.weights, "|W - B H| / |W|: the weights are pulled by the features"),
            ("stationarity", "features", self.features, "|H - B^T W| / |H|: the features are pulled by the weights"),
            ("stationarity", "bias", self.bias, "|B 1| / |B|: the pulls on a free bias cancel (0 without one)"),
            ("slackness", "slackness", self.slackness, "beta (m - 1) / max beta: what pulls has margin exactly 1"),
            ("feasibility", "primal", self.primal, "1 - min m: every margin is at least 1"),
            ("feasibility", "dual", self.dual, "|B|_2 - 1: with all others 0, the point is a global optimum"),
        ]
        lines = [f"{kind:<12}  {name:<9}  {value:.3e}  {text}" for kind, name, value, text in explained]
        return "\n".join(["KKT residuals, relative, at smallest margin 1 and |W| = |H|; all 0 at an optimum", *lines])


def kkt_residual(features: Any, *, bias: bool | None = None) -> KKTResidual:
    """How far a classifier and its features are from the optimality conditions of minimum-norm separation.

    Formula:
        W = B H, H = B^T W (and B 1 = 0 with a free bias), beta_ic (m_ic - 1) = 0, m_ic >= 1, beta >= 0, |B|_2 <= 1;
        B_i = sum over c != y_i of beta_ic (e_{y_i} - e_c). beta is the nonnegative least-squares solution, first
        sample by sample of h_i = sum_c beta_ic (w_y - w_c) and slackness, which alone determine beta where W has rank
        K - 1, and from there of all equations at once.
    Args:
        features: Features with weights, or a Configuration with weights and class_sizes; every margin positive.
        bias: whether the problem has a free bias; where left out, whether the bias of features is not 0.
    Assumes:
        Scaling W, H to smallest margin 1 and |W| = |H| is allowed: it changes neither margins' order nor optimality.
    Returns:
        KKTResidual. Equal samples of a class get equal multipliers.
    Raises:
        InputError: no weights, one class, a margin that is not positive, bias=False beside a bias that is not 0.
    Reference:
        thrampoulidis2022, section 3, for the dual; lawson1995, chapter 23, for the least squares.
    Example:
        >>> from nctheory import separation
        >>> best = separation.optimum([1, 2]).configuration
        >>> separation.kkt_residual(best).largest < 1e-12
        True
    """
    point = as_point(features)
    system, inverse = _distinct(point, has_bias(point, bias))
    beta = system.multipliers()
    return system.residual(beta, beta[inverse])


def _distinct(point: Point, free: bool) -> tuple["_System", Array]:
    """The distinct samples, scaled to smallest margin 1 and |W| = |H|, and which of them each sample is."""
    margin = smallest_margin(point)
    if margin.value <= 0:
        raise InputError(f"the margin of {point.name(margin.sample)} is not positive, expected all margins positive")
    balance = square_norm(point.points, point.counts) / square_norm(point.weights)
    weights = _times_root(floats(point.weights), balance / margin.value**2, 4)
    points = _times_root(floats(point.points), 1 / (balance * margin.value**2), 4)
    shifts = _times_root(floats(point.bias), 1 / margin.value, 1)
    rows = np.column_stack([point.labels, points])
    _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    counts = np.bincount(inverse.reshape(-1), weights=point.counts)
    return _System(weights, points[first], shifts, point.labels[first], counts, free), inverse.reshape(-1)


def _times_root(array: Array, number: Fraction, degree: int) -> Array:
    """The array times a root of a number that need not be a float."""
    power = (number.numerator.bit_length() - number.denominator.bit_length()) // degree
    factor = float(number / Fraction(2) ** (degree * power)) ** (1 / degree)
    scaled, exponents = halved(array)
    return np.asarray(np.ldexp(scaled * factor, exponents + power))


@dataclass(frozen=True)
class _System:
    """The conditions as equations in the multipliers (n, K) of n distinct samples, each of them `counts` times."""

    weights: Array
    points: Array
    shifts: Array
    labels: Array
    counts: Array
    free: bool

    @property
    def slack(self) -> Array:
        """(n, K) m_ic - 1, and 0 for the own class."""
        logits, index = self.points @ self.weights.T + self.shifts, np.arange(len(self.labels))
        table = logits[index, self.labels][:, None] - logits - 1
        table[index, self.labels] = 0
        return np.asarray(table)

    @property
    def penalty(self) -> Array:
        """(n, K) slack in the units of the other equations."""
        gaps = np.array([np.linalg.norm(self.weights - row, axis=1) for row in self.weights])
        return np.asarray(gaps[self.labels] * self.slack)

    def defects(self, beta: Array) -> tuple[Array, Array, Array]:
        """W - B H, H - B^T W and B 1."""
        rows = rows_of(beta, self.labels)
        pulled = rows.T @ (self.counts[:, None] * self.points)
        return self.weights - pulled, self.points - rows @ self.weights, self.counts @ rows

    def multipliers(self) -> Array:
        """Nonnegative multipliers that fit best, by L-BFGS-B from those that fit each sample."""
        from scipy.optimize import minimize

        roots, penalty = np.sqrt(self.counts)[:, None], self.penalty
        others = np.arange(len(self.weights)) != self.labels[:, None]
        start = (roots * self.own_multipliers(penalty))[others]

        def objective(flat: Array) -> tuple[float, Array]:
            scaled = np.zeros(others.shape)
            scaled[others] = flat
            value, slope = self.squares(scaled / roots, penalty)
            return value, (slope / roots)[others]

        options = {"maxiter": _STEPS, "maxfun": 2 * _STEPS, "ftol": 0.0, "gtol": 1e-14}
        bounds = np.broadcast_to([0.0, np.inf], (len(start), 2))
        found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        beta = np.zeros(others.shape)
        beta[others] = found.x
        return beta / roots

    def own_multipliers(self, penalty: Array) -> Array:
        """Sample by sample: the best nonnegative beta_i in h_i = sum_c beta_ic (w_y - w_c), with slackness."""
        from scipy.optimize import nnls

        beta = np.zeros_like(penalty)
        for i, label in enumerate(self.labels):
            others = np.arange(len(self.weights)) != label
            gaps = self.weights[label] - self.weights[others]
            rows = np.vstack([gaps.T, np.diag(penalty[i, others])])
            beta[i, others] = nnls(rows, np.append(self.points[i], np.zeros(len(gaps))))[0]
        return beta

    def squares(self, beta: Array, penalty: Array) -> tuple[float, Array]:
        """Half the sum of the squares of all defects, and its slope in beta."""
        (weights, points, sums), counts = self.defects(beta), self.counts[:, None]
        sums = sums * self.free
        value = (weights**2).sum() + (counts * points**2).sum() + (sums**2).sum()
        value += (counts * (penalty * beta) ** 2).sum()
        by_rows = counts * (sums - self.points @ weights.T - points @ self.weights.T)
        own = by_rows[np.arange(len(self.labels)), self.labels][:, None]
        return float(value) / 2, own - by_rows + counts * penalty**2 * beta

    def residual(self, beta: Array, multipliers: Array) -> KKTResidual:
        """All residuals of multipliers of the distinct samples; `multipliers` are those of all."""
        weights, points, sums = self.defects(beta)
        norm, roots, table = np.linalg.norm, np.sqrt(self.counts)[:, None], self.slack
        rows = roots * rows_of(beta, self.labels)
        return KKTResidual(
            weights=float(norm(weights) / norm(self.weights)),
            features=float(norm(roots * points) / norm(roots * self.points)),
            bias=float(norm(sums) / (norm(rows) or 1)) if self.free else 0.0,
            slackness=float((beta * np.abs(table)).max() / (beta.max() or 1)),
            primal=max(0.0, -float(table.min())),
            dual=max(0.0, float(norm(rows, 2)) - 1),
            multipliers=freeze(multipliers),
        )
