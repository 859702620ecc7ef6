"""The least norms with which a linear classifier separates classes of any sizes, and how far a point is from them."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from nctheory import kernel
from nctheory.arrays import Array, as_fraction, checked_flag, checked_tolerance, freeze, positive_integer
from nctheory.configuration import Configuration
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix, ceil_float, floor_float, nearest_float
from nctheory.point import Point, as_point, encoded_point, floats
from nctheory.result import Certificate, Result, Status
from nctheory.separation.problem import Margin, dual_multipliers, has_bias, smallest_margin, square_norm
from nctheory.spectrum import Bracket, Spectrum, checked_sizes, class_spectrum, root_bracket
from nctheory.spherical_code import search

__all__ = ["Geometry", "Separation", "certify", "encoded", "optimum"]

_WIDTH = Fraction(1, 10**12)
_MOST_CONSTRUCTED, _MOST_SEARCHED = 1000, 300  # classes for which constructions in few dimensions are tried


# ------------------------------------------------------------------------------------------------ what is possible


@dataclass(frozen=True, eq=False)
class Geometry:
    """The inner products, norms and cosines of the optimal weights and class means, where the closed form holds.

    Without bias W W^T = (P D P)^(1/2) and, for the class means, the pseudoinverse of that. With a free bias
    W W^T = A^(1/2), A = D - n n^T / N, and the class means, whose mean over all samples is 0, have the Gram matrix
    D^-1 A^(3/2) D^-1. All in floats, built on first use.
    """

    class_sizes: Int[Array, " K"]
    bias: bool
    spectrum: Spectrum

    @cached_property
    def weights_gram(self) -> Float[Array, "K K"]:
        """(K, K) inner products of the weight rows."""
        return freeze(self.spectrum.function(0.5))

    @cached_property
    def class_means_gram(self) -> Float[Array, "K K"]:
        """(K, K) inner products of the class means."""
        if not self.bias:
            return freeze(self.spectrum.function(-0.5))
        return freeze(self.spectrum.function(1.5) / self.class_sizes / self.class_sizes[:, None])

    @property
    def weights_norms(self) -> Float[Array, " K"]:
        """(K,) norms of the weight rows."""
        return np.asarray(np.sqrt(np.diagonal(self.weights_gram)))

    @property
    def class_means_norms(self) -> Float[Array, " K"]:
        """(K,) norms of the class means."""
        return np.asarray(np.sqrt(np.diagonal(self.class_means_gram)))

    @property
    def weights_cosines(self) -> Float[Array, "K K"]:
        """(K, K) cosines between weight rows."""
        return np.asarray(self.weights_gram / np.outer(self.weights_norms, self.weights_norms))

    @property
    def class_means_cosines(self) -> Float[Array, "K K"]:
        """(K, K) cosines between class means."""
        return np.asarray(self.class_means_gram / np.outer(self.class_means_norms, self.class_means_norms))


def optimum(
    class_sizes: Any, dimension: int | None = None, *, bias: bool = False, relative_width: float | Fraction = 1e-12
) -> Result[Geometry | None]:
    """The least (|W|^2 + |H|^2)/2 of a linear classifier and features that separate classes of these sizes by margin 1.

    Formula:
        Subject to <w_y - w_c, h_i> + b_y - b_c >= 1 for all samples i, y = y_i, and all c != y. For d >= K - 1 it is
        the sum of the square roots of the nonzero eigenvalues of P D P, P = I - J/K, D = diag(n): of the critical
        points of prod (x - n_k). With a free bias, of D - n n^T/N: of the roots of sum n_k prod_{j != k} (x - n_j).
        Balanced: (K-1) sqrt(n). K = 2: sqrt(N/2), with bias sqrt(2 n_1 n_2 / N).
    Args:
        class_sizes: (K,) positive integers n_k, K >= 2.
        dimension: d >= 1, K - 1 by default.
        bias: whether there is a bias, free and not penalized.
        relative_width: of the bracket, at most, for d >= K - 1. Down to about 1e-14 floats with certified signs do;
            below that integers, in K^2 steps.
    Assumes:
        The features are free: H is optimized together with W.
    Returns:
        Result; for d >= K - 1 optimal (the ends agree, on a rational number) or near_optimal with rational ends,
        `exact` where there are at most three different sizes, the collapsed class means, weights and bias as
        `configuration` (|W|^2 = sum n_k |h_k|^2, smallest margin 1, up to rounding; floats of K (K - 1) numbers each,
        on first use), and their Geometry as `details`. For d < K - 1 undecided: the
        lower end is that of large d, the upper end is attained by `configuration` (by none, and infinite, for more
        than 1,000 classes); on a line, without bias and for K >= 3, infeasible with lower = upper = inf.
    Raises:
        InputError: sizes that are no positive integers, fewer than two of them, a dimension below 1, a width that is
            not between 0 and 1.
    Reference:
        thrampoulidis2022, theorem 1 (step imbalance there; here for all sizes); li1993 for the root finder.
    Example:
        >>> from nctheory import separation
        >>> separation.optimum([5, 5, 5]).exact
        2*sqrt(5)
        >>> result = separation.optimum([1, 2, 4, 8])
        >>> round(result.value, 9), str(result.status), float(result.gap) < 1e-12
        (5.552274758, 'near_optimal', True)
    """
    sizes = checked_sizes(class_sizes)
    dimension = positive_integer(len(sizes) - 1 if dimension is None else dimension, "dimension")
    width = as_fraction(relative_width, "relative_width")
    if not 0 < width < 1:
        raise InputError(f"relative_width is {relative_width!r}, expected a number between 0 and 1")
    spectrum = class_spectrum(sizes, bias=checked_flag(bias))
    if dimension >= len(sizes) - 1:
        return _closed_form(sizes, dimension, spectrum, spectrum.value(width))
    if dimension == 1 and not bias:
        reason = f"{len(sizes)} classes on a line without bias: some class has a weight between two others"
        return Result(math.inf, math.inf, None, Status.INFEASIBLE, Fraction(1), reason)
    return _few_dimensions(sizes, dimension, spectrum.bias, spectrum.value(width)[0])


def _closed_form(sizes: Array, dimension: int, spectrum: Spectrum, bracket: Bracket) -> Result[Geometry | None]:
    lower, upper = bracket
    closed = lower == upper
    return Result(
        lower=lower,
        upper=upper,
        details=Geometry(sizes, spectrum.bias, spectrum),
        status=Status.OPTIMAL if closed else Status.NEAR_OPTIMAL,
        gap=1 - lower / upper,
        reason="attained, by the closed form" + ("" if closed else "; the bracket is as narrow as asked for"),
        build_configuration=lambda: _optimal_configuration(sizes, dimension, spectrum),
        build_certificate=_when_small(lambda: _bound_certificate(sizes, spectrum.bias), len(sizes) ** 2),
        build_exact=_radical(spectrum),
    )


def _optimal_configuration(sizes: Array, dimension: int, spectrum: Spectrum) -> Configuration:
    """W = U S^(1/4) from the eigenvectors of P D P or A; class means U S^(-1/4), with a free bias D^-1 U S^(3/4)."""
    vectors, values = spectrum.factor()
    means = vectors * values**0.75 / sizes[:, None] if spectrum.bias else vectors * values**-0.25
    room = ((0, 0), (0, dimension - len(values)))
    shifts = spectrum.bias * sizes / float(sizes.sum())
    return Configuration(np.pad(means, room), np.pad(vectors * values**0.25, room), shifts, sizes)


def _radical(spectrum: Spectrum) -> Callable[[], Any] | None:
    """The value with square roots, where the secular equation is of degree at most two."""
    radicand = spectrum.radicand()
    if radicand is None:
        return None

    def build() -> Any:
        import sympy

        between, product = (sympy.Rational(part.numerator, part.denominator) for part in radicand)
        single = sympy.sqrtdenest(sympy.sqrt(between + 2 * sympy.sqrt(product)))
        repeated = zip(spectrum.sizes.tolist(), spectrum.counts.tolist(), strict=True)
        return sympy.Add(single, *((count - 1) * sympy.sqrt(size) for size, count in repeated))

    return build


# ---------------------------------------------------------------------------------------------------- few dimensions


def _few_dimensions(sizes: Array, dimension: int, bias: bool, lower: Fraction) -> Result[Geometry | None]:
    """The convex relaxation below, the best of the constructions above."""
    certificate = _when_small(lambda: _bound_certificate(sizes, bias), len(sizes) ** 2)
    found = [_measured(one) for one in _constructions(sizes, dimension, bias)]
    attained = [(value[1], one) for one, value in found if value is not None]
    if not attained:
        reason = f"{len(sizes)} classes in {dimension} dimensions: below is the convex relaxation, and no construction"
        reason += " was tried"
        return Result(lower, math.inf, None, Status.UNDECIDED, Fraction(1), reason, build_certificate=certificate)
    upper, best = min(attained, key=lambda pair: pair[0])
    return Result(
        lower=lower,
        upper=upper,
        details=None,
        status=Status.UNDECIDED,
        gap=1 - lower / upper,
        reason="below is the convex relaxation, above a construction; a better bound or configuration would decide",
        build_configuration=lambda: best,
        build_certificate=certificate,
    )


def _constructions(sizes: Array, dimension: int, bias: bool) -> Iterable[Configuration]:
    """Optimal factors of logits of rank at most d with positive margins: pairs, spherical code, polygon, line."""
    num_classes = len(sizes)
    if num_classes > _MOST_CONSTRUCTED:
        return
    if num_classes <= 2 * dimension:
        yield _factored(_paired_logits(sizes, dimension), np.zeros(num_classes), sizes, dimension, bias)
    elif dimension > 1:
        angles = 2 * np.pi * np.arange(num_classes) / num_classes
        points = np.column_stack([np.cos(angles), np.sin(angles)])
        if dimension > 2 and num_classes <= _MOST_SEARCHED:
            points = search(num_classes, dimension, energy="equal")
        yield _factored(points @ points.T, np.zeros(num_classes), sizes, dimension, bias)
    if bias:
        points = _on_a_line(sizes)
        yield _factored(np.outer(points, points), -(points**2) / 2, sizes, dimension, bias)


def _paired_logits(sizes: Array, dimension: int) -> Array:
    """Columns e_i - e_i' for the 2 (K - d) smallest classes, in pairs, and P e_i for the others; rank d."""
    num_classes = len(sizes)
    logits = np.eye(num_classes) - 1 / num_classes
    order = np.argsort(sizes, kind="stable")[: 2 * (num_classes - dimension)]
    for one, other in (*order.reshape(-1, 2), *order.reshape(-1, 2)[:, ::-1]):
        logits[:, one] = 0
        logits[[one, other], one] = 1, -1
    return np.asarray(logits)


