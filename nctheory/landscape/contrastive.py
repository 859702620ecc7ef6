"""Supervised contrastive learning: the least loss of features on a sphere, and how far given features are from it.

The loss is the sum, over N anchors i, of the mean over the other samples p of its class of -log(exp(<z_i, z_p> / T) /
sum_{a != i} exp(<z_i, z_a> / T)), |z_i| = 1, class k with n_k >= 2 samples.

Collapse. Let one sample of each class be drawn, and put all of its class there. On average over the draws, the loss of
the class of anchor i is then E log(n_k - 1 + sum_l n_l exp((<z_i, z_drawn> - 1) / T)), at most what it is with the mean
inside of the logarithm, and that is at most the loss of the anchors themselves, as <z_i, z_p> <= 1 and, by Jensen's
inequality, sum_p exp(<z_i, z_p> / T) >= (n_k - 1) exp(mean_p <z_i, z_p> / T). So some draw has no larger loss: in every
dimension and for all class sizes there is an optimum with one point v_k for each class, which minimizes

    f = sum_k n_k log(n_k - 1 + sum_{l != k} n_l exp((<v_k, v_l> - 1) / T)),

convex in the Gram matrix M of the v_k. All entries of M outside of the diagonal should fall, so that the best M of any
dimension is singular, of rank at most K - 1: for d >= K - 1 the problem is convex. Its lower bound holds for all d.

The bound. log(sum_a w_a e^x_a) >= sum_a q_a x_a + sum_a q_a log(w_a / q_a) for all probabilities q_a, so that f is at
least a linear function of M, with the matrix C, C_kl = (n_k q_kl + n_l q_lk) / 2 off the diagonal; and <C, M> >= sum y
where C - diag(y) is positive semidefinite. For equal sizes n it is N log(n - 1 + (N - n) exp(-K / (T (K - 1)))), that
of the simplex; for two classes of any sizes M_12 = -1 is best. On the ball, |z_i| <= 1, all that holds for d >= K - 1:
a larger diagonal of M makes f, with M_kk in place of 1, smaller.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import flint
import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, Seed, checked_generator, checked_tolerance, freeze, positive_integer
from nctheory.configuration import Configuration
from nctheory.constructions import simplex_etf
from nctheory.descent import downhill, newton
from nctheory.landscape.answers import Bracket, is_within
from nctheory.landscape.contrastive_loss import Batch, ContrastiveLoss, batch_sizes, checked_temperature
from nctheory.result import Result, Status

if TYPE_CHECKING:
    import sympy

__all__ = [
    "Contrastive",
    "ContrastiveVerdict",
    "contrastive_certify",
    "contrastive_gradient",
    "contrastive_objective",
    "contrastive_optimum",
]

_UNIT_ROUNDOFF = 2.0**-53
_TINY = 1e-290  # above every error that underflow can cause
_STEPS = 3000
_STARTS = 4  # where a point is certified
_PRECISION = 128
_RANK = 1e-4  # directions shorter than this, relatively, are left out of a second search


@dataclass(frozen=True, eq=False)
class Contrastive:
    """What `contrastive_optimum` knows: class sizes, T, the cosines of the classes in floats, and how they came about.

    `rank` is that of the cosines, up to rounding.
    """

    class_sizes: Array
    temperature: Fraction
    cosines: Array
    statement: str

    @property
    def rank(self) -> int:
        """How many dimensions the classes span."""
        return int(np.linalg.matrix_rank(self.cosines, tol=1e-7 * len(self.cosines), hermitian=True))


@dataclass(frozen=True, eq=False)
class ContrastiveVerdict:
    """What `contrastive_certify` knows: brackets of the loss there and of the least one, and the gradient's norm."""

    objective: Bracket
    minimum: Bracket
    gradient_norm: float


# ---------------------------------------------------------------------------------------------------- public verbs


