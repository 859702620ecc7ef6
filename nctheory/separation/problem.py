"""The separation problem, for all files of this folder: points, their margins in floats and exactly, and multipliers.

Multipliers beta_ic >= 0, one for each constraint, are the witness of a lower bound: where |B|_2 <= 1 for the columns
B_i = sum_c beta_ic (e_y - e_c), no point with margins m_ic or more is below sum_i sum_c beta_ic m_ic.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import frexp, gcd, inf
from typing import Any, Literal

import flint
import numpy as np
from jaxtyping import Float

from nctheory.arrays import Array, checked_flag, freeze, labels_array
from nctheory.errors import InputError, SolverError
from nctheory.exact import ExactMatrix, InnerProducts
from nctheory.point import Data, Point, as_point, exactly, floats
from nctheory.result import Status
from nctheory.solver import OPTIMAL, Solution
from nctheory.spectrum import Spectrum, checked_sizes, class_spectrum

__all__ = ["Margin", "MarginNorm", "margins", "simplex_encoded_labels"]

MarginNorm = Literal["weights", "features", "both"]

_BLOCK = 1 << 19  # logits held at once
_TINY = 1e-300  # above every error that underflow can cause
_UNIT_ROUNDOFF = 2.0**-53
_BITS = 60  # to which multipliers are rounded, next to the largest of them
_MOST_BITS = 220  # that are tried
_FINE = 320  # bits after the binary point of the matrix that they are rounded from
_LOSS = Fraction(1, 10**12)  # of the optimum, at most, by rounding the multipliers of the closed form


# ---------------------------------------------------------------------------------------------------- what is given


def has_bias(point: Point, bias: bool | None) -> bool:
    """Whether the problem has a free bias: as said, else where the bias of the classifier is not 0."""
    nonzero = bool(exactly(point.bias).integers.any())
    if bias is None:
        return nonzero
    if not checked_flag(bias) and nonzero:
        raise InputError("bias is False, and the bias of features is not 0")
    return bool(bias)


def counted_labels(labels: Any) -> tuple[Array, Array]:
    """Labels 0 ... K - 1 of at least two classes, each of them present, and how often."""
    classes = labels_array(labels)
    num_classes = int(classes.max(initial=-1)) + 1
    if num_classes < 2:
        raise InputError(f"labels has {num_classes} classes, expected at least two")
    present, counts = np.unique(classes, return_counts=True)
    if len(present) < num_classes:
        absent = next(k for k, label in enumerate([*present, -1]) if k != label)
        raise InputError(f"labels has no sample of class {absent}, though its largest label is {num_classes - 1}")
    return classes, freeze(counts)


def simplex_encoded_labels(labels: object) -> Float[Array, "N K"]:
    """The simplex-encoded labels, which the logits of the minimum-norm problem without bias are at its optimum.

    Formula:
        Row i is e_y - 1/K, y = y_i: in columns Z = P Y with P = I - J/K.
    Args:
        labels: (N,) integers 0 ... K - 1; every class has at least one sample.
    Assumes:
        Nothing.
    Returns:
        (N, K) read-only float64; every row sums to 0, and every margin of these logits is 1.
    Raises:
        InputError: labels that are no class indices, a class without samples, fewer than two classes.
    Reference:
        thrampoulidis2022, definition 1.
    Example:
        >>> from nctheory import separation
        >>> separation.simplex_encoded_labels([0, 1, 1])
        array([[ 0.5, -0.5],
               [-0.5,  0.5],
               [-0.5,  0.5]])
    """
    classes, counts = counted_labels(labels)
    encoded = np.full((len(classes), len(counts)), -1 / len(counts))
    encoded[np.arange(len(classes)), classes] += 1
    return freeze(encoded)


# ------------------------------------------------------------------------------------------------ margins in floats


def margins(features: Any, *, norm: MarginNorm | None = None) -> Float[Array, " N"]:
    """The smallest margin of each sample against the other classes, in floats.

    Formula:
        m_i = min over c != y of (<w_y - w_c, h_i> + b_y - b_c) / s_ic, y = y_i, with s_ic = 1, |w_y - w_c| ("weights"),
        |h_i| ("features") or |w_y - w_c| |h_i| ("both"). With norm="weights" it is the signed distance of h_i to the
        nearest decision boundary. Where s_ic = 0 the quotient is 0, inf or -inf, by the sign of its numerator.
    Args:
        features: Features with weights, and perhaps a bias; or a Configuration with weights, each class one sample.
        norm: what divides: None, "weights", "features" or "both".
    Assumes:
        At least two classes.
    Returns:
        (N,) read-only float64, positive exactly where the sample is classified correctly and is no tie (up to
        rounding: `certify` decides exactly).
    Raises:
        InputError: no weights, one class, an unknown norm.
    Reference:
        thrampoulidis2022, section 2.
    Example:
        >>> from nctheory import Features, separation
        >>> points = Features([[1.0, 0.0], [0.0, 2.0]], [0, 1], [[3.0, 0.0], [0.0, 3.0]])
        >>> separation.margins(points)
        array([3., 6.])
        >>> separation.margins(points, norm="features")
        array([3., 3.])
    """
    point = as_point(features, counted=False)
    if norm not in (None, "weights", "features", "both"):
        raise InputError(f"norm is {norm!r}, expected None, 'weights', 'features' or 'both'")
    points, decoder = floats(point.points), (floats(point.weights), floats(point.bias))
    gaps = _distances(halved(decoder[0])[0]) if norm in ("weights", "both") else None
    parts = [
        _float_margins(points[rows], point.labels[rows], decoder, gaps, norm in ("features", "both"))
        for rows in _blocks(len(points), point.num_classes)
    ]
    return freeze(np.concatenate(parts))


def _float_margins(
    points: Array, labels: Array, decoder: tuple[Array, Array], gaps: Array | None, by_norm: bool
) -> Array:
    """Smallest quotients, each sample in its own power of two, so that nothing overflows or underflows on the way."""
    (weights, of_weights), index = halved(decoder[0]), np.arange(len(labels))
    scaled, own = halved(points, axis=1)
    unit = np.maximum(own + of_weights, halved(decoder[1])[1]) if decoder[1].any() else own + of_weights
    logits = np.ldexp(scaled @ weights.T, own + of_weights - unit) + np.ldexp(decoder[1], -unit)
    table = logits[index, labels][:, None] - logits
    scales = np.ones_like(table) if gaps is None else gaps[labels]
    scales = scales * _norms(scaled)[:, None] if by_norm else scales
    with np.errstate(all="ignore"):
        table = np.where((scales == 0) & (table == 0), 0.0, table / scales)
        table[index, labels] = np.inf
        return np.asarray(np.ldexp(table.min(axis=1), (unit - own * by_norm - of_weights * (gaps is not None))[:, 0]))


def halved(array: Array, axis: int | None = None) -> tuple[Array, Array]:
    """The array, or each row, over a power of two that brings its largest entry below 1; and the exponents."""
    exponents = np.frexp(np.abs(array).max(axis=axis, keepdims=True))[1]
    return np.ldexp(array, -exponents), exponents


def _norms(rows: Array) -> Array:
    """Euclidean norms, without underflow."""
    scaled, exponents = halved(rows, axis=1)
    return np.asarray(np.ldexp(np.linalg.norm(scaled, axis=1), exponents[:, 0]))


def _distances(weights: Array) -> Array:
    """(K, K) distances |w_i - w_j|, without cancellation."""
    return np.array([_norms(weights - row) for row in weights])


def _blocks(count: int, width: int) -> Iterator[slice]:
    step = max(1, _BLOCK // width)
    return (slice(start, start + step) for start in range(0, count, step))


# --------------------------------------------------------------------------------------------------- margins, exactly


@dataclass(frozen=True)
class Margin:
    """The smallest margin exactly, a sample that has it (or a class, of a Configuration), and the other class there."""

    value: Fraction
    sample: int
    other: int


def smallest_margin(point: Point) -> Margin:
    """The smallest <w_y - w_c, h_i> + b_y - b_c over all samples and all c != y, exactly.

    A float filter with a rigorous error bound leaves the samples that may have it; equal ones are looked at once.
    """
    kept = np.arange(len(point.labels))
    if not any(isinstance(part, ExactMatrix) for part in (point.points, point.weights, point.bias)):
        kept = _near_smallest(floats(point.points), point.labels, floats(point.weights), floats(point.bias))
    found = (_smallest_of(point, kept[part]) for part in _blocks(len(kept), point.num_classes))
    return min(found, key=lambda margin: margin.value)


def _near_smallest(points: Array, labels: Array, weights: Array, bias: Array) -> Array:
    """The distinct samples whose margin may be the smallest."""
    ends = [_enclosed(points[rows], labels[rows], weights, bias) for rows in _blocks(len(labels), len(bias))]
    low, high = np.concatenate(ends, axis=1)
    known = np.isfinite(high)
    kept = np.flatnonzero(~known | (low <= high.min(where=known, initial=inf)))
    rows = np.column_stack([labels[kept].astype(np.float64), points[kept]])
    return np.asarray(kept[np.sort(np.unique(rows, axis=0, return_index=True)[1])])


def _enclosed(points: Array, labels: Array, weights: Array, bias: Array) -> tuple[Array, Array]:
    """Both ends of the margins: a logit is off by (d + 4) u (|h|_1 max |w| + max |b|), here taken four times over."""
    index = np.arange(len(labels))
    with np.errstate(all="ignore"):
        logits = points @ weights.T + bias
        own = logits[index, labels].copy()
        logits[index, labels] = -np.inf
        middle = own - logits.max(axis=1)
        size = np.abs(points).sum(axis=1) * np.abs(weights).max() + np.abs(bias).max()
        radius = 4 * (weights.shape[1] + 4) * _UNIT_ROUNDOFF * size + _TINY
        return middle - radius, middle + radius


def _smallest_of(point: Point, where: Array) -> Margin:
    rows = point.points.rows(where) if isinstance(point.points, ExactMatrix) else point.points[where]
    table, unit = exact_margins(rows, point.labels[where], point.weights, point.bias)
    table[np.arange(len(where)), point.labels[where]] = table.max() + 1
    i, c = np.unravel_index(table.argmin(), table.shape)
    return Margin(table[i, c] * unit, int(where[i]), int(c))


def exact_margins(points: Data, labels: Array, weights: Data, bias: Data) -> tuple[Array, Fraction]:
    """(N, K) integers and the unit that they count: <w_y - w_c, h_i> + b_y - b_c exactly, 0 for the own class."""
    rows, columns = (part if isinstance(part, ExactMatrix) else floats(part) for part in (points, weights))
    products, shifts = InnerProducts(rows, columns), exactly(bias)
    unit = _common(products.unit, shifts.unit)
    logits = products.take(*np.indices((len(labels), len(shifts.integers))), unit=unit)
    logits = logits + shifts.integers * int(shifts.unit / unit)
    return np.asarray(logits[np.arange(len(labels)), labels][:, None] - logits), unit


def _common(one: Fraction, other: Fraction) -> Fraction:
    """The largest unit of which both are multiples."""
    return Fraction(
        gcd(one.numerator * other.denominator, other.numerator * one.denominator), one.denominator * other.denominator
    )


def square_norm(points: Data, counts: Array | None = None) -> Fraction:
    """The exact sum of n_i |x_i|^2 over the rows, with all n_i = 1 where no counts are given."""
    rows = points if isinstance(points, ExactMatrix) else floats(points)
    products = InnerProducts(rows, rows, rowwise=True)
    squares = products.take(*products.diagonal())
    total = squares.sum() if counts is None else (squares * counts.astype(object)).sum()
    return int(total) * products.unit


# -------------------------------------------------------------------------------------------------------- multipliers


def rows_of(multipliers: Array, labels: Array) -> Array:
    """(N, K) rows B_i = sum_c beta_ic (e_y - e_c); floats, integers or Fractions."""
    rows = -multipliers
    rows[np.arange(len(labels)), labels] += multipliers.sum(axis=1)
    return np.asarray(rows)


def nonnegative(multipliers: Array, labels: Array) -> Array:
    """Fractions >= 0 close by, 0 where y_i = c, and 0 for what is no number."""
    clipped = np.where(np.isfinite(multipliers), np.maximum(multipliers, 0), 0)
    clipped[np.arange(len(labels)), labels] = 0
    exponent = frexp(clipped.max())[1] - _BITS
    integers = np.rint(np.ldexp(clipped, -exponent)).astype(np.int64).astype(object)
    return np.asarray(integers * Fraction(2) ** exponent)


def balanced(multipliers: Array, labels: Array, counts: Array) -> Array:
    """Multipliers a little larger, so that sum_i n_i B_i = 0 exactly: what a class lacks is sent through class 0."""
    more = multipliers.copy()
    net = (rows_of(multipliers, labels) * counts[:, None]).sum(axis=0)
    first = np.unique(labels, return_index=True)[1]
    for c in range(1, len(net)):
        i, target = (first[0], c) if net[c] > 0 else (first[c], 0)
        more[i, target] += abs(net[c]) / Fraction(counts[i])
    return np.asarray(more)


def bracket_status(lower: Fraction, upper: Fraction, allowed: Fraction, solution: Solution) -> tuple[Status, str]:
    """The verdict on a witness and multipliers, and its reason, which names a solver that was not satisfied itself."""
    gap = 1 - lower / upper
    if gap == 0:
        return Status.OPTIMAL, "the multipliers attain the value"
    if gap <= allowed:
        return Status.NEAR_OPTIMAL, f"within {float(gap):.3g} of the bound from the multipliers"
    reason = f"{float(gap):.3g} above the bound from the multipliers; a better witness or bound would decide"
    return Status.UNDECIDED, reason + solver_remark(solution)


def solver_remark(solution: Solution) -> str:
    """What to add where the solver did not say "optimal"."""
    return "" if solution.status == OPTIMAL else f" ({solution.solver} ended with status {solution.status!r})"


# ------------------------------------------------------------------------------------- multipliers of the closed form


def dual_multipliers(class_sizes: Any, bias: bool = False) -> tuple[Array, int]:
    """Multipliers that prove the optimum of the closed form, but for 1e-12 of it, by additions and multiplications.

    (K, K) integers b_ic >= 0, 0 on the diagonal, and an exponent e: beta_ic = b_ic 2^e for each sample of class i. With
    B_i = sum_c beta_ic (e_i - e_c), G = sum_i n_i B_i B_i^T and c = trace(G) / (K (K - 1)), exactly:
    (1) I - G - c J is diagonally dominant with a diagonal >= 0, so it is positive semidefinite. As G 1 = 0 this says
        that c <= 1/K and that I - G is positive semidefinite, which is |B|_2 <= 1 over all samples;
    (2) with a free bias sum_i n_i B_i = 0, as n_i beta_ic = n_c beta_ci;
    (3) sum_i n_i sum_c beta_ic is at least (1 - 1e-12) times the optimum.
    Integers have 60 bits; more where the sizes span more than 10^9 or, with a free bias, from about 10^5 on.
    """
    sizes = checked_sizes(class_sizes)
    spectrum = class_spectrum(sizes, bias=bias)
    counts = np.array(sizes.tolist(), dtype=object)
    fine, least = _root_in_integers(spectrum, counts), (1 - _LOSS) * spectrum.value(_LOSS / 1000)[1]
    for bits in range(_BITS, _MOST_BITS, 16):
        shrink = Fraction(0)
        while shrink <= _LOSS:
            rounded, exponent = _rounded(fine, counts, bias, bits, 1 - shrink)
            excess = _row_sum(rounded, counts) * Fraction(4) ** exponent - 1
            if excess <= 0:
                if int((rounded * counts[:, None]).sum()) * Fraction(2) ** exponent >= least:
                    return rounded, exponent
                break
            shrink = max(2 * shrink, excess * 3 / 4)
    raise SolverError(f"multipliers of class sizes {sizes.tolist()[:6]}...: rounding left them short of the optimum")


def _root_in_integers(spectrum: Spectrum, counts: Array) -> Array:
    """2^320 X, X symmetric with X 1 = 0 and X D X = P, or X D^-1 X = P with a free bias, P = I - J/K.

    From floats, by two of Newton's steps: X + E has X^+ E + E X^+ = P - X D X (or with D^-1) to first order, which the
    eigenvectors of X, known in floats, solve.
    """
    power, size = (0.5 if spectrum.bias else -0.5), len(counts)
    vectors, values = spectrum.factor()
    inverse = values**-power
    fine = _in_fine_units(spectrum.function(power))
    centering = (size * np.eye(size, dtype=object) - 1) * 4**_FINE // size
    for _ in range(2):
        scaled = fine // counts if spectrum.bias else fine * counts
        rest = (centering - integer_product(scaled, fine)) >> 2 * _FINE - 200
        inner = vectors.T @ (rest.astype(np.float64) * 2.0**-200) @ vectors
        fine = fine + _in_fine_units(vectors @ (inner / (inverse[:, None] + inverse)) @ vectors.T)
    return np.asarray(fine)


def _in_fine_units(matrix: Array) -> Array:
    """2^320 times a symmetric matrix, exact but for the diagonal, which makes its rows add up to 0."""
    upper = np.asarray(np.frompyfunc(int, 1, 1)(np.ldexp(np.triu(matrix, 1), _FINE)))
    fine = upper + upper.T
    fine[np.diag_indices(len(fine))] = -fine.sum(axis=0)
    return np.asarray(fine)


def integer_product(left: Array, right: Array) -> Array:
    """The product of two matrices of Python integers."""
    product = flint.fmpz_mat(left.tolist()) * flint.fmpz_mat(right.tolist())
    return np.array([int(entry) for entry in product.entries()], dtype=object).reshape(len(left), -1)


def _rounded(fine: Array, counts: Array, bias: bool, bits: int, factor: Fraction) -> tuple[Array, int]:
    """Multipliers -X_ic, or -X_ic / n_i with a free bias, times a factor; then n_i beta_ic is a multiple of n_c too."""
    grain = np.lcm.outer(counts, counts) if bias else np.ones((len(counts), 1), dtype=object)
    steps = grain // counts[:, None] if bias else grain
    largest = int((np.maximum(-fine, 0) * steps // grain).max())
    exponent = largest.bit_length() - bits
    step = (grain << exponent) * factor.denominator
    number = (np.maximum(-np.triu(fine, 1), 0) * (2 * factor.numerator) + step) // (2 * step)
    return np.asarray((number + number.T) * steps), exponent - _FINE


def _row_sum(multipliers: Array, counts: Array) -> Fraction:
    """The largest sum of the absolute entries of a row of G + c J."""
    rows, size = rows_of(multipliers, np.arange(len(counts))), len(counts)
    gram = integer_product(rows.T * counts, rows)
    spread = gram * (size * (size - 1)) + np.trace(gram)
    return Fraction(int(np.abs(spread).sum(axis=1).max()), size * (size - 1))
