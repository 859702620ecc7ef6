import ast
import copy
import dataclasses
import functools
import hashlib
import importlib.util
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, permutations, product
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

KERNEL = Path(__file__).resolve().parents[1] / "nctheory" / "kernel.py"
CORPUS = Path(__file__).resolve().parent / "certificates"
CODES = {"accepted": 0, "rejected": 1, "malformed": 2}
FILES = {folder: sorted((CORPUS / folder).glob("*.json")) for folder in CODES}
ACCEPTED = {path.stem: json.loads(path.read_bytes()) for path in FILES["accepted"]}
KINDS = (
    *("exponent", "universal_bound", "gap", "improvement", "simplex_etf", "violation"),
    *("separation", "separation_bound", "objective", "objective_bound", "lower_objective"),
)
LOSSES = ("cross_entropy", "binary_cross_entropy", "squared_error")

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="resource limits and /dev/zero as Linux has them")


def load_kernel() -> Any:
    spec = importlib.util.spec_from_file_location("kernel_alone", KERNEL)
    assert spec
    assert spec.loader
    module = sys.modules["kernel_alone"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


kernel = load_kernel()


def corpus(folder: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", FILES[folder], ids=lambda path: path.stem)


def encode(certificate: Any) -> bytes:
    return json.dumps(certificate).encode()


# ------------------------------------------------------------ the definitions once more, by brute force and Fractions


def numbers(matrix: dict[str, Any]) -> list[list[Fraction]]:
    unit = Fraction(2) ** matrix["exponent"] / matrix.get("denominator", 1)
    return [[unit * entry for entry in row] for row in matrix["rows"]]


def dot(left: Sequence[Fraction], right: Sequence[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(left, right, strict=True)), Fraction(0))


def determinant(matrix: list[list[Fraction]]) -> Fraction:
    if not matrix:
        return Fraction(1)
    minors = ([row[:j] + row[j + 1 :] for row in matrix[1:]] for j in range(len(matrix)))
    return sum(((-1) ** j * matrix[0][j] * determinant(minor) for j, minor in enumerate(minors)), Fraction(0))


def is_gram(matrix: list[list[Fraction]], dimension: int) -> bool:
    """All principal minors are >= 0; the rank of such a matrix is the order of its largest positive one."""
    size = len(matrix)
    if any(matrix[i][j] != matrix[j][i] for i, j in combinations(range(size), 2)):
        return False
    subsets = [subset for order in range(1, size + 1) for subset in combinations(range(size), order)]
    minors = [(len(subset), determinant([[matrix[i][j] for j in subset] for i in subset])) for subset in subsets]
    return all(minor >= 0 for _, minor in minors) and all(minor == 0 for order, minor in minors if order > dimension)


def is_configuration(value: dict[str, Any], num_classes: int, dimension: int) -> bool:
    def shape(name: str) -> tuple[int, set[int]]:
        return len(value[name]["rows"]), {len(row) for row in value[name]["rows"]}

    if "gram" in value:
        return shape("gram") == (num_classes, {num_classes}) and is_gram(numbers(value["gram"]), dimension)
    if "weights" in value and (shape("weights"), shape("bias")) != ((num_classes, {dimension}), (1, {num_classes})):
        return False
    return shape("class_means") == (num_classes, {dimension})


def covariances(value: Any, num_classes: int, dimension: int) -> list[list[list[Fraction]]] | None:
    """The noise covariance of every class, if it is one."""
    if value == "identity":
        value = {"exponent": 0, "rows": [[int(i == j) for j in range(dimension)] for i in range(dimension)]}
    rows = numbers(value)
    if len(rows) not in (dimension, num_classes * dimension) or {len(row) for row in rows} != {dimension}:
        return None
    blocks = [rows[start : start + dimension] for start in range(0, len(rows), dimension)]
    if not all(is_gram(block, dimension) for block in blocks):
        return None
    return blocks * (num_classes // len(blocks))


def pair_exponents(value: dict[str, Any], noise: Any = None) -> tuple[list[Fraction], dict[tuple[int, int], Any]]:
    """Squared norms, and the exponent of every ordered pair of classes, from the definition."""
    if "gram" in value:
        gram = numbers(value["gram"])
        pairs = permutations(range(len(gram)), 2)
        distances = {(i, j): gram[i][i] - gram[i][j] - gram[j][i] + gram[j][j] for i, j in pairs}
        return [gram[i][i] for i in range(len(gram))], {pair: square / 8 for pair, square in distances.items()}
    means = numbers(value["class_means"])
    if "weights" in value:
        weights, bias = numbers(value["weights"]), numbers(value["bias"])[0]
    else:
        weights, bias = means, [-dot(mean, mean) / 2 for mean in means]
    return [dot(mean, mean) for mean in means], linear_exponents(means, weights, bias, noise)


def linear_exponents(means: Any, weights: Any, bias: Any, noise: Any = None) -> dict[tuple[int, int], Any]:
    result: dict[tuple[int, int], Any] = {}
    for i, j in permutations(range(len(means)), 2):
        difference = [x - y for x, y in zip(weights[i], weights[j], strict=True)]
        image = [dot(row, difference) for row in noise[i]] if noise else difference
        margin, length = dot(difference, means[i]) + bias[i] - bias[j], dot(difference, image)
        if margin <= 0:
            result[i, j] = Fraction(0)
        else:
            result[i, j] = margin * margin / (2 * length) if length else math.inf
    return result


def normalized_exponent(value: dict[str, Any], energy: str) -> Fraction:
    norms, exponents = pair_exponents(value)
    total = sum(norms) / len(norms) if energy == "average" else max(norms)
    return min(exponents.values()) / total if total else Fraction(0)


def optimum(num_classes: int, dimension: int, energy: str) -> tuple[Fraction, Fraction]:
    """Two ends that enclose the best normalized exponent of all configurations; 0 below where no end is known."""
    if dimension >= num_classes - 1:
        return (Fraction(num_classes, 4 * (num_classes - 1)),) * 2
    if dimension == 1:
        best = {"bounded": 1 / Fraction(2 * (num_classes - 1) ** 2), "equal": Fraction(0)}
        return (best.get(energy, 3 / Fraction(2 * (num_classes**2 - 1))),) * 2
    if energy == "average":
        return Fraction(0), Fraction(num_classes, 4 * (num_classes - 1))
    return Fraction(num_classes <= 2 * dimension, 4), Fraction(1, 4)


def is_true(certificate: dict[str, Any]) -> bool:
    claim = certificate["claim"]
    return TRUTH[claim["kind"]](claim)


def is_exponent(claim: dict[str, Any]) -> bool:
    if not is_configuration(claim["configuration"], claim["num_classes"], claim["dimension"]):
        return False
    noise = covariances(claim["noise_covariance"], claim["num_classes"], claim["dimension"])
    if noise is None or ("gram" in claim["configuration"] and claim["noise_covariance"] != "identity"):
        return False
    _, exponents = pair_exponents(claim["configuration"], noise)
    if (least := min(exponents.values(), default=math.inf)) == math.inf or claim["exponent"] == "inf":
        return (claim["exponent"], claim["pair"], least) == ("inf", None, math.inf)
    return bool(claim["pair"]) and Fraction(claim["exponent"]) == least == exponents[*claim["pair"]]


def is_bound(claim: dict[str, Any]) -> bool:
    low, high = optimum(claim["num_classes"], claim["dimension"], claim["energy"])
    return Fraction(claim["bound"]) >= high and (not claim["attained"] or low == high == Fraction(claim["bound"]))


def is_feasible(claim: dict[str, Any], name: str) -> bool:
    if not is_configuration(claim[name], claim["num_classes"], claim["dimension"]):
        return False
    norms, _ = pair_exponents(claim[name])
    return claim["energy"] != "equal" or min(norms) >= Fraction(claim["norm_ratio"]) * max(norms)


def is_gap(claim: dict[str, Any]) -> bool:
    low, high = optimum(claim["num_classes"], claim["dimension"], claim["energy"])
    if high == 0 or not is_feasible(claim, "configuration"):
        return False
    value = normalized_exponent(claim["configuration"], claim["energy"])
    if Fraction(claim["lower"]) > value / high:
        return False
    if claim["upper"] == "inf":
        return True
    norms, _ = pair_exponents(claim["configuration"])
    if Fraction(claim["upper"]) >= 1 and (claim["energy"] != "equal" or len(set(norms)) == 1):
        return True
    return low > 0 and value / low <= Fraction(claim["upper"])


def is_improvement(claim: dict[str, Any]) -> bool:
    if not is_feasible(claim, "configuration") or not is_feasible(claim, "better"):
        return False
    value, best = (normalized_exponent(claim[name], claim["energy"]) for name in ("configuration", "better"))
    return best > 0 and value / best <= Fraction(claim["ratio"]) < 1


def is_simplex_etf(claim: dict[str, Any]) -> bool:
    num_classes, scale, gram = claim["num_classes"], Fraction(claim["scale"]), numbers(claim["gram"])
    row = [-scale / (num_classes - 1)] * num_classes
    return scale > 0 and gram == [[*row[:i], scale, *row[i + 1 :]] for i in range(num_classes)]


class Exactly(ast.NodeTransformer):
    """A formula as Python's own eval reads it: integers become Fractions, every sequence a tuple."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.parse(f"Fraction({node.value})", mode="eval").body if type(node.value) is int else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        node.value = self.visit(node.value)
        node.slice = ast.Call(ast.Name("int", ast.Load()), [self.visit(node.slice)], [])
        return node

    def visit_List(self, node: ast.List) -> ast.expr:
        return ast.Tuple([self.visit(element) for element in node.elts], ast.Load())

    def visit_GeneratorExp(self, node: ast.GeneratorExp | ast.ListComp) -> ast.expr:
        self.generic_visit(node)
        generator = ast.GeneratorExp(node.elt, node.generators)
        return ast.Call(ast.Name("tuple", ast.Load()), [generator], [])

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        return self.visit_GeneratorExp(node)


def gegenbauer(degree: Fraction, dimension: Fraction, t: Fraction) -> Fraction:
    """By its coefficients, divided by its value at 1; in the plane it is the Chebyshev polynomial."""
    n, half = int(degree), dimension / 2 - 1
    if n < 0 or dimension < 2:
        raise ValueError

    def at(x: Fraction) -> Fraction:
        total = Fraction(0)
        for k in range(n // 2 + 1):
            if half:
                coefficient = Fraction(math.prod(half + i for i in range(n - k)))
            else:
                coefficient = Fraction(n * math.factorial(n - k - 1), 2) if n else Fraction(1)
            total += (-1) ** k * coefficient * (2 * x) ** (n - 2 * k) / math.factorial(k) / math.factorial(n - 2 * k)
        return total

    return at(t) / at(Fraction(1))


FORMULA_FUNCTIONS: dict[str, Any] = {
    **{function.__name__: function for function in (min, max, abs, all, any, Fraction, int, tuple, dot, is_gram)},
    "sum": lambda values: sum(values, Fraction(0)),
    "len": lambda values: Fraction(len(values)),
    "sorted": lambda values: tuple(sorted(values)),
    "range": lambda *ends: tuple(map(Fraction, range(*map(int, ends)))),
    "zip": lambda *sequences: tuple(zip(*sequences, strict=True)),
    "combinations": lambda values, n: tuple(combinations(values, int(n))),
    "permutations": lambda values, n: tuple(permutations(values, int(n))),
    "squared_distance": lambda x, y: dot(x, x) - 2 * dot(x, y) + dot(y, y),
    "exponent": lambda *decoder: min(linear_exponents(*decoder).values()),
    "gegenbauer": gegenbauer,
    "universal_bound": lambda num_classes, dimension: optimum(int(num_classes), int(dimension), "bounded")[1],
}


def value_of(text: str, names: dict[str, Any]) -> Any:
    tree = ast.fix_missing_locations(Exactly().visit(ast.parse(text, mode="eval")))
    return eval(compile(tree, "formula", "eval"), {"__builtins__": {}, **FORMULA_FUNCTIONS, **names})


def is_violation(claim: dict[str, Any]) -> bool:
    names: dict[str, Any] = {}
    for name, value in claim["input"].items():
        if isinstance(value, dict):
            names[name] = tuple(map(tuple, numbers(value)))
        else:
            names[name] = tuple(map(Fraction, value)) if isinstance(value, list) else Fraction(value)
    try:
        for name, text in claim["definitions"].items():
            names[name] = value_of(text, names)
        if not all(value_of(text, names) is True for text in claim["requires"]):
            return False
        return bool(value_of(claim["margin"], names) >= Fraction(claim["at_least"]) > 0)
    except (ArithmeticError, TypeError, ValueError, LookupError, NameError):
        return False


def least_value(sizes: tuple[int, ...], free_bias: bool) -> Any:
    """Sum of the square roots of the eigenvalues of P D P, or D - n n^T / N with a free bias, to 50 digits."""
    total = sum(sizes)
    with mpmath.workdps(60):
        one = mpmath.matrix([[mpmath.mpf(int(i == j)) for j in range(len(sizes))] for i in range(len(sizes))])
        diagonal = mpmath.diag([mpmath.mpf(n) for n in sizes])
        centering = one - mpmath.ones(len(sizes)) / len(sizes)
        outer = mpmath.matrix([[mpmath.mpf(m) * n / total for n in sizes] for m in sizes])
        values = mpmath.eigsy(diagonal - outer if free_bias else centering * diagonal * centering, eigvals_only=True)
        return sum(mpmath.sqrt(max(value, 0)) for value in values)


def is_at_most(number: Fraction, limit: Any) -> bool:
    """Up to the error of 50 digits, far below what the corpus and its mutants leave between true and false."""
    with mpmath.workdps(60):
        return bool(mpmath.mpf(number.numerator) / number.denominator <= limit + mpmath.mpf(10) ** -45)


def is_separation_bound(claim: dict[str, Any]) -> bool:
    return is_at_most(Fraction(claim["bound"]), least_value(tuple(claim["class_sizes"]), claim["free_bias"]))


def is_separation(claim: dict[str, Any]) -> bool:
    points = claim["configuration"]
    counts, (bias,) = points["counts"], numbers(points["bias"])
    features, weights = numbers(points["features"]), numbers(points["weights"])
    if len(bias) != len(weights) or len(counts) != len(weights) or not all(counts):
        return False
    labels = [k for k, part in enumerate(counts) for _ in part]
    widths = {len(row) for row in (*features, *weights)}
    if len(features) != len(labels) or widths != {claim["dimension"]} or (any(bias) and not claim["free_bias"]):
        return False
    logits = [[dot(row, mean) + b for row, b in zip(weights, bias, strict=True)] for mean in features]
    margin = min(logits[i][k] - x for i, k in enumerate(labels) for c, x in enumerate(logits[i]) if c != k)
    repeated = [n for part in counts for n in part]
    square = sum(n * dot(h, h) for n, h in zip(repeated, features, strict=True)) * sum(dot(w, w) for w in weights)
    if margin <= 0 or Fraction(claim["value"]) < 0 or square > (Fraction(claim["value"]) * margin) ** 2:
        return False
    least = least_value(tuple(map(sum, counts)), claim["free_bias"])
    ratio = Fraction(claim.get("ratio", 0))
    return ratio >= 0 and is_at_most(ratio**2 * square / margin**2, least**2)


def real(number: Any) -> Any:
    if isinstance(number, mpmath.mpf):
        return number
    return mpmath.mpf(Fraction(number).numerator) / Fraction(number).denominator


def width(model: dict[str, Any]) -> int:
    """K, how many logits there are."""
    return len(model["label_sets"]["rows"][0]) if "label_sets" in model else len(model["class_sizes"])


def bias_of(model: dict[str, Any]) -> Any:
    return model.get("bias", "none")


def targets(model: dict[str, Any]) -> list[list[Fraction]]:
    if "label_sets" in model:
        return [[x / sum(row) for x in row] for row in numbers(model["label_sets"])]
    count, smoothing = range(len(model["class_sizes"])), Fraction(model["smoothing"])
    return [[(1 - smoothing) * (c == k) + smoothing / len(count) for c in count] for k in count]


def class_weights(model: dict[str, Any]) -> list[Fraction]:
    return [Fraction(x) for x in model["class_weights"] or [1] * len(model["class_sizes"])]


def loss_of(loss: str, logits: list[Fraction], target: list[Fraction]) -> Any:
    """From its definition, at the working precision of mpmath."""
    if loss == "squared_error":
        return real(sum((z - t) ** 2 for z, t in zip(logits, target, strict=True)) / 2)
    exponentials = [mpmath.exp(real(z)) for z in logits]
    if loss == "cross_entropy":
        logarithms = mpmath.log(sum(exponentials))
    else:
        logarithms = sum(mpmath.log(1 + x) for x in exponentials)
    return logarithms - sum(real(t) * real(z) for t, z in zip(target, logits, strict=True))


def logits_of(model: dict[str, Any], weights: Any, bias: Any, feature: Any) -> list[Any]:
    logits = [dot(row, feature) + b for row, b in zip(weights, bias, strict=True)]
    if "temperature" not in model:
        return logits
    lengths = [mpmath.sqrt(real(dot(row, row))) * mpmath.sqrt(real(dot(feature, feature))) for row in weights]
    return [real(Fraction(model["temperature"]) * z) / length for z, length in zip(logits, lengths, strict=True)]


def is_of_model(model: dict[str, Any], points: dict[str, Any]) -> bool:
    features, weights, (bias,) = (numbers(points[name]) for name in ("features", "weights", "bias"))
    if [*map(sum, points["counts"])] != model["class_sizes"] or (bias_of(model) == "none" and any(bias)):
        return False
    if "temperature" in model and not all(any(row) for row in (*features, *weights)):
        return False
    return "features" not in model or min(x for row in features for x in row) >= 0


def objective_of(model: dict[str, Any], points: dict[str, Any]) -> Any:
    """F from its definition to 80 digits, or None where the points do not belong to the model."""
    features, weights, (bias,) = (numbers(points[name]) for name in ("features", "weights", "bias"))
    labels = [(k, n) for k, part in enumerate(points["counts"]) for n in part]
    if not is_of_model(model, points):
        return None
    penalties = [*model.get("regularization", [0, 0]), 0 if bias_of(model) in PLAIN else bias_of(model)]
    rates = [Fraction(x) for x in penalties]
    total, shares = Fraction(sum(model["class_sizes"])), class_weights(model)
    with mpmath.workdps(80):
        value = real(rates[0] * sum(dot(w, w) for w in weights) + rates[2] * dot(bias, bias)) / 2
        for (k, n), h in zip(labels, features, strict=True):
            loss = loss_of(model["loss"], logits_of(model, weights, bias, h), targets(model)[k])
            value += real(shares[k] * n / total) * loss + real(rates[1] * n * dot(h, h)) / 2
        return value


def has_shape(claim: dict[str, Any], name: str) -> bool:
    points = claim[name]
    rows = {part: points[part]["rows"] for part in ("features", "weights", "bias")}
    lengths = (len(rows["features"]), len(rows["weights"]), len(rows["bias"]), {len(row) for row in rows["bias"]})
    labels = width(claim["model"])
    if lengths != (sum(map(len, points["counts"])), labels, 1, {labels}) or not all(points["counts"]):
        return False
    return {len(row) for row in (*rows["features"], *rows["weights"])} == {claim["dimension"]}


def is_objective(claim: dict[str, Any]) -> bool:
    if not has_shape(claim, "configuration"):
        return False
    value = objective_of(claim["model"], claim["configuration"])
    with mpmath.workdps(80):
        return value is not None and bool(value <= real(Fraction(claim["value"])) + mpmath.mpf(10) ** -70)


def is_lower_objective(claim: dict[str, Any]) -> bool:
    if not (has_shape(claim, "configuration") and has_shape(claim, "lower")):
        return False
    values = [objective_of(claim["model"], claim[name]) for name in ("configuration", "lower")]
    with mpmath.workdps(80):
        decrease = real(Fraction(claim["decrease"]))
        return None not in values and bool(0 < decrease <= values[0] - values[1] + mpmath.mpf(10) ** -70)


@functools.cache
def least_found(text: str) -> float:
    """The smallest F that L-BFGS finds, with one row a class in dimension K + M; never below the least."""
    model = json.loads(text)
    sizes, shares, aim = (np.array(x, float) for x in (model["class_sizes"], class_weights(model), targets(model)))
    of_weights, of_features = (float(Fraction(x)) for x in model.get("regularization", [0, 0]))
    of_bias = 0.0 if bias_of(model) in PLAIN else float(Fraction(model["bias"]))
    (classes, labels), total = aim.shape, sizes.sum()
    dimension, tau = classes + labels, float(Fraction(model.get("temperature", 1)))
    cuts = np.cumsum([labels * dimension, classes * dimension])

    def on_sphere(rows: Any) -> tuple[Any, Callable[[Any], Any]]:
        """The rows divided by their norms, and what a slope by them is by the rows."""
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        unit = rows / lengths
        return unit, lambda slope: (slope - (slope * unit).sum(1, keepdims=True) * unit) / lengths

    def objective(flat: Any) -> Any:
        weights, features, bias = np.split(flat, cuts)
        weights, features, bias = weights.reshape(labels, -1), features.reshape(classes, -1), bias * free
        back: Any = [lambda slope: slope] * 2
        if "temperature" in model:
            (weights, back[0]), (features, back[1]) = map(on_sphere, (weights, features))
        logits = tau * features @ weights.T + bias
        largest = logits.max(1, keepdims=True)
        if model["loss"] == "cross_entropy":
            likely = np.exp(logits - largest)
            losses = largest[:, 0] + np.log(likely.sum(1)) - (logits * aim).sum(1)
            slopes = likely / likely.sum(1, keepdims=True) - aim
        elif model["loss"] == "binary_cross_entropy":
            losses = (np.logaddexp(0, logits) - logits * aim).sum(1)
            slopes = 1 / (1 + np.exp(-logits)) - aim
        else:
            losses, slopes = ((logits - aim) ** 2).sum(1) / 2, logits - aim
        slopes = slopes * (shares * sizes / total)[:, None]
        value = shares * sizes / total @ losses + of_weights * (weights**2).sum() / 2 + of_bias * (bias**2).sum() / 2
        value += of_features * (sizes @ (features**2).sum(1)) / 2
        of_all = (slopes.sum(0) + of_bias * bias) * free
        by_weights = back[0](tau * slopes.T @ features + of_weights * weights)
        by_features = back[1](tau * slopes @ weights + of_features * sizes[:, None] * features)
        return value, np.concatenate([by_weights.ravel(), by_features.ravel(), of_all])

    free = bias_of(model) != "none"
    starts = np.random.default_rng(0).normal(size=(2, cuts[1] + labels))
    lower = 0.0 if "features" in model else None
    if "features" in model:
        starts[:, cuts[0] : cuts[1]] = np.abs(starts[:, cuts[0] : cuts[1]])
    bounds = [(None, None)] * cuts[0] + [(lower, None)] * (cuts[1] - cuts[0]) + [(None, None)] * labels
    options = {"ftol": 1e-16, "gtol": 1e-12, "maxiter": 5000}
    with np.errstate(over="ignore"):
        found = [
            minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).fun
            for start in starts
        ]
        zero = [] if "temperature" in model else [objective(0 * starts[0])[0]]
    return float(min(*found, *zero))


def is_objective_bound(claim: dict[str, Any]) -> bool:
    """Up to the rounding of floats, far below what the corpus leaves between true and false."""
    return float(Fraction(claim["bound"])) <= least_found(json.dumps(claim["model"])) * (1 + 1e-9) + 1e-12


TRUTH: dict[str, Callable[[dict[str, Any]], bool]] = dict(
    zip(
        KINDS,
        (
            *(is_exponent, is_bound, is_gap, is_improvement, is_simplex_etf, is_violation),
            *(is_separation, is_separation_bound, is_objective, is_objective_bound, is_lower_objective),
        ),
        strict=True,
    )
)


# ------------------------------------------------------------------------------------------------------- the corpus


@corpus("accepted")
def test_accepted_certificates_are_valid(path: Path) -> None:
    assert isinstance(kernel.check(path.read_bytes()), kernel.Verdict)


@corpus("rejected")
def test_rejected_certificates_are_invalid(path: Path) -> None:
    with pytest.raises(kernel.Invalid):
        kernel.check(path.read_bytes())


@corpus("malformed")
def test_malformed_certificates_are_malformed(path: Path) -> None:
    with pytest.raises(kernel.Malformed):
        kernel.check(path.read_bytes())


@corpus("accepted")
def test_accepted_claims_are_true(path: Path) -> None:
    assert is_true(json.loads(path.read_bytes()))


@corpus("rejected")
def test_rejected_claims_are_false(path: Path) -> None:
    assert not is_true(json.loads(path.read_bytes()))


def test_corpus_covers_every_case() -> None:
    assert all(len(paths) >= 20 for paths in FILES.values())
    accepted = list(ACCEPTED.values())
    assert {certificate["claim"]["kind"] for certificate in accepted} == set(KINDS)
    assert {certificate["claim"].get("energy") for certificate in accepted} == {None, "bounded", "equal", "average"}
    assert {certificate["witness"].get("theorem") for certificate in accepted} == {None, "simplex", "rankin", "line"}
    assert {json.loads(path.read_bytes())["claim"]["kind"] for path in FILES["rejected"]} == set(KINDS)
    formulas = " ".join(json.dumps(certificate["claim"]) for certificate in accepted)
    assert [name for name in kernel.FUNCTIONS if f"{name}(" not in formulas] == []
    noises = [certificate for certificate in accepted if noise_rows(certificate)]
    models = [certificate["claim"]["model"] for certificate in accepted if "model" in certificate["claim"]]
    kinds_of_bias = [b if b in ("none", "free") else "penalized" for b in map(bias_of, models)]
    assert {(model["loss"], bias) for model, bias in zip(models, kinds_of_bias, strict=True)} == set(
        product(LOSSES, ("none", "free", "penalized"))
    )
    for folder in ("accepted", "rejected"):
        claims = [json.loads(path.read_bytes())["claim"] for path in FILES[folder]]
        extended = {(key, claim["kind"]) for claim in claims for key in claim.get("model", {})}
        of_models = ("objective", "objective_bound", "lower_objective")
        assert extended >= set(product(("features", "label_sets", "temperature"), of_models))
    shapes = {(noise_rows(c) > c["claim"]["dimension"], "factor" in c["witness"]) for c in noises}
    assert shapes == set(product((False, True), repeat=2))


def noise_rows(certificate: dict[str, Any]) -> int:
    noise = certificate["claim"].get("noise_covariance")
    return len(noise["rows"]) if isinstance(noise, dict) else 0


@pytest.mark.parametrize("folder", ["rejected", "malformed"])
def test_readme_lists_every_file(folder: str) -> None:
    listed = re.findall(rf"^\| `{folder}/(\S+\.json)` \| .+ \|$", (CORPUS / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == [path.name for path in FILES[folder]]


# ------------------------------------------------------------------------------------------------------ the verdict


@corpus("accepted")
def test_verdict_repeats_the_numbers_of_the_claim(path: Path) -> None:
    claim = json.loads(path.read_bytes())["claim"]
    verdict = kernel.check(path.read_bytes())
    assert verdict.kind == claim["kind"]
    for key, found in verdict.claim.items():
        stated = claim.get(key, claim.get("model", {}).get(key))
        if key == "label_sets":
            assert found == tuple(map(tuple, stated["rows"]))
        elif isinstance(stated, dict) and key != "definitions":
            assert found == sha256(stated)
        elif key == "pair":
            assert found == (stated and tuple(stated))
        elif key == "definitions":
            assert found == tuple(f"{name} = {text}" for name, text in stated.items())
        elif key == "requires":
            assert found == tuple(stated)
        elif key == "class_sizes":
            assert found == tuple(stated or map(sum, claim["configuration"]["counts"]))
        elif key in ("class_weights", "regularization"):
            assert found == tuple(map(Fraction, stated or [1] * len(claim["model"]["class_sizes"])))
        elif key in ("smoothing", "decrease", "temperature") or (key == "bias" and stated not in ("none", "free")):
            assert found == Fraction(stated)
        elif key in ("exponent", "bound", "lower", "upper", "ratio", "scale", "norm_ratio", "at_least", "value"):
            assert found == (None if stated == "inf" else Fraction(stated))
        else:
            assert (type(found), found) == (type(stated), stated)
    assert set(claim) - set(verdict.claim) <= {"kind", "gram", "model"}
    assert set(claim.get("model", {})) <= set(verdict.claim)


def sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def separation_phrases(claim: dict[str, Any]) -> Iterator[str]:
    sizes = claim["class_sizes"] if "class_sizes" in claim else map(sum, claim["configuration"]["counts"])
    bias = "a free bias" if claim["free_bias"] else "no bias"
    yield f" classes of sizes {', '.join(map(str, sizes))} with {bias}"
    if claim["kind"] == "separation_bound":
        yield "no weights W and features H, of any dimension, separate "
        yield f"(smallest margin) below {claim['bound']}"
        return
    canonical = json.dumps(claim["configuration"], sort_keys=True, separators=(",", ":")).encode()
    yield f"sha256 {hashlib.sha256(canonical).hexdigest()} separate "
    yield f"(smallest margin) at most {claim['value']}"
    if "ratio" in claim:
        yield f", and the least possible is at least {claim['ratio']} times that of these"


def simplex_phrases(claim: dict[str, Any]) -> Iterator[str]:
    yield from ("exactly", "simplex ETF", f"{claim['num_classes']} vectors of squared norm {claim['scale']}")


def violation_phrases(claim: dict[str, Any]) -> Iterator[str]:
    canonical = json.dumps(claim["input"], sort_keys=True, separators=(",", ":")).encode()
    yield f"the claim {claim['theorem']} fails for the input with sha256 {hashlib.sha256(canonical).hexdigest()}"
    yield f": ({claim['margin']}) is at least {claim['at_least']}, not at most 0"
    yield "; ".join([*(f"{name} = {text}" for name, text in claim["definitions"].items()), *claim["requires"]])


def channel_phrases(claim: dict[str, Any]) -> Iterator[str]:
    yield f"{claim['num_classes']} classes in dimension {claim['dimension']}"
    noise = claim["noise_covariance"]
    several = isinstance(noise, dict) and len(noise["rows"]) > claim["dimension"]
    which = "identity" if noise == "identity" else f"with sha256 {sha256(noise)})"
    yield f"noise covariance {'of each class ' * several}{which}"
    for name in ("configuration", "better"):
        if name in claim:
            canonical = json.dumps(claim[name], sort_keys=True, separators=(",", ":")).encode()
            yield f"sha256 {hashlib.sha256(canonical).hexdigest()}"
    if "energy" in claim:
        yield f"{claim['energy']} energy"
    if "norm_ratio" in claim:
        yield from ("squared norm", f" {claim['norm_ratio']}")
    if claim["kind"] == "exponent":
        yield f"exponent exactly {'infinite' if claim['exponent'] == 'inf' else claim['exponent']}"
    if claim.get("pair"):
        yield "attained by class {} taken for class {}".format(*claim["pair"])
    if "bound" in claim:
        yield f"any linear decoder has exponent at most {claim['bound']} "
    if "ratio" in claim:
        yield f"exponent / energy at most {claim['ratio']} times that of a better configuration"
    if "lower" in claim:
        yield f"exponent / (energy x optimum) is at least {claim['lower']}"
    if claim.get("upper", "inf") != "inf":
        yield f"and at most {claim['upper']}"


def objective_phrases(claim: dict[str, Any]) -> Iterator[str]:
    model = claim["model"]
    sizes = f"{len(model['class_sizes'])} classes of sizes {', '.join(map(str, model['class_sizes']))}"
    weights = f", times class weights {', '.join(map(str, model['class_weights']))}" if model["class_weights"] else ""
    text = f" over {sizes}, targets smoothed by {model['smoothing']}{of_sets(model)}{weights}"
    yield f"F is the mean {model['loss']} ("
    yield text + of_logits(model) + (", and no entry of H is below 0" if "features" in model else "")
    if "bound" in claim:
        yield f"no weights W and features H, of any dimension, have F below {rounded(claim['bound'], below=True)}, "
        return
    yield f" in dimension {claim['dimension']}, "
    of = f"the weights W and features H with sha256 {sha256(claim.get('lower', claim['configuration']))} have F "
    if "value" in claim:
        yield f"{of}at most {rounded(claim['value'], below=False)} "
    else:
        below = f"below that of the ones with sha256 {sha256(claim['configuration'])} "
        yield f"{of}at least {rounded(claim['decrease'], below=True)} {below}"


PLAIN = {"none": ", with no bias", "free": ", with a free bias"}


def of_sets(model: dict[str, Any]) -> str:
    if "label_sets" not in model:
        return ""
    listed = [", ".join(str(c) for c, x in enumerate(row) if x) for row in model["label_sets"]["rows"]]
    return f" and even on the sets {', '.join(f'{{{each}}}' for each in listed)} of {width(model)} labels"


def of_logits(model: dict[str, Any]) -> str:
    if "temperature" in model:
        return f", of the logits ({model['temperature']}) <w, h> / (|w| |h|)"
    rates = [Fraction(x) for x in (*model["regularization"], *([model["bias"]] * (model["bias"] not in PLAIN)))]
    shown = [f"({rate}) |{name}|^2" for rate, name in zip(rates, "WHb", strict=False)]
    return f", plus half of {' + '.join(shown)}{PLAIN.get(model['bias'], '')}"


def rounded(number: int | str, *, below: bool) -> str:
    """Exactly where it is short, else rounded to a longer decimal: checked to be on the right side, and close."""
    exact = Fraction(number)
    if exact.denominator < 1 << 20:
        return str(exact)
    shift = 16 - (exact.numerator.bit_length() - exact.denominator.bit_length()) * 30103 // 100000
    digits = str(math.floor(exact * Fraction(10) ** shift) + (not below))
    return f"{digits[0]}.{digits[1:]}e{len(digits) - 1 - shift}"


PHRASES = {
    **dict.fromkeys(("objective", "objective_bound", "lower_objective"), objective_phrases),
    "simplex_etf": simplex_phrases,
    "violation": violation_phrases,
    "separation": separation_phrases,
    "separation_bound": separation_phrases,
}


@corpus("accepted")
def test_statement_says_what_the_claim_says(path: Path) -> None:
    claim = json.loads(path.read_bytes())["claim"]
    statement = kernel.check(path.read_bytes()).statement
    phrases = PHRASES.get(claim["kind"], channel_phrases)
    assert [phrase for phrase in phrases(claim) if phrase not in statement] == []
    assert ("one attains it" in statement) == claim.get("attained", False)
    assert ("attained by" in statement) == bool(claim.get("pair"))
    parts = (
        "bound" in claim,
        "bound" in claim,
        "ratio" in claim,
        claim.get("upper", "inf") != "inf",
        "margin" in claim,
    )
    of_points = claim["kind"].startswith("separation") or "model" in claim
    assert statement.count("at most") == ("value" in claim if of_points else sum(parts))


@pytest.mark.parametrize("bound", ["7" * 60, "1" + "0" * 3000, f"{10**70 + 1}/{3**140}", f"{2**9000 + 1}/{3**2000}"])
def test_long_numbers_are_enclosed_in_the_statement(bound: str) -> None:
    certificate = copy.deepcopy(ACCEPTED["bound-loose-not-attained"])
    certificate["claim"]["bound"] = bound if "/" in bound else int(bound)
    verdict = kernel.check(encode(certificate))
    shown = Fraction(re.findall(r"at most ([\d.e-]+) \(noise", verdict.statement)[0])
    assert Fraction(bound) <= shown <= Fraction(bound) * (1 + Fraction(1, 10**15))
    assert verdict.claim["bound"] == Fraction(bound)


@pytest.mark.parametrize("margin", [f"{10**70 + 1}/{3**140}", f"{2**9000 + 1}/{3**2000}"])
def test_long_margins_are_rounded_down_in_the_statement(margin: str) -> None:
    certificate = copy.deepcopy(ACCEPTED["violation-no-input"])
    certificate["claim"] |= {"input": {"x": margin}, "margin": "x", "at_least": margin}
    statement = kernel.check(encode(certificate)).statement
    shown = Fraction(re.findall(r"is at least ([\d.e-]+), not at most 0", statement)[0])
    assert shown <= Fraction(margin) <= shown * (1 + Fraction(1, 10**15))


def test_only_the_kernel_makes_a_verdict() -> None:
    for seal in ((), (None,), (object(),)):
        with pytest.raises(TypeError):
            kernel.Verdict("exponent", {}, "anything", *seal)
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(kernel.check(encode(ACCEPTED["exponent-antipodal-pair"])), statement="anything")


def test_a_verdict_is_read_only() -> None:
    verdict = kernel.check(encode(ACCEPTED["exponent-antipodal-pair"]))
    for name in ("kind", "claim", "statement"):
        with pytest.raises(AttributeError):
            setattr(verdict, name, "anything")
    with pytest.raises(TypeError):
        verdict.claim["exponent"] = Fraction(1)
    assert all(type(value) in (int, str, bool, tuple, Fraction) for value in verdict.claim.values())


# ------------------------------------------------------------------------------------------------- against brute force


def matrices(num_rows: int, num_columns: int, largest: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    row = st.lists(st.integers(-largest, largest), min_size=num_columns, max_size=num_columns)
    rows = st.lists(row, min_size=num_rows, max_size=num_rows)
    fields = {"exponent": st.integers(-2, 2), "denominator": st.sampled_from([3, 5]), "rows": rows}
    return st.fixed_dictionaries(fields).map(in_lowest_terms)


def in_lowest_terms(matrix: dict[str, Any]) -> dict[str, Any]:
    exponent, denominator, rows = matrix["exponent"], matrix.get("denominator", 1), matrix["rows"]
    content = math.gcd(*(entry for row in rows for entry in row))
    if content == 0:
        return {"exponent": 0, "rows": rows}
    twos = (content & -content).bit_length() - 1
    common = math.gcd(content, denominator)
    rows = [[entry // (common << twos) for entry in row] for row in rows]
    rest = {"denominator": denominator // common} if denominator != common else {}
    return {"exponent": exponent + twos, "rows": rows, **rest}


@st.composite
def configurations(draw: st.DrawFn) -> tuple[int, int, dict[str, Any]]:
    num_classes, dimension = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    means = draw(matrices(num_classes, dimension))
    if draw(st.booleans()):
        return num_classes, dimension, {"class_means": means, "decoder": "nearest_mean"}
    weights = means if draw(st.booleans()) else draw(matrices(num_classes, dimension))
    bias = draw(matrices(1, num_classes))
    return num_classes, dimension, {"class_means": means, "weights": weights, "bias": bias}


def exponent_certificate(
    num_classes: int, dimension: int, configuration: dict[str, Any], noise: Any = "identity"
) -> dict[str, Any]:
    claim = {"kind": "exponent", "num_classes": num_classes, "dimension": dimension, "noise_covariance": noise}
    claim |= {"configuration": configuration, "exponent": "inf", "pair": None}
    return {"format": 1, "claim": claim, "witness": {}}


def written(number: Fraction) -> int | str:
    return int(number) if number.denominator == 1 else str(number)


def verdict_of(certificate: dict[str, Any]) -> str:
    try:
        kernel.check(encode(certificate))
    except (kernel.Malformed, kernel.Invalid) as error:
        return type(error).__name__
    return "valid"


exhaustive = settings(max_examples=300, derandomize=True, deadline=None, database=None)


@exhaustive
@given(configurations(), st.data())
def test_exponents_are_those_of_the_definition(drawn: tuple[int, int, dict[str, Any]], data: st.DataObject) -> None:
    certificate = exponent_certificate(*drawn)
    claim = certificate["claim"]
    _, exponents = pair_exponents(claim["configuration"])
    if not exponents:
        assert verdict_of(certificate) == "valid"
        return
    assert verdict_of(certificate) == "Invalid"
    claim["exponent"] = written(least := min(exponents.values()))
    for pair, exponent in exponents.items():
        claim["pair"] = list(pair)
        assert verdict_of(certificate) == ("valid" if exponent == least else "Invalid")
    claim["exponent"] = written(least + data.draw(st.sampled_from([Fraction(1, 10**30), -least / 2, least, -1])))
    claim["pair"] = list(min(exponents, key=lambda pair: exponents[pair]))
    assert verdict_of(certificate) == ("valid" if Fraction(claim["exponent"]) == least else "Invalid")


def symmetric_product(factor: list[list[int]]) -> list[list[int]]:
    return [[sum(map(int.__mul__, left, right)) for right in factor] for left in factor]


@st.composite
def noises(draw: st.DrawFn, num_classes: int, dimension: int) -> tuple[Any, Any]:
    """A noise covariance L L^T + D, diagonal D >= 0, or something near it that may be none, and L where it is given."""
    rows, factors = [], []
    for _ in range(draw(st.sampled_from([1, num_classes]))):
        factor = [draw(st.lists(st.integers(-2, 2), min_size=dimension, max_size=dimension)) for _ in range(dimension)]
        block = symmetric_product(factor)
        for i in range(dimension):
            block[i][i] += draw(st.sampled_from([0, 0, 1]))
        if draw(st.integers(0, 3)) == 0:
            i, j, change = (
                draw(st.integers(low, high)) for low, high in ((0, dimension - 1), (0, dimension - 1), (-2, 2))
            )
            block[i][j] += change
            block[j][i] = block[i][j] if draw(st.integers(0, 3)) else block[j][i]
        rows, factors = rows + block, factors + factor
    exponent, denominator = draw(st.integers(-2, 2)), draw(st.sampled_from([1, 3]))
    noise = in_lowest_terms({"exponent": 2 * exponent, "denominator": denominator**2, "rows": rows})
    if draw(st.booleans()):
        return noise, {}
    return noise, {"factor": in_lowest_terms({"exponent": exponent, "denominator": denominator, "rows": factors})}


@exhaustive
@given(configurations(), st.data())
def test_exponents_under_noise_are_those_of_the_definition(
    drawn: tuple[int, int, dict[str, Any]], data: st.DataObject
) -> None:
    num_classes, dimension, configuration = drawn
    noise, witness = data.draw(noises(num_classes, dimension))
    certificate = exponent_certificate(*drawn, noise) | {"witness": witness}
    claim = certificate["claim"]
    if (blocks := covariances(noise, num_classes, dimension)) is None:
        assert verdict_of(certificate) == "Invalid"
        return
    _, exponents = pair_exponents(configuration, blocks)
    least = min(exponents.values(), default=math.inf)
    if witness and verdict_of(certificate) == "Invalid":
        certificate["witness"] = {}  # a changed covariance that the factor does not show to be one
    if least == math.inf:
        assert verdict_of(certificate) == "valid"
        return
    assert verdict_of(certificate) == "Invalid"
    claim["exponent"] = written(least)
    for pair, exponent in exponents.items():
        claim["pair"] = list(pair)
        assert verdict_of(certificate) == ("valid" if exponent == least else "Invalid")
    claim["pair"] = list(min(exponents, key=lambda pair: exponents[pair]))
    claim["noise_covariance"] = data.draw(noises(num_classes, dimension))[0]
    assert verdict_of(certificate) != "valid" or is_true(certificate)


@exhaustive
@given(st.integers(1, 3), st.data())
def test_a_factor_shows_only_what_is_semidefinite(dimension: int, data: st.DataObject) -> None:
    def square() -> list[list[int]]:
        row = st.lists(st.integers(-3, 3), min_size=dimension, max_size=dimension)
        return data.draw(st.lists(row, min_size=dimension, max_size=dimension))

    factor, rest = square(), square()
    matrix = [
        [x + data.draw(st.integers(0, 6)) * (i == j) + rest[min(i, j)][max(i, j)] for j, x in enumerate(row)]
        for i, row in enumerate(symmetric_product(factor))
    ]
    noise = in_lowest_terms({"exponent": 0, "denominator": 1, "rows": matrix})
    means = {"class_means": {"exponent": 0, "rows": [[0] * dimension]}, "decoder": "nearest_mean"}
    certificate = exponent_certificate(1, dimension, means, noise)
    hint = in_lowest_terms({"exponent": 0, "denominator": 1, "rows": factor})
    plain, hinted = verdict_of(certificate), verdict_of(certificate | {"witness": {"factor": hint}})
    assert plain == ("valid" if is_gram(numbers(noise), dimension) else "Invalid")
    left = [[x - y for x, y in zip(*rows, strict=True)] for rows in zip(matrix, symmetric_product(factor), strict=True)]
    dominant = all(row[i] >= sum(map(abs, row)) - abs(row[i]) for i, row in enumerate(left))
    assert hinted == ("valid" if dominant else "Invalid")
    assert plain == "valid" or not dominant


@exhaustive
@given(st.integers(1, 4), st.data())
def test_gram_matrices_are_those_of_points(num_classes: int, data: st.DataObject) -> None:
    dimension, rank = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    points = data.draw(matrices(num_classes, rank, largest=2))["rows"]
    rows = [[sum(map(int.__mul__, left, right)) for right in points] for left in points]
    if data.draw(st.booleans()):
        i, j = (data.draw(st.integers(0, num_classes - 1)) for _ in range(2))
        rows[i][j] += data.draw(st.integers(-2, 2))
        rows[j][i] = rows[i][j] if data.draw(st.booleans()) else rows[j][i]
    gram = in_lowest_terms({"exponent": -1, "rows": rows})
    certificate = exponent_certificate(num_classes, dimension, {"gram": gram, "decoder": "nearest_mean"})
    if num_classes > 1:
        _, exponents = pair_exponents(certificate["claim"]["configuration"])
        pair = min(exponents, key=lambda pair: exponents[pair])
        certificate["claim"] |= {"exponent": written(exponents[pair]), "pair": list(pair)}
    assert verdict_of(certificate) == ("valid" if is_gram(numbers(gram), dimension) else "Invalid")


@pytest.mark.parametrize("theorem", ["simplex", "rankin", "line"])
@pytest.mark.parametrize("energy", ["bounded", "equal", "average"])
def test_universal_bounds_are_never_below_a_known_optimum(energy: str, theorem: str) -> None:
    for num_classes, dimension, attained in product(range(2, 8), range(1, 6), (False, True)):
        classes = Fraction(num_classes)
        bounds = [classes / (4 * (classes - 1)), Fraction(1, 4), Fraction(0)]
        bounds += [1 / (2 * (classes - 1) ** 2), 3 / (2 * (classes**2 - 1))]
        for bound, shift in product(bounds, (Fraction(0), Fraction(1, 1000), Fraction(-1, 1000))):
            claim = {"kind": "universal_bound", "num_classes": num_classes, "dimension": dimension, "energy": energy}
            claim |= {"noise_covariance": "identity", "bound": written(bound + shift), "attained": attained}
            certificate = {"format": 1, "claim": claim, "witness": {"theorem": theorem}}
            assert verdict_of(certificate) != "valid" or is_true(certificate)


WORDS = [
    *("bounded", "equal", "average", "simplex", "rankin", "line", "inf", "nearest_mean", "identity", "gap"),
    *("1/2", "-1/2", "3/4", "1/8", *LOSSES, "none", "free"),
]


@st.composite
def multipliers(draw: st.DrawFn) -> tuple[list[int], list[list[int]]]:
    sizes = draw(st.lists(st.sampled_from([1, 2, 4, 9, 25]), min_size=2, max_size=4))
    entries = [[draw(st.integers(-1, 8)) if i != c else 0 for c in range(len(sizes))] for i in range(len(sizes))]
    if draw(st.booleans()):  # what cancels a free bias: n_i beta_ic is symmetric
        common = math.lcm(*sizes)
        entries = [
            [max(entries[min(i, c)][max(i, c)], 0) * common // n for c in range(len(sizes))]
            for i, n in enumerate(sizes)
        ]
        entries = [[x * (i != c) for c, x in enumerate(row)] for i, row in enumerate(entries)]
    return sizes, entries


@exhaustive
@given(multipliers(), st.integers(3, 9), st.booleans())
def test_multipliers_are_taken_exactly_where_their_row_sums_allow(
    drawn: tuple[list[int], list[list[int]]], digits: int, free_bias: bool
) -> None:
    """The check once more, from its definition, on Fractions."""
    sizes, entries = drawn
    count = range(len(sizes))
    beta = [[Fraction(x, 2**digits) for x in row] for row in entries]
    columns = [[sum(row) if i == c else -row[c] for c in count] for i, row in enumerate(beta)]
    gram = [[sum(sizes[k] * columns[k][i] * columns[k][j] for k in count) for j in count] for i in count]
    shift = sum(gram[i][i] for i in count) / (len(sizes) * (len(sizes) - 1))
    total = sum(n * x for n, row in zip(sizes, beta, strict=True) for x in row)
    good = min(x for row in beta for x in row) >= 0
    good &= max(sum(abs(x + shift) for x in row) for row in gram) <= 1
    good &= not (free_bias and any(sum(sizes[k] * columns[k][i] for k in count) for i in count))
    witness = {"multipliers": in_lowest_terms({"exponent": -digits, "rows": entries})}
    claim = {"kind": "separation_bound", "class_sizes": sizes, "free_bias": free_bias, "bound": written(total)}
    found = verdict_of({"format": 1, "claim": claim, "witness": witness})
    assert found == ("valid" if good else "Invalid")
    claim["bound"] = written(total + Fraction(1, 10**9))
    assert verdict_of({"format": 1, "claim": claim, "witness": witness}) == "Invalid"


# ------------------------------------------------------------------------------------ unconstrained-features models

UNIT = 1 << 192
EXTREMES = [(0, 1), (1, 1), (1, 1 << 200), (1, (1 << 192) + 1), (10**4, 1), (1 << 600, 1), (192 * UNIT - 1, UNIT)]
EXTREMES += [(192, 1), (133, 1), *((1 << k, 1) for k in range(8)), *((1, 1 << k) for k in range(1, 193))]
ratios = st.tuples(st.integers(0, 1 << 260), st.integers(1, 1 << 260)) | st.tuples(
    st.integers(0, 10**6), st.integers(1, 10**4)
)
thousand = settings(max_examples=1000, derandomize=True, deadline=None, database=None)


def assert_exponential(p: int, q: int) -> None:
    with mpmath.workprec(1000):
        exact = mpmath.exp(-mpmath.mpf(p) / q) * UNIT if p < 10**6 * q else mpmath.mpf(0)
        assert abs(kernel._exp(p, q) - exact) < 1 << 18


def assert_logarithm(p: int, q: int) -> None:
    low, high = kernel._log(p, q)
    with mpmath.workprec(1000):
        assert low < mpmath.log(mpmath.mpf(p) / q) * UNIT < high
    assert high - low <= 800 * (2 + abs(p.bit_length() - q.bit_length()))


@pytest.mark.parametrize(("p", "q"), EXTREMES)
def test_extreme_exponentials_and_logarithms_are_enclosed(p: int, q: int) -> None:
    assert_exponential(p, q)
    if p:
        assert_logarithm(p, q)
        assert_logarithm(q, p)


@thousand
@given(ratios)
def test_exponentials_and_logarithms_are_enclosed(drawn: tuple[int, int]) -> None:
    assert_exponential(*drawn)
    assert_logarithm(drawn[0] + 1, drawn[1])


@exhaustive
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=5), st.integers(1, 10**7))
def test_logarithms_of_sums_are_enclosed(z: list[int], one: int) -> None:
    low, high = kernel._log_sum(z, one)
    with mpmath.workprec(1000):
        total = sum(mpmath.exp(mpmath.mpf(x - max(z)) / one) for x in z)
        proved = mpmath.mpf(len(z) << 17) / UNIT  # what is proved of a sum is twice that, what is seen far less
        assert (
            low
            < mpmath.log(total - proved) * UNIT
            < mpmath.log(total) * UNIT
            < mpmath.log(total + proved) * UNIT
            < high
        )
    assert high - low < 1 << 24


@st.composite
def models(draw: st.DrawFn, biases: Sequence[str] = ("none", "free", "1/3", "2")) -> dict[str, Any]:
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=3))
    rates, loss, bias = ("1/100", "1/10", "1/3", "2"), draw(st.sampled_from(LOSSES)), draw(st.sampled_from(biases))
    weights = [draw(st.sampled_from(["1/3", 1, 2, "5/2"])) for _ in sizes] if draw(st.booleans()) else None
    smoothing = draw(st.sampled_from([0, "1/10", "2/3"])) if loss == "cross_entropy" else 0
    model: dict[str, Any] = {
        "class_sizes": sizes,
        "loss": loss,
        "smoothing": smoothing,
        "class_weights": weights and [written(Fraction(x)) for x in weights],
    }
    if loss == "cross_entropy" and draw(st.booleans()):
        entries = st.lists(st.integers(0, 1), min_size=(size := draw(st.integers(1, 4))), max_size=size).filter(any)
        model |= {"smoothing": 0, "label_sets": {"exponent": 0, "rows": [draw(entries) for _ in sizes]}}
    if draw(st.booleans()):
        model["features"] = "nonnegative"
    if loss == "cross_entropy" and draw(st.integers(0, 2)) == 0:
        return model | {"temperature": draw(st.sampled_from([1, 10, "1/3", "7/2"]))}
    return model | {
        "regularization": [written(Fraction(draw(st.sampled_from(rates)))) for _ in range(2)],
        "bias": written(Fraction(bias)) if bias not in PLAIN else bias,
    }


@st.composite
def points_of(draw: st.DrawFn, model: dict[str, Any], dimension: int) -> dict[str, Any]:
    counts = []
    for n in model["class_sizes"]:
        first = draw(st.integers(1, n))
        counts.append([x for x in (first, n - first) if x])
    shapes = {"features": (sum(map(len, counts)), dimension), "weights": (width(model), dimension)}
    points: dict[str, Any] = {name: draw(matrices(*shape)) for name, shape in shapes.items()}
    if "features" in model and draw(st.integers(0, 5)):
        points["features"]["rows"] = [[abs(x) for x in row] for row in points["features"]["rows"]]
    zero = {"exponent": 0, "rows": [[0] * width(model)]}
    return points | {"bias": zero if bias_of(model) == "none" else draw(matrices(1, width(model))), "counts": counts}


STEP, WIDTH = Fraction(1, 10**57), Fraction(1, 10**50)  # below what an enclosure leaves open, and above


def floor_of(number: Any) -> Fraction:
    """Rounded down to a multiple of STEP; perhaps one too low where it is one."""
    with mpmath.workdps(80):
        return int(mpmath.floor(number / real(STEP))) * STEP


@exhaustive
@given(models(), st.integers(1, 3), st.data())
def test_objectives_are_those_of_the_definition(model: dict[str, Any], dimension: int, data: st.DataObject) -> None:
    points, lower = (data.draw(points_of(model, dimension)) for _ in range(2))
    claim = {"kind": "objective", "model": model, "dimension": dimension, "configuration": points}
    if not (is_of_model(model, points) and is_of_model(model, lower)):
        claim |= {"kind": "lower_objective", "lower": lower, "decrease": written(STEP)}
        assert verdict_of({"format": 1, "claim": claim, "witness": {}}) == "Invalid"
        return
    values = [floor_of(objective_of(model, x)) for x in (points, lower)]
    for change, verdict in ((WIDTH, "valid"), (-STEP, "Invalid")):
        certificate = {"format": 1, "claim": claim | {"value": written(values[0] + change)}, "witness": {}}
        assert verdict_of(certificate) == verdict
    claim |= {"kind": "lower_objective", "lower": lower}
    for change in (-WIDTH, 3 * STEP):
        decrease = values[0] - values[1] + change
        certificate = {"format": 1, "claim": claim | {"decrease": written(decrease)}, "witness": {}}
        assert verdict_of(certificate) == ("valid" if change < 0 < decrease else "Invalid")


def tight_log_sum(z: list[int], one: int) -> tuple[int, int]:
    """What `_log_sum` encloses, between neighboring integers."""
    with mpmath.workprec(1000):
        total = mpmath.log(sum(mpmath.exp(mpmath.mpf(x - max(z)) / one) for x in z))
        return int(mpmath.floor(total * UNIT)), int(mpmath.ceil(total * UNIT))


@exhaustive
@given(models(("none",)).filter(lambda model: "temperature" in model), st.integers(1, 3), st.data())
def test_logits_on_spheres_are_enclosed_themselves(model: dict[str, Any], dimension: int, data: st.DataObject) -> None:
    """The error of logarithms hides that of the roots, so here it is next to nothing."""
    points = data.draw(points_of(model, dimension))
    if not is_of_model(model, points):
        return
    facts = kernel._model(model)[0] | {"dimension": dimension}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_log_sum", tight_log_sum)
        low, high = kernel._enclosure(facts, points, "points")
    value, most = objective_of(model, points), max(Fraction(x) for x in class_weights(model))
    with mpmath.workdps(80):
        assert real(low) - mpmath.mpf(10) ** -75 <= value <= real(high) + mpmath.mpf(10) ** -75
    assert high - low <= 3 * most / UNIT


def test_certain_rows_of_a_dual_have_no_entropy() -> None:
    certificate = copy.deepcopy(ACCEPTED["optimum-by-the-targets-is-at-least-zero"])
    for bound, verdict in ((0, "valid"), (f"1/{1 << 400}", "Invalid")):
        certificate["claim"]["bound"] = bound
        assert verdict_of(certificate) == verdict


def entropy(loss: str, row: list[Fraction], target: list[Fraction]) -> Any:
    """min over z of l(z, t) - <q - t, z>, by the conjugates of the losses."""
    if loss == "squared_error":
        return real((dot(target, target) - dot(row, row)) / 2)
    terms = [*row, *(1 - x for x in row)] if loss == "binary_cross_entropy" else row
    return -sum(real(x) * mpmath.log(real(x)) for x in terms if x)


def differences(model: dict[str, Any], dual: list[list[Fraction]]) -> list[list[Fraction]]:
    """The r_k."""
    pairs = zip(class_weights(model), dual, targets(model), strict=True)
    return [[w * (x - t) for x, t in zip(*rows, strict=True)] for w, *rows in pairs]


def bound_of(model: dict[str, Any], dual: list[list[Fraction]]) -> Any:
    """The bound of a dual whose gradients are small enough, from the definitions; on spheres without multipliers."""
    sizes, shares, aim, count = model["class_sizes"], class_weights(model), targets(model), range(len(dual))
    rest = differences(model, dual)
    slope = [dot(sizes, column) / sum(sizes) for column in zip(*rest, strict=True)]
    with mpmath.workdps(80):
        value = sum(entropy(model["loss"], dual[k], aim[k]) * real(shares[k] * sizes[k]) for k in count) / sum(sizes)
        if bias_of(model) not in PLAIN:
            value -= real(dot(slope, slope) / (2 * Fraction(model["bias"])))
    return value


def semidefinite_matrix(model: dict[str, Any], dual: list[list[Fraction]], ends: Any = ()) -> list[list[Fraction]]:
    """What has to be positive semidefinite: N^2 (lambda_W lambda_H I - G G^T), or what takes its place."""
    sizes, rest, total = model["class_sizes"], differences(model, dual), Fraction(sum(model["class_sizes"]))
    classes, labels = range(len(rest)), range(width(model))
    if "temperature" in model:
        cross = [[Fraction(model["temperature"]) * sizes[k] * rest[k][c] / total for k in classes] for c in labels]
        zeros = [[Fraction(0)] * len(classes)] * len(classes)
        rows = [[Fraction(0)] * len(labels) + row for row in cross]
        rows += [[cross[c][k] for c in labels] + zeros[k] for k in classes]
        return [[x + (ends[i] if ends and i == j else 0) for j, x in enumerate(row)] for i, row in enumerate(rows)]
    level = math.prod(Fraction(x) for x in model["regularization"]) * total**2
    if "features" in model:
        return [
            [level * sizes[k] * (k == m) - sizes[k] * sizes[m] * max(dot(rest[k], rest[m]), 0) for m in classes]
            for k in classes
        ]
    square = [[sum(sizes[k] * rest[k][a] * rest[k][b] for k in classes) for b in labels] for a in labels]
    return [[level * (a == b) - x for b, x in enumerate(row)] for a, row in enumerate(square)]


def is_dominant(matrix: list[list[Fraction]]) -> bool:
    return all(2 * row[i] >= sum(map(abs, row)) for i, row in enumerate(matrix))


@st.composite
def duals(draw: st.DrawFn, model: dict[str, Any]) -> list[list[Fraction]]:
    """Rows on the way from the targets to random ones, so near to the targets that the gradients are small enough."""
    aim, rows, way = targets(model), [], Fraction(1)
    for target in aim:
        row = [Fraction(draw(st.integers(0, 9))) for _ in target]
        scale = {"cross_entropy": sum(row) or 1, "binary_cross_entropy": 9, "squared_error": draw(st.integers(1, 9))}
        rows.append([x / scale[model["loss"]] for x in row] if any(row) else target)
    while True:
        near = [[t + way * (x - t) for x, t in zip(*pair, strict=True)] for pair in zip(rows, aim, strict=True)]
        if "temperature" in model or is_dominant(semidefinite_matrix(model, near)):
            return near
        way *= Fraction(4, 5)


def multipliers_of(model: dict[str, Any], dual: list[list[Fraction]]) -> list[Fraction]:
    """Those that make the matrix diagonally dominant, and none where nothing is on a sphere."""
    return [sum(map(abs, row), Fraction(0)) for row in semidefinite_matrix(model, dual)] * ("temperature" in model)


def as_matrix(rows: list[list[Fraction]]) -> dict[str, Any]:
    common = math.lcm(*(x.denominator for row in rows for x in row))
    twos = (common & -common).bit_length() - 1
    entries = [[int(x * common) for x in row] for row in rows]
    return in_lowest_terms({"exponent": -twos, "denominator": common >> twos, "rows": entries})


def bound_certificate(model: dict[str, Any], dual: Any, factor: Any, bound: Fraction, ends: Any = ()) -> dict[str, Any]:
    claim = {"kind": "objective_bound", "model": model, "bound": written(bound)}
    witness = {"dual": as_matrix(dual), "factor": as_matrix(factor)}
    return {"format": 1, "claim": claim, "witness": witness | ({"multipliers": as_matrix([ends])} if ends else {})}


@exhaustive
@given(models(("none", "1/3", "2")), st.data())
def test_bounds_are_those_of_the_definition_and_below_every_objective(
    model: dict[str, Any], data: st.DataObject
) -> None:
    dual = data.draw(duals(model))
    ends = multipliers_of(model, dual)
    with mpmath.workdps(80):
        value = bound_of(model, dual) - real(sum(ends) / Fraction(2))
    zero = [[Fraction(0)] * len(row) for row in semidefinite_matrix(model, dual)]
    assert verdict_of(bound_certificate(model, dual, zero, floor_of(value) - WIDTH, ends)) == "valid"
    assert verdict_of(bound_certificate(model, dual, zero, floor_of(value) + 2 * STEP, ends)) == "Invalid"
    for dimension in (1, 3):
        points = data.draw(points_of(model, dimension))
        assert not is_of_model(model, points) or value <= objective_of(model, points)


@exhaustive
@given(models(("none",)), st.data())
def test_a_bound_needs_a_matrix_that_its_factor_shows_to_be_semidefinite(
    model: dict[str, Any], data: st.DataObject
) -> None:
    """Valid exactly where S - L L^T is dominant, S from the definitions; the dual may be far too large for it."""
    factor_entries, size = st.integers(-3, 3), len(model["class_sizes"])
    dual = data.draw(duals(model))
    away = data.draw(st.sampled_from([Fraction(0), Fraction(1, 7), Fraction(1)]))
    dual = [[(1 - away) * x + away / len(row) for x in row] for row in dual]
    ends = [data.draw(st.sampled_from([0, "1/5", 1, 3])) for _ in range(size + width(model))]
    ends = [Fraction(x) for x in ends] * ("temperature" in model)
    matrix = semidefinite_matrix(model, dual, ends)
    factor = [[Fraction(data.draw(factor_entries), 4) for _ in matrix] for _ in matrix]
    left = [[x - dot(factor[i], factor[j]) for j, x in enumerate(row)] for i, row in enumerate(matrix)]
    certificate = bound_certificate(model, dual, factor, Fraction(-(10**9)), ends)
    assert verdict_of(certificate) == ("valid" if is_dominant(left) else "Invalid")


@exhaustive
@given(models(("none",)), st.data())
def test_the_cost_of_a_bound_is_estimated_before_it_is_paid(model: dict[str, Any], data: st.DataObject) -> None:
    """No number is larger than the estimate says, and the products are as many as the manual says."""
    dual, made, paid = data.draw(duals(model)), [], {}
    ends, order = multipliers_of(model, dual), len(semidefinite_matrix(model, dual))
    zero = [[Fraction(0)] * order for _ in range(order)]
    original = kernel._dual

    def remembered(facts: Any, rows: Any, unit: Fraction, extra: int, work: int) -> Any:
        made.append((extra, *original(facts, rows, unit, extra, work)))
        return made[0][1:]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_dual", remembered)
        patch.setattr(kernel, "_afford", lambda rows, name, work, growth=1: paid.update({name: (rows, work)}))
        kernel.check(encode(bound_certificate(model, dual, zero, Fraction(-(10**9)), ends)))
    sizes, (extra, _, rest, _) = model["class_sizes"], made[0]
    (((largest,),), products), cube = paid["witness.dual"], max(order, len(sizes)) ** 3
    assert largest >= extra * max(n * abs(x) for n, row in zip(sizes, rest, strict=True) for x in row)
    assert products == cube + 500 * len(sizes) * width(model)
    assert paid["witness.factor"][1] == cube
    assert paid.get("witness.multipliers", ((), order**2))[1] == order**2


def changed_dual(name: str, i: int, j: int, change: Fraction, folder: str = "dual") -> dict[str, Any]:
    certificate = copy.deepcopy(ACCEPTED[name])
    matrix = numbers(certificate["witness"][folder])
    matrix[i][j] += change
    certificate["witness"][folder] = as_matrix(matrix)
    certificate["claim"]["bound"] = -(10**9)
    return certificate


TINY = Fraction(1, 1 << 60)
SPOILED = {
    "row_sum": ("optimum-collapsed-to-zero", 0, 0, TINY),
    "row_sum_with_a_penalized_bias": ("optimum-smoothing-weights-and-bias", 1, 2, -TINY),
    "binary_above_one": ("optimum-binary-cross-entropy", 0, 0, Fraction(1, 2)),
    "binary_negative": ("optimum-binary-cross-entropy", 0, 1, Fraction(-1, 2)),
    "free_bias": ("optimum-squared-error-class-weights", 0, 0, -TINY),
    "spectral_norm": ("optimum-squared-error-exactly", 0, 0, -TINY),
    "factor": ("optimum-three-of-four", 0, 0, TINY, "factor"),
    "factor_of_exact_rank": ("optimum-squared-error-with-a-free-bias-exactly", 2, 1, -TINY, "factor"),
    "length_of_a_row": ("nonnegative-optimum-of-two-sizes", 1, 0, TINY),
    "label_sets_row_sum": ("label-sets-collapsed-to-zero", 4, 2, TINY),
    "label_sets_free_bias": ("label-sets-loose-bound-with-a-free-bias", 2, 1, -TINY),
    "label_sets_factor": ("label-sets-collapsed-to-zero", 2, 0, TINY, "factor"),
    "multiplier_of_a_weight": ("sphere-bound-of-an-antipodal-pair", 0, 1, -TINY, "multipliers"),
    "multiplier_of_a_class": ("sphere-bound-of-an-antipodal-pair", 0, 3, -TINY, "multipliers"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_witness_with_one_flaw_shows_nothing(name: str) -> None:
    """Not even a bound far below all objectives; without the flaw it does."""
    original, i, j, change, *where = SPOILED[name]
    assert verdict_of(changed_dual(original, i, j, Fraction(0), *where)) == "valid"
    assert verdict_of(changed_dual(original, i, j, change, *where)) == "Invalid"


QUARTER = Fraction(1, 4)


@pytest.mark.parametrize(
    ("loss", "row", "verdict"),
    [
        ("cross_entropy", [3 * QUARTER, 0, QUARTER], "valid"),
        ("cross_entropy", [3 * QUARTER + TINY, -TINY, QUARTER], "Invalid"),
        ("binary_cross_entropy", [1, 0, QUARTER], "valid"),
        ("binary_cross_entropy", [1, -TINY, QUARTER], "Invalid"),
        ("binary_cross_entropy", [1 + TINY, 0, QUARTER], "Invalid"),
        ("squared_error", [1 + TINY, -TINY, QUARTER], "valid"),
    ],
)
def test_what_is_no_probability_shows_nothing(loss: str, row: list[Fraction], verdict: str) -> None:
    model = ACCEPTED["optimum-loose"]["claim"]["model"] | {"loss": loss}
    dual = [[Fraction(x) for x in row], *([Fraction(i == j) for j in range(3)] for i in (1, 2))]
    assert verdict_of(bound_certificate(model, dual, [[Fraction(0)] * 3] * 3, Fraction(-(10**9)))) == verdict


def balanced(classes: int, samples: int) -> tuple[dict[str, Any], list[list[Fraction]], Fraction]:
    """A model with c = K sqrt(n) lambda = 1/2 where n is a square, its optimal dual, and its least value."""
    rate = Fraction(1, 2 * classes * math.isqrt(samples))
    model = {"class_sizes": [samples] * classes, "loss": "cross_entropy", "smoothing": 0, "class_weights": None}
    model |= {"regularization": [str(rate), str(rate)], "bias": "free"}
    off = Fraction(1, 2 * classes)
    dual = [[1 - off * (classes - 1) if i == j else off for j in range(classes)] for i in range(classes)]
    with mpmath.workdps(80):
        a = mpmath.log(1 + mpmath.mpf(classes))
        value = mpmath.log(1 + (classes - 1) * mpmath.exp(-a)) + a * (classes - 1) / (2 * classes)
    return model, dual, floor_of(value)


@pytest.mark.parametrize(("classes", "samples"), [(2, 1), (3, 4), (10, 9), (40, 25)])
def test_balanced_optima_are_exact(classes: int, samples: int) -> None:
    """S = N^2 lambda^2 J / K is its own factor, but for a scale: L = N lambda J / K has L L^T = S."""
    model, dual, value = balanced(classes, samples)
    entry = classes * samples * Fraction(model["regularization"][0]) / classes
    factor = [[entry] * classes for _ in range(classes)]
    assert verdict_of(bound_certificate(model, dual, factor, value - WIDTH)) == "valid"
    assert verdict_of(bound_certificate(model, dual, factor, value + STEP)) == "Invalid"
    model["regularization"][0] = written(Fraction(model["regularization"][0]) * (1 - Fraction(1, 1 << 40)))
    assert verdict_of(bound_certificate(model, dual, factor, Fraction(0))) == "Invalid"


def test_both_ends_of_a_long_number_enclose_it() -> None:
    certificate = copy.deepcopy(ACCEPTED["exponent-antipodal-pair"])
    for mean in (3**60, 7**90):
        certificate["claim"]["configuration"]["class_means"] = {"exponent": -100, "rows": [[mean], [-mean]]}
        certificate["claim"]["exponent"] = written(Fraction(mean, 2**100) ** 2 / 2)
        found = re.findall(r"from ([\d.e-]+) to ([\d.e-]+)\)", kernel.check(encode(certificate)).statement)
        low, high = map(Fraction, found[0])
        assert low < Fraction(certificate["claim"]["exponent"]) < high < low * (1 + Fraction(1, 10**14))


def test_long_ends_are_weakened_in_the_statement() -> None:
    """A value is rounded up, a ratio and a bound are rounded down."""
    certificate = copy.deepcopy(ACCEPTED["separation-square"])
    value, ratio = 4 + Fraction(1, 3**50), Fraction(3, 4) - Fraction(1, 3**50)
    certificate["claim"] |= {"value": written(value), "ratio": written(ratio)}
    shown = [
        Fraction(text)
        for text in re.findall(r"at (?:most|least) ([\d.e-]+)", kernel.check(encode(certificate)).statement)
    ]
    assert value < shown[0] < value + Fraction(1, 10**14)
    assert ratio - Fraction(1, 10**14) < shown[1] < ratio
    certificate = copy.deepcopy(ACCEPTED["least-two-classes"])
    certificate["claim"]["bound"] = written(1 - Fraction(1, 3**50))
    (text,) = re.findall(r"below ([\d.e-]+)", kernel.check(encode(certificate)).statement)
    assert 1 - Fraction(1, 10**14) < Fraction(text) < 1 - Fraction(1, 3**50)
    long, words = Fraction(1, 3**50), ("at most", "below", "at least")
    for name, key, number, word in (
        ("objective-squared-error-exactly", "value", Fraction(7, 16) + long, words[0]),
        ("optimum-squared-error-exactly", "bound", Fraction(3, 8) - long, words[1]),
        ("lower-by-a-free-bias-exactly", "decrease", Fraction(1, 16) - long, words[2]),
    ):
        certificate = copy.deepcopy(ACCEPTED[name])
        certificate["claim"][key] = written(number)
        (text,) = re.findall(rf"F {word} ([\d.e-]+)", kernel.check(encode(certificate)).statement)
        assert 0 < (Fraction(text) - number) * (1 if key == "value" else -1) < Fraction(1, 10**14)


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from nodes(value[key], (*path, key))


def at(value: Any, path: Sequence[Any]) -> Any:
    for key in path:
        value = value[key]
    return value


SWAPS = [
    ["0", "1", "2", "3", "4"],
    ["<", "<=", ">", ">=", "==", "!="],
    ["+", "-", "*", "/"],
    ["min", "max", "sum", "len", "sorted"],
    ["all", "any"],
    ["and", "or"],
    ["combinations", "permutations"],
    ["dot", "squared_distance"],
    ["x", "y", "points", "t", "gram", "weights", "means", "bias", "sums"],
]


def is_formula(value: Any) -> bool:
    return isinstance(value, str) and bool(re.search("[ (]", value))


def changed_formula(text: str, draw: Callable[[st.SearchStrategy[Any]], Any]) -> str:
    """The text with one word, number or sign exchanged for another of its sort."""
    tokens = re.findall(r"\w+|\*\*|[<>=!]=| +|.", text)
    places = [(i, swap) for i, token in enumerate(tokens) for swap in SWAPS if token in swap]
    if places:
        i, swap = draw(st.sampled_from(places))
        tokens[i] = draw(st.sampled_from(swap))
    return "".join(tokens)


def is_number(value: Any) -> bool:
    return type(value) is int or (isinstance(value, str) and bool(re.fullmatch(r"-?\d+/\d+", value)))


def changed(value: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
    """The value with one change: another number, sign, word or size."""
    if isinstance(value, dict):
        return {key: value[key] for key in value if key != draw(st.sampled_from([None, *value]))}
    if value == []:
        return [1]
    if isinstance(value, list):
        i, j = (draw(st.integers(0, len(value) - 1)) for _ in range(2))
        swapped = [*value]
        swapped[i], swapped[j] = value[j], value[i]
        return draw(st.sampled_from([swapped, value[:i] + value[i + 1 :], [*value, value[i]], value[::-1]]))
    if value is None or isinstance(value, bool):
        return draw(st.sampled_from([True, False, None, 0, 1, [0, 1], [1, 0]]))
    if is_formula(value):
        return changed_formula(value, draw)
    if not is_number(value):
        return draw(st.sampled_from([*WORDS, 0, 1, 2]))
    number = Fraction(value)
    moved = [number + 1, number - 1, -number, 2 * number, number / 2, number / 3, 1 - number, number * number]
    nudged = [number + nudge for nudge in (Fraction(1, 100), Fraction(-1, 100), Fraction(1, 10**20))]
    whole = [number + step for step in (1, -1, 2, -2)] + [-number, Fraction(0), Fraction(1), 3 * number]
    choices = whole if isinstance(value, int) and draw(st.integers(0, 4)) else nudged + moved
    return written(draw(st.sampled_from(choices)))


def without_class(claim: dict[str, Any], i: int) -> None:
    """Drop a class everywhere, so that the sizes still agree."""
    if noise_rows({"claim": claim}) > claim["dimension"]:
        del claim["noise_covariance"]["rows"][i * claim["dimension"] : (i + 1) * claim["dimension"]]
    claim["num_classes"] -= 1
    for configuration in (claim[name] for name in ("configuration", "better") if name in claim):
        for name, matrix in configuration.items():
            if name in ("class_means", "weights", "gram"):
                del matrix["rows"][i]
            if name in ("gram", "bias"):
                for row in matrix["rows"]:
                    del row[i]


def change_symmetrically(rows: list[list[int]], i: int, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """Change an entry of row i in one of several symmetric matrices, and its mirror image."""
    j, dimension = draw(st.integers(0, len(rows[0]) - 1)), len(rows[0])
    start = i - i % dimension
    rows[i][j] = rows[start + j][i - start] = rows[i][j] + draw(st.sampled_from([1, -1, 2, -2, -rows[i][j]]))


def reduced(value: Any) -> Any:
    """Every matrix in lowest terms again, where it still is one."""
    if not isinstance(value, dict):
        return value
    if value.keys() >= {"exponent", "rows"} and isinstance(value["rows"], list):
        rows, sizes = value["rows"], (value["exponent"], value.get("denominator", 1))
        if all(isinstance(row, list) for row in rows):
            entries = [*sizes, *(entry for row in rows for entry in row)]
            if len(entries) > 2 and all(type(entry) is int for entry in entries) and sizes[1] > 0:
                return in_lowest_terms(value)
    return {key: reduced(inner) for key, inner in value.items()}


@st.composite
def mutants(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    originals = [certificate for certificate in ACCEPTED.values() if certificate["claim"]["kind"] == kind]
    certificate = copy.deepcopy(draw(st.sampled_from(originals)))
    claim = certificate["claim"]
    if claim.keys() >= {"configuration", "num_classes"} and claim["num_classes"] > 1 and draw(st.integers(0, 5)) == 0:
        without_class(claim, draw(st.integers(0, claim["num_classes"] - 1)))
    if (rows := noise_rows(certificate)) and draw(st.booleans()):
        change_symmetrically(claim["noise_covariance"]["rows"], draw(st.integers(0, rows - 1)), draw)
    for _ in range(draw(st.integers(0 if rows else 1, 2))):
        paths = [path for path in nodes(certificate) if path]
        numeric = [path for path in paths if is_number(at(certificate, path)) and path != ("format",)]
        formulas = [path for path in paths if is_formula(at(certificate, path))]
        pools = [pool for pool in (*[numeric] * 4, *[formulas] * 4, paths) if pool]
        *parents, last = draw(st.sampled_from(draw(st.sampled_from(pools))))
        place = at(certificate, parents)
        place[last] = changed(place[last], draw)
    return reduced(certificate) if draw(st.integers(0, 4)) else certificate


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_certificate_is_refused_or_still_true(kind: str) -> None:
    @exhaustive
    @given(mutants(kind))
    def check(certificate: dict[str, Any]) -> None:
        assert verdict_of(certificate) != "valid" or is_true(certificate)

    check()


# ------------------------------------------------------------------------------------------------------- formulas

NAMES: dict[str, Any] = {
    "x": Fraction(-2),
    "y": Fraction(3, 4),
    "v": (Fraction(1), Fraction(-1, 3), Fraction(2)),
    "w": (Fraction(0), Fraction(5), Fraction(-1, 2)),
    "m": ((Fraction(2), Fraction(-1)), (Fraction(-1), Fraction(1, 2))),
}


def combined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Larger formulas for a number from smaller ones."""
    signs, order = st.sampled_from("+-*/"), st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    compared = st.tuples(parts, order, parts).map(" ".join)
    chained = st.tuples(compared, order, parts).map(" ".join)
    conditions = st.one_of(
        compared,
        chained,
        st.tuples(st.just("not"), compared).map(" ".join),
        st.tuples(compared, st.sampled_from(["and", "or"]), chained).map(" ".join),
        st.builds("{}({} for a in v)".format, st.sampled_from(["all", "any"]), compared.map(lambda c: f"{c} < a")),
    )
    pair = st.tuples(parts, parts)
    return st.one_of(
        st.tuples(parts, signs, parts).map(" ".join),
        st.tuples(parts, signs, parts).map(lambda p: f"({' '.join(p)})"),
        parts.map(lambda p: f"-({p})"),
        st.builds("({})**{}".format, parts, st.integers(0, 8)),
        st.builds("({} if {} else {})".format, parts, conditions, parts),
        pair.map(lambda p: f"dot([{p[0]}, {p[1]}], m[0])"),
        pair.map(lambda p: f"squared_distance(({p[0]}, {p[1]}), m[1])"),
        pair.map(lambda p: f"max({p[0]}, {p[1]})"),
        pair.map(lambda p: f"exponent(m, m, [{p[0]}, {p[1]}])"),
        parts.map(lambda p: f"sum(a * b + {p} for a, b in zip(v, w) if a < {p})"),
        parts.map(lambda p: f"sum([a - b for a, b in combinations(w, 2) if a != b and b > {p}])"),
        parts.map(lambda p: f"len([i for i in range(3) for a in v if a * i <= {p}])"),
        parts.map(lambda p: f"sorted([{p}, 0, x] + [y])[1]"),
        parts.map(lambda p: f"abs(min({p} * a for a in v))"),
        st.builds("gegenbauer({}, {}, {})".format, st.integers(0, 6), st.integers(2, 5), parts),
        st.builds("(1 if is_gram([[{}, -1], [-1, {}]], 1) else 0)".format, parts, parts),
    )


def exact_value(text: str) -> Any:
    """None where it has too many digits."""
    try:
        return kernel.Formulas().evaluate(text, NAMES)
    except kernel.Malformed as error:
        if "steps" in str(error):
            return None
        raise


@exhaustive
@given(
    st.recursive(st.sampled_from(["0", "1", "2", "7", "x", "y", "v[1]", "w[-1]", "m[1][0]"]), combined, max_leaves=8)
)
def test_formulas_have_the_values_that_python_gives(text: str) -> None:
    try:
        expected = value_of(text, NAMES)
    except ZeroDivisionError:
        with pytest.raises(kernel.Invalid):
            kernel.Formulas().evaluate(text, NAMES)
        return
    found = exact_value(text)
    assert found is None or (type(found), found) == (Fraction, expected)


@pytest.mark.parametrize(
    "text",
    [
        *("range(3)[1] / range(3)[2]", "dot(range(3), range(3)) / len(range(4))", "sum(range(4)) / 7", "sum(()) / 3"),
        *("exponent([range(2), range(2, 4)], [range(2), range(3, 5)], range(2))", "max(range(3)) / 3", "dot((), ())"),
        *(
            "gegenbauer(range(4)[3], 3, 1/3)",
            "universal_bound(range(9)[7], len(v))",
            "sum((a, b)[0] for a, b in zip(v, w))",
        ),
        "len(combinations(v, 4)) + len(permutations(v, 9))",
        "len([a for a in v if a > 0 if a < 2 for b in w if a < b if b < 9])",
        *(
            "sorted(range(5))[3] / 7",
            "[a for a in range(3)][2] / 7",
            "min(permutations(range(3), 2))[1] / 7",
            "abs(-3) / 7",
        ),
    ],
)
def test_whole_numbers_in_formulas_stay_exact(text: str) -> None:
    found = kernel.Formulas().evaluate(text, NAMES)
    assert (type(found), found) == (Fraction, value_of(text, NAMES))


@pytest.mark.parametrize(
    "text",
    [
        "all([1])",
        "any((v, w))",
        "x and x > 0",
        "x < 0 and x",
        "not x",
        "[1, 2][x > 0]",
        "len([x > 0])",
        "abs(x > 0)",
        "len(zip(v, m))",
        "1 if v < w else 2",
        "1 if (x > 0, 1) == (x > 0, 1) else 2",
        "1 if x == v else 2",
        "v - v",
        "len((((((((((1,),),),),),),),),))",
        "min(x, v)",
        "-(x > 0)",
        "(x > 0) / (x < 0)",
        "v * 2",
        "v * (x > 0)",
        "[1 for a, b in v]",
        "[1 for a[0] in v]",
        "[1 for a, (b, c) in m]",
        "[1 for *a, b in m]",
        "+x",
        "x in v",
        "x is x",
        "gegenbauer(2, 5 / 2, 0)",
        "gegenbauer(-1, 3, 0)",
        "gegenbauer(2, 3, x > 0)",
        "universal_bound(2, 0)",
        "x**y",
        "is_gram([[1, 0], [0]], 2)",
        "is_gram([[x > 0]], 1)",
        "is_gram(m, 1/2)",
        "is_gram([m, m], 2)",
        "sum(x)",
        "x()",
        "exponent(m, m, [x > 0, x < 0])",
        "exponent(m, m, [1])",
        "combinations(v, -1)",
        "range(y)",
        "range(1, 2, 0)",
        "True",
    ],
)
def test_expressions_without_a_meaning_are_malformed(text: str) -> None:
    with pytest.raises(kernel.Malformed):
        kernel.Formulas().evaluate(text, NAMES)


def test_integers_among_the_values_of_names_stay_exact() -> None:
    means, bias = ((1, 0), (0, 3)), (0, 1)
    found = kernel.Formulas().evaluate("exponent(means, means, bias)", {"means": means, "bias": bias})
    assert (type(found), found) == (Fraction, min(linear_exponents(means, means, tuple(map(Fraction, bias))).values()))
    with pytest.raises(kernel.Malformed):
        kernel.Formulas().evaluate("dot(x, x)", {"x": (0.5, 0.5)})


def test_choosing_more_than_there_are_takes_no_memory() -> None:
    for choose in ("combinations", "permutations"):
        assert kernel.Formulas().evaluate(f"{choose}(v, (10**8)**8)", NAMES) == ()


def test_formulas_of_one_claim_share_their_steps() -> None:
    text = f"len(range({kernel.MAX_STEPS // 50}))"
    assert kernel.Formulas().evaluate(text, {}) == kernel.MAX_STEPS // 50
    formulas = kernel.Formulas()
    formulas.evaluate(text, {})
    formulas.evaluate(text, {})
    with pytest.raises(kernel.Malformed):
        formulas.evaluate(text, {})
    assert verdict_of(json.loads(violation(x=[1] * kernel.MAX_STEPS)())) == "Malformed"


def test_functions_of_formulas_work_on_floats() -> None:
    rows, bias = NAMES["m"], NAMES["v"][:2]
    arguments = [(kernel.dot, rows), (kernel.squared_distance, rows), (kernel.exponent, (rows, rows[::-1], bias))]
    arguments += [(kernel.gegenbauer, (k, d, NAMES["y"])) for k in range(5) for d in range(2, 5)]
    for function, exact in arguments:
        floats = json.loads(json.dumps(exact, default=float))
        assert function(*floats) == pytest.approx(float(function(*exact)))
    for degree in (-1, 0.5):
        with pytest.raises(ValueError, match="degree"):
            kernel.gegenbauer(degree, 3, 0.5)


def test_every_refusal_is_short() -> None:
    certificates = [path.read_bytes() for folder in ("rejected", "malformed") for path in FILES[folder]]
    claim = ACCEPTED["violation-number-and-its-square"]["claim"] | {"at_least": 10**9}
    long = "x" + " + x" * 400
    for change in (
        *({"margin": text} for text in (long, "x" * 2000, long[1:], f"x / (0 * ({long}))", f"({long}", "9" * 3000)),
        *({"requires": [text]} for text in (f"{long} < 0", f"{long} / 0 < 1", long, "x" * 99_999)),
        *({"definitions": {"y": text}} for text in (f"{long} / 0", "x" * 99_999)),
        *({key: {"y" * 99_999: 1}} for key in ("input", "definitions")),
        *({"theorem": text} for text in ("t" * 101, "t" * 99_999)),
        {"y" * 99_999: 1},
        {"margin": "[0][10**8 * 10**8 * 10**8]"},
        {"margin": "-x * ((((10**8)**8)**8)**8)**2"},
        {"at_least": 10**3999},
    ):
        certificates.append(encode({"format": 1, "claim": claim | change, "witness": {}}))
    for text in certificates:
        with pytest.raises((kernel.Malformed, kernel.Invalid)) as refusal:
            kernel.check(text)
        assert len(str(refusal.value)) < 500


# ------------------------------------------------------------------------------------------ the kernel as a program


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return shutil.copy(KERNEL, tmp_path / "kernel.py")


def run(
    program: Path, *arguments: str | bytes | Path, flags: tuple[str, ...] = ("-I", "-S"), **options: Any
) -> tuple[int, str]:
    command = [sys.executable, *flags, program, *arguments]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False, **options)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode, done.stdout.decode(errors="surrogateescape")


@pytest.mark.parametrize("folder", CODES)
@pytest.mark.parametrize("flags", [("-I", "-S"), ("-O", "-I", "-S")], ids=["plain", "optimized"])
def test_program_gives_every_file_its_line(program: Path, folder: str, flags: tuple[str, ...]) -> None:
    code, output = run(program, *FILES[folder], flags=flags)
    assert code == CODES[folder]
    word = {"accepted": "valid", "rejected": "invalid"}.get(folder, folder)
    starts = [f"{path}: {word}: " for path in FILES[folder]]
    assert len(output.splitlines()) == len(starts)
    assert all(line.startswith(start) for line, start in zip(output.splitlines(), starts, strict=True))


@pytest.mark.parametrize(
    ("folders", "code"),
    [
        (("accepted",), 0),
        (("accepted", "rejected", "accepted"), 1),
        (("rejected", "malformed", "accepted"), 2),
        (("malformed", "rejected"), 2),
    ],
)
def test_program_returns_the_worst_code(program: Path, folders: tuple[str, ...], code: int) -> None:
    assert run(program, *(FILES[folder][0] for folder in folders))[0] == code


@pytest.mark.parametrize("folder", CODES)
def test_program_reads_standard_input(program: Path, folder: str) -> None:
    assert run(program, "-", input=FILES[folder][0].read_bytes())[0] == CODES[folder]


def test_program_without_arguments_shows_its_usage(program: Path) -> None:
    assert run(program) == (2, "")


def test_program_on_what_it_cannot_read(program: Path, tmp_path: Path) -> None:
    assert run(program, tmp_path)[0] == 2
    assert run(program, tmp_path / "missing.json")[0] == 2
    assert run(program, tmp_path / "missing.json", FILES["accepted"][0])[0] == 2


@on_linux
def test_program_on_a_pipe_that_is_not_ready(program: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    try:
        assert run(program, "-", stdin=reader)[0] == 2
    finally:
        os.close(reader)
        os.close(writer)


@on_linux
def test_program_on_a_path_that_is_no_text(program: Path, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.json"
    Path(os.fsdecode(path)).write_bytes(FILES["accepted"][0].read_bytes())
    assert run(program, path, flags=("-S",), env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"})[0] == 0


def test_program_prints_one_line_whatever_the_path(program: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.json: valid: anything\nb.json"
    path.write_bytes(FILES["rejected"][0].read_bytes())
    code, output = run(program, path)
    assert (code, len(output.splitlines())) == (1, 1)


def test_program_on_many_files(program: Path) -> None:
    code, output = run(program, *(FILES["accepted"] * 20))
    assert (code, len(output.splitlines())) == (0, 20 * len(FILES["accepted"]))


def test_program_under_a_low_digit_limit(program: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONINTMAXSTRDIGITS": "640"}
    certificate = copy.deepcopy(ACCEPTED["bound-loose-not-attained"])
    for bound in (10**1000 + 1, f"{10**1000 + 1}/3"):
        certificate["claim"]["bound"] = bound
        (tmp_path / "long.json").write_bytes(encode(certificate))
        assert run(program, tmp_path / "long.json", flags=("-S",), env=environment)[0] in (0, 2)
    assert run(program, *FILES["accepted"], flags=("-S",), env=environment)[0] == 0


def test_kernel_is_short_and_checks_nothing_by_assert() -> None:
    lines, tree = KERNEL.read_text().splitlines(), ast.parse(KERNEL.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [node.body[0] for node in ast.walk(tree) if isinstance(node, documented) and ast.get_docstring(node)]
    proofs = {n for text in texts for n in range(text.lineno, (text.end_lineno or text.lineno) + 1)}
    code = [
        n for n, line in enumerate(lines, 1) if line.strip() and not line.strip().startswith("#") and n not in proofs
    ]
    # Of code, for exponents, violations, separation, and models with free or non-negative features, label sets, or on
    # spheres; blank lines, comments and the proofs in docstrings apart.
    assert len(code) <= 765
    assert not [node for node in ast.walk(ast.parse(KERNEL.read_text())) if isinstance(node, ast.Assert)]


def test_kernel_uses_no_floats() -> None:
    tree = ast.walk(ast.parse(KERNEL.read_text()))
    assert not [node for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, float)]


def test_kernel_imports_only_the_standard_library(program: Path) -> None:
    tree = list(ast.walk(ast.parse(KERNEL.read_text())))
    names = {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "." for node in tree if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
    code = "import runpy, sys; runpy.run_path(sys.argv[1]); print(*[m for m in sys.modules if 'site-packages' in "
    code += "str(getattr(sys.modules[m], '__file__', ''))])"
    command = [sys.executable, "-I", "-S", "-c", code, program]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == ""


# ------------------------------------------------------------------------------------------------- denial of service

LAUNCHER = """
import json, resource, subprocess, sys
limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
try:
    done = subprocess.run(sys.argv[1:], capture_output=True, timeout=6, preexec_fn=limit)
    code, output, error = done.returncode, done.stdout.decode()[:500], done.stderr.decode()[-500:]
except subprocess.TimeoutExpired:
    code, output, error = "more than 6 seconds", "", ""
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, output, error, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
"""

HEAD = (
    b'{"format":1,"claim":{"kind":"exponent","num_classes":%d,"dimension":%d,"noise_covariance":"identity",'
    b'"exponent":"1/2","pair":[0,1],"configuration":{"decoder":"nearest_mean",'
)
TAIL = b'}},"witness":{}}'
FULL, NUMBERS = kernel.MAX_BYTES, kernel.MAX_NUMBERS - 100


def join(entries: Iterator[bytes]) -> bytes:
    return b"[" + b",".join(entries) + b"]"


def fill(template: bytes) -> Iterator[bytes]:
    """As many numbered entries as fit into a full text."""
    count = min(NUMBERS, (FULL - 500) // (len(template % 0) + 1))
    return (template % i for i in range(count))


def with_rows(rows: bytes, num_classes: int = 2, dimension: int = 1, name: bytes = b"class_means") -> bytes:
    return HEAD % (num_classes, dimension) + b'"%s":{"exponent":0,"rows":%s}' % (name, rows) + TAIL


def long_gram() -> bytes:
    large, small = 10**3999, 10**3900
    rows = (join(b"%d" % (i * j + 1 + (large if i == j else small)) for j in range(60)) for i in range(60))
    return with_rows(join(rows), 60, 60, b"gram")


def with_noise(noise: bytes, num_classes: int, dimension: int, witness: bytes = b"") -> bytes:
    means = join(join(b"%d" % (i == j) for j in range(dimension)) for i in range(num_classes))
    text = with_rows(means, num_classes, dimension).replace(b'"identity"', b'{"exponent":0,"rows":%s}' % noise)
    return text.replace(b'"witness":{}', b'"witness":{%s}' % witness)


def identity(size: int, scale: int = 1) -> bytes:
    return join(join(b"%d" % (scale * (i == j) + 1) for j in range(size)) for i in range(size))


def least_value_of(num_classes: int) -> bytes:
    """Far too large multipliers for many classes."""
    ones = [[int(i != c) for c in range(num_classes)] for i in range(num_classes)]
    claim = {"kind": "separation_bound", "class_sizes": [1] * num_classes, "free_bias": False, "bound": 1}
    witness = {"multipliers": {"exponent": 0, "rows": ones}}
    return json.dumps({"format": 1, "claim": claim, "witness": witness}, separators=(",", ":")).encode()


def certificate_of(kind: str, model: dict[str, Any], witness: dict[str, Any], **claim: Any) -> bytes:
    claim |= {"kind": kind, "model": MODEL | model}
    return json.dumps({"format": 1, "claim": claim, "witness": witness}, separators=(",", ":")).encode()


MODEL = {"class_sizes": [1, 1], "loss": "cross_entropy", "smoothing": 0, "class_weights": None}
MODEL |= {"regularization": [1, 1], "bias": "none"}


def many_logits(classes: int, samples: int, **weights: Any) -> bytes:
    """More exponentials than a check may take."""
    counts = [[1]] * (classes - 1) + [[1] * (samples - classes + 1)]
    points: dict[str, Any] = {"features": {"exponent": 0, "rows": [[1]] * samples}, "counts": counts}
    points["weights"] = {"exponent": 0, "rows": [[1]] * classes} | weights
    points["bias"] = {"exponent": 0, "rows": [[0] * classes]}
    model = {"class_sizes": [*map(sum, counts)]}
    return certificate_of("objective", model, {}, dimension=1, configuration=points, value=0)


def many_cosines(classes: int, samples: int, row: Any = (1,), **model: Any) -> bytes:
    counts = [[1]] * (classes - 1) + [[1] * (samples - classes + 1)]
    points: dict[str, Any] = {"features": {"exponent": 0, "rows": [row] * samples}, "counts": counts}
    points |= {"weights": {"exponent": 0, "rows": [row] * classes}, "bias": {"exponent": 0, "rows": [[0] * classes]}}
    sphere = MODEL | {"class_sizes": [*map(sum, counts)], "temperature": 1} | model
    claim = {"kind": "objective", "dimension": len(row), "configuration": points, "value": 0}
    claim["model"] = {key: value for key, value in sphere.items() if key not in ("regularization", "bias")}
    return json.dumps({"format": 1, "claim": claim, "witness": {}}, separators=(",", ":")).encode()


def many_sets(count: int, labels: int, **model: Any) -> bytes:
    dual = {"exponent": 0, "rows": [[1] + [0] * (labels - 1)] * count}
    witness = {"dual": dual, "factor": {"exponent": 0, "rows": [[0] * labels] * labels}}
    sets = {"class_sizes": [1] * count, "label_sets": {"exponent": 0, "rows": [[1] * labels] * count}}
    return certificate_of("objective_bound", sets | model, witness, bound=10**9)


def many_multipliers(classes: int, **multipliers: Any) -> bytes:
    ones = {"exponent": 0, "rows": [[int(i == j) for j in range(classes)] for i in range(classes)]}
    zeros = {"exponent": 0, "rows": [[0] * 2 * classes for _ in range(2 * classes)]}
    witness = {"dual": ones, "factor": zeros, "multipliers": {"exponent": 0, "rows": [[1] * 2 * classes]} | multipliers}
    claim = {"kind": "objective_bound", "bound": 10**9}
    sphere = MODEL | {"class_sizes": [1] * classes, "temperature": 1}
    claim["model"] = {key: value for key, value in sphere.items() if key not in ("regularization", "bias")}
    return json.dumps({"format": 1, "claim": claim, "witness": witness}, separators=(",", ":")).encode()


def many_duals(classes: int, square: bool = True, dual: Any = None, **model: Any) -> bytes:
    ones = {"exponent": 0, "rows": [[1] * classes for _ in range(classes)]}
    witness = {"dual": ones | (dual or {}), "factor": ones if square else {"exponent": 0, "rows": []}}
    sizes = {"class_sizes": [1] * classes, "loss": "squared_error"}
    return certificate_of("objective_bound", sizes | model, witness, bound=0)


def wrong_etf() -> bytes:
    rows = join(iter([join(iter([b"1"] * 1448))] * 1448))
    claim = b'{"kind":"simplex_etf","num_classes":1448,"scale":1,"gram":{"exponent":0,"rows":%s}}' % rows
    return b'{"format":1,"claim":%s,"witness":{}}' % claim


def violation(margin: str = "1", definitions: dict[str, str] | None = None, **inputs: Any) -> Callable[[], bytes]:
    claim = {"kind": "violation", "theorem": "t", "input": inputs, "definitions": definitions or {}, "requires": []}
    return lambda: encode({"format": 1, "claim": claim | {"margin": margin, "at_least": 10**9}, "witness": {}})


def often(part: str) -> str:
    return f"len([{part} for i in range(200000)])"


def definitions_from(first: str, rest: str, count: int) -> dict[str, str]:
    return {f"d{i}": rest.format(f"d{i - 1}") if i else first for i in range(count)}


def quotients(count: int, digits: int) -> dict[str, list[int]]:
    numerators = [10**digits + 7**i % 10**digits for i in range(count)]
    return {"p": numerators, "q": [10**digits + 3 + 11 ** (i + 1) % 10**digits for i in range(count)]}


DIVIDED = {"x": "[a / b for a, b in zip(p, q)]"}
SQUARE = "[[x[{0} * i + j] * x[{0} * j + i] + (10**8 if i == j else 0) for j in range({0})] for i in range({0})]"

HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "zeros": lambda: bytes(FULL),
    "spaces": lambda: b" " * FULL,
    "brackets": lambda: b"[" * FULL,
    "closing_brackets": lambda: b"]" * FULL,
    "brackets_in_pairs": lambda: b"[]" * (FULL // 2),
    "braces_in_pairs": lambda: b'{"a":' * (FULL // 5),
    "many_short_lists": lambda: join(b"[%d]" % i for i in range(99_000)),
    "many_short_objects": lambda: join(b'{"a":%d}' % i for i in range(99_000)),
    "brackets_in_strings": lambda: HEAD % (2, 1) + b'"x":"%s","y":%s%s' % (b"]" * 60000, b"[" * 60000, b"]" * 60000),
    "one_number_of_a_million_digits": lambda: with_rows(b"[[%s],[1]]" % (b"7" * 10**6)),
    "one_number_of_48_million_digits": lambda: b"7" * FULL,
    "a_fraction_of_a_million_digits": lambda: b'{"format":"%s/3"}' % (b"7" * 10**6),
    "a_huge_decimal_exponent": lambda: with_rows(b"[[1e%s],[1]]" % (b"9" * 10**6)),
    "a_huge_binary_exponent": lambda: with_rows(b"[[1],[1]]").replace(b'"exponent":0', b'"exponent":%d' % 10**3999),
    "a_huge_class_number": lambda: with_rows(b"[[1],[1]]", 10**3999, 10**3999),
    "many_floats": lambda: with_rows(b"[%s,[1]]" % join(iter([b"1.5"] * NUMBERS))),
    "many_digits": lambda: with_rows(b"[%s,[1]]" % join(fill(b"1%%0%dd" % (FULL // NUMBERS - 3)))),
    "many_ones": lambda: with_rows(b"[%s,[1]]" % join(iter([b"1"] * NUMBERS))),
    "too_many_ones": lambda: with_rows(b"[%s,[1]]" % join(iter([b"1"] * (NUMBERS + 200)))),
    "many_long_numbers": lambda: with_rows(b"[%s,[1]]" % join(fill(b"7" * 3980 + b"%020d"))),
    "many_keys": lambda: b"{%s}" % join(fill(b'"%012d":0'))[1:-1],
    "many_strings": lambda: join(fill(b'"%020d"')),
    "one_long_string": lambda: b'"%s"' % (b"a" * (FULL - 2)),
    "one_long_key": lambda: b'{"%s":1}' % (b"a" * (FULL - 6)),
    "an_open_string": lambda: b'"' + b"a" * (FULL - 1),
    "commas_in_a_string": lambda: b'"%s"' % (b"," * (FULL - 2)),
    "backslashes": lambda: b'"' + b"\\" * (FULL - 1),
    "an_endless_word": lambda: b"Infinity" * (FULL // 8),
    "one_byte_too_many": lambda: b" " * (FULL + 1),
    # well formed, and beyond any honest amount of work
    "many_classes": lambda: with_rows(join(b"[%d]" % (2 * i + 1) for i in range(99_000)), 99_000),
    "long_gram": long_gram,
    "many_multipliers": lambda: least_value_of(1400),
    "many_class_sizes": lambda: json.dumps(
        {
            "format": 1,
            "claim": {"kind": "separation_bound", "class_sizes": [10**18] * 1_900_000, "free_bias": False, "bound": 0},
            "witness": {"multipliers": {"exponent": 0, "rows": [[0]]}},
        },
        separators=(",", ":"),
    ).encode(),
    "many_logits": lambda: many_logits(9000, 60_000),
    "many_long_logits": lambda: many_logits(500, 3000, rows=[[10**2000 + 1]] * 500),
    "many_logits_of_a_long_denominator": lambda: many_logits(500, 3000, denominator=3**8000),
    "many_duals": lambda: many_duals(1401, square=False),
    "duals_of_a_long_denominator": lambda: many_duals(700, dual={"denominator": 3**8000}),
    "long_regularizations": lambda: many_duals(700, regularization=[f"1/{3**2500}"] * 2),
    "many_class_weights": lambda: many_duals(150, class_weights=[f"1/{10**3990 + 2 * i + 1}" for i in range(150)]),
    "many_cosines": lambda: many_cosines(9000, 60_000),
    "many_long_cosines": lambda: many_cosines(300, 4000, row=(10**2000 + 1,)),
    "a_zero_among_many_cosines": lambda: many_cosines(2, 20_000, row=(0,)),
    "a_long_temperature": lambda: many_cosines(2, 3, temperature=f"1/{10**3999 + 1}"),
    "many_label_sets": lambda: many_sets(8000, 120),
    "many_labels": lambda: many_sets(40, 1401),
    "many_non_negative_classes": lambda: many_sets(8000, 100, features="nonnegative"),
    "long_multipliers_of_a_sphere": lambda: many_multipliers(100, denominator=3**8000),
    "large_wrong_etf": wrong_etf,
    "a_large_noise_covariance": lambda: with_noise(identity(1000), 2, 1000),
    "a_long_noise_covariance": lambda: with_noise(identity(60, 10**3999), 2, 60),
    "many_noise_covariances": lambda: with_noise(join(iter([b"[1,0]", b"[0,1]"] * 32_000)), 32_000, 2),
    "a_long_factor": lambda: with_noise(
        identity(60), 2, 60, b'"factor":{"exponent":0,"rows":%s}' % identity(60, 10**3999)
    ),
    # formulas
    "nested_loops": violation("len([1 for a in x for b in x for c in x for d in x for e in x])", x=[1] * 100),
    "nested_loops_over_nothing": violation(
        "len([1 for a in x for b in x for c in x for d in x for e in ()])", x=[1] * 100
    ),
    "loops_with_conditions_that_fail": violation("len([1 for a in x for b in x for c in x if a > 1])", x=[1] * 1000),
    "loops_among_many_names": violation("len([1 for i in range(900) for j in range(900)])", **dict.fromkeys(NAMES, 1)),
    "a_huge_range": violation("len(range((10**8)**8))"),
    "a_loop_over_a_huge_range": violation("len([i / 7 for i in range((10**8)**8)])"),
    "a_huge_combination": violation("len(combinations(range(30), 10**8 * 10**3))"),
    "an_even_larger_combination": violation("len(combinations(range(30), (10**8)**8))"),
    "many_combinations": violation("len(combinations(range(40), 20))"),
    "many_permutations": violation("len(permutations(range(12), 12))"),
    "long_permutations": violation("len(permutations(range(900), 899))"),
    "doubled_sequences": violation("len(d59)", definitions_from("(1, 2)", "{0} + {0}", 60)),
    "doubled_references": violation("len(d59)", definitions_from("(1, 2)", "({0}, {0})", 60)),
    "compared_references": violation("1 if d39 == d39 else 2", definitions_from("(1, 2)", "({0}, {0})", 40)),
    "nested_tuples": violation("len(d79)", definitions_from("1", "(" * 150 + "{0}" + ",)" * 150, 80)),
    "nested_brackets": violation("(" * 1000 + "1" + ")" * 1000),
    "many_signs": violation("-" * 1999 + "1"),
    "many_sums": violation("1" + "+1" * 999),
    "many_conditions": violation("1 if 1 < 2 else " * 120 + "1"),
    "squared_definitions": violation("d59", definitions_from("10**8", "{0} * {0}", 60)),
    "powers_of_powers": violation("(" * 40 + "3" + "**8)" * 40),
    "long_sums": violation(often("x + y"), {"x": "p[0] / q[0]", "y": "p[1] / q[1]"}, **quotients(2, 2000)),
    "long_products": violation(often("x * y - x * y"), {"x": "p[0] / q[0]", "y": "p[1] / q[1]"}, **quotients(2, 2000)),
    "long_differences": violation(often("x - x"), {"x": "p[0] / q[0]"}, **quotients(1, 3999)),
    "sums_of_many_numbers": violation(often("sum(x)"), DIVIDED, **quotients(40, 90)),
    "sums_of_sequences": violation(often("sum(z, ())"), {"z": "[(i,) for i in range(1000)]"}),
    "distances": violation(often("squared_distance(x, x)"), DIVIDED, **quotients(40, 90)),
    "long_vectors_of_zeros": violation(often("dot(x, x)"), x=[0] * 10_000),
    "sorted_numbers": violation(often("sorted(x)"), DIVIDED, **quotients(2000, 3)),
    "many_truth_values": violation(often("all(y)"), {"y": "[1 < 2 for i in range(90000)]"}),
    "zipped": violation(often("zip(x, x, x, x)"), x=[1] * 1000),
    "compared": violation(often("x == x + ()"), x=[1] * 10_000),
    "a_huge_degree": violation("gegenbauer(x, 3, 1/3)", x=10**3998),
    "a_large_degree": violation("gegenbauer(10**6, 3, 1/3)"),
    "polynomials_of_long_numbers": violation(often("gegenbauer(9, 3, x)"), {"x": "p[0] / q[0]"}, **quotients(1, 900)),
    "a_huge_dimension": violation(often("universal_bound(x, y)"), x=10**3999, y=10**3998),
    "a_gram_matrix": violation("1 if is_gram(g, 90) else 2", {"g": SQUARE.format(90), **DIVIDED}, **quotients(8100, 3)),
    "gram_matrices_of_15": violation(often("is_gram(g, 15)"), {**DIVIDED, "g": SQUARE.format(15)}, **quotients(225, 6)),
    "gram_matrices_of_9": violation(often("is_gram(g, 9)"), {**DIVIDED, "g": SQUARE.format(9)}, **quotients(81, 15)),
    "gram_matrices_of_3": violation(often("is_gram(g, 3)"), {**DIVIDED, "g": SQUARE.format(3)}, **quotients(9, 150)),
    "exponents_of_long_numbers": violation(
        often("exponent(d, d, (0, 0))"), {**DIVIDED, "d": "((x[0],), (x[1],))"}, **quotients(2, 1500)
    ),
    "exponents_of_many_classes": violation(often("exponent(d, d, x)"), {**DIVIDED, "d": "zip(x)"}, **quotients(60, 20)),
    "many_numbers_for_formulas": violation(x=[1] * 2_000_000),
    "a_large_matrix_for_formulas": violation(x={"exponent": 0, "rows": [[1] * 1400] * 1400}),
    "a_large_matrix_of_fractions": violation(x={"exponent": 0, "denominator": 3**8000, "rows": [[1] * 600] * 600}),
    "many_long_formulas": violation("d89", definitions_from("(1,)", "[" + "{0}, " * 450 + "1]", 90)),
    "a_million_characters": violation("1" * 10**6),
}


def assert_refused_quickly(program: Path, path: str, **standard_input: Any) -> None:
    command = [sys.executable, "-I", "-S", "-c", LAUNCHER, sys.executable, "-I", "-S", str(program), path]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True, **standard_input)
    code, output, error, seconds, megabytes = json.loads(done.stdout)
    assert (code, error) in ((1, ""), (2, "")), (code, error)
    assert output.startswith(f"{path}: {'malformed' if code == 2 else 'invalid'}: ")
    assert seconds < 2
    assert megabytes < 200


@on_linux
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_quickly(program: Path, name: str) -> None:
    assert_refused_quickly(program, "-", input=HOSTILE[name]())


@on_linux
@pytest.mark.parametrize("word", ["y", "1", "[", "[1,1,1,", '{"a":', '"a",', "[[],", "1,"])
def test_endless_pipe_is_refused_quickly(program: Path, word: str) -> None:
    with subprocess.Popen(["yes", word], stdout=subprocess.PIPE) as source:
        assert_refused_quickly(program, "-", stdin=source.stdout)
        source.kill()


@on_linux
def test_endless_device_is_refused_quickly(program: Path) -> None:
    assert_refused_quickly(program, "/dev/zero")


def hidden_nesting(depth: int) -> bytes:
    """Brackets in a string hide the depth from a count of brackets."""
    hidden = b'{"x":"%s","y":%s%s}' % (b"]" * depth, b"[" * depth, b"]" * depth)
    claim = b'{"kind":"improvement","num_classes":2,"dimension":1,"noise_covariance":"identity","energy":"bounded",'
    return b'{"format":1,"claim":%s"ratio":0,"better":0,"configuration":%s},"witness":{}}' % (claim, hidden)


def test_nesting_hidden_by_a_string_is_malformed() -> None:
    for depth in (7, *range(100, 1000)):
        with pytest.raises(kernel.Malformed):
            kernel.check(hidden_nesting(depth))


@on_linux
def test_nesting_hidden_by_a_string_does_not_exhaust_the_stack(program: Path) -> None:
    code = "import runpy, sys; sys.setrecursionlimit(10**6); sys.exit(runpy.run_path(sys.argv[1])['main'](['-']))"
    command = [sys.executable, "-I", "-S", "-c", code, program]
    text = b'{"x":"%s","y":%s' % (b"]" * 99_000, b"[" * 99_000)
    done = subprocess.run(command, input=text, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (2, b"")


@given(st.fractions().filter(bool), st.integers(-60, 60))
def test_shown_decimals_are_on_both_sides(number: Fraction, power: int) -> None:
    number *= Fraction(10) ** power
    below, above = (Fraction(kernel._show(number, end)) for end in (slice(0, 1), slice(1, 2)))
    assert below <= number <= above
    assert above - below <= abs(number) / 10**13