def contrastive_objective(features: Any, labels: Any, *, temperature: Any = 1) -> float:
    """The supervised contrastive loss of a full batch, in floats.

    Formula:
        sum_i -(1/(n_y - 1)) sum_{p != i, y_p = y_i} log(exp(<z_i, z_p> / T) / sum_{a != i} exp(<z_i, z_a> / T)).
    Args:
        features: (N, d) rows z_i of norm 1, up to 1e-6; what enters are the rows divided by their norms.
        labels: (N,) integers 0 ... K-1, at least two samples of each of at least two classes.
        temperature: T > 0, which divides the inner products (and is not a factor, as in `Model`).
    Assumes:
        Nothing; divide by N for the mean over anchors.
    Returns:
        A float.
    Raises:
        InputError: features that are not of norm 1, a class of one sample, a temperature that is not positive.
    Reference:
        khosla2020.
    Example:
        >>> from nctheory.landscape import contrastive_objective
        >>> round(contrastive_objective([[1.0], [1.0], [-1.0], [-1.0]], [0, 0, 1, 1]), 6)
        0.958179
    """
    return Batch.of(features, labels, temperature).ball[0]


def contrastive_gradient(features: Any, labels: Any, *, temperature: Any = 1) -> Float[Array, "N d"]:
    """The gradient of the supervised contrastive loss by the features, along the sphere.

    Formula:
        With p_ia the softmax of <z_i, z_a> / T over a != i, and t_ia = 1 / (n_y - 1) for the others of the class:
        rows sum_a (p_ia - t_ia + p_ai - t_ai) z_a / T, less their parts along z_i.
    Args:
        features, labels, temperature: as for `contrastive_objective`.
    Assumes:
        Nothing.
    Returns:
        (N, d), each row orthogonal to the row of the features; 0 at critical points.
    Raises:
        InputError: as for `contrastive_objective`.
    Reference:
        khosla2020.
    Example:
        >>> from nctheory.landscape import contrastive_gradient
        >>> bool(abs(contrastive_gradient([[1.0], [1.0], [-1.0], [-1.0]], [0, 0, 1, 1])).max() < 1e-15)
        True
    """
    batch = Batch.of(features, labels, temperature)
    slopes = batch.problem.slopes(batch.rows)
    return np.asarray(slopes - (slopes * batch.rows).sum(axis=1, keepdims=True) * batch.rows)


def contrastive_optimum(
    class_sizes: Any,
    dimension: int | None = None,
    *,
    temperature: Any = 1,
    tolerance: float = 1e-9,
    starts: int = 8,
    seed: Seed = 0,
) -> Result[Contrastive]:
    """The least supervised contrastive loss of features on the unit sphere, and class means that attain it.

    Formula:
        N log(n - 1 + (N - n) exp(-K / (T (K - 1)))) for K classes of n samples and d >= K - 1, by a simplex ETF; for
        two classes of n and m, n log(n - 1 + m exp(-2 / T)) + m log(m - 1 + n exp(-2 / T)). For other sizes and d >= K
        - 1 a convex problem in the cosines of the classes, of which the simplex is no solution.
    Args:
        class_sizes: (K,) at least two samples of each of at least two classes.
        dimension: d >= 1; K - 1 where left out.
        temperature: T > 0, which divides the inner products.
        tolerance: relative gap up to which the status is near_optimal.
        starts: how many random starts are tried for d < K - 1.
        seed: of the starts.
    Assumes:
        A full batch. For d >= K - 1 the answer is the same for features in the ball.
    Returns:
        Result with lower <= min <= upper, whatever d is, `configuration` the class means (all samples of a class are
        there) and `details` a Contrastive. Status near_optimal, or undecided where the ends are apart, as for d < K -
        1, where the lower end is that of larger dimensions. `exact` is a SymPy number where there is a closed form.
    Raises:
        InputError: a class of one sample, fewer than two classes, a temperature that is not positive.
    Reference:
        graf2021 for equal sizes; proof of the rest at the head of this file.
    Example:
        >>> from nctheory.landscape import contrastive_optimum
        >>> found = contrastive_optimum([2, 2])
        >>> round(found.value, 6), found.exact, str(found.status)
        (0.958179, 4*log(2*exp(-2) + 1), 'near_optimal')
        >>> contrastive_optimum([2, 2, 6]).details.cosines.round(3)[0]
        array([ 1.   , -0.133, -0.658])
    """
    allowed, degrees = checked_tolerance(tolerance), checked_temperature(temperature)
    problem = _Classes(batch_sizes(class_sizes), degrees)
    width = problem.num_classes - 1 if dimension is None else positive_integer(dimension, "dimension")
    return _optimum(problem, width, allowed, positive_integer(starts, "starts"), checked_generator(seed))


