"""The two kinds of data: a `Configuration` of class means with a linear decoder, and `Features` with labels.

A float64 is a rational number, so both speak of exactly the numbers given: `exact` holds them as integers.
"""

from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from nctheory.arrays import Array, Layout, freeze, labels_array, positive_integer, real_array
from nctheory.errors import InputError
from nctheory.exact import ExactMatrix, class_sums, positive_semidefinite_rank

__all__ = ["Center", "Configuration", "Features", "as_configuration"]

Center = Literal["class", "sample"]


class _Frozen:
    """Attributes are set once, by `_set`, in the constructor."""

    def _set(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is read-only: make a new one with another {name}")


class Configuration(_Frozen):
    """Class means mu_c and a linear decoder h -> argmax_c <w_c, h> + b_c, as floats and exactly.

    Formula:
        Without weights the decoder is the nearest class mean: w_c = mu_c, b_c = -|mu_c|^2 / 2, with exactly
        that rational bias.
    Args:
        class_means: (K, d), K >= 1 classes in dimension d >= 1; floats, integers, Fractions or SymPy rationals.
        weights: (K, d) rows w_c, or None for the nearest-class-mean decoder.
        bias: (K,), zeros where left out; only together with weights.
        class_sizes: (K,) positive integers, the number of samples of each class, where known.
        layout: "columns" where every matrix has its points as columns: class_means (d, K) and weights (d, K).
    Assumes:
        Real, finite numbers.
    Returns:
        A read-only object. `class_means`, `weights`, `bias` are float64; `exact` holds the class means (or the Gram
        matrix, after `from_gram`) as integers over one denominator.
    Raises:
        InputError: shapes that do not match, entries that are not finite or not real.
    Reference:
        papyan2020, section 2.
    Example:
        >>> from nctheory import Configuration
        >>> Configuration([[1, 0], [0, 1]], weights=[[2, 0], [0, 2]]).logits
        array([[2., 0.],
               [0., 2.]])
    """

    def __init__(
        self,
        class_means: Any,
        weights: Any = None,
        bias: Any = None,
        class_sizes: Any = None,
        *,
        layout: Layout = "rows",
    ) -> None:
        means = real_array(class_means, "class_means", 2, layout)
        if min(means.shape) == 0:
            raise InputError(f"class_means has shape {means.shape}, expected at least one class and one dimension")
        if weights is None and bias is not None:
            raise InputError("bias is given without weights; the nearest-class-mean decoder has its own bias")
        if weights is not None:
            weights = _shaped(real_array(weights, "weights", 2, layout), "weights", means.shape)
            bias = real_array(np.zeros(len(means)) if bias is None else bias, "bias", 1)
            _shaped(bias, "bias", means.shape[:1])
        self._set(stored_means=_float_or_exact(means), stored_gram=None)
        self._set(stored_weights=weights if weights is None else _float_or_exact(weights))
        self._set(stored_bias=bias if bias is None else _float_or_exact(bias))
        self._set(class_sizes=_class_sizes(class_sizes, len(means)), num_classes=len(means), dimension=means.shape[1])

    class_sizes: Array | None
    num_classes: int
    dimension: int
    stored_means: Array | ExactMatrix  # as given: float64 where that is exact, else integers over one denominator
    stored_weights: Array | ExactMatrix | None
    stored_bias: Array | ExactMatrix | None
    stored_gram: ExactMatrix | None

    @classmethod
    def from_gram(cls, gram: Any, *, dimension: int | None = None) -> "Configuration":
        """Exact geometry without coordinates: the Gram matrix <mu_i, mu_j> with the nearest-class-mean decoder.

        Formula:
            G = M M^T; `class_means` is a float factorization of it, `exact` stays G.
        Args:
            gram: (K, K) symmetric positive semidefinite, exact (Fractions, integers, SymPy rationals) or float.
            dimension: at least the rank of gram; the rank where left out.
        Assumes:
            Nothing: symmetry, definiteness and rank are checked in exact arithmetic, in O(K^3) operations on
            integers that grow: a second or two for K = 150.
        Returns:
            A Configuration.
        Raises:
            InputError: a matrix that is no Gram matrix, or a dimension below its rank.
        Reference:
            horn2012, theorem 7.2.10.
        Example:
            >>> from nctheory import Configuration, simplex_etf_gram
            >>> Configuration.from_gram(simplex_etf_gram(3)).exact[0, 1]
            Fraction(-1, 2)
        """
        array = real_array(gram, "gram", 2)
        if array.shape[0] != array.shape[1] or len(array) == 0:
            raise InputError(f"gram has shape {array.shape}, expected (K, K) with K >= 1")
        exact = ExactMatrix.of(array)
        if (different := np.argwhere(exact.integers != exact.integers.T)).size:
            i, j = map(int, different[0])
            raise InputError(f"gram is not symmetric: entry ({i}, {j}) is {exact[i, j]}, ({j}, {i}) is {exact[j, i]}")
        rank = positive_semidefinite_rank(exact.integers)
        if rank is None:
            raise InputError("gram is not positive semidefinite, so no points have these inner products")
        chosen = max(rank, 1) if dimension is None else positive_integer(dimension, "dimension", max(rank, 1))
        return cls._of_gram(exact, _factorization(exact.floats(), chosen))

    @classmethod
    def _of_gram(cls, gram: ExactMatrix, class_means: Array) -> "Configuration":
        """A Gram matrix known to be one, with a float factorization of it."""
        self = cls(class_means)
        self._set(stored_gram=gram)
        return self

    @classmethod
    def _of_exact(cls, means: ExactMatrix, weights: Array | None, bias: Array | None, sizes: Array) -> "Configuration":
        self = cls(means.floats(), weights, bias, sizes)
        self._set(stored_means=means)
        return self

    def __repr__(self) -> str:
        sizes = "" if self.class_sizes is None else f", class_sizes={self.class_sizes.tolist()}"
        return f"Configuration({self.num_classes} classes, dimension {self.dimension}, {self.decoder} decoder{sizes})"

    @property
    def decoder(self) -> str:
        """Either "linear" (weights and bias were given) or "nearest_mean"."""
        return "nearest_mean" if self.stored_weights is None else "linear"

    @property
    def has_coordinates(self) -> bool:
        """False after `from_gram`: there only the Gram matrix is exact."""
        return self.stored_gram is None

    @property
    def is_float(self) -> bool:
        """Whether every number given is a float64, so that the float arrays are the exact data."""
        data = (self.stored_means, self.stored_weights, self.stored_bias)
        return self.has_coordinates and not any(isinstance(part, ExactMatrix) for part in data)

    @cached_property
    def class_means(self) -> Float[Array, "K d"]:
        """(K, d) read-only float64."""
        return _floats(self.stored_means)

    @cached_property
    def weights(self) -> Float[Array, "K d"]:
        """(K, d) read-only float64; the class means for the nearest-class-mean decoder."""
        return self.class_means if self.stored_weights is None else _floats(self.stored_weights)

    @cached_property
    def bias(self) -> Float[Array, " K"]:
        """(K,) read-only float64; -|mu_c|^2 / 2 for the nearest-class-mean decoder."""
        return freeze(-(self.class_means**2).sum(axis=1) / 2) if self.stored_bias is None else _floats(self.stored_bias)

    @cached_property
    def exact(self) -> ExactMatrix:
        """The class means exactly, or the Gram matrix after `from_gram`."""
        return self.stored_gram or _exact(self.stored_means)

    @property
    def linear_weights(self) -> Array | ExactMatrix:
        """The weights as stored; only for a linear decoder."""
        return self._linear(self.stored_weights)

    @cached_property
    def exact_weights(self) -> ExactMatrix:
        """The weights exactly; only for a linear decoder."""
        return _exact(self.linear_weights)

    @cached_property
    def exact_bias(self) -> ExactMatrix:
        """The bias exactly; only for a linear decoder."""
        return _exact(self._linear(self.stored_bias))

    def _linear(self, data: Array | ExactMatrix | None) -> Array | ExactMatrix:
        if data is None:
            raise InputError("the nearest-class-mean decoder has no weights and bias of its own")
        return data

    @property
    def gram(self) -> Float[Array, "K K"]:
        """(K, K) inner products of the class means, in floats."""
        return self.class_means @ self.class_means.T

    @property
    def logits(self) -> Float[Array, "K K"]:
        """(K, K): row i holds <w_c, mu_i> + b_c for every class c, in floats."""
        return self.class_means @ self.weights.T + self.bias

    @property
    def norms(self) -> Float[Array, " K"]:
        """(K,) Euclidean norms of the class means, in floats."""
        return np.asarray(np.linalg.norm(self.class_means, axis=1))

    @property
    def cosines(self) -> Float[Array, "K K"]:
        """(K, K) signed cosines between class means, in floats; not a number beside a class mean of norm 0."""
        with np.errstate(invalid="ignore", divide="ignore"):
            unit = self.class_means / self.norms[:, None]
        return unit @ unit.T

    def nearest_mean(self) -> "Configuration":
        """The same class means with the nearest-class-mean decoder, which no decoder of any kind beats."""
        if self.decoder == "nearest_mean":
            return self
        other = Configuration(self.class_means, class_sizes=self.class_sizes)
        other._set(stored_means=self.stored_means)
        return other

    def centered(self, center: Center = "class") -> "Configuration":
        """The class means less a center g, with the bias moved along: up to one rounding the same channel, told from g.

        g is the mean of class means ("class") or the sample mean ("sample", which needs class_sizes); they differ under
        imbalance. mu_c - g, w_c and b_c + <w_c, g> are computed exactly and rounded once to float64.
        """
        if not self.has_coordinates:
            raise InputError("a configuration given by its Gram matrix has no coordinates to center")
        counts = np.array(self._center_weights(center), dtype=object)
        means, total = self.exact, counts.dot(self.exact.integers)
        unit = means.unit / counts.sum()
        centered = ExactMatrix.scaled(means.integers * counts.sum() - total, unit).floats()
        if self.decoder == "nearest_mean":
            return Configuration(centered, class_sizes=self.class_sizes)
        shift = self.exact_weights.integers.dot(total) * (self.exact_weights.unit * unit)
        bias = ExactMatrix.of(self.exact_bias.fractions() + shift).floats()
        return Configuration(centered, self.exact_weights.floats(), bias, self.class_sizes)

    def _center_weights(self, center: str) -> list[int]:
        if center == "class":
            return [1] * self.num_classes
        if center == "sample" and self.class_sizes is not None:
            return [int(size) for size in self.class_sizes]
        raise InputError(f"center is {center!r}, expected 'class', or 'sample' with class_sizes")

    def encode(self) -> dict[str, Any]:
        """The exact data in the kernel's JSON form."""
        if not self.has_coordinates:
            return {"gram": self.exact.encode(), "decoder": "nearest_mean"}
        if self.decoder == "nearest_mean":
            return {"class_means": self.exact.encode(), "decoder": "nearest_mean"}
        return {
            "class_means": self.exact.encode(),
            "weights": self.exact_weights.encode(),
            "bias": self.exact_bias.encode(),
        }


class Features(_Frozen):
    """Features h_i with labels y_i and perhaps a classifier: a point that need not be collapsed.

    Formula:
        Class means mu_c = (1 / n_c) sum of h_i over y_i = c; prediction argmax_c <w_c, h> + b_c.
    Args:
        features: (N, d) real numbers, N >= 1; float32 and float64 keep their type.
        labels: (N,) integers 0 ... K-1; every class has at least one sample.
        weights: (K, d) rows w_c of the classifier, or None.
        bias: (K,), zeros where left out; only together with weights.
        layout: "columns" where features is (d, N) and weights (d, K).
    Assumes:
        Real, finite numbers; K is the number of rows of weights, else the largest label plus one.
    Returns:
        A read-only object with these attributes and num_classes, dimension, class_sizes (K,), class_means (K, d) and
        configuration (the class means exactly, with this classifier).
    Raises:
        InputError: shapes that do not match, labels out of range, a class without samples.
    Reference:
        papyan2020, section 2.
    Example:
        >>> from nctheory import Features
        >>> Features([[1.0], [3.0], [-2.0]], [0, 0, 1]).class_means
        array([[ 2.], [-2.]])
    """

    features: Array
    labels: Array
    weights: Array | None
    bias: Array | None
    num_classes: int
    dimension: int
    class_sizes: Int[Array, " K"]

    def __init__(
        self, features: Any, labels: Any, weights: Any = None, bias: Any = None, *, layout: Layout = "rows"
    ) -> None:
        points = real_array(features, "features", 2, layout)
        _check_floats(points, "features")
        if min(points.shape) == 0:
            raise InputError(f"features has shape {points.shape}, expected at least one sample and one dimension")
        classes = labels_array(labels)
        if classes.shape == points.shape[1:] != points.shape[:1]:
            hint = "are its points columns? Then say layout='columns'"
            raise InputError(f"features has shape {points.shape} for {len(classes)} labels: {hint}")
        _shaped(classes, "labels", points.shape[:1], "features")
        num_classes = int(classes.max()) + 1
        if weights is not None:
            weights = _check_floats(real_array(weights, "weights", 2, layout), "weights").astype(np.float64)
            num_classes = len(weights)
            _shaped(weights, "weights", (num_classes, points.shape[1]), "features")
            bias = real_array(np.zeros(num_classes) if bias is None else bias, "bias", 1)
            bias = _check_floats(bias, "bias").astype(np.float64)
            _shaped(bias, "bias", (num_classes,), "weights")
        elif bias is not None:
            raise InputError("bias is given without weights")
        self._set(features=points, labels=classes, num_classes=num_classes, dimension=points.shape[1])
        self._set(weights=_frozen_or_none(weights), bias=_frozen_or_none(bias))
        self._set(class_sizes=_label_counts(classes, num_classes))

    def __repr__(self) -> str:
        classifier = "no classifier" if self.weights is None else "a classifier"
        sizes = f"{len(self.labels)} samples, {self.num_classes} classes, dimension {self.dimension}"
        return f"Features({sizes}, {classifier})"

    @property
    def class_means(self) -> Float[Array, "K d"]:
        """(K, d) class means, exact and then rounded once to float64."""
        return self.configuration.class_means

    @cached_property
    def configuration(self) -> Configuration:
        """The exact class means with this classifier, or with the nearest-class-mean decoder where there is none."""
        sums = class_sums(self.features, self.labels, self.num_classes)
        sizes = [int(size) for size in self.class_sizes]
        common = np.lcm.reduce(np.array(sizes, dtype=object))
        scaled = sums.integers * (common // np.array(sizes, dtype=object))[:, None]
        means = ExactMatrix.scaled(scaled, sums.unit / common)
        return Configuration._of_exact(means, self.weights, self.bias, self.class_sizes)


def as_configuration(value: Any) -> Configuration:
    """A Configuration as it is, or bare class means (K, d) made into one."""
    if isinstance(value, Features):
        raise InputError("Features are given where a Configuration is expected: use features.configuration")
    return value if isinstance(value, Configuration) else Configuration(value)


def _float_or_exact(array: Array) -> Array | ExactMatrix:
    if array.dtype == object:
        return ExactMatrix.of(array)
    return array if array.dtype == np.float64 else freeze(array.astype(np.float64))


def _exact(data: Array | ExactMatrix) -> ExactMatrix:
    return data if isinstance(data, ExactMatrix) else ExactMatrix.of(data)


def _floats(data: Array | ExactMatrix) -> Array:
    return data.floats() if isinstance(data, ExactMatrix) else data


def _frozen_or_none(array: Array | None) -> Array | None:
    return None if array is None else freeze(array)


def _check_floats(array: Array, name: str) -> Array:
    if array.dtype == object:
        raise InputError(f"{name} has entries that are no float64; Features takes floats only")
    return array


def _shaped(array: Array, name: str, shape: tuple[int, ...], partner: str = "class_means") -> Array:
    if array.shape != shape:
        raise InputError(f"{name} has shape {array.shape}, expected {shape} to match {partner}")
    return array


def _class_sizes(sizes: Any, num_classes: int) -> Array | None:
    if sizes is None:
        return None
    counts = _shaped(labels_array(sizes, "class_sizes"), "class_sizes", (num_classes,))
    if not counts.all():
        raise InputError(f"class_sizes[{int(np.argmin(counts))}] is 0, expected at least one sample in every class")
    return counts


def _label_counts(labels: Array, num_classes: int) -> Array:
    if labels.max() >= num_classes:
        first = int(np.argmax(labels >= num_classes))
        start = "; do the labels start at 1?" if labels.min() == 1 and labels.max() == num_classes else ""
        raise InputError(
            f"labels[{first}] is {labels[first]}, expected 0 ... {num_classes - 1} to match weights{start}"
        )
    if num_classes > len(labels):
        raise InputError(f"labels has {len(labels)} samples for {num_classes} classes, expected at least one of each")
    counts = np.bincount(labels, minlength=num_classes)
    if not counts.all():
        absent = np.flatnonzero(counts == 0).tolist()
        raise InputError(
            f"labels has no sample of class {absent[0]} ({len(absent)} of {num_classes} classes are absent)"
        )
    return freeze(counts)


def _factorization(gram: Array, dimension: int) -> Array:
    """(K, dimension) points with about these inner products: the leading eigenvectors, scaled."""
    power = int(np.frexp(np.abs(gram).max())[1]) // 2
    eigenvalues, eigenvectors = np.linalg.eigh(np.ldexp(gram, -2 * power))
    points = np.ldexp(eigenvectors * np.sqrt(np.maximum(eigenvalues, 0)), power)[:, ::-1][:, :dimension]
    return np.pad(points, ((0, 0), (0, dimension - points.shape[1])))
