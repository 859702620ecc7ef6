"""Metrics of collapse: `measure` beside the same definitions in plain NumPy or PyTorch, and streamed in little memory.

The plain form is the usual one: means class by class, the full covariances, `pinv`, all logits and all distances at
once, in float64 like ours. "One pass" is the features as float64, the class means and one Gram product. All get the
same number of BLAS threads and take turns; each keeps its best time, and the least time of all cores together, which
others on the machine disturb less. The usual form makes the full covariances, as `measure` does with covariance=True,
which adds the rank of Sigma_W and the variability collapse index.
"""

import argparse
import math
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from machine import best_time, machine
from threadpoolctl import threadpool_limits

from nctheory import Features
from nctheory.arrays import Array
from nctheory.collapse import Accumulator, Collapse, measure
from nctheory.collapse.metrics import QUANTILES

TARGET_PLAIN = 2.0  # times faster, at least
TARGET_PASS = 1.3  # times as long, at most


def sample(samples: int, dimension: int, num_classes: int) -> Features:
    """Clusters in float32, the classifier a noisy copy of their means, every class with a sample."""
    generator = np.random.default_rng(0)
    means = generator.standard_normal((num_classes, dimension), dtype=np.float32)
    labels = generator.permutation(np.arange(samples) % num_classes)
    features = generator.standard_normal((samples, dimension), dtype=np.float32)
    features *= 0.5
    features += means[labels] + 1
    weights = means + generator.standard_normal(means.shape, dtype=np.float32) / 4
    return Features(features, labels, weights, generator.standard_normal(num_classes))


def one_pass(features: Features) -> Array:
    """The class means and one Gram product."""
    H = features.features.astype(np.float64)
    _ = np.array([H[features.labels == c].mean(axis=0) for c in range(features.num_classes)])
    return np.asarray(H.T @ H)


def plain_numpy(features: Features, *, covariance: bool = True) -> dict[str, float]:
    """The metrics as they are usually written."""
    H, y, K = features.features.astype(np.float64), features.labels, features.num_classes
    W, b = np.asarray(features.weights), np.asarray(features.bias)
    M = np.array([H[y == c].mean(axis=0) for c in range(K)])
    g, mean = M.mean(axis=0), H.mean(axis=0)
    D = M - g
    R = H - M[y]
    within, between = R.T @ R / len(H), D.T @ D / K
    nearest = ((H**2).sum(axis=1)[:, None] - 2 * H @ M.T + (M**2).sum(axis=1)).argmin(axis=1)
    logits = H @ W.T
    predicted = (logits + b).argmax(axis=1)
    unit = D / np.linalg.norm(D, axis=1, keepdims=True)
    off = ~np.eye(K, dtype=bool)
    cosines = (H - g) @ W.T / np.linalg.norm(H - g, axis=1)[:, None] / np.linalg.norm(W, axis=1)
    own = cosines[np.arange(len(H)), y]
    cosines[np.arange(len(H)), y] = -2
    v = np.array([(R[y == c] ** 2).sum() for c in range(K)]) / features.class_sizes
    distances = ((M[:, None] - M) ** 2).sum(axis=2)[off]
    found = {
        "variability": np.trace(within @ np.linalg.pinv(between, rcond=1e-10)) / K,
        "trace_ratio": np.trace(within) / np.trace(between),
        "cdnv_mean": ((v[:, None] + v)[off] / (2 * distances)).mean(),
        "max_angle_means": np.abs((unit @ unit.T)[off] + 1 / (K - 1)).mean(),
        "self_duality": np.linalg.norm(W / np.linalg.norm(W) - D / np.linalg.norm(D)) ** 2,
        "nearest_mean_mismatch": (predicted != nearest).mean(),
        "nearest_mean_mismatch_without_bias": (logits.argmax(axis=1) != nearest).mean(),
        "training_error": (predicted != y).mean(),
        "median_margin": np.quantile(own - cosines.max(axis=1), QUANTILES)[3],
    }
    if covariance:
        rows = np.sqrt(features.class_sizes / len(H))[:, None] * (M - mean)
        spread = rows.T @ rows
        found["rank_within"] = np.linalg.matrix_rank(within, hermitian=True)
        explained = np.trace(np.linalg.pinv(within + spread, rcond=1e-10) @ spread)
        found["variability_collapse_index"] = 1 - explained / np.linalg.matrix_rank(rows)
    return found


def plain_torch(features: Features) -> dict[str, float]:
    """A shorter list of them in PyTorch: NC1 to NC4."""
    import torch

    H = torch.from_numpy(features.features.copy()).double()
    y, K = torch.from_numpy(features.labels.copy()), features.num_classes
    W, b = (torch.from_numpy(np.array(part)) for part in (features.weights, features.bias))
    M = torch.stack([H[y == c].mean(dim=0) for c in range(K)])
    D = M - M.mean(dim=0)
    R = H - M[y]
    within, between = R.T @ R / len(H), D.T @ D / K
    predicted = (H @ W.T + b).argmax(dim=1)
    unit = D / D.norm(dim=1, keepdim=True)
    off = (unit @ unit.T)[~torch.eye(K, dtype=torch.bool)]
    return {
        "variability": float(torch.trace(within @ torch.linalg.pinv(between, rtol=1e-10)) / K),
        "trace_ratio": float(torch.trace(within) / torch.trace(between)),
        "max_angle_means": float((off + 1 / (K - 1)).abs().mean()),
        "self_duality": float((W / W.norm() - D / D.norm()).norm() ** 2),
        "nearest_mean_mismatch": float((predicted != torch.cdist(H, M).argmin(dim=1)).double().mean()),
        "training_error": float((predicted != y).double().mean()),
    }


