"""Samples with several labels each: their distinct label sets, files of them, and points of models of label sets."""

import itertools
import math
import numbers
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from nctheory.arrays import Array, freeze, labels_array, positive_integer, real_array
from nctheory.errors import InputError

__all__ = ["LabelSetPoint", "LabelSets", "all_label_sets", "label_sets_of", "read_label_sets"]

_MOST_SETS = 1_000_000
_MOST_SAMPLES = 1_000_000_000
_LONGEST = 2**40  # axis of an array
_SHORT = 60  # characters of a line that are shown


class LabelSets(NamedTuple):
    """The M distinct sets of labels of N samples.

    `sets` are sorted tuples, the smaller ones first; `sizes` (M,) says how many samples have each, `places` (N,) which
    one a sample has, and `num_labels` is K.
    """

    sets: tuple[tuple[int, ...], ...]
    sizes: Int[Array, " M"]
    places: Int[Array, " N"]
    num_labels: int


def label_sets_of(labels: Any) -> LabelSets:
    """The distinct label sets of samples, how many samples have each, and which one each sample has.

    Formula:
        S_i = {k : sample i has label k}; N = sum_S n_S.
    Args:
        labels: an array (N, K) of 0 and 1, or a sequence of N sets (or lists) of labels 0, 1, ..., K - 1. A list of
            lists is read as sets.
    Assumes:
        Nothing.
    Returns:
        LabelSets; K is the number of columns, or one more than the largest label.
    Raises:
        InputError: a sample without a label, a label twice, labels that are no integers from 0 on, other entries.
    Reference:
        li2024.
    Example:
        >>> from nctheory.landscape import label_sets_of
        >>> found = label_sets_of([{0}, {2, 1}, {0}, {1, 2}])
        >>> found.sets, found.sizes.tolist(), found.places.tolist(), found.num_labels
        (((0,), (1, 2)), [2, 2], [0, 1, 0, 1], 3)
    """
    if hasattr(labels, "__array__") or hasattr(labels, "__dlpack__"):
        is_flags = str(getattr(labels, "dtype", "")).endswith("bool")
        return _of_matrix(real_array(labels * 1 if is_flags else labels, "labels", 2))
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        raise InputError(f"labels is {labels!r}, expected sets of labels or an array of 0 and 1")
    return _counted([_checked_labels(each, f"labels[{i}]") for i, each in enumerate(labels)], "labels")


def _of_matrix(matrix: Array) -> LabelSets:
    wrong = np.argwhere((matrix != 0) & (matrix != 1))
    if len(wrong):
        place = tuple(map(int, wrong[0]))
        raise InputError(f"labels has {matrix[place]} at {place}, expected an array (N, K) of 0 and 1")
    rows, inverse = np.unique(matrix.astype(bool), axis=0, return_inverse=True)
    if not rows.any(axis=1).all():
        first = int(np.flatnonzero(~matrix.astype(bool).any(axis=1))[0])
        raise InputError(f"labels[{first}] has no label, expected at least one")
    sets = [tuple(map(int, np.flatnonzero(row))) for row in rows]
    return _counted([sets[place] for place in inverse.reshape(-1)], "labels", matrix.shape[1])


def _checked_labels(given: Any, name: str) -> tuple[int, ...]:
    """One sample's labels, sorted."""
    members = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else None
    if members is None or not all(_is_label(each) for each in members):
        raise InputError(f"{name} is {given!r}, expected a set of labels 0, 1, ...")
    if not members:
        raise InputError(f"{name} has no label, expected at least one")
    found = sorted(map(int, members))
    twice = next((a for a, b in itertools.pairwise(found) if a == b), None)
    if twice is not None:
        raise InputError(f"{name} has label {twice} twice, expected it once")
    return tuple(found)


def _is_label(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_) and 0 <= int(value) < 2**31


def _counted(samples: list[tuple[int, ...]], name: str, num_labels: int | None = None) -> LabelSets:
    """Equal sets counted, sorted by size and then by labels."""
    if not samples:
        raise InputError(f"{name} is empty, expected at least one sample")
    sets = sorted(set(samples), key=lambda each: (len(each), each))
    place = {each: index for index, each in enumerate(sets)}
    places = np.array([place[each] for each in samples], dtype=np.int64)
    sizes = np.bincount(places, minlength=len(sets)).astype(np.int64)
    count = 1 + max(map(max, sets)) if num_labels is None else num_labels
    return LabelSets(tuple(sets), freeze(sizes), freeze(places), count)


