"""The exact exponent beside what a user would write instead, and the kernel's re-check by a bare Python.

Every row is the same work on the same numbers in one run: the smallest pair exponent of K class means with a linear
decoder. The NumPy row is not exact: it is what vectorized floats cost.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
from machine import best_time, machine

from nctheory import Configuration, channel, kernel, simplex_etf
from nctheory.arrays import Array

Decoder = tuple[Array, Array, Array]


def fraction_loops(means: Array, weights: Array, bias: Array) -> Fraction:
    """The definition in `fractions.Fraction`, as one would write it."""
    M, W = ([[Fraction(float(x)) for x in row] for row in rows] for rows in (means, weights))
    b = [Fraction(float(x)) for x in bias]
    smallest = None
    for i in range(len(M)):
        for j in range(len(M)):
            if i != j:
                a = [x - y for x, y in zip(W[i], W[j], strict=True)]
                margin = sum((x * y for x, y in zip(a, M[i], strict=True)), Fraction(0)) + b[i] - b[j]
                length = sum((x * x for x in a), Fraction(0))
                value = max(Fraction(0), margin) ** 2 / (2 * length)
                smallest = value if smallest is None else min(smallest, value)
    return smallest or Fraction(0)


def numpy_floats(means: Array, weights: Array, bias: Array) -> float:
    """The definition in vectorized floats, as one would write it."""
    scores = means @ weights.T + bias
    margins = np.diagonal(scores)[:, None] - scores
    gram = weights @ weights.T
    squares = np.diagonal(gram)
    lengths = squares[:, None] + squares - 2 * gram
    np.fill_diagonal(lengths, 1.0)
    exponents = np.maximum(margins, 0) ** 2 / (2 * lengths)
    np.fill_diagonal(exponents, np.inf)
    return float(exponents.min())


def nearest_mean(means: Array) -> Decoder:
    """The nearest-mean decoder with its bias rounded to floats, as a linear decoder."""
    return means, means, -(means**2).sum(axis=1) / 2


def row(name: str, ours: float, theirs: float, target: str) -> None:
    """One line of the table: seconds, ratio, and what was to be reached."""
    ratio = f"{theirs / ours:10.1f} times faster" if theirs > ours else f"{ours / theirs:10.1f} times slower"
    print(f"{name:58} {ours:9.3f} s {theirs:9.3f} s {ratio}   (to reach: {target})")


def against(name: str, data: Decoder, other: Callable[..., object], target: str, repeats: int = 3) -> None:
    """Time the exact exponent of a linear decoder against `other` on the same numbers."""
    theirs, reference = best_time(lambda: other(*data), repeats)
    ours, result = best_time(lambda: channel.exponent(Configuration(*data)), repeats)
    if isinstance(reference, Fraction):
        assert result.lower == reference
    else:
        assert abs(result.value - reference) <= 1e-6 * abs(result.value)
    row(name, ours, theirs, target)


def bare(name: str, means: Array, target: str) -> None:
    """The same for bare class means, whose nearest-mean decoder needs one product only."""
    theirs, _ = best_time(lambda: numpy_floats(*nearest_mean(means)))
    ours, _ = best_time(lambda: channel.exponent(means))
    row(name, ours, theirs, target)


def recheck(name: str, configuration: Configuration) -> None:
    """Seconds that a bare Python with the copied kernel takes to re-check an exponent certificate."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.json"
        certificate = channel.exponent(configuration).certificate
        assert certificate is not None
        certificate.save(path)
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-I", "-S", kernel.__file__, path], capture_output=True, check=False)
        seconds = time.perf_counter() - start
        assert done.returncode == 0, done.stdout
        print(f"{name:58} {seconds:9.3f} s  certificate of {path.stat().st_size / 1e6:.2f} MB   (to reach: seconds)")


def main() -> None:
    """Print the table."""
    generator = np.random.default_rng(0)
    print(machine())
    print(f"{'exact exponent':58} {'nctheory':>11} {'other':>11}")
    small = generator.standard_normal((100, 128))
    against("K = 100, d = 128, random, Fraction loops", nearest_mean(small), fraction_loops, ">= 100 times faster", 1)
    large = generator.standard_normal((1000, 1024))
    slower, slowest = "<= 10 times slower", "<= 50 times slower"
    against("K = 1000, d = 1024, random, NumPy floats", nearest_mean(large), numpy_floats, slower)
    bare("  the same, bare class means", large, slower)
    for label, etf in (
        ("simplex ETF", np.array(simplex_etf(1000, 1024))),
        ("rotated simplex ETF", np.array(simplex_etf(1000, 1024, seed=0))),
    ):
        against(f"K = 1000, d = 1024, {label}, NumPy floats", nearest_mean(etf), numpy_floats, slowest)
        bare("  the same, bare class means", etf, slowest)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{'peak memory of all of the above':58} {peak:9.2f} GiB   (to reach: under 2 GiB)")
    recheck("kernel re-check, K = 100, d = 128, linear decoder", Configuration(*nearest_mean(small)))
    recheck("kernel re-check, K = 100, d = 128, nearest mean", Configuration(small))


if __name__ == "__main__":
    main()
