"""The error probability by counting: for teaching, for checks, and for decoders that are any function of the points."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from nctheory.arrays import Array, freeze, labels_array, positive_integer
from nctheory.errors import InputError
from nctheory.probability.problem import Problem
from nctheory.sampling import chunk_generator, one_thread

__all__ = ["Chunk", "clopper_pearson", "sample"]

Decoder = Callable[[Array], Any]

_BATCH = 1 << 20  # coordinates or scores held at once
_CLOSE = 1e-3  # rows this near, relatively, are subtracted before they are multiplied


@dataclass(frozen=True, eq=False)
class Chunk:
    """How often each class was `sent` and decoded wrongly, and which confusions happened how often.

    `sent` and `wrong` are (K,) counts, `pairs` (m, 2) classes sent and decoded, with their counts `pair_counts` (m,).
    """

    sent: Array
    wrong: Array
    pairs: Array
    pair_counts: Array


def sample(problem: Problem, seed: int, index: int, size: int, decoder: Decoder | None = None) -> Chunk:
    """Chunk number `index` of a simulation that sends classes, adds noise, decodes and counts.

    Formula:
        c has probability pi_c, and h = mu_c + sigma z_c, z_c normal with the covariance of the class. Wrong is
        decoder(h) != c; for the configuration's own decoder, that some j has <w_j, h> + b_j >= <w_c, h> + b_c.
    Args:
        problem: the configuration, the noise and priors.
        seed: an integer; with `index`, it determines every bit of the answer on one machine.
        index: the number of the chunk.
        size: the number of points.
        decoder: any function from points (n, d) to n classes; the configuration's linear decoder where left out.
    Assumes:
        The decoder answers the same for the same point.
    Returns:
        Chunk of counts. The number of errors is binomial, so `clopper_pearson` bounds its probability.
    Raises:
        InputError: a size that is no integer of at least 1; a decoder that does not answer with n classes; a decoder
            for a configuration without coordinates.
    Reference:
        none: it is the definition.
    Example:
        >>> chunk = sample(Problem.of([[1.0], [-1.0]], 1.0), seed=0, index=0, size=10_000)
        >>> low, high = clopper_pearson(int(chunk.wrong.sum()), 10_000)
        >>> low < 0.158655 < high
        True
    """
    size = positive_integer(size, "size")
    generator = chunk_generator(seed, index)
    sent = np.zeros(problem.num_classes, dtype=np.int64)
    codes = []
    with one_thread():
        for number in _batches(problem, size):
            classes = np.sort(generator.choice(problem.num_classes, number, p=problem.priors / problem.priors.sum()))
            sent += np.bincount(classes, minlength=problem.num_classes)
            if decoder is None:
                decoded = _own_decoder(problem, generator, classes)
            else:
                decoded = _any_decoder(problem, generator, classes, decoder)
            codes.append((classes * problem.num_classes + decoded)[decoded != classes])
    found, counts = np.unique(np.concatenate(codes), return_counts=True)
    pairs = np.stack(np.divmod(found, problem.num_classes), axis=1)
    wrong = np.bincount(pairs[:, 0], counts, problem.num_classes).astype(np.int64)
    return Chunk(*map(freeze, (sent, wrong, pairs, counts)))


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact confidence interval for a probability from a count.

    Formula:
        The ends p solve P(Binomial(n, p) >= x) = (1 - confidence) / 2 and P(Binomial(n, p) <= x) the same: quantiles of
        the distributions Beta(x, n - x + 1) and Beta(x + 1, n - x).
    Args:
        successes: x, from 0 to n.
        trials: n, at least 1.
        confidence: between 0 and 1, for the two ends together.
    Assumes:
        Independent trials with the same probability, as many as were fixed beforehand.
    Returns:
        (low, high), 0 and 1 where x = 0 and x = n; it covers the probability at least as often as promised.
    Raises:
        InputError: counts or a confidence outside of their ranges.
    Reference:
        clopper1934.
    Example:
        >>> low, high = clopper_pearson(0, 100)
        >>> low, round(high, 6)
        (0.0, 0.036217)
    """
    trials = positive_integer(trials, "trials")
    successes = positive_integer(successes, "successes", least=0)
    if successes > trials:
        raise InputError(f"successes is {successes}, expected at most the number of trials, {trials}")
    if isinstance(confidence, bool) or not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence!r}, expected a number between 0 and 1")
    tail = (1 - confidence) / 2
    low = special.betaincinv(successes, trials - successes + 1, tail) if successes > 0 else 0.0
    high = special.betainccinv(successes + 1, trials - successes, tail) if successes < trials else 1.0
    return float(low), float(high)


