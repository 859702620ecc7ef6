"""Hypothesis strategies for anyone's tests: configurations, features, class sizes, noises, rotations, losses and more.

They shrink towards few classes, few dimensions and small fractions, and they draw the rare cases that random arrays
never have: two classes, d = K - 1, coinciding class means, margins of exactly 0, equal weight rows, one sample in a
class, extreme imbalance. Every argument is by keyword, and a combination that cannot be had raises.
"""

import functools
import math
from typing import Any, Literal, get_args

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from nctheory.arrays import Array, freeze, positive_integer
from nctheory.configuration import Configuration, Features
from nctheory.constructions import simplex_etf
from nctheory.domains import AverageEnergy, Ball, ClassSizes, Domain, Field, Free, Positive, Sphere
from nctheory.errors import InputError
from nctheory.losses import BinaryCrossEntropy, ClassWeighted, CrossEntropy, Focal, LabelSmoothing, Loss, SquaredError
from nctheory.spherical_code import Energy, checked_energy

__all__ = [
    "class_sizes",
    "configurations",
    "dimensions",
    "features",
    "losses",
    "noises",
    "num_classes",
    "regularizations",
    "rotations",
]

Kind = Literal["random", "near_etf", "degenerate", "rational"]

_MOST_CLASSES = 8
_MOST_DIMENSIONS = 8
_LARGEST_DENOMINATOR = 12
_MOST_SAMPLES = 5  # of one class, in features
_MOST_SMOOTHING = 0.9
_FOCAL = 1 / 16, 5.0  # the least and the largest gamma of a focal loss that is not convex
_CLASS_WEIGHTS = 1 / 8, 8.0
_MEANS: dict[Any, Field] = {
    None: Free(("num_classes", "dimension")),
    "bounded": Ball(("num_classes", "dimension")),
    "equal": Sphere(("num_classes", "dimension")),
    "average": AverageEnergy(("num_classes", "dimension")),
}


def num_classes(*, min_value: int = 2, max_value: int = _MOST_CLASSES) -> SearchStrategy[int]:
    """Numbers of classes.

    Formula:
        min_value <= K <= max_value.
    Args:
        min_value, max_value: both included.
    Assumes:
        Nothing.
    Returns:
        A strategy of integers that shrinks to min_value.
    Raises:
        InputError: no such integers.
    Reference:
        maciver2019.
    Example:
        >>> from hypothesis import given
        >>> @given(num_classes(max_value=5))
        ... def test(count):
        ...     assert 2 <= count <= 5
        >>> test()
    """
    return _integers("num_classes", min_value, max_value)


def dimensions(*, min_value: int = 1, max_value: int = _MOST_DIMENSIONS) -> SearchStrategy[int]:
    """Dimensions of feature space.

    Formula:
        min_value <= d <= max_value.
    Args:
        min_value, max_value: both included.
    Assumes:
        Nothing.
    Returns:
        A strategy of integers that shrinks to min_value.
    Raises:
        InputError: no such integers.
    Reference:
        maciver2019.
    Example:
        >>> from hypothesis import given
        >>> @given(dimensions(max_value=3))
        ... def test(dimension):
        ...     assert 1 <= dimension <= 3
        >>> test()
    """
    return _integers("dimensions", min_value, max_value)


def class_sizes(
    *, num_classes: int | None = None, balanced: bool = False, max_ratio: float | None = None
) -> SearchStrategy[Array]:
    """Numbers of samples of each class, from balanced to extremely imbalanced.

    Formula:
        n_c >= 1; max n_c / min n_c <= max_ratio.
    Args:
        num_classes: K, drawn where left out.
        balanced: all classes have the same size.
        max_ratio: at least 1; up to about a million where left out.
    Assumes:
        Nothing.
    Returns:
        A strategy of read-only (K,) integer arrays that shrinks to ones.
    Raises:
        InputError: max_ratio below 1, or above 1 together with balanced.
    Reference:
        fang2021, for imbalance in neural collapse.
    Example:
        >>> from hypothesis import given
        >>> @given(class_sizes(num_classes=3, max_ratio=10))
        ... def test(sizes):
        ...     assert sizes.shape == (3,) and sizes.max() <= 10 * sizes.min()
        >>> test()
    """
    if max_ratio is not None and not 1 <= max_ratio < math.inf:
        raise InputError(f"max_ratio is {max_ratio!r}, expected a number of at least 1")
    if balanced and max_ratio is not None and max_ratio > 1:
        raise InputError(f"balanced class sizes have ratio 1, and max_ratio is {max_ratio}")
    domain = Domain({"num_classes": _range(num_classes, _MOST_CLASSES, 2)}, sizes=ClassSizes(("num_classes",)))

    def fitted(inputs: dict[str, Any]) -> Array:
        sizes = np.array(inputs["sizes"], dtype=np.int64)
        if balanced:
            sizes[:] = sizes[0]
        if max_ratio is not None:
            sizes = np.minimum(sizes, int(sizes.min() * max_ratio))
        return freeze(sizes)

    return domain.strategy().map(fitted)


