"""Unconstrained-features models of all families: `optimum` and `certify` beside what a user writes on all N samples.

Every row is the same model in one run, and the values of both sides are compared. SciPy's and PyTorch's L-BFGS get
vectorized objectives with gradients, float64, and a random start; cvxpy gets its tutorials' formulation, the nuclear
norm of all logits, with its solvers' default tolerances. Imports are not timed. Everything runs on one thread, which
for the small models is quicker than several on both sides, and seconds are the processor's: of a busy machine's waiting
times the longer run would get more. Each large point has a process of its own, of which the peak memory is told; the
unit there is one evaluation of the objective in plain NumPy.
"""

import argparse
import importlib.util
import multiprocessing
import resource
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

import cvxpy
import numpy as np
from families import by_search, contrastive_search
from machine import machine
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from nctheory import Features
from nctheory.arrays import Array
from nctheory.landscape import Model, all_label_sets, certify, contrastive_optimum, optimum
from nctheory.losses import Focal, PickAllLabels, SquaredError

PENALTIES = (5e-4, 1e-3)  # c = K n^(1/2) lambda = 0.07 for ten classes of 100 samples
WEAKER = (5e-4, 1e-5)  # as in zhu2021: c = 0.007
TWO_SIZES = [100] * 5 + [10] * 5
MODELS = {
    "K = 10, n = 100, d = 10": Model([100] * 10, 10, regularization=PENALTIES),
    "K = 10, n = 100, d = 64": Model([100] * 10, 64, regularization=PENALTIES),
    "K = 10, n = 100, d = 10, weaker penalties": Model([100] * 10, 10, regularization=WEAKER),
    "n_k from 10 to 100, d = 10, free bias": Model(range(10, 101, 10), 10, regularization=PENALTIES, bias=True),
    "n_k = 100 and 10, d = 10, free bias": Model(TWO_SIZES, 10, regularization=PENALTIES, bias=True),
    "n_k = 100 and 10, d = 10, free bias, squared error": Model(
        TWO_SIZES, 10, loss=SquaredError(), regularization=PENALTIES, bias=True
    ),
}
FEW_LABELS = all_label_sets(10, {1: 50, 2: 10})
FAMILIES = {
    "focal loss, gamma = 2, K = 10, n = 100, d = 10": Model([100] * 10, 10, loss=Focal(2), regularization=PENALTIES),
    "features >= 0, n_k = 100 and 10, d = 10": Model(TWO_SIZES, 10, features="nonnegative", regularization=PENALTIES),
    "features >= 0, n_k = 100 and 10, d = 10, squared error": Model(
        TWO_SIZES, 10, features="nonnegative", loss=SquaredError(), regularization=PENALTIES
    ),
    "spheres, temperature 5, K = 10, n = 100, d = 10": Model([100] * 10, 10, features="sphere", temperature=5),
    "2 matrices, squared error, n_k = 100 and 10, d = 10": Model(
        TWO_SIZES, 10, depth=2, loss=SquaredError(), regularization=PENALTIES
    ),
    "3 matrices, squared error, n_k = 100 and 10, d = 10": Model(
        TWO_SIZES, 10, depth=3, loss=SquaredError(), regularization=(1e-3, 5e-4)
    ),
    "label sets, 10 labels, 50 samples of each and 10 of each pair, d = 10": Model(
        FEW_LABELS.sizes, 10, loss=PickAllLabels(FEW_LABELS.sets), regularization=PENALTIES
    ),
}
CONTRASTIVE = ([20] * 10, 10, 0.5)  # class sizes, d and temperature
STARTS = {"2 matrices": 3, "3 matrices": 5}  # random starts that SciPy gets, as it ends in other minima too
TARGETS = dict.fromkeys(list(MODELS)[:3], ">= 100 times")
FEW, MORE = 8, 40  # samples of each class, about as many as Clarabel and SCS come to an end with
BELOW = 1e-10  # relatively: further below the bracket than this nothing may end
AGREE = {"CLARABEL": 1e-6, "SCS": 1e-4}  # relative difference of the values that their default tolerances allow
LARGE = (1000, 1024, 100_000)  # K, d, N
LARGE_PENALTIES = (5e-4, 2e-7)  # c = 0.1
BLOCK = 10_000  # samples taken at once