def _on_a_line(sizes: Array) -> Array:
    """Positions 0, 1, -1, 2, ... for the classes by falling size."""
    step = np.arange(1, len(sizes) + 1) // 2
    positions = np.empty(len(sizes))
    positions[np.argsort(-sizes, kind="stable")] = np.where(np.arange(len(sizes)) % 2, step, -step)
    return positions


def _factored(logits: Array, shifts: Array, sizes: Array, dimension: int, bias: bool) -> Configuration:
    """The W and class means of least norms with these class logits (columns), scaled to smallest margin 1."""
    logits = logits - logits.mean(axis=0)
    if bias:
        mean = logits @ sizes / sizes.sum()
        logits, shifts = logits - mean[:, None], shifts + mean
    own = np.diagonal(logits) + shifts
    table = own - (logits + shifts[:, None])
    np.fill_diagonal(table, np.inf)
    scale = float(table.min())
    roots = np.sqrt(sizes)
    left, values, right = np.linalg.svd(logits / scale * roots, full_matrices=False)
    halves = np.sqrt(values[:dimension])
    means = (right[:dimension].T * halves) / roots[:, None]
    return Configuration(means, left[:, :dimension] * halves, shifts / scale, sizes)


def _measured(configuration: Configuration) -> tuple[Configuration, Bracket | None]:
    """A configuration with its value |W| |H| / margin, bracketed; None where the margin is not positive."""
    point = as_point(configuration)
    return configuration, _value(_squares(point), smallest_margin(point))