def configurations(
    *,
    num_classes: int | None = None,
    dimension: int | None = None,
    energy: Energy | None = None,
    kind: Kind | None = None,
    decoder: Literal["linear", "nearest_mean"] | None = None,
) -> SearchStrategy[Configuration]:
    """Configurations of every kind, with a linear decoder or the nearest-mean rule.

    Formula:
        "random": Gaussian; "near_etf": a simplex ETF up to a small change, K <= d + 1; "rational": small fractions;
        "degenerate": coinciding class means, equal weight rows, margins of exactly 0, zeros.
    Args:
        num_classes: K, from 2 to 8 where left out.
        dimension: d, from 1 to 8 where left out.
        energy: "bounded", "equal" or "average": class means of that energy 1 at most; any where left out.
        kind: all of them where left out.
        decoder: both where left out.
    Assumes:
        Nothing.
    Returns:
        A strategy of Configurations that shrinks to K = 2, d = 1 and small fractions.
    Raises:
        InputError: near_etf with d < K - 1; unknown names.
    Reference:
        papyan2020, section 2.
    Example:
        >>> from hypothesis import given
        >>> from nctheory import channel
        >>> @given(configurations(num_classes=4, energy="bounded"))
        ... def test(configuration):
        ...     assert channel.exponent(configuration).value <= 1 / 3 + 1e-12
        >>> test()
    """
    if energy is not None:
        checked_energy(energy)
    if kind is not None and kind not in get_args(Kind):
        raise InputError(f"kind is {kind!r}, expected one of {', '.join(map(repr, get_args(Kind)))}")
    if decoder not in (None, "linear", "nearest_mean"):
        raise InputError(f"decoder is {decoder!r}, expected 'linear' or 'nearest_mean'")
    if kind == "near_etf" and num_classes and dimension and dimension < num_classes - 1:
        raise InputError(f"there is no simplex ETF of {num_classes} classes in dimension {dimension}")
    return _sizes(num_classes, dimension, kind).flatmap(lambda sizes: _of_sizes(*sizes, energy, kind, decoder))


def features(
    *, num_classes: int | None = None, dimension: int | None = None, balanced: bool = False, collapsed: bool = False
) -> SearchStrategy[Features]:
    """Features with labels and a classifier, not collapsed, nearly or exactly.

    Formula:
        h_i = mu_{y_i} + spread * z_i, spread one of 0, 0.01 and 1; every class has at least one sample.
    Args:
        num_classes, dimension: as for `configurations`.
        balanced: as many samples in each class.
        collapsed: no within-class variation at all.
    Assumes:
        Nothing.
    Returns:
        A strategy of Features.
    Raises:
        InputError: as `configurations`.
    Reference:
        papyan2020, section 2.
    Example:
        >>> from hypothesis import given
        >>> @given(features(num_classes=3, dimension=2, balanced=True))
        ... def test(points):
        ...     assert points.num_classes == 3 and len(set(points.class_sizes)) == 1
        >>> test()
    """
    made = configurations(num_classes=num_classes, dimension=dimension, decoder="linear")
    counts = st.lists(
        st.integers(1, _MOST_SAMPLES), min_size=_MOST_CLASSES, max_size=max(_MOST_CLASSES, _least(num_classes))
    )
    spreads = st.just(0.0) if collapsed else st.sampled_from([0.0, 0.01, 1.0])

    def joined(drawn: tuple[Configuration, list[int], float, int]) -> Features:
        configuration, sizes, spread, seed = drawn
        means = configuration.class_means
        repeats = [sizes[0 if balanced else c % len(sizes)] for c in range(len(means))]
        noise = np.random.default_rng(seed).standard_normal((sum(repeats), means.shape[1]))
        points = means.repeat(repeats, axis=0) + spread * noise
        return Features(points, np.arange(len(means)).repeat(repeats), configuration.weights, configuration.bias)

    return st.tuples(made, counts, spreads, st.integers(0, 2**32 - 1)).map(joined)