def contrastive_certify(
    features: Any, labels: Any, *, temperature: Any = 1, tolerance: float = 1e-9
) -> Result[ContrastiveVerdict]:
    """How far features are from the least supervised contrastive loss, rigorously, and better ones where they are.

    Formula:
        ratio = min / loss in (0, 1].
    Args:
        features, labels, temperature: as for `contrastive_objective`.
        tolerance: relative gap up to which the status is near_optimal.
    Assumes:
        What features are compared with are the best ones of their dimension, not those of a network.
    Returns:
        Result with lower <= ratio <= upper, gap = 1 - lower, and status near_optimal, improvable (`configuration` holds
        class means with a strictly smaller loss, for all samples of a class) or undecided.
    Raises:
        InputError: as for `contrastive_objective`, a tolerance below 0.
    Reference:
        graf2021; proof at the head of this file.
    Example:
        >>> from nctheory import simplex_etf
        >>> from nctheory.landscape import contrastive_certify
        >>> labels = [0, 0, 1, 1, 2, 2, 2, 2, 2, 2]
        >>> found = contrastive_certify(simplex_etf(3)[labels], labels)
        >>> print(found.status, round(float(found.upper), 6))
        improvable 0.991035
    """
    allowed = checked_tolerance(tolerance)
    batch = Batch.of(features, labels, temperature)
    problem, width = _Classes(batch.class_sizes, batch.problem.temperature), batch.rows.shape[1]
    value, best = batch.bracket, _optimum(problem, width, allowed, _STARTS, np.random.default_rng(0))
    lower, upper = min(Fraction(best.lower), value[0]), min(Fraction(best.upper), value[1])
    ratio = lower / value[1] if value[1] > 0 else Fraction(1)
    better = best.configuration if Fraction(best.upper) < value[0] else None
    if 1 - ratio <= allowed:
        status, reason = Status.NEAR_OPTIMAL, f"within {float(1 - ratio):.3g} of the minimum"
    elif better is not None:
        status, reason = Status.IMPROVABLE, "strictly better class means are attached"
    else:
        status, reason = Status.UNDECIDED, f"at most {float(1 - ratio):.3g} above the minimum; a better bound decides"
    slope = contrastive_gradient(features, labels, temperature=temperature)
    return Result(
        lower=ratio,
        upper=min(Fraction(1), upper / value[0]) if value[0] > 0 else Fraction(1),
        details=ContrastiveVerdict(value, (lower, upper), float(np.linalg.norm(slope))),
        status=status,
        gap=1 - ratio,
        reason=reason,
        build_configuration=lambda: better,
    )


# ---------------------------------------------------------------------------------------------------- the least loss