def _squares(point: Point) -> tuple[Fraction, Fraction]:
    return square_norm(point.weights), square_norm(point.points, point.counts)


def _value(squares: tuple[Fraction, Fraction], margin: Margin) -> Bracket | None:
    if margin.value <= 0:
        return None
    low, high = root_bracket(squares[0] * squares[1])
    return low / margin.value, high / margin.value


# ---------------------------------------------------------------------------------------- is this classifier optimal


@dataclass(frozen=True)
class Separation:
    """What `certify` knows: margin, squared norms, the value |W| |H| / margin between rationals, and the optimum.

    `margin` is the smallest margin exactly, with a sample that has it (of a Configuration: a class) and the other class
    there; `features_square` is summed over all samples; `value` is None where
    it is not positive. Scaling W by t and H by 1/t leaves the value as it is; the best t makes it
    (|W|^2 + |H|^2) / 2 at smallest margin 1. `better` is a configuration of strictly smaller value, where one is known.
    """

    margin: Margin
    weights_square: Fraction
    features_square: Fraction
    value: tuple[Fraction, Fraction] | None
    free_bias: bool
    optimum: Result[Geometry | None]
    better: Configuration | None


def certify(features: Any, *, bias: bool | None = None, tolerance: float = 1e-9) -> Result[Separation]:
    """How far a classifier with its features is from separating with the least norms, exactly.

    Formula:
        ratio = optimum / (|W| |H| / m) in (0, 1], m the smallest margin <w_y - w_c, h_i> + b_y - b_c: after scaling to
        m = 1 and |W| = |H| the value (|W|^2 + |H|^2) / 2 is |W| |H| / m.
    Args:
        features: Features with weights, and perhaps a bias; or a Configuration with weights and class_sizes, which
            stands for class_sizes[k] samples at each class mean.
        bias: whether to compare with the optimum with a free bias; where left out, whether the bias is not 0.
        tolerance: relative gap up to which the status is near_optimal.
    Assumes:
        The features are free: they are compared with the best features of any kind, not with those of a network.
    Returns:
        Result with lower <= ratio <= upper, gap = 1 - lower, and status optimal (ratio 1), near_optimal (gap at most
        the tolerance), improvable (`configuration` is strictly better), infeasible (a margin that is not positive:
        `details.margin` says where, the ratio is 0) or undecided (d < K - 1, where the optimum is not known).
    Raises:
        InputError: no weights, no class_sizes, one class, bias=False beside a bias that is not 0, a negative tolerance.
    Reference:
        thrampoulidis2022, theorem 1.
    Example:
        >>> from nctheory import Features, separation
        >>> line = separation.certify(Features([[1.0], [-1.0]], [0, 1], [[1.0], [-1.0]]))
        >>> line.lower, str(line.status)
        (Fraction(1, 1), 'optimal')
        >>> square = Features([[1, 0], [0, 1], [-1, 0], [0, -1]], [0, 1, 2, 3], [[1, 0], [0, 1], [-1, 0], [0, -1]])
        >>> print(separation.certify(square).status)
        undecided
    """
    point = as_point(features)
    free, allowed = has_bias(point, bias), checked_tolerance(tolerance)
    margin, squares = smallest_margin(point), _squares(point)
    sizes, dimension = np.asarray(features.class_sizes), features.dimension
    best = optimum(sizes, dimension, bias=free, relative_width=min(_WIDTH, allowed / 4) or _WIDTH)
    value = _value(squares, margin)
    if value is None:
        details = Separation(margin, *squares, None, free, best, None)
        zero = Fraction(0)
        return Result(zero, zero, details, Status.INFEASIBLE, Fraction(1), _violation(point, margin))
    lower = Fraction(best.lower) / value[1]  # finite: with a positive margin the problem is feasible
    upper = min(Fraction(1), best.upper / value[0]) if isinstance(best.upper, Fraction) else Fraction(1)
    better = _strictly_better(best, value[0]) if 1 - lower > allowed else None
    status, reason = _status(lower, allowed, better, dimension >= len(sizes) - 1)
    return Result(
        lower=lower,
        upper=upper,
        details=Separation(margin, *squares, value, free, best, better),
        status=status,
        gap=1 - lower,
        reason=reason,
        build_configuration=lambda: better,
        build_certificate=_when_small(lambda: _ratio_certificate(point, free, value[1]), _size(point)),
    )