def agreement(found: Collapse, reference: dict[str, float]) -> float:
    """The largest relative difference, in what both have."""
    ours = {metric.field: metric.value for metric in found.metrics()}
    ours["median_margin"] = float(found.cosine_margin_quantiles[3])
    pairs = [(ours[name], value) for name, value in reference.items() if not math.isnan(ours[name])]
    return float(max(abs(one - other) / max(abs(other), 1e-3) for one, other in pairs))


ONE_PASS = "one pass: class means, one Gram product"
USUAL, LIKE_FOR_LIKE = "plain NumPy", "plain NumPy, without Sigma_W"


def forms_of(features: Features) -> dict[str, Callable[[], Any]]:
    """What is timed."""
    forms: dict[str, Callable[[], Any]] = {
        "measure": partial(measure, features),
        USUAL: partial(plain_numpy, features),
        LIKE_FOR_LIKE: partial(plain_numpy, features, covariance=False),
        "measure, covariance=True": partial(measure, features, covariance=True),
        ONE_PASS: partial(one_pass, features),
    }
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed, so it is left out")
    else:
        torch.set_num_threads(2)
        forms["plain PyTorch, NC1 to NC4 only"] = partial(plain_torch, features)
    return forms


def side_by_side(features: Features, rounds: int) -> None:
    """The best times of all forms, taken in turns, and how far our numbers are from theirs."""
    forms = forms_of(features)
    wall, work, results = dict.fromkeys(forms, math.inf), dict.fromkeys(forms, math.inf), {}
    for _ in range(rounds):
        for name, function in forms.items():
            start = time.process_time()
            took, results[name] = best_time(function, 1)
            wall[name], work[name] = min(wall[name], took), min(work[name], time.process_time() - start)
    for name in forms:
        print(f"{name:42} {wall[name]:8.2f} s, of all cores {work[name]:8.2f} s", flush=True)
    for ours, theirs in (("measure", LIKE_FOR_LIKE), ("measure", USUAL), ("measure, covariance=True", USUAL)):
        apart = agreement(results[ours], results[theirs])
        print(
            f"{theirs} / {ours}: {wall[theirs] / wall[ours]:.2f}, of all cores {work[theirs] / work[ours]:.2f} "
            f"(to reach: {TARGET_PLAIN}); numbers {apart:.0e} apart"
        )
        print(
            f"{ours} / one pass: {wall[ours] / wall[ONE_PASS]:.2f}, of all cores {work[ours] / work[ONE_PASS]:.2f} "
            f"(to reach: {TARGET_PASS} or less)"
        )


def streamed(samples: int, dimension: int, num_classes: int, batch: int = 4096) -> None:
    """Batches that are drawn and forgotten, in two passes; the largest memory that the process has had."""
    generator = np.random.default_rng(0)
    means = generator.standard_normal((num_classes, dimension), dtype=np.float32)
    accumulator = Accumulator(num_classes, dimension)

    def batches(passes: Any) -> None:
        draw = np.random.default_rng(1)
        for start in range(0, samples, batch):
            labels = np.arange(start, min(samples, start + batch)) % num_classes
            passes.update(means[labels] + draw.standard_normal((len(labels), dimension), dtype=np.float32) / 2, labels)

    first, _ = best_time(partial(batches, accumulator), 1)
    second = accumulator.second_pass(means, np.zeros(num_classes))
    again, _ = best_time(partial(batches, second), 1)
    found = second.collapse()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{samples:>9,} x {dimension} x {num_classes}: {first:7.1f} s and {again:7.1f} s with drawing, "
        f"peak {memory:.2f} GiB; the features {samples * dimension * 4 / 2**30:.2f} GiB; NC1 {found.variability:.4f}",
        flush=True,
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns that each form gets")
    parser.add_argument("--threads", type=int, default=2, help="BLAS threads")
    parser.add_argument("--samples", type=int, default=100_000, help="of the comparison")
    parser.add_argument("--large", type=int, default=1_000_000, help="samples of 2048 dimensions, 1000 classes")
    options = parser.parse_args()
    print(machine())
    with threadpool_limits(options.threads):
        print(f"\nstreamed, {options.threads} threads")
        for samples in (20_000, 100_000):  # memory must not depend on the number of samples
            streamed(samples, 512, 100)
        if options.samples:
            print(f"\n{options.samples:,} x 512 x 100, float32, {options.threads} threads")
            side_by_side(sample(options.samples, 512, 100), options.rounds)
        if options.large:
            print("\nstreamed, large; the peak is that of the comparison where that was larger (--samples 0)")
            streamed(options.large, 2048, 1000)


if __name__ == "__main__":
    main()