def processor_time(function: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """The fewest processor seconds of so many runs, and what the function returned."""
    seconds, result = float("inf"), None
    for _ in range(repeats):
        start = time.process_time()
        result = function()
        seconds = min(seconds, time.process_time() - start)
    return seconds, result


# ---------------------------------------------------------------------------------------------------- on all N samples


def labels_of(model: Model) -> Array:
    """One label for each sample."""
    return np.repeat(np.arange(model.num_classes), model.class_sizes)


def mean_loss(model: Model, logits: Array, labels: Array) -> tuple[float, Array]:
    """The mean loss, and its derivative by the logits, in which it is computed."""
    samples = np.arange(len(labels))
    if isinstance(model.loss, SquaredError):
        logits[samples, labels] -= 1
        return float((logits**2).sum()) / 2 / len(labels), logits / len(labels)
    logits -= logits.max(axis=1, keepdims=True)
    own = logits[samples, labels]
    np.exp(logits, out=logits)
    total = logits.sum(axis=1)
    logits /= total[:, None]
    logits[samples, labels] -= 1
    return float((np.log(total) - own).mean()), logits / len(labels)


def objective(model: Model, labels: Array, flat: Array) -> tuple[float, Array]:
    """F and its gradient, by all features."""
    size, width = model.num_classes, model.dimension
    strengths = float(model.lambda_weights), float(model.lambda_features)
    cut = size * width + len(labels) * width
    weights, features = flat[: size * width].reshape(size, width), flat[size * width : cut].reshape(-1, width)
    logits = features @ weights.T + (flat[cut:] if model.bias else 0)
    value, slopes = mean_loss(model, logits, labels)
    value += (strengths[0] * float((weights**2).sum()) + strengths[1] * float((features**2).sum())) / 2
    by_weights = slopes.T @ features + strengths[0] * weights
    by_features = slopes @ weights + strengths[1] * features
    parts = [by_weights.ravel(), by_features.ravel(), *([slopes.sum(axis=0)] if model.bias else [])]
    return value, np.concatenate(parts)


def random_start(model: Model) -> Array:
    """W, H and b in one vector, of normal numbers of size 0.1."""
    count = (model.num_classes + model.num_samples) * model.dimension + model.bias * model.num_classes
    return np.random.default_rng(0).standard_normal(count) / 10


def by_scipy(model: Model, options: dict[str, Any]) -> float:
    """Where SciPy's L-BFGS-B ends."""
    function = partial(objective, model, labels_of(model))
    return float(minimize(function, random_start(model), jac=True, method="L-BFGS-B", options=options).fun)


def by_torch(model: Model) -> float:
    """Where PyTorch's L-BFGS ends, with its automatic derivatives and its strong Wolfe line search."""
    import torch
    from torch.nn.functional import cross_entropy, one_hot

    torch.set_num_threads(1)
    size, width, labels = model.num_classes, model.dimension, torch.from_numpy(labels_of(model))
    flat = torch.from_numpy(random_start(model))
    counts = [size * width, len(labels) * width, size * model.bias]
    weights, features, bias = (part.clone().requires_grad_() for part in flat.split(counts))
    strengths = float(model.lambda_weights), float(model.lambda_features)

    def value() -> Any:
        logits = features.view(-1, width) @ weights.view(size, width).T + (bias if model.bias else 0)
        if isinstance(model.loss, SquaredError):
            loss = ((logits - one_hot(labels, size)) ** 2).sum() / 2 / len(labels)
        else:
            loss = cross_entropy(logits, labels)
        return loss + (strengths[0] * (weights**2).sum() + strengths[1] * (features**2).sum()) / 2

    def closure() -> Any:
        optimizer.zero_grad()
        found = value()
        found.backward()
        return found

    accuracy = {"tolerance_grad": 1e-8, "tolerance_change": 0, "line_search_fn": "strong_wolfe"}
    parameters = [weights, features, *([bias] if model.bias else [])]
    optimizer = torch.optim.LBFGS(parameters, max_iter=10_000, history_size=10, **accuracy)
    optimizer.step(closure)
    return float(value().detach())


def by_cvxpy(model: Model, solver: str, seconds: float) -> float | None:
    """The least value over all logits of N samples; None where the solver has no answer after these seconds."""
    cp: Any = cvxpy
    labels = labels_of(model)
    logits = cp.Variable((len(labels), model.num_classes))
    own = cp.multiply(np.eye(model.num_classes)[labels], logits)
    loss = (cp.sum(cp.log_sum_exp(logits, axis=1)) - cp.sum(own)) / len(labels)
    problem = cp.Problem(cp.Minimize(loss + model.strength * cp.normNuc(logits)))
    limit = {"SCS": "time_limit_secs", "CLARABEL": "time_limit"}[solver]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that an answer may be inaccurate, which its status says too
        try:
            problem.solve(solver=solver, **{limit: seconds})
        except cp.SolverError:
            return None
    return float(problem.value) if problem.status == cp.OPTIMAL else None


# --------------------------------------------------------------------------------------------------------- the methods


OTHERS: dict[str, Callable[[Model], float]] = {
    "SciPy L-BFGS-B, default tolerances": partial(by_scipy, options={}),
    "SciPy L-BFGS-B, gradient to 1e-8": partial(
        by_scipy, options={"gtol": 1e-8, "ftol": 0, "maxiter": 10_000, "maxfun": 100_000}
    ),
}
if importlib.util.find_spec("torch"):
    OTHERS["PyTorch LBFGS, gradient to 1e-8"] = by_torch


def ours(model: Model) -> tuple[float, Any]:
    """Prints the times of `optimum`, with its bracket, and with the kernel's re-check."""
    seconds, found = processor_time(partial(optimum, model), 10)
    print(
        f"    {'optimum, with its bracket':46} {seconds:10.3g} s   bracket of width {float(found.gap):.0e}", flush=True
    )
    if found.certificate is None:
        print(f"    {'optimum, and verify':46} carries no certificate", flush=True)
    else:
        verified, _ = processor_time(lambda: optimum(model).verify(), 3)
        print(f"    {'optimum, and verify':46} {verified:10.3g} s", flush=True)
    return seconds, found


def compare(name: str, taken: tuple[float, float], own: tuple[float, Any], target: str, lowest: float = BELOW) -> None:
    """One line: seconds, ratio, and how far above the least value the other one ended."""
    seconds, value = taken
    above = value / own[1].value - 1
    assert above >= -lowest, (name, value, own[1].value)
    aim = f"   (to reach: {target})" if target else ""
    print(
        f"    {name:46} {seconds:10.3g} s {seconds / own[0]:11,.1f} times longer, {above:8.0e} above{aim}", flush=True
    )


def against_descent() -> None:
    """`optimum` beside L-BFGS on all N samples, for all models."""
    for name, model in MODELS.items():
        print(name, flush=True)
        own = ours(model)
        for other, method in OTHERS.items():
            compare(other, processor_time(partial(method, model), 3), own, TARGETS.get(name, ""))
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: no row for its LBFGS")


def against_searches() -> None:
    """`optimum` of the other families beside SciPy on all N samples."""
    for name, model in FAMILIES.items():
        print(name, flush=True)
        starts = next((count for words, count in STARTS.items() if name.startswith(words)), 1)
        taken = processor_time(partial(by_search, model, starts), 1)
        compare(f"SciPy L-BFGS-B, {starts} start{'s' * (starts > 1)}", taken, ours(model), ">= 50 times")
    sizes, width, temperature = CONTRASTIVE
    print(f"supervised contrastive loss, K = {len(sizes)}, n = {sizes[0]}, d = {width}, temperature {temperature}")
    own = processor_time(partial(contrastive_optimum, sizes, width, temperature=temperature), 10)
    print(
        f"    {'contrastive_optimum, with its bracket':46} {own[0]:10.3g} s   bracket of width {float(own[1].gap):.0e}"
    )
    taken = processor_time(partial(contrastive_search, *CONTRASTIVE), 1)
    compare("SciPy L-BFGS-B, 1 start", taken, own, ">= 50 times")


# ------------------------------------------------------------------------------------------------------ cvxpy, limited


def limited(gibibytes: float) -> None:
    """In a fresh process: no more memory than this, no core dump, one thread, and everything used once."""
    resource.setrlimit(resource.RLIMIT_AS, (int(gibibytes * 2**30),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threadpool_limits(1)
    for solver in AGREE:
        by_cvxpy(Model([1, 1], regularization=(0.1, 0.1)), solver, 10)


def timed_apart(model: Model, solver: str, memory: float, seconds: float) -> tuple[float, float | None] | None:
    """Seconds and value in a process of its own, once; None where its memory did not suffice."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=limited, initargs=(memory,)) as pool:
        try:
            return pool.submit(processor_time, partial(by_cvxpy, model, solver, seconds), 1).result()
        except (BrokenProcessPool, MemoryError):
            return None


def solver_row(model: Model, own: tuple[float, Any], solver: str, memory: float, seconds: float) -> None:
    """One line for a solver of cvxpy, whether it comes to an end or not."""
    name, theirs = f"cvxpy, {solver}", timed_apart(model, solver, memory, seconds)
    if theirs is None:
        print(f"    {name:46} no answer: its process broke off at {memory:g} GiB of memory", flush=True)
    elif theirs[1] is None:
        longer = f"{theirs[0]:10.3g} s {theirs[0] / own[0]:11,.1f} times longer"
        print(f"    {name:46} {longer}, and no answer when stopped after {seconds:g} s by the clock", flush=True)
    else:
        compare(name, (theirs[0], theirs[1]), own, "", AGREE[solver])


def against_cvxpy(memory: float, seconds: float) -> None:
    """`optimum` beside cvxpy on all N samples: with so few that it comes to an end, and with 100 of each class."""
    for samples, solvers in ((FEW, ("CLARABEL", "SCS")), (MORE, ("SCS",)), (100, ("SCS", "CLARABEL"))):
        model = Model([samples] * 10, regularization=PENALTIES)
        target = "   (to reach: >= 100 times)" if samples == 100 else ""
        print(f"K = 10, n = {samples}, d = 10, beside cvxpy{target}", flush=True)
        own = ours(model)
        if samples < 100:
            for other, method in OTHERS.items():
                compare(other, processor_time(partial(method, model), 3), own, "")
        for solver in solvers:
            solver_row(model, own, solver, memory, seconds)


# --------------------------------------------------------------------------------------------------- one large point


def large_sizes(balanced: bool) -> Array:
    """N = 100,000 samples in 1,000 classes: 100 each, or at random, from 1 up."""
    size, _, samples = LARGE
    if balanced:
        return np.full(size, samples // size)
    generator = np.random.default_rng(0)
    share = generator.exponential(size=size)
    return 1 + generator.multinomial(samples - size, share / share.sum())


def large_point(model: Model) -> Features:
    """A simplex ETF, as large as is best with equal class sizes, with noise of a tenth of its size on the features."""
    size, width, count = model.num_classes, model.dimension, model.num_samples
    strength = size * np.sqrt(count / size) * model.strength
    scale = np.sqrt(np.log1p(size * (1 - strength) / strength))
    simplex = np.eye(size, width) - np.pad(np.full((size, size), 1 / size), ((0, 0), (0, width - size)))
    balance = (count / size * float(model.lambda_features) / float(model.lambda_weights)) ** 0.25
    labels = labels_of(model)
    features = np.random.default_rng(1).standard_normal((count, width))
    features *= scale / balance / 10 / np.sqrt(width)
    for start in range(0, count, BLOCK):
        features[start : start + BLOCK] += scale / balance * simplex[labels[start : start + BLOCK]]
    return Features(features, labels, scale * balance * simplex)


def plain(model: Model, point: Any) -> float:
    """The objective in NumPy, in blocks of samples."""
    weights, features, labels = np.asarray(point.weights), np.asarray(point.features), np.asarray(point.labels)
    total = 0.0
    for start in range(0, len(labels), BLOCK):
        logits = features[start : start + BLOCK] @ weights.T
        top = logits.max(axis=1)
        own = logits[np.arange(len(logits)), labels[start : start + BLOCK]]
        total += float((np.log(np.exp(logits - top[:, None]).sum(axis=1)) + top - own).sum())
    penalties = float(model.lambda_weights) * np.vdot(weights, weights)
    penalties += float(model.lambda_features) * np.vdot(features, features)
    return float(total / len(labels) + penalties / 2)


def peak() -> float:
    """GiB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def large_row(balanced: bool) -> Iterator[str]:
    """Seconds, memory and verdict of `certify` at such a point, then the unit."""
    size, width, samples = LARGE
    model = Model(large_sizes(balanced), width, regularization=LARGE_PENALTIES)
    certify(Model([2, 2], 3, regularization=(0.1, 0.1)), Features(np.eye(4, 3), [0, 0, 1, 1], np.eye(2, 3)))
    point = large_point(model)
    before = peak()
    seconds, found = processor_time(partial(certify, model, point), 1)
    memory = peak()
    unit, value = processor_time(partial(plain, model, point), 2)
    low, high = found.details.objective
    assert low * (1 - 1e-9) <= value <= high * (1 + 1e-9), (float(low), value, float(high))
    kind = "equal sizes" if balanced else "random sizes"
    yield f"K = {size:,}, d = {width:,}, N = {samples:,}, a simplex ETF and noise, {kind}"
    yield f"    {'one evaluation of the objective in NumPy':46} {unit:10.3g} s"
    yield f"    {'certify':46} {seconds:10.3g} s {seconds / unit:11,.1f} evaluations   (to reach: seconds)"
    yield f"    {'':46} peak {memory:.1f} GiB, {before:.1f} of them for making the point"
    yield f"    {'':46} {found.status}, least / here >= {float(found.lower):.6f}, relative gap {float(found.gap):.2e}"


def large_lines(balanced: bool) -> list[str]:
    """The rows, for another process to print."""
    with threadpool_limits(1):
        return list(large_row(balanced))


def large_points() -> None:
    """`certify` at points of 100 million numbers."""
    for balanced in (True, False):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            print(*pool.submit(large_lines, balanced).result(), sep="\n", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", type=float, default=8.0, help="GiB that a cvxpy solver may take")
    parser.add_argument("--seconds", type=float, default=120.0, help="seconds that a cvxpy solver may take")
    given = parser.parse_args()
    print(machine())
    with threadpool_limits(1):
        against_descent()
        against_searches()
        against_cvxpy(given.memory, given.seconds)
    large_points()


if __name__ == "__main__":
    main()