def all_label_sets(num_labels: int, samples: Mapping[int, int]) -> LabelSets:
    """All sets of some sizes, with as many samples for each set of one size: what is balanced inside each size.

    Formula:
        n_S = n_m for each of the K! / (m! (K - m)!) sets S of m labels; N = sum_m n_m K! / (m! (K - m)!).
    Args:
        num_labels: K, at least 2.
        samples: the positive n_m by the size m, from 1 to K - 1; sizes left out have no samples.
    Assumes:
        Nothing.
    Returns:
        LabelSets, of at most a million sets.
    Raises:
        InputError: sizes or numbers of samples out of range, no size at all, too many sets.
    Reference:
        li2024.
    Example:
        >>> from nctheory.landscape import all_label_sets
        >>> found = all_label_sets(3, {1: 5, 2: 1})
        >>> found.sets, found.sizes.tolist()
        (((0,), (1,), (2,), (0, 1), (0, 2), (1, 2)), [5, 5, 5, 1, 1, 1])
    """
    count = positive_integer(num_labels, "num_labels", 2)
    if not isinstance(samples, Mapping) or not samples:
        raise InputError(f"samples is {samples!r}, expected numbers of samples by size, such as {{1: 100, 2: 10}}")
    for size, number in samples.items():
        if positive_integer(size, "a size in samples") >= count:
            raise InputError(f"samples has the size {size}, expected one from 1 to {count - 1}, K - 1")
        positive_integer(number, f"samples[{size}]")
    if (total := sum(math.comb(count, size) for size in samples)) > _MOST_SETS:
        raise InputError(f"there are {total} sets of these sizes, expected at most {_MOST_SETS}")
    sizes = sorted(samples)
    sets = tuple(chosen for size in sizes for chosen in itertools.combinations(range(count), size))
    counts = np.array([samples[len(chosen)] for chosen in sets], dtype=object)
    if counts.sum() > _MOST_SAMPLES:
        raise InputError(f"there are {counts.sum()} samples in these sets, expected at most {_MOST_SAMPLES}")
    counts = counts.astype(np.int64)
    return LabelSets(sets, freeze(counts), freeze(np.repeat(np.arange(len(sets)), counts)), count)


# ---------------------------------------------------------------------------------------------------------------- files


def read_label_sets(path: str | Path) -> LabelSets:
    """The label sets of samples in a file: a line of labels for each, or a matrix of 0 and 1.

    Formula:
        None: see `label_sets_of`.
    Args:
        path: a text file, whose line i has the labels 0, 1, ... of sample i, separated by spaces or commas; or an .npy
            file with an array (N, K) of 0 and 1.
    Assumes:
        Nothing: the file is untrusted, and nothing is unpickled.
    Returns:
        LabelSets.
    Raises:
        InputError: no such file, a line that is empty or has anything else on it, a damaged .npy file, other entries.
    Reference:
        numpy-format, the .npy format.
    Example:
        >>> from nctheory.landscape import read_label_sets
        >>> read_label_sets("missing.txt")
        Traceback (most recent call last):
        nctheory.errors.InputError: missing.txt: no such file
    """
    if not isinstance(path, str | Path):
        raise InputError(f"path is {path!r}, expected the name of a file")
    path = Path(path)
    if path.suffix == ".npz":
        raise InputError(f"{path} is an archive, expected text or an .npy file: write that with numpy.save")
    try:
        if path.suffix == ".npy":
            return label_sets_of(_read_matrix(path))
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a directory, expected a file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text: {error}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except ValueError as error:  # a name with a null byte
        raise InputError(f"{str(path)!r} cannot be read: {error}") from None
    return _counted([_of_line(line, f"{path}, line {i}") for i, line in enumerate(lines, 1)], str(path))


def _of_line(line: str, name: str) -> tuple[int, ...]:
    """The labels of a line."""
    words = line.replace(",", " ").split()
    wrong = next((word for word in words if not (word.isascii() and word.isdigit()) or len(word) > 9), None)
    if wrong is not None:
        raise InputError(f"{name} has {wrong[:_SHORT]!r}, expected labels 0, 1, ... separated by spaces or commas")
    return _checked_labels(list(map(int, words)), name)