def _violation(point: Point, margin: Margin) -> str:
    amount = "a tie" if margin.value == 0 else f"margin {nearest_float(margin.value):.6g}"
    return f"{point.name(margin.sample)} is not separated from class {margin.other}: {amount}"


def _strictly_better(best: Result[Geometry | None], value: Fraction) -> Configuration | None:
    if best.upper == math.inf:
        return None
    configuration, attained = _measured(best.configuration)
    return configuration if attained is not None and attained[1] < value else None


def _status(lower: Fraction, allowed: Fraction, better: Configuration | None, known: bool) -> tuple[Status, str]:
    if lower == 1:
        return Status.OPTIMAL, "the optimum is attained"
    if 1 - lower <= allowed:
        return Status.NEAR_OPTIMAL, f"within {float(1 - lower):.3g} of the optimum"
    if better is not None:
        return Status.IMPROVABLE, "a strictly better configuration is attached"
    if known:
        return Status.UNDECIDED, f"within {float(1 - lower):.3g} of the optimum, and floats come no nearer"
    return Status.UNDECIDED, "the optimum is not known in so few dimensions; a better bound would decide"


# --------------------------------------------------------------------------------------------------------- certificates


def encoded(features: Any) -> dict[str, Any]:
    """Features or a Configuration with weights and class_sizes as a claim on separation holds them."""
    return encoded_point(as_point(features))