@dataclass(frozen=True, eq=False)
class _Classes:
    """Class sizes and T."""

    class_sizes: Array
    temperature: Fraction

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_sizes)

    @cached_property
    def loss(self) -> ContrastiveLoss:
        """The loss with one row for each class."""
        return ContrastiveLoss(np.arange(self.num_classes), self.class_sizes.astype(np.float64), self.temperature)

    def batch(self, means: Array) -> Batch:
        """All samples at these class means."""
        return Batch.collapsed(self.loss, self.class_sizes, means)

    @property
    def is_closed(self) -> bool:
        """Whether there is a closed form."""
        return self.num_classes == 2 or bool((self.class_sizes == self.class_sizes[0]).all())

    def closed_form(self) -> Bracket:
        """The closed form, enclosed."""
        with flint.ctx.workprec(_PRECISION):
            power = flint.arb(_rational(-self._exponent)).exp()
            total = sum(self.sizes)
            parts = [(n, flint.arb(n - 1).log() + ((total - n) * power / (n - 1)).log1p()) for n in self.sizes]
            return _ends(sum((n * part for n, part in parts), flint.arb(0)))

    def exact(self) -> "sympy.Expr":
        """The closed form."""
        import sympy

        power = sympy.exp(-sympy.Rational(self._exponent.numerator, self._exponent.denominator))
        logs = (n * sympy.log(n - 1 + (sum(self.sizes) - n) * power) for n in self.sizes)
        return sum(logs, sympy.S.Zero)

    @property
    def sizes(self) -> list[int]:
        """n_k."""
        return [int(size) for size in self.class_sizes]

    @property
    def _exponent(self) -> Fraction:
        """K / (T (K - 1))."""
        return Fraction(self.num_classes, self.num_classes - 1) / self.temperature

    def as_result(
        self, means: Array, width: int, ends: Bracket, allowed: Fraction, statement: str
    ) -> Result[Contrastive]:
        """The Result of class means, with zeros for further coordinates."""
        lower, upper = min(ends), ends[1]
        gap = (upper - lower) / upper if upper > 0 else Fraction(0)
        near = gap <= allowed
        cosines = freeze(means @ means.T)
        means = np.hstack([means, np.zeros((len(means), width - means.shape[1]))])
        reason = f"{statement}; the ends are {float(gap):.2g} apart, relatively"
        return Result(
            lower=lower,
            upper=upper,
            details=Contrastive(self.class_sizes, self.temperature, cosines, statement),
            status=Status.NEAR_OPTIMAL if near else Status.UNDECIDED,
            gap=gap,
            reason=reason if near else f"{reason}; a better bound or configuration would decide",
            build_configuration=lambda: Configuration(means, class_sizes=self.class_sizes),
            build_exact=self.exact if width >= self.num_classes - 1 and self.is_closed else None,
        )


def _rational(number: Fraction) -> flint.fmpq:
    return flint.fmpq(number.numerator, number.denominator)


def _ends(ball: flint.arb) -> Bracket:
    ends = (end.man_exp() for end in (ball.lower(), ball.upper()))
    low, high = (Fraction(int(mantissa)) * Fraction(2) ** int(power) for mantissa, power in ends)
    return low, high


def _optimum(
    problem: _Classes, width: int, allowed: Fraction, starts: int, generator: np.random.Generator
) -> Result[Contrastive]:
    """In closed form, by the convex problem, or by search."""
    if width < problem.num_classes - 1:
        return _searched(problem, width, allowed, starts, generator)
    return _closed(problem, width) if problem.is_closed else _convex(problem, width, allowed)


def _closed(problem: _Classes, width: int) -> Result[Contrastive]:
    """Equal sizes, or two classes, and d >= K - 1."""
    ends, statement = problem.closed_form(), "the simplex is optimal, in closed form"
    return problem.as_result(simplex_etf(problem.num_classes), width, ends, Fraction(1), statement)


def _convex(problem: _Classes, width: int, allowed: Fraction) -> Result[Contrastive]:
    """Other sizes and d >= K - 1: the best class means by their own bound, from the simplex on.

    Where a solution has a smaller rank, the first search ends near it only, and another one is made in its dimensions.
    """
    means = _refined(problem, np.array(simplex_etf(problem.num_classes)))
    lower, upper = _lower_bound(problem, means), problem.batch(means).bracket[1]
    if not is_within(lower, upper, allowed):
        fewer = _refined(problem, _main_directions(means))
        if _lower_bound(problem, fewer) > lower:
            means, lower = fewer, _lower_bound(problem, fewer)
    upper = problem.batch(means).bracket[1]
    statement = "class means by descent, and a bound that their cosines give"
    return problem.as_result(means, width, (max(Fraction(0), lower), upper), allowed, statement)