def _batches(problem: Problem, size: int) -> Iterator[int]:
    """Numbers of points that fit into memory."""
    most = max(1, _BATCH // max(problem.num_classes, problem.configuration.dimension))
    for start in range(0, size, most):
        yield min(most, size - start)


# ------------------------------------------------------------------------------------- the configuration's own decoder


def _own_decoder(problem: Problem, generator: np.random.Generator, classes: Array) -> Array:
    """What normals in the reduced coordinates lead to; a tie is an error."""
    present, position = np.unique(classes, return_inverse=True)
    if not problem.shared:
        parts = (_decoded(problem, generator, classes[position == i], present[[i]]) for i in range(len(present)))
        return np.concatenate(list(parts))
    return _decoded(problem, generator, classes, present)


def _decoded(problem: Problem, generator: np.random.Generator, classes: Array, present: Array) -> Array:
    """For sorted classes that have the same rows in reduced coordinates."""
    first, index = int(present[0]), np.arange(len(classes))
    rows = problem.rows(first)
    noise = generator.standard_normal((len(classes), rows.shape[1]))
    scores = noise @ rows.T
    scores -= scores[index, classes][:, None]
    close = _close(rows, present)
    for c, near in zip(present, close, strict=True):  # scores of rows this near differ by rounding alone
        if len(rivals := np.flatnonzero(near)):
            sent = slice(*np.searchsorted(classes, [c, c + 1]))
            scores[sent, rivals] = noise[sent] @ problem.differences(int(c), rivals).T
    scores -= _levels(problem, present, rows, close)[np.searchsorted(present, classes)]
    scores[index, classes] = -math.inf
    rivals = scores.argmax(axis=1)
    return np.where(scores[index, rivals] >= 0, rivals, classes)


def _close(rows: Array, classes: Array) -> Array:
    """(n, K) which rivals' rows are so near that their difference would cancel."""
    near = _squares(rows, classes) < _CLOSE**2 * np.einsum("ij,ij->i", rows, rows).max()
    return np.asarray(near & (np.arange(len(rows)) != classes[:, None]))


def _squares(rows: Array, classes: Array) -> Array:
    """(n, K) |V_k - V_c|^2, up to cancellation."""
    squares = np.einsum("ij,ij->i", rows, rows)
    return np.asarray(squares[classes, None] + squares - 2 * (rows[classes] @ rows.T))


def _levels(problem: Problem, classes: Array, rows: Array, close: Array) -> Array:
    """(n, K) t_ck |V_k - V_c|, which <V_k - V_c, z> must not reach."""
    thresholds = problem.thresholds(classes)
    lengths = np.sqrt(np.maximum(_squares(rows, classes), 0))
    close = close & np.isfinite(thresholds)
    for i in np.flatnonzero(close.any(axis=1)):
        rivals = np.flatnonzero(close[i])
        lengths[i, rivals] = np.linalg.norm(problem.differences(int(classes[i]), rivals), axis=1)
    return np.where(np.isfinite(thresholds), thresholds * np.where(np.isfinite(thresholds), lengths, 1), thresholds)


# --------------------------------------------------------------------------------------------------------- any decoder


def _any_decoder(problem: Problem, generator: np.random.Generator, classes: Array, decoder: Decoder) -> Array:
    """What the decoder says of points in all coordinates."""
    configuration = problem.configuration
    if not configuration.has_coordinates:
        raise InputError("a decoder needs points with coordinates: this configuration was given by its Gram matrix")
    points = generator.standard_normal((len(classes), configuration.dimension))
    for c in range(len(problem.covariances)):
        where = slice(None) if problem.shared else classes == c
        points[where] = points[where] @ _root(problem.covariances[c])
    points *= problem.noise
    points += configuration.class_means[classes]
    decoded = labels_array(decoder(points), "decoder(points)")
    if decoded.shape != classes.shape or (decoded >= problem.num_classes).any():
        raise InputError(
            f"decoder(points) has shape {decoded.shape} and classes up to {decoded.max(initial=-1)}, "
            f"expected ({len(classes)},) and classes below {problem.num_classes}"
        )
    return decoded


def _root(covariance: Array) -> Array:
    """The symmetric square root."""
    values, vectors = np.linalg.eigh(covariance.astype(np.float64))
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