def _read_matrix(path: Path) -> Array:
    """The array of an .npy file, whose header is checked before anything is read."""
    with path.open("rb") as stream:
        try:
            version = np.lib.format.read_magic(stream)
            reader = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[version[0]]
            shape, fortran_order, dtype = reader(stream)
        except (ValueError, KeyError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
            raise InputError(f"no .npy array of version 1 or 2: {error}") from None
        if not all(type(length) is int and 0 <= length < _LONGEST for length in shape):
            raise InputError(f"shape {shape}, expected numbers of samples and labels")
        if dtype.hasobject or dtype.kind not in "biuf":
            raise InputError(f"entries of type {dtype}, expected numbers 0 and 1")
        size = math.prod(shape) * dtype.itemsize
        if path.stat().st_size - stream.tell() != size:
            raise InputError(
                f"{path.stat().st_size - stream.tell()} bytes of data, expected {size} for {shape} {dtype}"
            )
        content = stream.read()
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C")


# --------------------------------------------------------------------------------------------------------------- points


@dataclass(frozen=True, eq=False, init=False)
class LabelSetPoint:
    """Features of samples with sets of labels, and a classifier: a point of a model with PickAllLabels.

    Formula:
        Logits W h_i + b; the mean of the features of the samples with the set S is h_S.
    Args:
        features: (N, d) real numbers.
        labels: the N samples' labels: sets, an array (N, K) of 0 and 1, or LabelSets.
        weights: (K, d) rows of the classifier.
        bias: (K,), zeros where left out.
        counts: (N,) how many samples each row of features stands for, 1 where left out.
    Assumes:
        Real, finite numbers.
    Returns:
        A read-only object with features, places (N,) of the samples' sets in label_sets, counts, weights, bias,
        num_classes K, dimension d, and of each set class_sizes (M,), class_means (M, d) and norms (M,).
    Raises:
        InputError: shapes that do not match, labels beyond the rows of weights, and what `label_sets_of` refuses.
    Reference:
        li2024.
    Example:
        >>> from nctheory.landscape import LabelSetPoint
        >>> point = LabelSetPoint([[1.0], [3.0], [-2.0]], [{0}, {0}, {1, 2}], [[1.0], [0.0], [-1.0]])
        >>> point.label_sets, point.class_sizes.tolist(), point.class_means.tolist()
        (((0,), (1, 2)), [2, 1], [[2.0], [-2.0]])
    """

    features: Float[Array, "N d"]
    places: Int[Array, " N"]
    counts: Int[Array, " N"]
    label_sets: tuple[tuple[int, ...], ...]
    weights: Float[Array, "K d"]
    bias: Float[Array, " K"]

    def __init__(self, features: Any, labels: Any, weights: Any, bias: Any = None, *, counts: Any = None) -> None:
        rows, decoder = _floats(features, "features", 2), _floats(weights, "weights", 2)
        if min(rows.shape) == 0:
            raise InputError(f"features has shape {rows.shape}, expected at least one sample and one dimension")
        _shaped(decoder, "weights", (len(decoder), rows.shape[1]), "features")
        shift = _shaped(_floats(np.zeros(len(decoder)) if bias is None else bias, "bias", 1), "bias", (len(decoder),))
        found = labels if isinstance(labels, LabelSets) else label_sets_of(labels)
        if found.num_labels > len(decoder):
            raise InputError(f"labels says that there are {found.num_labels}, but weights has {len(decoder)} rows")
        _shaped(found.places, "labels", (len(rows),), "features")
        given = np.ones(len(rows)) if counts is None else counts
        each = _shaped(labels_array(given, "counts"), "counts", (len(rows),), "features")
        if not each.all():
            raise InputError(f"counts[{int(np.argmin(each))}] is 0, expected at least one sample for each row")
        self.__dict__.update(features=rows, places=found.places, counts=each, label_sets=found.sets)
        self.__dict__.update(weights=decoder, bias=shift)

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.weights)

    @property
    def dimension(self) -> int:
        """The dimension d."""
        return int(self.features.shape[1])

    @property
    def class_sizes(self) -> Int[Array, " M"]:
        """How many samples each set has."""
        found = np.zeros(len(self.label_sets), dtype=np.int64)
        np.add.at(found, self.places, self.counts)
        return found

    @property
    def class_means(self) -> Float[Array, "M d"]:
        """The mean features of each set, rounded."""
        if np.array_equal(self.places, np.arange(len(self.label_sets))):
            return self.features
        total = np.zeros((len(self.label_sets), self.dimension))
        np.add.at(total, self.places, self.features * self.counts[:, None])
        return np.asarray(total / self.class_sizes[:, None])

    @property
    def norms(self) -> Float[Array, " M"]:
        """Those of the means."""
        return np.asarray(np.linalg.norm(self.class_means, axis=1))

    def __repr__(self) -> str:
        samples = f"{int(self.counts.sum())} samples in {len(self.features)} rows, {len(self.label_sets)} label sets"
        return f"LabelSetPoint({samples}, {self.num_classes} labels, dimension {self.dimension})"


def _floats(value: Any, name: str, ndim: int) -> Array:
    found = real_array(value, name, ndim)
    if found.dtype == object:
        raise InputError(f"{name} has entries that are no float64; LabelSetPoint takes floats only")
    return freeze(found.astype(np.float64))


def _shaped(array: Array, name: str, shape: tuple[int, ...], partner: str = "weights") -> Array:
    if array.shape != shape:
        raise InputError(f"{name} has shape {array.shape}, expected {shape} to match {partner}")
    return array