def _searched(
    problem: _Classes, width: int, allowed: Fraction, starts: int, generator: np.random.Generator
) -> Result[Contrastive]:
    """d < K - 1: the best of some starts, above the bound of d = K - 1."""
    relaxed = _optimum(problem, problem.num_classes - 1, allowed, starts, generator)
    drawn = [generator.standard_normal((problem.num_classes, width)) for _ in range(starts)]
    drawn.append(_main_directions(np.array(relaxed.configuration.class_means), width))
    found = [_refined(problem, start) for start in drawn]
    means = min(found, key=lambda each: problem.batch(each).ball[0])
    ends = Fraction(relaxed.lower), problem.batch(means).bracket[1]
    statement = f"the best of {len(drawn)} starts, and the bound of dimension {problem.num_classes - 1}"
    return problem.as_result(means, width, ends, allowed, statement)


def _refined(problem: _Classes, means: Array) -> Array:
    """Unit class means near a minimum."""
    start = means + 0.0
    start[np.linalg.norm(start, axis=1) == 0, 0] = 1.0
    reached = downhill(problem.loss, problem.loss.rows(start)[0].ravel(), steps=_STEPS, tolerance=1e-10)
    return problem.loss.rows(newton(problem.loss, problem.loss.rows(reached)[0].ravel()))[0]


def _main_directions(means: Array, width: int | None = None) -> Array:
    """Coordinates along the longest principal axes, or along all that are not nearly 0."""
    left, values, _ = np.linalg.svd(means, full_matrices=False)
    count = int((values > _RANK * values[0]).sum()) if width is None else width
    return np.asarray(left[:, :count] * values[:count])


# ----------------------------------------------------------------------------------------------------- the lower bound


def _lower_bound(problem: _Classes, means: Array) -> Fraction:
    """The bound of the head of this file, by the probabilities at these class means: exact but for enclosed logs."""
    loss, sizes = problem.loss, problem.sizes
    probabilities = loss.block(means).softmax
    np.fill_diagonal(probabilities, 0.0)
    exact = [[Fraction(entry) for entry in row] for row in probabilities.tolist()]
    away = sum((n * sum(row, Fraction(0)) for n, row in zip(sizes, exact, strict=True)), Fraction(0))
    near = sum(map(Fraction, _below(loss.counts[:, None] * probabilities, means).tolist()), Fraction(0))
    with flint.ctx.workprec(_PRECISION):
        rows = zip(sizes, exact, strict=True)
        gibbs = sum((n * _entropy(k, row, sizes) for k, (n, row) in enumerate(rows)), flint.arb(0))
        return (near - away) / problem.temperature + _ends(gibbs)[0]


def _entropy(k: int, row: list[Fraction], sizes: list[int]) -> flint.arb:
    """sum_l q_l log(w_l / q_l), of the others and of what is left for the class itself."""
    pairs = [(q, sizes[other]) for other, q in enumerate(row) if q]
    pairs.append((1 - sum(row, Fraction(0)), sizes[k] - 1))
    balls = ((flint.arb(_rational(q)), weight) for q, weight in pairs)
    return sum((q * (weight / q).log() for q, weight in balls), flint.arb(0))


def _below(pulls: Array, means: Array) -> Array:
    """Numbers y for which C - diag(y) is positive semidefinite, C = (pulls + pulls^T) / 2 without its rounding errors.

    Those of an optimum, where (C - diag(y)) V = 0, and shifted until a Cholesky factorization in floats comes to its
    end: then the matrix is, up to (K + 3) u times its trace; and C is off by 4 u |C|_F.
    """
    matrix, size = (pulls + pulls.T) / 2, len(pulls)
    values = (means * (matrix @ means)).sum(axis=1)
    room = 4 * _UNIT_ROUNDOFF * float(np.linalg.norm(matrix)) + _TINY
    shift = max(room, -float(np.linalg.eigvalsh(matrix - np.diag(values))[0]))
    while not _is_definite(matrix - np.diag(lower := values - shift)):
        shift *= 2  # in the end the diagonal dominates
    trace = float(np.abs(lower).sum())
    return np.asarray(lower - 1.01 * (room + (size + 3) * _UNIT_ROUNDOFF * trace + 2 * _UNIT_ROUNDOFF * trace))


def _is_definite(matrix: Array) -> bool:
    """Whether Cholesky's factorization comes to its end."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True
