"""The minimum-norm separation problem by numerical optimization, convex or factored, between exactly checked ends.

The upper end is the exact value of a witness whose margins, of exactly the floats stored, are all large enough. The
lower end comes from nonnegative multipliers by weak duality, with the spectral norm bounded exactly.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from nctheory import solver as solvers
from nctheory.arrays import (
    Array,
    Seed,
    checked_flag,
    checked_generator,
    checked_tolerance,
    freeze,
    positive_integer,
    real_array,
)
from nctheory.blocks import Blocks
from nctheory.configuration import Configuration
from nctheory.errors import InputError, SolverError
from nctheory.exact import ExactMatrix, ceil_float
from nctheory.result import Result, Status
from nctheory.separation.problem import (
    balanced,
    bracket_status,
    counted_labels,
    exact_margins,
    integer_product,
    nonnegative,
    rows_of,
    solver_remark,
    square_norm,
)
from nctheory.solver import Solution
from nctheory.spectrum import checked_sizes, root_bracket

__all__ = ["Formulation", "Solved", "solve"]

Formulation = Literal["convex", "factored"]

_FEW = 20  # classes up to which Clarabel is quicker than SCS or more accurate
_COLUMN_BITS = 52  # of the nearly orthonormal columns in a bound on a spectral norm
_OUTWARD = 2.0**-50  # how much larger margins are made, relatively, to be large enough after rounding
_ATTEMPTS = 20  # to make them so
_STEPS = 400  # of the local method, from each start
_RANGE = 2.0**400  # of the numbers that the local method and the solvers are given


@dataclass(frozen=True)
class Solved:
    """What `solve` found. All arrays are read-only.

    `logits` (K, K): row i holds <w_c, h_i> + b_c. `weights` (K, d), `class_means` (K, d), `bias` (K,) are the witness
    of the upper end, None where there is none. `exact_multipliers` (K, K) Fractions, the witness of the lower end:
    beta_ic >= 0 for each one sample of class i, scaled so that |B|_2 <= 1 exactly; `multipliers` are the same, rounded
    to float64, and `spectral_norm` is |B|_2 in floats. `solution` is what the convex solver said of itself.
    """

    logits: Float[Array, "K K"] | None
    weights: Float[Array, "K d"] | None
    class_means: Float[Array, "K d"] | None
    bias: Float[Array, " K"] | None
    multipliers: Float[Array, "K K"]
    exact_multipliers: Array
    spectral_norm: float
    solution: Solution


@dataclass(frozen=True)
class _Task:
    """The problem: n_k samples of each class, the margin asked for between each ordered pair."""

    sizes: Array  # (K,) int64
    margins: Array  # (K, K) Fractions, 0 on the diagonal
    bias: bool

    @property
    def num_classes(self) -> int:
        return len(self.sizes)

    @property
    def counts(self) -> Array:
        return np.array([int(size) for size in self.sizes], dtype=object)

    @property
    def labels(self) -> Array:
        return np.arange(self.num_classes)


def solve(
    class_sizes: Any = None,
    dimension: int | None = None,
    *,
    labels: Any = None,
    formulation: Formulation = "convex",
    solver: str | None = None,
    bias: bool = False,
    margins: Any = None,
    starts: int = 8,
    seed: Seed = 0,
    tolerance: float = 1e-9,
) -> Result[Solved]:
    """The least norm of features and classifier that separate all samples by a margin, by numerical optimization.

    Formula:
        min (|W|^2 + |H|^2) / 2 subject to <w_i - w_c, h> (+ b_i - b_c) >= m_ic for every sample h of class i, c != i.
        For d >= K - 1 the minimum of the nuclear norm of D^(1/2) L over class logits L, D = diag(n_k), with
        l_ii - l_ic (+ b_i - b_c) >= m_ic. Dual: max sum_i n_i sum_c beta_ic m_ic, beta >= 0, |B|_2 <= 1, where each
        sample of class i has the row B_i = sum_c beta_ic (e_i - e_c), and sum_i n_i B_i = 0 where the bias is free.
    Args:
        class_sizes: (K,) numbers of samples n_k >= 1, K >= 2; or None together with labels.
        dimension: d >= 1, K - 1 by default.
        labels: (N,) class of every sample, in place of class_sizes.
        formulation: "convex" (the nuclear norm, by cvxpy), or "factored": W and the class means themselves, for any
            dimension, by SLSQP from several starts.
        solver: a cvxpy solver; by default Clarabel for up to 20 classes, SCS for more.
        bias: whether a bias, without a price, is free.
        margins: (K, K) positive m_ic off the diagonal (which is not read); 1 everywhere by default.
        starts: how many random starts the factored formulation takes.
        seed: where the starts come from.
        tolerance: the relative gap up to which the status is near_optimal.
    Assumes:
        Nothing: one mean per class loses nothing, as averaging the logits over the samples of a class keeps the margins
        and does not increase the nuclear norm; nor do W and features without the means of their rows.
    Returns:
        Result. Both ends are rigorous: upper is the exact value of the floats in `details`, whose margins are checked
        in rational arithmetic, lower follows from the multipliers by weak duality, where |B|_2 <= 1 is shown by exact
        elimination. Below d = K - 1 the lower end is that of the convex relaxation, which is in general not attained,
        and the convex formulation has no upper end (infinite). Infeasible for d = 1 and K >= 3 without bias.
    Raises:
        InputError: sizes, labels, margins or names that cannot be used.
        SolverError: the convex solver or, for the factored formulation, every start of the local one gave no usable
            answer; it names solver and status. A status "optimal_inaccurate" is none: its bracket is as rigorous.
    Reference:
        thrampoulidis2022 (the problem, its convex form and dual); srebro2005 (factored and nuclear norm).
    Example:
        >>> from nctheory import separation
        >>> result = separation.solve([4, 4, 4])
        >>> round(result.value, 9), str(result.status)
        (4.0, 'near_optimal')
    """
    task = _task(class_sizes, labels, margins, bias)
    dimension = positive_integer(task.num_classes - 1 if dimension is None else dimension, "dimension")
    if formulation not in ("convex", "factored"):
        raise InputError(f"formulation is {formulation!r}, expected 'convex' or 'factored'")
    starts, allowed = positive_integer(starts, "starts"), checked_tolerance(tolerance)
    relaxed, raw_multipliers, solution = _relaxation(task, solver)
    lower, exact_multipliers, separating = _ends(task, relaxed, raw_multipliers, allowed)
    dual = (*_rounded(task, exact_multipliers), solution)
    if dimension == 1 and task.num_classes > 2 and not bias:
        reason = "on a line without bias, <w_i - w_c, h_i> > 0 cannot hold for three or more classes"
        details = Solved(None, None, None, None, *dual)
        return Result(math.inf, math.inf, details, Status.INFEASIBLE, Fraction(1), reason)
    witness = None
    if formulation == "factored":
        witness = _best_factored(task, dimension, starts, checked_generator(seed))
    elif dimension >= task.num_classes - 1:
        witness = None if separating is None else separating.padded(dimension)
    return _bracketed(task, lower, witness, dual, allowed)


def _bracketed(
    task: _Task, lower: Fraction, witness: "_Witness | None", dual: "_Dual", allowed: Fraction
) -> Result[Solved]:
    if witness is None:
        reason = "no witness for an upper end; for d < K - 1 formulation='factored' looks for one"
        details = Solved(None, None, None, None, *dual)
        return Result(lower, math.inf, details, Status.UNDECIDED, Fraction(1), reason + solver_remark(dual[-1]))
    upper = witness.value(task)
    logits, weights, means, bias = (freeze(x) for x in (witness.logits, witness.weights, witness.means, witness.bias))
    status, reason = bracket_status(lower, upper, allowed, dual[-1])
    return Result(
        lower=lower,
        upper=upper,
        details=Solved(logits, weights, means, bias, *dual),
        status=status,
        gap=1 - lower / upper,
        reason=reason,
        build_configuration=lambda: Configuration(means, weights, bias, task.sizes),
    )


# ------------------------------------------------------------------------------------------------------- what is asked


def _task(class_sizes: Any, labels: Any, margins: Any, bias: bool) -> _Task:
    if (class_sizes is None) == (labels is None):
        raise InputError("expected class_sizes or labels, and not both")
    sizes = checked_sizes(class_sizes) if labels is None else counted_labels(labels)[1]
    return _Task(sizes, _margins(margins, len(sizes)), checked_flag(bias))


def _margins(margins: Any, num_classes: int) -> Array:
    if margins is None:
        exact = np.full((num_classes, num_classes), Fraction(1), dtype=object)
    else:
        exact = ExactMatrix.of(real_array(margins, "margins", 2)).fractions()
    if exact.shape != (num_classes, num_classes):
        raise InputError(f"margins has shape {exact.shape}, expected {(num_classes, num_classes)}")
    exact[np.diag_indices(num_classes)] = Fraction(0)
    for i, c in _pairs(num_classes):
        if not 1 / _RANGE < exact[i, c] < _RANGE:
            raise InputError(f"margins[{i}, {c}] is {float(exact[i, c]):g}, expected a positive number of usual size")
    return exact


def _pairs(num_classes: int) -> list[tuple[int, int]]:
    return [(i, c) for i in range(num_classes) for c in range(num_classes) if c != i]


# ------------------------------------------------------------------------------------------------------ the upper end


@dataclass
class _Witness:
    """W, class means and bias whose margins are all exactly large enough, once `feasible` has said so."""

    weights: Array
    means: Array
    bias: Array

    @classmethod
    def of_logits(cls, task: _Task, logits: Array, bias: Array) -> "_Witness | None":
        """The balanced factorization of D^(1/2) L with centered rows, of rank at most K - 1; None where it fails."""
        roots = np.sqrt(task.sizes.astype(np.float64))[:, None]
        left, values, right = np.linalg.svd(roots * (logits - logits.mean(axis=1, keepdims=True)))
        means = (left * np.sqrt(values))[:, :-1] / roots
        weights = (right.T * np.sqrt(values))[:, :-1]
        return cls(weights, means, bias).feasible(task)

    def padded(self, dimension: int) -> "_Witness":
        """The same in a larger dimension."""
        room = ((0, 0), (0, dimension - self.means.shape[1]))
        return _Witness(np.pad(self.weights, room), np.pad(self.means, room), self.bias)

    def multipliers(self, task: _Task) -> Array:
        """Those of the only B that fits where D^(1/2) L has rank K - 1: D^(1/2) B is its polar factor."""
        roots = np.sqrt(task.sizes.astype(np.float64))[:, None]
        left, _, right = np.linalg.svd(roots * self.means @ self.weights.T)
        return np.asarray(-(left[:, :-1] @ right[:-1]) / roots)

    @property
    def logits(self) -> Array:
        return np.asarray(self.means @ self.weights.T + self.bias)

    def feasible(self, task: _Task) -> "_Witness | None":
        """The same, scaled until all margins are large enough; None where one is not positive."""
        witness = self
        for attempt in range(_ATTEMPTS):
            factor = witness.shortfall(task)
            if factor is None or (attempt and factor <= 1):
                return witness if factor is not None else None
            scale = math.sqrt(factor) * (1 + _OUTWARD * 2.0**attempt)
            witness = _Witness(witness.weights * scale, witness.means * scale, witness.bias * scale**2)
        return None

    def shortfall(self, task: _Task) -> Fraction | None:
        """The least factor by which all margins would be large enough; None where one is not positive."""
        table, unit = exact_margins(self.means, task.labels, self.weights, self.bias)
        others = ~np.eye(task.num_classes, dtype=bool)
        if (table[others] <= 0).any():
            return None
        return Fraction((task.margins[others] / (table[others] * unit)).max())

    def value(self, task: _Task) -> Fraction:
        """(|W|^2 + sum n_k |h_k|^2) / 2, exactly."""
        return (square_norm(self.weights) + square_norm(self.means, task.sizes)) / 2


# ------------------------------------------------------------------------------------------------------ the lower end


def _lower_end(task: _Task, multipliers: Array) -> tuple[Fraction, Array]:
    """sum_i n_i sum_c beta_ic m_ic once |B|_2 <= 1 exactly, and these multipliers."""
    exact = nonnegative(multipliers, task.labels)
    if task.bias:
        exact = balanced(exact, task.labels, task.counts)
    exact = exact / (_spectral_norm_bound(ExactMatrix.of(rows_of(exact, task.labels)), task.counts) or Fraction(1))
    return Fraction((exact * task.margins * task.counts[:, None]).sum()), exact


_Dual = tuple[Array, Array, float, Solution]


def _rounded(task: _Task, multipliers: Array) -> tuple[Array, Array, float]:
    """Multipliers as floats and exactly, and |B|_2 in floats."""
    floats = freeze(multipliers.astype(np.float64))
    weighted = np.sqrt(task.sizes)[:, None] * rows_of(floats, task.labels)
    return floats, freeze(multipliers), float(np.linalg.norm(weighted, 2))


def _spectral_norm_bound(rows: ExactMatrix, counts: Array) -> Fraction:
    """r with r^2 I - G positive semidefinite, G = sum_i n_i B_i B_i^T, within rounding errors of the least such r.

    For any Q, here of nearly orthonormal float columns, Q^T (r^2 I - G) Q is diagonally dominant once, in every row i,
    r^2 (A_ii - sum_{j != i} |A_ij|) >= sum_j |C_ij|, with A = Q^T Q and C = Q^T G Q; where these factors are positive,
    A has an inverse, hence so has Q.
    """
    gram = integer_product(rows.integers.T * counts, rows.integers)
    floats = (gram * rows.unit**2).astype(np.float64)
    columns = np.frompyfunc(int, 1, 1)(np.rint(np.ldexp(np.linalg.eigh(floats)[1], _COLUMN_BITS)))
    outer, inner = (integer_product(columns.T, each) for each in (integer_product(gram, columns), columns))
    room = 2 * np.diagonal(inner) - np.abs(inner).sum(axis=1)
    if (room <= 0).any():
        return Fraction(ceil_float(root_bracket(np.trace(gram) * rows.unit**2)[1]))
    square = max(Fraction(int(total), int(space)) for total, space in zip(np.abs(outer).sum(axis=1), room, strict=True))
    return Fraction(ceil_float(root_bracket(square * rows.unit**2)[1]))


# -------------------------------------------------------------------------------------------------- convex formulation


def _blocks(task: _Task) -> Blocks:
    """Classes of one size, where their margins depend on the sizes alone; else each class by itself."""
    blocks = Blocks.of(task.sizes)
    i, c = np.array(_pairs(task.num_classes)).T
    found = np.full((len(blocks.first), len(blocks.first)), Fraction(0), dtype=object)
    found[blocks.groups[i], blocks.groups[c]] = task.margins[i, c]
    if (found[blocks.groups[i], blocks.groups[c]] == task.margins[i, c]).all():
        return blocks
    return Blocks.of(np.arange(task.num_classes))


def _pairs_of(blocks: Blocks) -> tuple[Array, Array, Array, Array]:
    """Groups j, l with a class i of j and another class c of l."""
    last = [int(np.flatnonzero(blocks.groups == j)[-1]) for j in range(len(blocks.first))]
    i, c = np.array([(int(i), c) for i in blocks.first for c in last if i != c]).T
    return blocks.groups[i], blocks.groups[c], i, c


def _relaxation(task: _Task, solver: str | None) -> tuple[tuple[Array, Array], Array, Solution]:
    """The nuclear norm problem: logits (K, K), bias (K,), multipliers (K, K) per sample."""
    cp, blocks = solvers.load(), _blocks(task)
    size, members, (j, k, i, c) = len(blocks.first), blocks.members, _pairs_of(blocks)
    roots = np.sqrt(task.sizes[blocks.first].astype(np.float64))
    unit = float(roots.max()), float(max(task.margins.flat))  # the solver sees numbers of size 1
    indicators, steps, bias = cp.Variable((size, size)), cp.Variable(size), cp.Variable(size)
    own = cp.multiply(cp.diag(indicators), 1 / members) + cp.multiply(steps, 1 - 1 / members)
    other = cp.multiply(cp.vec(indicators, order="C")[j * size + k], 1 / np.sqrt(members[j] * members[k]))
    gaps = own[j] - other + cp.multiply(steps[j], (j == k) / members[j]) + (bias[j] - bias[k] if task.bias else 0)
    constraints = [gaps >= task.margins[i, c].astype(np.float64) / unit[1], steps >= 0]
    scaled = cp.multiply((roots / unit[0])[:, None] * np.ones(size), indicators)
    objective = cp.normNuc(scaled) + steps @ ((members - 1) * roots / unit[0] + (members == 1))
    chosen = solver or ("CLARABEL" if size <= _FEW else "SCS")
    problem = cp.Problem(cp.Minimize(objective), constraints)
    solution = solvers.solve_tightly(problem, solver=chosen, name="minimum-norm separation")
    found = (
        blocks.logits(indicators.value, steps.value),
        bias.value[blocks.groups] if task.bias else np.zeros(task.num_classes),
    )
    if not all(np.isfinite(part).all() for part in found):
        raise SolverError(f"{solution.name}: {chosen} ended with status {solution.status!r}, and numbers not finite")
    shared = np.zeros((size, size))
    shared[j, k] = constraints[0].dual_value / (members[j] * (members[k] - (j == k)))
    multipliers = shared[np.ix_(blocks.groups, blocks.groups)] * unit[0] / task.sizes[:, None]
    offset = (found[1] - found[1].mean()) * unit[1]
    return (found[0] * unit[1], offset), multipliers * ~np.eye(task.num_classes, dtype=bool), solution.rescaled(*unit)


def _ends(
    task: _Task, relaxed: tuple[Array, Array], multipliers: Array, allowed: Fraction
) -> tuple[Fraction, Array, _Witness | None]:
    """Lower end with its multipliers, and the witness in dimension K - 1, from what the solver found.

    Most often every margin is tight, and the bias alone gives both ends; else the solver's logits and multipliers may.
    """
    logits, bias = relaxed
    tight = _Witness.of_logits(task, bias[:, None] - bias - task.margins.astype(np.float64), bias)
    if tight is not None:
        lower, exact = _lower_end(task, tight.multipliers(task))
        if lower >= (1 - allowed) * tight.value(task):
            return lower, exact, tight
    witnesses = [each for each in (tight, _Witness.of_logits(task, logits, bias)) if each is not None]
    ends = [_lower_end(task, each) for each in (multipliers, *(each.multipliers(task) for each in witnesses))]
    return *max(ends, key=lambda end: end[0]), min(witnesses, key=lambda each: each.value(task), default=None)


# ------------------------------------------------------------------------------------------------ factored formulation


def _best_factored(task: _Task, dimension: int, starts: int, generator: np.random.Generator) -> "_Witness":
    """The best that SLSQP reaches from random starts."""
    found = [_descend(task, dimension, generator) for _ in range(starts)]
    witnesses = [witness for witness, _ in found if witness is not None]
    if not witnesses:
        status = f"the last ended with status {found[-1][1]!r}"
        raise SolverError(f"minimum-norm separation: SLSQP reached no feasible point from {starts} starts; {status}")
    return min(witnesses, key=lambda witness: witness.value(task))


@dataclass(frozen=True)
class _Flat:
    """The factored problem in one flat vector: W, then n_k^(1/2) h_k, so that the objective is |x|^2 / 2, then b."""

    task: _Task
    dimension: int

    @property
    def split(self) -> int:
        return self.task.num_classes * self.dimension

    def parts(self, flat: Array) -> tuple[Array, Array, Array]:
        size = self.task.num_classes
        weights, scaled = flat[: 2 * self.split].reshape(2, size, self.dimension)
        bias = flat[2 * self.split :] if self.task.bias else np.zeros(size)
        return weights, scaled / np.sqrt(self.task.sizes)[:, None], bias

    def objective(self, flat: Array) -> tuple[float, Array]:
        gradient = flat.copy()
        gradient[2 * self.split :] = 0
        return float(gradient @ gradient) / 2, gradient

    def slack(self, flat: Array) -> Array:
        weights, means, bias = self.parts(flat)
        logits = means @ weights.T + bias
        i, c = np.array(_pairs(len(logits))).T
        return np.asarray(logits[i, i] - logits[i, c] - self.task.margins[i, c].astype(np.float64))

    def slack_jacobian(self, flat: Array) -> Array:
        weights, means, _ = self.parts(flat)
        i, c = np.array(_pairs(len(weights))).T
        row, size = np.arange(len(i)), len(weights)
        of_weights, of_means = np.zeros((2, len(i), size, self.dimension))
        of_weights[row, i], of_weights[row, c] = means[i], -means[i]
        of_means[row, i] = (weights[i] - weights[c]) / np.sqrt(self.task.sizes)[i][:, None]
        of_bias = np.zeros((len(i), size if self.task.bias else 0))
        if self.task.bias:
            of_bias[row, i], of_bias[row, c] = 1, -1
        return np.hstack([of_weights.reshape(len(i), -1), of_means.reshape(len(i), -1), of_bias])


def _descend(task: _Task, dimension: int, generator: np.random.Generator) -> "tuple[_Witness | None, str]":
    """What SLSQP reaches from one start, and what it says of itself."""
    from scipy.optimize import minimize

    flat = _Flat(task, dimension)
    scale = math.sqrt(float(max(task.margins.flat))) * float(task.sizes.max()) ** 0.25
    start = generator.standard_normal(2 * flat.split + (task.num_classes if task.bias else 0)) * scale
    constraint = {"type": "ineq", "fun": flat.slack, "jac": flat.slack_jacobian}
    options = {"maxiter": _STEPS, "ftol": 1e-14}
    found = minimize(flat.objective, start, jac=True, method="SLSQP", constraints=[constraint], options=options)
    finite = bool(np.isfinite(found.x).all())
    return _Witness(*flat.parts(found.x)).feasible(task) if finite else None, str(found.message)