def noises(*, min_value: float = 0.01, max_value: float = 10.0) -> SearchStrategy[float]:
    """Standard deviations of the noise, per coordinate.

    Formula:
        min_value <= sigma <= max_value, on a logarithmic scale; it shrinks to min_value.
    Args:
        min_value, max_value: positive.
    Assumes:
        Nothing.
    Returns:
        A strategy of floats.
    Raises:
        InputError: ends that are not positive and finite, or in the wrong order.
    Reference:
        maciver2019.
    Example:
        >>> from hypothesis import given
        >>> @given(noises(max_value=1.0))
        ... def test(noise):
        ...     assert 0.01 <= noise <= 1
        >>> test()
    """
    if not 0 < min_value <= max_value < math.inf:
        raise InputError(f"min_value is {min_value}, max_value {max_value}, expected 0 < min_value <= max_value")
    ends = math.log(min_value), math.log(max_value)
    return st.floats(*ends).map(lambda x: min(max(math.exp(x), min_value), max_value))


def rotations(*, dimension: int | None = None) -> SearchStrategy[Array]:
    """Orthogonal matrices of either determinant, the identity and permutations among them.

    Formula:
        Q Q^T = I, up to rounding.
    Args:
        dimension: d, from 1 to 8 where left out.
    Assumes:
        Nothing.
    Returns:
        A strategy of read-only (d, d) arrays that shrinks to the identity.
    Raises:
        InputError: a dimension below 1.
    Reference:
        mezzadri2007, section 5.
    Example:
        >>> from hypothesis import given
        >>> @given(rotations(dimension=3))
        ... def test(rotation):
        ...     assert np.allclose(rotation @ rotation.T, np.eye(3))
        >>> test()
    """
    from scipy.stats import ortho_group

    width = st.integers(*_range(dimension, _MOST_DIMENSIONS, 1))

    def of_size(size: int) -> SearchStrategy[Array]:
        permuted = st.permutations(range(size)).map(lambda order: np.eye(size)[list(order)])
        seeds = st.integers(0, 2**32 - 1)
        haar = seeds.map(lambda seed: ortho_group.rvs(size, random_state=seed) if size > 1 else -np.eye(1))
        return st.one_of(permuted, haar).map(freeze)

    return width.flatmap(of_size)


def regularizations(*, bias: bool = False) -> SearchStrategy[tuple[float, ...]]:
    """Penalty coefficients (lambda_W, lambda_H), with lambda_b where there is a bias.

    Formula:
        lambda_W, lambda_H > 0; lambda_b >= 0.
    Args:
        bias: whether lambda_b is drawn too; it is 0 in some draws.
    Assumes:
        Nothing.
    Returns:
        A strategy of tuples of floats.
    Raises:
        Nothing.
    Reference:
        zhu2021, section 2.
    Example:
        >>> from hypothesis import given
        >>> @given(regularizations(bias=True))
        ... def test(regularization):
        ...     assert min(regularization[:2]) > 0 and regularization[2] >= 0
        >>> test()
    """
    positive = Domain(value=Positive()).strategy().map(lambda inputs: float(inputs["value"]))
    return st.tuples(positive, positive, st.one_of(st.just(0.0), positive)) if bias else st.tuples(positive, positive)


def losses(*, num_classes: int | None = None, convex: bool | None = None) -> SearchStrategy[Loss]:
    """Losses of every kind, with class weights where the number of classes is known.

    Formula:
        Cross-entropy, squared error, binary cross-entropy, label smoothing with 0 <= a <= 0.9, focal with gamma = 0
        (convex) or 1/16 <= gamma <= 5 (not); class weights 1/8 <= omega_c <= 8.
    Args:
        num_classes: K of the class weights; no class weights where left out.
        convex: whether the losses are convex in the logits; both kinds where left out.
    Assumes:
        Nothing.
    Returns:
        A strategy of losses that shrinks to cross-entropy, or where not convex to a focal loss with gamma = 1.
    Raises:
        InputError: num_classes below 1; convex that is not a bool.
    Reference:
        maciver2019.
    Example:
        >>> from hypothesis import given
        >>> @given(losses(num_classes=3, convex=False))
        ... def test(loss):
        ...     assert loss.name.startswith("focal") and loss.num_classes in (None, 3)
        >>> test()
    """
    if convex is not None and not isinstance(convex, bool):
        raise InputError(f"convex is {convex!r}, expected True, False or None")
    bent = st.floats(*_FOCAL).map(Focal)
    smoothed = st.floats(0.0, _MOST_SMOOTHING).map(LabelSmoothing)
    fixed = st.sampled_from([CrossEntropy(), SquaredError(), BinaryCrossEntropy(), Focal(0.0)])
    kinds: dict[bool | None, list[SearchStrategy[Any]]] = {
        True: [fixed, smoothed],
        False: [bent],
        None: [fixed, smoothed, bent],
    }
    drawn = st.one_of(kinds[convex])
    if num_classes is None:
        return drawn
    count = positive_integer(num_classes, "num_classes")
    weights = st.tuples(*[st.floats(*_CLASS_WEIGHTS)] * count)
    return st.one_of(drawn, st.builds(ClassWeighted, drawn, weights))