def _size(point: Point) -> int:
    """How many numbers a claim on this point holds, with its multipliers."""
    rows, dimension = floats(point.points).shape
    return int(rows * (dimension + 1) + point.num_classes * (dimension + point.num_classes))


def _when_small(build: Callable[[], Certificate], numbers: int) -> Callable[[], Certificate] | None:
    """Nothing where there are more numbers than the kernel reads."""
    return build if numbers < kernel.MAX_NUMBERS else None


def _multipliers(sizes: Array, bias: bool) -> tuple[ExactMatrix, Fraction]:
    """Those of the closed form, and what they add up to over all samples; exact for equal sizes n with sqrt n whole."""
    size, num_classes = int(sizes[0]), len(sizes)
    if (sizes == size).all() and math.isqrt(size) ** 2 == size:
        integers, unit = 1 - np.eye(num_classes, dtype=object), Fraction(1, num_classes * math.isqrt(size))
    else:
        integers, exponent = dual_multipliers(sizes, bias)
        unit = Fraction(2) ** exponent
    total = int((integers * sizes.astype(object)[:, None]).sum()) * unit
    return ExactMatrix.scaled(integers, unit), total


def _bound_certificate(sizes: Array, bias: bool) -> Certificate:
    """No weights and features of any dimension have a value below what the multipliers add up to."""
    multipliers, total = _multipliers(sizes, bias)
    claim = {"kind": "separation_bound", "class_sizes": sizes.tolist(), "free_bias": bias, "bound": total}
    return Certificate(claim, {"multipliers": multipliers.encode()})


def _ratio_certificate(point: Point, bias: bool, value: Fraction) -> Certificate:
    """This point's value, from above, and what the least value possible is of it, from below; both in few digits."""
    configuration = encoded_point(point)
    multipliers, total = _multipliers(np.array([sum(part) for part in configuration["counts"]]), bias)
    claim = {
        "kind": "separation",
        "dimension": floats(point.weights).shape[1],
        "free_bias": bias,
        "configuration": configuration,
        "value": _short(value, ceil_float),
        "ratio": _short(total / value, floor_float),
    }
    return Certificate(claim, {"multipliers": multipliers.encode()})


def _short(number: Fraction, rounded: Callable[[Fraction], float]) -> Fraction:
    """The number itself where it is short, else a float next to it."""
    short = max(number.numerator, number.denominator).bit_length() <= 64 or not 1e-300 < number < 1e300
    return number if short else Fraction(rounded(number))