# ------------------------------------------------------------------------------------------------------------- parts


def _integers(name: str, low: int, high: int) -> SearchStrategy[int]:
    low, high = positive_integer(low, "min_value"), positive_integer(high, "max_value")
    if low > high:
        raise InputError(f"{name}: min_value is {low}, above max_value {high}")
    return st.integers(low, high)


def _range(fixed: int | None, most: int, least: int) -> tuple[int, int]:
    return (least, most) if fixed is None else (positive_integer(fixed, "size"),) * 2


def _least(fixed: int | None) -> int:
    return 2 if fixed is None else fixed


def _sizes(count: int | None, width: int | None, kind: Kind | None) -> SearchStrategy[tuple[int, int]]:
    """K and d; d >= K - 1 for a simplex ETF."""
    counts, widths = _range(count, _MOST_CLASSES, 2), _range(width, _MOST_DIMENSIONS, 1)
    if kind != "near_etf":
        return st.tuples(st.integers(*counts), st.integers(*widths))
    counts = counts[0], min(counts[1], widths[1] + 1) if count is None else counts[1]
    return st.integers(*counts).flatmap(
        lambda drawn: st.tuples(st.just(drawn), st.integers(max(drawn - 1, widths[0]), max(drawn - 1, widths[1])))
    )


@functools.cache
def _of_sizes(
    count: int, width: int, energy: Energy | None, kind: Kind | None, decoder: str | None
) -> SearchStrategy[Configuration]:
    sizes = {"num_classes": (count, count), "dimension": (width, width)}
    drawn = Domain(sizes, means=_MEANS[energy], weights=_MEANS[None], bias=Free(("num_classes",)))
    kinds: tuple[Kind, ...] = (kind,) if kind else ("rational", "random", "degenerate")
    if kind is None and width >= count - 1:
        kinds += ("near_etf",)
    decoders = (decoder,) if decoder else ("nearest_mean", "linear")
    choices = st.tuples(st.sampled_from(kinds), st.sampled_from(decoders), st.integers(0, 2**32 - 1))
    return st.tuples(choices, drawn.points()).map(lambda both: _configuration(drawn, *both[0], both[1]))


def _configuration(domain: Domain, kind: Kind, decoder: str, seed: int, point: Any) -> Configuration:
    """The drawn point made into the kind: exact fractions as they are, anything else in floats."""
    generator = np.random.default_rng(seed)
    if kind != "rational":
        point = domain.random(point.sizes, generator)
    parts = domain.split(point.sizes, point.flat)
    if kind == "near_etf":
        parts["means"] = simplex_etf(*point.sizes.values()) + generator.choice([0, 1e-9, 1e-3]) * parts["means"]
        parts["weights"], parts["bias"] = parts["means"], 0 * parts["bias"]
    if kind == "degenerate":
        parts = _degenerate(parts, generator)
    if kind == "rational" and not parts["means"].any():
        parts["means"] = _one(parts["means"].shape)
    changed = domain.point(point.sizes, parts)
    values = changed.values
    if kind == "rational":
        denominator = int(generator.integers(1, _LARGEST_DENOMINATOR + 1))
        values = {name: next(domain.fields[name].rationals(part, denominator)) for name, part in parts.items()}
    linear = (values["weights"], values["bias"]) if decoder == "linear" else ()
    return Configuration(values["means"], *linear)


def _one(shape: tuple[int, ...]) -> Array:
    """A single 1. All zeros are drawn as degenerate; here, where every shrink wants to end, they would show nothing,
    and a shrink from the kinds that use the seed only, with a point of zeros by then, would stop short of here."""
    unit = np.zeros(shape)
    unit.flat[0] = 1
    return unit


def _degenerate(parts: dict[str, Array], generator: np.random.Generator) -> dict[str, Array]:
    """One of: two coinciding class means, two equal weight rows, a margin of exactly 0, everything 0."""
    means, weights, bias = (np.rint(parts[name]) for name in ("means", "weights", "bias"))
    choice = generator.integers(4)
    if choice == 0:
        means[1] = means[0]
    elif choice == 1:
        weights[1] = weights[0]
    elif choice == 2:
        bias[1] = bias[0] + (weights[0] - weights[1]) @ means[0]
    else:
        means, weights, bias = 0 * means, 0 * weights, 0 * bias
    return {"means": means, "weights": weights, "bias": bias}
