"""The trusted kernel: reads a certificate, re-checks its claim in exact integer arithmetic, and says so.

It runs alone, with nothing installed, on a copy of this one file: `python -I -S kernel.py certificate.json`.
What has to be trusted is this file, Python's `int`, `Fraction`, `json` and `ast`, and the proofs in the docstrings of
the claim kinds; that the formulas of a violation say what its words say is for a reader to see, and they are printed.
Nothing here uses floating point, a tolerance, a search or global state. A certificate is one JSON object

    {"format": 1, "claim": {"kind": ..., ...}, "witness": {...}}

The claim says in full what is asserted. The witness only makes it checkable. `Malformed` means that the text is no
certificate; `Invalid` means that it is one, and that what it claims does not follow. Words used below:

* K classes, dimension d, class means mu_i, decoder argmax_c <w_c, h> + b_c; given class i, h = mu_i + sigma z with
  z ~ N(0, S_i). The noise covariance S_i is the identity unless a claim (of kind "exponent") gives another, or one of
  each class; it is positive semidefinite, perhaps singular.
* a_ij = w_i - w_j, margin m_ij = <a_ij, mu_i> + b_i - b_j, q_ij = <a_ij, S_i a_ij>. Given class i, the lead of i over j
  is normal with mean m_ij and variance sigma^2 q_ij, and class j beats it where that is <= 0: on a half-space at
  distance m_ij / sqrt(q_ij). So the exponent beta = -lim sigma^2 log P(error) is the minimum over ordered pairs of
  e_ij = max(0, m_ij)^2 / (2 q_ij); if q_ij = 0, e_ij is infinite for m_ij > 0 and 0 otherwise (a tie is an error).
* Nearest mean is w_i = mu_i, b_i = -|mu_i|^2 / 2, under every S_i; there m_ij = |a_ij|^2 / 2, and if S_i = I, then
  e_ij = |mu_i - mu_j|^2 / 8.
* Energy E: the largest |mu_i|^2 ("bounded", "equal") or the average of the |mu_i|^2 ("average"). Scaling the means by
  t (and the bias with them) multiplies beta and E by t^2, so what constraints compare is the normalized exponent
  beta / E, which is 0 where E = 0. The optimum is the largest one of K points in dimension d with any linear decoder.
"""

import ast
import hashlib
import json
import operator
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import InitVar, dataclass
from fractions import Fraction
from itertools import accumulate, combinations, pairwise, permutations
from math import gcd, isqrt, lcm
from types import MappingProxyType
from typing import Any

MAX_BYTES, MAX_NUMBERS = 40 << 20, 2_100_000  # of text, and commas in it
MAX_QUOTES, MAX_BRACKETS, MAX_DEPTH = 400, 200_000, 8
MAX_CLASSES, MAX_EXPONENT = 10_000, 4096  # whose sizes a claim lists; of two, in a matrix
MAX_DIGITS = min(4000, sys.get_int_max_str_digits() or 4000)  # of one number
MAX_WORK, MAX_BITS = 1 << 38, 1 << 15  # products of 64-bit words, about; of one number in a formula
MAX_FORMULA, MAX_STEPS = 2000, 1_000_000  # characters, and steps of a microsecond or two for all formulas of a claim

ENERGIES = ("bounded", "equal", "average")
LOSSES = {"cross_entropy": "log sum e^z - <t, z>", "binary_cross_entropy": "sum log(1 + e^z) - <t, z>"}
LOSSES |= {"squared_error": "|z - t|^2 / 2"}
_PRINTABLE = bytes(sorted({9, 10, 13, *range(32, 127)} - {ord("\\")}))
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_RATIO = re.compile(r"(-?[1-9][0-9]*)/([1-9][0-9]*)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_FORMULA = re.compile(rf"(?!.*\b[0-9]+[A-Za-z_])[A-Za-z0-9_+*/()\[\],<>=! -]{{1,{MAX_FORMULA}}}")  # no 1e5, 1or 2, # )
_SEAL = object()
_TYPES = {dict: "object", list: "list", str: "string", int: "integer", bool: "truth value", Fraction: "number"}
_Rows = list[list[int]]
_Scaled = tuple[_Rows, Fraction]  # integers, and what they count
_Noise = tuple[tuple[_Rows, ...], Fraction]  # one covariance, one of each class, or none for the identity; their unit
_Pairs = Callable[[int, int], Fraction | None]  # of i and j
_Logits = Callable[[int, int], int]
_Decoder = tuple[_Scaled, _Scaled, _Scaled, _Logits, Fraction]
_Row = tuple[int, int, list[int]]  # the class of a row, how many samples it stands for, logits
_Samples = tuple[list[int], Iterator[_Row], Fraction, list[Fraction]]
_WHITE: _Noise = ((), Fraction(1))
_ONE = 1 << 192  # the unit of exponentials and logarithms is 1 / _ONE
_BELOW, _ABOVE = slice(0, 1), slice(1, 2)  # which of the two neighboring decimals to show


class Malformed(Exception):
    """The text is not a certificate of this format."""


class Invalid(Exception):
    """The certificate is well formed, and its claim does not follow."""


def _refuse(wrong: object, why: str, error: type[Exception] = Invalid) -> None:
    """Where something is wrong, say why."""
    if wrong:
        raise error(why)


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """A checked claim: its kind, its numbers, and the sentence that says it. Only `check` makes one."""

    kind: str
    claim: Mapping[str, Any]
    statement: str
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        _refuse(seal is not _SEAL, "only the kernel makes a Verdict: call kernel.check(certificate_text)", TypeError)


# ------------------------------------------------------------------------------------------------ reading the text
def parse(text: bytes) -> dict[str, Any]:
    """JSON without floats, duplicate keys, escapes, deep nesting or long numbers; sizes are capped before parsing."""
    if len(text) > MAX_BYTES or text.count(b",") > MAX_NUMBERS or text.count(b'"') > MAX_QUOTES:
        raise Malformed(f"more than {MAX_BYTES} bytes, {MAX_NUMBERS} numbers or {MAX_QUOTES} quotes")
    _refuse(text.translate(None, _PRINTABLE), "holds a backslash or a byte that is not printable ASCII", Malformed)
    brackets, depth = re.sub(b'"[^"]*"', b"", text.translate(None, _NOT_STRUCTURE)), 0
    for bracket in brackets[: MAX_BRACKETS + 1]:
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH or len(brackets) > MAX_BRACKETS:
            raise Malformed(f"nested deeper than {MAX_DEPTH}, or more than {MAX_BRACKETS} brackets")
    hooks: dict[str, Any] = dict.fromkeys(("parse_int", "parse_float", "parse_constant"), _literal)
    hooks["object_pairs_hook"] = _object
    try:
        certificate = _keys(json.loads(text.decode("ascii"), **hooks), "certificate", {"format", "claim", "witness"})
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from None
    _refuse(_typed(certificate["format"], "format", int) != 1, f"format is {certificate['format']}, not 1", Malformed)
    return certificate


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse(len(result := dict(pairs)) != len(pairs), "an object repeats a key", Malformed)
    return result


def _literal(text: str) -> int:
    digits = text.removeprefix("-")
    if len(digits) > MAX_DIGITS or not digits.isdigit() or text == "-0":
        raise Malformed(f"{text[:40]} is no integer of at most {MAX_DIGITS} digits; other numbers are written 'p/q'")
    return int(text)


def _typed(value: Any, name: str, kind: Any, least: int | None = None, length: int | None = None) -> Any:
    """The value, if it is of this type (True is no number), is at least `least`, and has this length."""
    if type(value) is not kind:
        raise Malformed(f"{name} is no {_TYPES[kind]}")
    if (least is not None and value < least) or (length is not None and len(value) != length):
        raise Malformed(f"{name} is below {least}" if length is None else f"{name} is not of length {length}")
    return value


def _integers(value: Any, name: str) -> list[int]:
    return [_typed(entry, f"an entry of {name}", int, least=1) for entry in _typed(value, name, list)]


def _keys(value: Any, name: str, required: set[str], optional: Set[str] = frozenset()) -> dict[str, Any]:
    if not required <= _typed(value, name, dict).keys() <= required | optional:
        raise Malformed(f"{name} has keys {str(sorted(value))[:200]}, expected {sorted(required | optional)}")
    return dict(value)


def _rational(value: Any, name: str) -> Fraction:
    if type(value) is not str:
        return Fraction(_typed(value, name, int))
    if not (match := _RATIO.fullmatch(value)):
        raise Malformed(f"{name} is neither an integer nor 'p/q' without signs or zeros in front")
    numerator, denominator = map(_literal, match.groups())
    _refuse(denominator == 1 or gcd(numerator, denominator) != 1, f"{name} is a fraction not reduced", Malformed)
    return Fraction(numerator, denominator)


def _choice(value: Any, name: str, choices: Iterable[str]) -> str:
    if (choice := str(_typed(value, name, str))) not in choices:
        raise Malformed(f"{name} is not one of {sorted(choices)}")
    return choice


def _matrix(value: Any, name: str, shape: tuple[int | None, int | None], work: int = 0, growth: int = 1) -> _Scaled:
    """{"exponent": e, "denominator": q, "rows": integers} is rows * 2^e / q; q is odd, and 1 where left out."""
    value = _keys(value, name, {"exponent", "rows"}, {"denominator"})
    exponent = _typed(value["exponent"], f"{name}.exponent", int)
    denominator = _typed(value.get("denominator", 1), f"{name}.denominator", int, least=1)
    rows, width = _typed(value["rows"], f"{name}.rows", list, length=shape[0]), shape[1]
    for row in rows:
        width = len(_typed(row, f"a row of {name}", list, length=width))
        for entry in row:
            _typed(entry, f"an entry of {name}", int)
    content = gcd(*(gcd(*row) for row in rows))  # lowest terms, so that equal data have equal digests
    if gcd(content, denominator) != 1 or (content % 2 == 0 and (content, exponent) != (0, 0)):
        raise Malformed(f"{name} is not in lowest terms")
    if abs(exponent) > MAX_EXPONENT or denominator % 2 == 0 or value.get("denominator") == 1:
        raise Malformed(f"{name} has an exponent beyond {MAX_EXPONENT}, an even denominator, or 1 written out")
    _afford(rows, name, work, growth)
    return rows, Fraction(2) ** exponent / denominator


def _afford(rows: _Rows, name: str, work: int, growth: int = 1) -> None:
    """The check makes `work` products of numbers that are up to `growth` times as long as the entries."""
    if work * (10 + growth * max((x.bit_length() for row in rows for x in row), default=0) // 64) ** 2 > MAX_WORK:
        raise Malformed(f"{name} would take too long to check")


# -------------------------------------------------------------------------------------- configurations, exactly
@dataclass(frozen=True, slots=True)
class _Geometry:
    """What the claims need of a configuration: every |mu_i|^2, and e_ij as a function (None stands for infinity)."""

    norms: list[Fraction]
    pair_exponent: _Pairs
    digest: str

    def exponent(self) -> Fraction | None:
        """The minimum of e_ij over all ordered pairs."""
        pairs = permutations(range(len(self.norms)), 2)
        return min((e for pair in pairs if (e := self.pair_exponent(*pair)) is not None), default=None)

    def normalized_exponent(self, kind: str) -> Fraction:
        """beta / E for K >= 2, and 0 where E = 0: no scaling separates means that coincide at the origin."""
        average = sum(self.norms, Fraction(0)) / len(self.norms)
        exponent, energy = self.exponent(), average if kind == "average" else max(self.norms)
        return exponent / energy if exponent and energy else Fraction(0)


def digest(configuration: Any) -> str:
    """SHA-256 of a configuration as a claim holds it."""
    return hashlib.sha256(json.dumps(configuration, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _configuration(claim: dict[str, Any], key: str, facts: dict[str, Any], noise: _Noise = _WHITE) -> _Geometry:
    """Three forms: means with weights and bias, means or Gram matrix with the nearest-mean decoder."""
    value, name = claim[key], f"claim.{key}"
    read = _linear if "weights" in _typed(value, name, dict) else _nearest_mean
    geometry = read(value, name, facts["num_classes"], facts["dimension"], noise)
    if facts.get("energy") == "equal" and min(geometry.norms) < facts["norm_ratio"] * max(geometry.norms):
        raise Invalid(f"a squared norm of {name} is below {_show(facts['norm_ratio'])} times the largest")
    return geometry


def _nearest_mean(value: dict[str, Any], name: str, num_classes: int, dimension: int, noise: _Noise) -> _Geometry:
    data = "gram" if "gram" in value else "class_means"
    value = _keys(value, name, {data, "decoder"})
    _choice(value["decoder"], f"{name}.decoder", {"nearest_mean"})
    columns, work, growth = (dimension, num_classes * dimension, 1) if data == "class_means" else (num_classes,) * 3
    rows, unit = _matrix(value[data], f"{name}.{data}", (num_classes, columns), work * num_classes, growth)
    if data == "class_means":
        unit *= unit
    elif noise[0]:
        raise Malformed(f"{name} is a Gram matrix; with a noise covariance class means are needed")
    elif fault := _gram_fault(rows, dimension):
        raise Invalid(f"the Gram matrix {fault}")

    def inner(i: int, j: int) -> int:
        return rows[i][j] if data == "gram" else _dot(rows[i], rows[j])

    def distance(i: int, j: int) -> int:
        return squares[i] + squares[j] - 2 * inner(i, j)

    squares = [inner(i, i) for i in range(num_classes)]
    norms = [unit * square for square in squares]
    if not noise[0]:
        return _Geometry(norms, lambda i, j: unit * distance(i, j) / 8, digest(value))
    return _Geometry(norms, _pair_exponent(distance, rows, noise, unit / 8), digest(value))


def _linear(value: dict[str, Any], name: str, num_classes: int, dimension: int, noise: _Noise) -> _Geometry:
    value = _keys(value, name, {"class_means", "weights", "bias"})
    points = _decoder(value, name, "class_means", (num_classes, dimension, num_classes))
    (means, unit_means), (weights, unit_weights), _, logit, unit = points
    own = [logit(i, i) for i in range(num_classes)]
    scale = (unit / unit_weights) ** 2 / 2
    pair_exponent = _pair_exponent(lambda i, j: own[i] - logit(i, j), weights, noise, scale)
    return _Geometry([unit_means**2 * _dot(row, row) for row in means], pair_exponent, digest(value))


def _pair_exponent(margin: _Logits, weights: _Rows, noise: _Noise, scale: Fraction) -> _Pairs:
    """e_ij = max(0, m_ij)^2 / (2 q_ij) as a function of i and j, where integers m and q stand for scale * m^2 / q."""
    covariances, scale = noise[0], scale / noise[1]
    images = [[_dot(x, row) for row in covariances[0]] for x in weights] if len(covariances) == 1 else weights
    own = [*map(_dot, weights, images)]

    def form(i: int, j: int) -> int:
        if len(covariances) < 2:
            return own[i] + own[j] - 2 * _dot(weights[i], images[j])
        difference = [*map(operator.sub, weights[i], weights[j])]
        return _dot(difference, [_dot(difference, row) for row in covariances[i]])

    def pair_exponent(i: int, j: int) -> Fraction | None:
        positive, squared = max(0, margin(i, j)), form(i, j)
        if squared == 0:
            return None if positive else Fraction(0)
        return scale * Fraction(positive**2, squared)

    return pair_exponent


def _decoder(value: dict[str, Any], name: str, data: str, shape: tuple[int, int, int], each: int = 0) -> _Decoder:
    """n points x_i in dimension d, weights w_c of K classes, and biases b_c; what is shown of sizes n, d and K.

    With <w_c, x_i> + b_c as a function of i and c, in multiples of the last number, which is 1 / integer; what is made
    of each of them takes as long as `each` products.
    """
    work = shape[0] * shape[2] * (shape[1] + each)
    points, unit_points = _matrix(value[data], f"{name}.{data}", shape[:2], work)
    weights, unit_weights = _matrix(value["weights"], f"{name}.weights", (shape[2], shape[1]), work)
    (bias,), unit_bias = _matrix(value["bias"], f"{name}.bias", (1, shape[2]))
    unit = Fraction(1, (unit_points * unit_weights).denominator * unit_bias.denominator)  # divides both
    cross, shift = int(unit_points * unit_weights / unit), int(unit_bias / unit)
    _afford([[unit.denominator, cross, shift]], name, shape[0] * shape[2] * each)

    def logit(i: int, c: int) -> int:
        return cross * _dot(points[i], weights[c]) + shift * bias[c]

    return (points, unit_points), (weights, unit_weights), ([bias], unit_bias), logit, unit


def _dot(x: Iterable[int], y: Iterable[int]) -> int:
    return sum(map(operator.mul, x, y))


def _gram_fault(gram: _Rows, dimension: int) -> str:
    """Symmetric, positive semidefinite, rank at most d: exactly the Gram matrices of points in dimension d; else why.

    Fraction-free symmetric elimination (Bareiss): every pivot of a positive semidefinite matrix is >= 0, and a zero
    pivot leaves a zero row. The rank is the number of positive pivots.
    """
    size = len(gram)
    if any(gram[i][j] != gram[j][i] for i in range(size) for j in range(i)):
        return "is not symmetric"
    rest, previous, rank = [row[:] for row in gram], 1, 0
    for k in range(size):
        pivot = rest[k][k]
        if pivot < 0 or (pivot == 0 and any(rest[k][k:])):
            return "is not positive semidefinite"
        if pivot:
            rank += 1
            for i in range(k + 1, size):
                row, factor = rest[i], rest[i][k]
                rest[i] = [(pivot * a - factor * b) // previous for a, b in zip(row, rest[k], strict=True)]
            previous = pivot
    return "" if rank <= dimension else f"has rank {rank}, above the dimension {dimension}"


def _factor_fault(matrix: _Rows, factor: _Rows, ratio: Fraction) -> str:
    """S is symmetric, and so is R = r S - L L^T, with R_ii >= sum of the |R_ij| over j != i; else why not.

    Then R is positive semidefinite (Gershgorin), and with it S = (R + L L^T) / r, as r > 0.
    """
    for i, row in enumerate(matrix):
        rest = [ratio.numerator * x - ratio.denominator * _dot(factor[i], y) for x, y in zip(row, factor, strict=True)]
        if any(x != matrix[j][i] for j, x in enumerate(row)) or 2 * rest[i] < sum(map(abs, rest)):
            return f"is not symmetric, or not shown to be positive semidefinite by its factor, in row {i}"
    return ""


def _noise(value: Any, witness: Any, num_classes: int, dimension: int) -> _Noise:
    """The identity, or one covariance of d rows, or one of each class below one another, all positive semidefinite.

    That is shown by a "factor" L of each, below one another too (such as Cholesky's of S less a small multiple of I,
    rounded), or by elimination where the witness has none.
    """
    name, given = "claim.noise_covariance", type(value) is dict
    hint = _keys(witness, "witness", set(), {"factor"} if given else set())
    if not given:
        return _WHITE
    rows, unit = _matrix(value, name, (None, dimension))
    if len(rows) not in (dimension, num_classes * dimension):
        raise Malformed(f"{name} has {len(rows)} rows, expected {dimension}, or as many for each class")
    _afford(rows, name, num_classes * (num_classes * (dimension + 3) + len(rows) * dimension))  # pairs; their images
    cut = [slice(start, start + dimension) for start in range(0, len(rows), dimension)]
    if hint:
        factor, root = _matrix(hint["factor"], "witness.factor", (len(rows), dimension), len(rows) * dimension**2)
        faults = (_factor_fault(rows[part], factor[part], unit / root**2) for part in cut)
    else:
        _afford(rows, name, len(rows) * dimension**2 // 3, dimension)
        faults = (_gram_fault(rows[part], dimension) for part in cut)
    for i, fault in enumerate(faults):
        _refuse(fault, f"the noise covariance{f' of class {i}' * (len(cut) > 1)} {fault}")
    return tuple(rows[part] for part in cut), unit


# ---------------------------------------------------------------------------------- exponentials and logarithms
def _exp(p: int, q: int) -> int:
    """An integer v with |v u - exp(-p/q)| < 2^18 u for p >= 0 and q > 0, where u = 2^-192.

    With x = floor(p / (q u)), exp(-p/q) is at most exp(-xu), and above exp(-xu) - u. It is below e^-192 < u where
    x u >= 192. Else x < 2^200, and x is halved j <= 16 times, as often as brings t = xu / 2^j below 2^-8. Horner's rule
    v <- 1 - t v / n for n = 20, ..., 1 gives the Taylor polynomial of exp(-t), off by at most t^21 / 21! < 2^-230; each
    step is rounded by less than u, which the next ones shrink by t / n: v is off by less than 2u. Then v is squared j
    times. A square is off by e' <= e (2 + e) + u, if v <= 1 + e was off by e: in the end less than 3 u 2^16 + u.
    """
    if (x := p * _ONE // q) >= 192 * _ONE:
        return 0
    halvings, value = max(0, x.bit_length() - 184), _ONE
    for n in range(20, 0, -1):
        value = _ONE - (x * value >> 192 + halvings) // n
    for _ in range(halvings):
        value = value * value >> 192
    return value


def _artanh(p: int, q: int) -> int:
    """An integer v with |v u - 2 artanh(s)| < 400 u for s = p/q, |s| <= 1/3, where u = 2^-192.

    The power of s is off by c_n u from s^(2n+1), where c_0 <= 1, and c_(n+1) <= c_n / 9 + 1/3 + 1, as s^2 is rounded by
    less than u, and the product too: all c_n <= 3/2. So each of the 64 terms s^(2n+1) / (2n+1) is off by less than
    5/2 u, and all of them by 160 u; the terms left out add up to less than 3^-129 < u. Then all is doubled.
    """
    power, square, total = p * _ONE // q, p * p * _ONE // (q * q), 0
    for n in range(64):
        total += power // (2 * n + 1)
        power = power * square >> 192
    return 2 * total


_LOG_2 = _artanh(1, 3)


def _log(p: int, q: int) -> tuple[int, int]:
    """Integers with u times the first < log(p/q) < u times the second, for p, q > 0, where u = 2^-192.

    p/q = 2^k m with 1/2 < m < 2, and log m = 2 artanh((m-1) / (m+1)), log 2 = 2 artanh(1/3).
    """
    k = p.bit_length() - q.bit_length()
    p, q = p << max(0, -k), q << max(0, k)
    value, error = _artanh(p - q, p + q) + k * _LOG_2, 400 * (1 + abs(k))
    return value - error, value + error


def _log_sum(z: list[int], one: int) -> tuple[int, int]:
    """Integers with u times the first < log sum exp((z - max z) / one) < u times the second, where u = 2^-192.

    The sum is at least 1, and of fewer than 2^100 terms, so that it stays positive less its error.
    """
    total, error = sum(_exp(max(z) - x, one) for x in z), len(z) << 18
    return _log(total - error, _ONE)[0], _log(total + error, _ONE)[1]


# --------------------------------------------------------------------------------------------------------- formulas
class Formulas:
    """Evaluates formulas exactly: a part of Python's expressions, in which every number is a Fraction.

    There are + - * / of numbers, ** with exponents 0 to 8, comparisons, and or not, a if c else b, x[i], (a, b),
    comprehensions, all, any and `FUNCTIONS`; sequences are joined by +, and compared by == and !=. Truth values are no
    numbers, and numbers no truth values. All formulas of one object share `MAX_STEPS`, which long numbers use up too.
    """

    steps = 0

    def evaluate(self, text: str, names: Mapping[str, Any]) -> Any:
        """The value of a formula, a Fraction, truth value or tuple, where the names have these values."""
        if type(text) is not str or not _FORMULA.fullmatch(text):
            raise Malformed(f"a formula is not a string of at most {MAX_FORMULA} letters, digits and operators")
        try:
            return self._value(ast.parse(text, mode="eval").body, dict(names))
        except ZeroDivisionError:
            raise Invalid(f"no value of {text[:100]}: it divides by zero") from None
        except Exception as error:  # whatever Python says of an expression that has no meaning
            raise Malformed(f"no value of {text[:100]}: {type(error).__name__} {str(error)[:200]}") from None

    def spend(self, steps: int, bits: int = 0) -> None:
        """Pay for steps, or for one number."""
        self.steps += steps + bits // 64
        if self.steps > MAX_STEPS or bits > MAX_BITS:
            raise Malformed(f"the formulas take more than {MAX_STEPS} steps, or a number of more than {MAX_BITS} bits")

    def _value(self, node: ast.AST, names: dict[str, Any]) -> Any:
        value = self._node(node, names)
        self.spend(1 + len(value) if type(value) is tuple else 1)
        return value if type(value) in (bool, tuple) else self._exact(value)

    def _exact(self, value: Any, depth: int = MAX_DEPTH) -> Any:
        """The same with all its numbers as Fractions, which are paid for."""
        if type(value) is tuple and depth:
            self.spend(1)
            return tuple(self._exact(part, depth - 1) for part in value)
        if type(value) not in (int, Fraction):
            raise TypeError(f"{type(value).__name__} is no number")
        self.spend(1, value.numerator.bit_length() + value.denominator.bit_length())
        return value if type(value) is Fraction else Fraction(value)

    def _node(self, node: Any, names: dict[str, Any]) -> Any:
        of = self._value
        match node:
            case ast.Constant(value=number) if type(number) is int:
                return number
            case ast.Name(id=name):
                return names[name]
            case ast.UnaryOp(op=sign, operand=operand):
                return self._apply(type(sign), of(operand, names))
            case ast.BinOp(left=left, op=sign, right=right):
                return self._apply(type(sign), of(left, names), of(right, names))
            case ast.Compare(left=left, ops=signs, comparators=rest):
                pairs = pairwise([of(part, names) for part in (left, *rest)])
                return all(self._apply(type(sign), *pair) for sign, pair in zip(signs, pairs, strict=True))
            case ast.BoolOp(op=sign, values=parts):
                return (all if type(sign) is ast.And else any)(_typed(of(x, names), "a part", bool) for x in parts)
            case ast.IfExp(test=test, body=body, orelse=other):
                return of(body if _typed(of(test, names), "a condition", bool) else other, names)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return tuple(of(part, names) for part in parts)
            case ast.ListComp(elt=part, generators=loops) | ast.GeneratorExp(elt=part, generators=loops):
                return tuple(of(part, inner) for inner in self._loop(loops, names))
            case ast.Subscript(value=sequence, slice=index):
                return of(sequence, names)[_whole(of(index, names))]
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, tuple(of(argument, names) for argument in arguments))
        raise TypeError(f"{type(node).__name__} is not allowed")

    def _apply(self, sign: type, *values: Any) -> Any:
        kinds = set(map(type, values))
        if kinds == {tuple} and sign in (ast.Add, ast.Eq, ast.NotEq):
            values = self._exact(values)
        elif kinds != {bool if sign is ast.Not else Fraction} or (sign is ast.Pow and values[1] not in range(9)):
            raise TypeError(f"{sign.__name__} of {' and '.join(kind.__name__ for kind in map(type, values))}")
        return _SIGNS[sign](*values)

    def _call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name in ("all", "any"):
            (conditions,) = arguments
            return FUNCTIONS[name]([_typed(value, "a condition", bool) for value in conditions])
        before, arguments = self.steps, self._exact(arguments)
        words = self.steps - before  # of 64 bits; sums and products take about words^2 products of them
        self.spend({"exponent": words**2, "is_gram": words**3 // 40}.get(name, words**2 // 1000))
        if name == "gegenbauer":
            self.spend((words * _whole(arguments[0], 0)) ** 2)
        value = FUNCTIONS[name](*arguments)
        return tuple(map(self._exact, value)) if isinstance(value, Iterator | range | list) else value

    def _loop(self, loops: list[ast.comprehension], names: dict[str, Any]) -> Iterator[dict[str, Any]]:
        target: Any = loops[0].target
        several = isinstance(target, ast.Tuple)
        variables = [part.id for part in (target.elts if several else [target])]
        if loops[0].is_async or FUNCTIONS.keys() & variables:
            raise TypeError("a loop is asynchronous, or over a function's name")
        for item in self._value(loops[0].iter, names):
            inner = names | dict(zip(variables, item if several else (item,), strict=True))
            if all(_typed(self._value(condition, inner), "a condition", bool) for condition in loops[0].ifs):
                yield from self._loop(loops[1:], inner) if loops[1:] else (inner,)


_SIGNS: dict[type, Callable[..., Any]] = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
_SIGNS |= {ast.Div: operator.truediv, ast.Pow: operator.pow, ast.USub: operator.neg, ast.Not: operator.not_}
_SIGNS |= {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
_SIGNS |= {ast.Eq: operator.eq, ast.NotEq: operator.ne}


def _whole(number: Any, least: int | None = None) -> int:
    if type(number) is bool or int(number) != number or (least is not None and number < least):
        raise ValueError("an index, count, degree or dimension is not whole, or too small")
    return int(number)


def dot(x: Any, y: Any) -> Any:
    """The inner product <x, y>."""
    return sum(a * b for a, b in zip(x, y, strict=True))


def squared_distance(x: Any, y: Any) -> Any:
    """|x - y|^2."""
    return sum((a - b) ** 2 for a, b in zip(x, y, strict=True))


def exponent(means: Any, weights: Any, bias: Any) -> Any:
    """The exponent of K >= 2 classes: the minimum of e_ij over ordered pairs; where e_ij is infinite, e_ji is 0."""
    values = []
    for (mean, row, b), (_, other, c) in permutations(zip(means, weights, bias, strict=True), 2):
        direction = [p - q for p, q in zip(row, other, strict=True)]
        margin, squared = dot(direction, mean) + b - c, dot(direction, direction)
        if squared or margin <= 0:
            values.append(max(0 * margin, margin) ** 2 / (2 * squared) if squared else 0 * squared)
    return min(values)


def gegenbauer(degree: Any, dimension: Any, t: Any) -> Any:
    """P_0 = 1, P_1 = t, (k+d-2) P_{k+1} = (2k+d-2) t P_k - k P_{k-1}: positive definite on the sphere in R^d, d > 1."""
    d, before, value = _whole(dimension, 2), 0 * t, 0 * t + 1
    for k in range(_whole(degree, 0)):
        step = (2 * k + d - 2) * t * value - k * before
        before, value = value, step / (k + d - 2) if k else t
    return value


def universal_bound(num_classes: Any, dimension: Any) -> Fraction:
    """The least bound of `_universal` on the exponent of K >= 2 classes of norm at most 1 in dimension d >= 1."""
    k, d = _whole(num_classes, 2), _whole(dimension, 1)
    return _universal("line" if d == 1 else "rankin" if k >= d + 2 else "simplex", k, d, "bounded")[0]


def is_gram(matrix: Any, dimension: Any) -> bool:
    """Whether the square matrix is the Gram matrix of vectors in dimension d."""
    unit = lcm(*(entry.denominator for row in matrix for entry in row))
    integers = [[int(entry * unit) for _, entry in zip(matrix, row, strict=True)] for row in matrix]
    return not _gram_fault(integers, _whole(dimension, 0))


FUNCTIONS: Mapping[str, Any] = MappingProxyType(
    {function.__name__: function for function in (min, max, sum, abs, all, any, len, sorted, dot, squared_distance)}
    | {function.__name__: function for function in (exponent, gegenbauer, universal_bound, is_gram)}
    | {f.__name__: lambda x, n, f=f: f(x, min(_whole(n), len(x) + 1)) for f in (combinations, permutations)}
    | {"range": lambda *ends: range(*map(_whole, ends)), "zip": lambda *x: zip(*x, strict=True)}
)


# ------------------------------------------------------------------------------------------------- the claim kinds
def _universal(theorem: str, num_classes: int, dimension: int, energy: str) -> tuple[Fraction, bool]:
    """A bound on the normalized exponent of every K >= 2 points with every linear decoder, and whether it is attained.

    No decoder beats nearest mean: m_ij + m_ji = <a_ij, mu_i - mu_j> <= |a_ij| |mu_i - mu_j|, so the smaller of e_ij,
    e_ji is at most |mu_i - mu_j|^2 / 8. Hence beta <= D / 8, D the smallest squared distance. For E <= 1:

    * simplex (every energy): K(K-1)/2 * D <= sum_{i<j} |mu_i - mu_j|^2 = K sum |mu_i|^2 - |sum mu_i|^2 <= K^2, so
      beta <= K / (4(K-1)). Attained for d >= K-1 by the simplex ETF.
    * rankin (bounded or equal energy, K >= d+2): d+2 vectors have a dependency with coefficients of sum 0, that is
      v := sum_A s_i mu_i = sum_B t_j mu_j with disjoint A, B and s, t > 0. So sum s_i t_j <mu_i, mu_j> = |v|^2 >= 0,
      some <mu_i, mu_j> >= 0, D <= 2 and beta <= 1/4. Attained for K <= 2d by any K of the +-e_i.
    * line (d = 1): sorted points with gaps >= g span (K-1) g <= 2, so beta <= 1 / (2(K-1)^2) (bounded); they have
      1 >= variance >= g^2 (K^2-1)/12, so beta <= 3 / (2(K^2-1)) (average); of K >= 3 points of equal norm two
      coincide, so beta = 0 (equal). Attained by equally spaced points, or by any.
    """
    if theorem == "simplex":
        return Fraction(num_classes, 4 * (num_classes - 1)), dimension >= num_classes - 1
    if theorem == "rankin":
        if energy == "average" or num_classes < dimension + 2:
            raise Invalid("Rankin's bound needs bounded or equal energy and at least d + 2 classes")
        return Fraction(1, 4), num_classes <= 2 * dimension
    _refuse(dimension != 1, "the bound for points on a line needs dimension 1")
    line = {"average": Fraction(3, 2 * (num_classes**2 - 1)), "bounded": Fraction(1, 2 * (num_classes - 1) ** 2)}
    return line.get(energy, Fraction(int(num_classes == 2), 2)), True


_THEOREMS = ("simplex", "rankin", "line")


def _sizes(claim: Any, keys: Set[str], least: int = 2, optional: Set[str] = frozenset()) -> dict[str, Any]:
    """The sizes, and "identity" or the digest of the noise covariance, which only one kind of claim may have."""
    _keys(claim, "claim", {"kind", "num_classes", "dimension", "noise_covariance"} | keys, optional)
    facts = {key: _typed(claim[key], f"claim.{key}", int, n) for key, n in (("num_classes", least), ("dimension", 1))}
    noise = claim["noise_covariance"]
    if claim["kind"] == "exponent" and type(noise) is dict:
        return facts | {"noise_covariance": digest(noise)}
    return facts | {"noise_covariance": _choice(noise, "claim.noise_covariance", {"identity"})}


def _constraint(claim: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    """Sizes and energy; "equal" carries norm_ratio p: every |mu_i|^2 is at least p times the largest."""
    facts = _sizes(claim, {"energy", *keys}, optional={"norm_ratio"})
    facts["energy"] = _choice(claim["energy"], "claim.energy", ENERGIES)
    ratio = {key: _rational(claim[key], f"claim.{key}") for key in claim.keys() & {"norm_ratio"}}
    if bool(ratio) != (facts["energy"] == "equal") or not 0 <= ratio.get("norm_ratio", 0) <= 1:
        raise Malformed("claim.norm_ratio belongs to equal energy, and only there, and is between 0 and 1")
    return facts | ratio


def _exponent(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The exponent, the minimum of all K(K-1) e_ij, is exactly q, attained by this pair.

    Where no e_ij is finite, as for one class, it is "inf", and the pair is null. The noise covariance is "identity", or
    one symmetric positive semidefinite matrix for all classes, or one of each class.
    """
    facts = _sizes(claim, {"configuration", "exponent", "pair"}, least=1)
    noise = _noise(claim["noise_covariance"], witness, facts["num_classes"], facts["dimension"])
    if (pair := claim["pair"]) is not None:
        pair = tuple(_typed(i, "claim.pair", int, least=0) for i in _typed(pair, "claim.pair", list, length=2))
        if pair[0] == pair[1] or max(pair) >= facts["num_classes"]:
            raise Malformed("claim.pair is neither null nor an ordered pair of two classes")
    asserted = None if claim["exponent"] == "inf" and not pair else _rational(claim["exponent"], "claim.exponent")
    geometry = _configuration(claim, "configuration", facts, noise)
    _refuse((found := geometry.exponent()) != asserted, f"the exponent is {_show(found)}, not {_show(asserted)}")
    _refuse((geometry.pair_exponent(*pair) if pair else None) != found, f"the pair {pair} does not attain it")
    weakest = f", attained by class {pair[0]} taken for class {pair[1]}" if pair else ""
    sentence = f"{_points(facts, geometry, noise)} has exponent exactly {_show(found)}{weakest}"
    return facts | {"exponent": found, "pair": pair, "configuration": geometry.digest}, sentence


def _universal_bound(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Every K points in dimension d with any linear decoder have normalized exponent <= q, by `_universal`.

    With "attained": true also: some have exactly q.
    """
    facts = _sizes(claim, {"energy", "bound", "attained"})
    facts["energy"] = _choice(claim["energy"], "claim.energy", ENERGIES)
    theorem = _choice(_keys(witness, "witness", {"theorem"})["theorem"], "witness.theorem", _THEOREMS)
    asserted, closed = _rational(claim["bound"], "claim.bound"), _typed(claim["attained"], "claim.attained", bool)
    bound, attained = _universal(theorem, facts["num_classes"], facts["dimension"], facts["energy"])
    if asserted < bound or (closed and (not attained or asserted > bound)):
        raise Invalid(f"{_show(asserted)}: the {theorem} bound is {_show(bound)}{'' if attained else ', not attained'}")
    points = f"{facts['num_classes']} classes in dimension {facts['dimension']} with {facts['energy']} energy at most 1"
    decay = f"has exponent at most {_show(asserted, _ABOVE)} (noise covariance identity)"
    attaining = ", and one attains it" if closed else ""
    sentence = f"every configuration of {points} and any linear decoder {decay}{attaining}"
    return facts | {"bound": asserted, "attained": closed}, sentence


def _gap(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """lower <= exponent / (energy x optimum) <= upper for this configuration.

    With u a universal bound, optimum <= u gives the ratio >= beta / (E u), and equality where u is attained. Otherwise
    the ratio is at most 1 by the definition of the optimum, which under equal energy needs norms that agree exactly.
    """
    facts = _constraint(claim, {"configuration", "lower", "upper"})
    theorem = _choice(_keys(witness, "witness", {"theorem"})["theorem"], "witness.theorem", _THEOREMS)
    lower = _rational(claim["lower"], "claim.lower")
    upper = None if claim["upper"] == "inf" else _rational(claim["upper"], "claim.upper")
    energy, geometry = facts["energy"], _configuration(claim, "configuration", facts)
    bound, attained = _universal(theorem, facts["num_classes"], facts["dimension"], energy)
    if energy == "equal" and facts["dimension"] == 1 and facts["num_classes"] > 2:
        raise Invalid("the optimum is 0, so that the ratio has no meaning")
    ratio = geometry.normalized_exponent(energy) / bound
    _refuse(lower > ratio, f"exponent / (energy x {theorem} bound) is {_show(ratio)}, below {_show(lower)}")
    at_most_1 = energy != "equal" or facts["norm_ratio"] == 1
    if upper is not None and not (attained and ratio <= upper) and not (at_most_1 and upper >= 1):
        raise Invalid(f"the upper end {_show(upper)} is not proved: ratio {_show(ratio)}, attained: {attained}")
    ends = f"at least {_show(lower, _BELOW)}" + ("" if upper is None else f" and at most {_show(upper, _ABOVE)}")
    sentence = f"{_points(facts, geometry)}: exponent / (energy x optimum) is {ends}"
    return facts | {"lower": lower, "upper": upper, "configuration": geometry.digest}, sentence


def _improvement(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Another configuration, `better`, beats this one: the normalized exponent is at most `ratio` < 1 times its own."""
    facts = _constraint(claim, {"configuration", "better", "ratio"})
    _keys(witness, "witness", set())
    ratio = _rational(claim["ratio"], "claim.ratio")
    geometry, better = (_configuration(claim, key, facts) for key in ("configuration", "better"))
    value, best = (points.normalized_exponent(facts["energy"]) for points in (geometry, better))
    if not (ratio < 1 and best > 0 and value <= ratio * best):
        raise Invalid(f"exponent / energy is {_show(value)}, and {_show(best)} for the other configuration")
    times = f"at most {_show(ratio, _ABOVE)} times that of a better configuration (sha256 {better.digest})"
    sentence = f"{_points(facts, geometry)} has exponent / energy {times}"
    return facts | {"ratio": ratio, "configuration": geometry.digest, "better": better.digest}, sentence


def _simplex_etf(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """This Gram matrix is exactly scale * K/(K-1) * (I - J/K): scale on the diagonal, -scale/(K-1) elsewhere.

    It has eigenvalue 0 on the all-ones vector and scale * K/(K-1) > 0 on its complement: rank K - 1.
    """
    claim = _keys(claim, "claim", {"kind", "num_classes", "gram", "scale"})
    _keys(witness, "witness", set())
    num_classes = _typed(claim["num_classes"], "claim.num_classes", int, least=2)
    scale = _rational(claim["scale"], "claim.scale")
    gram, unit = _matrix(claim["gram"], "claim.gram", (num_classes, num_classes))
    on, off = scale / unit, -scale / (num_classes - 1) / unit
    wrong = ((i, j) for i, row in enumerate(gram) for j, x in enumerate(row) if x != (on if i == j else off))
    if scale <= 0 or (first := next(wrong, None)):
        raise Invalid("the scale is not positive" if scale <= 0 else f"the entry at {first} is wrong")
    sentence = f"the Gram matrix is exactly a simplex ETF's: {num_classes} vectors of squared norm {_show(scale)}"
    return {"num_classes": num_classes, "scale": scale}, sentence


def _violation(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The claim "for every input with `requires`: `margin` <= 0" fails at this input: the margin is >= q > 0.

    `input` gives values to names; `definitions` gives values to more of them by formulas, one after the other.
    """
    claim = _keys(claim, "claim", {"kind", "theorem", "input", "definitions", "requires", "margin", "at_least"})
    _keys(witness, "witness", set())
    kinds = {"theorem": str, "input": dict, "definitions": dict, "requires": list}
    theorem, inputs, definitions, requires = (_typed(claim[key], f"claim.{key}", kind) for key, kind in kinds.items())
    asserted, new = _rational(claim["at_least"], "claim.at_least"), {*inputs, *definitions} - FUNCTIONS.keys()
    if len(new) < len(inputs) + len(definitions) or not all(map(_NAME.fullmatch, (*new, theorem.replace("/", "_")))):
        raise Malformed("claim.theorem is no name, or the names of claim.input and claim.definitions are not all new")
    formulas = Formulas()
    names = {name: _input(value, f"claim.input.{name}", formulas) for name, value in inputs.items()}
    for name, text in definitions.items():
        names[name] = formulas.evaluate(text, names)
    for text in requires:
        if not _typed(formulas.evaluate(text, names), f"the value of {str(text)[:100]}", bool):
            raise Invalid(f"the input does not satisfy {text[:100]}")
    margin = _typed(formulas.evaluate(claim["margin"], names), "the value of claim.margin", Fraction)
    _refuse(not margin >= asserted > 0, f"the margin is {_show(margin)}, expected at least {_show(asserted)} > 0")
    facts = {"theorem": theorem, "input": digest(inputs), "margin": claim["margin"], "at_least": asserted}
    defined = tuple(f"{name} = {text}" for name, text in definitions.items())
    where = ", where " * bool(defined or requires) + "; ".join((*defined, *requires))
    sentence = f"the claim {theorem} fails for the input with sha256 {facts['input']}: ({claim['margin']}) is at least "
    facts |= {"definitions": defined, "requires": tuple(requires)}
    return facts, f"{sentence}{_show(asserted, _BELOW)}, not at most 0{where}"


def _input(value: Any, name: str, formulas: Formulas) -> Any:
    """A number, a list of numbers, or the rows of a matrix."""
    if type(value) is dict:
        rows, unit = _matrix(value, name, (None, None))
        formulas.spend(sum(map(len, rows)) * (1 + unit.denominator.bit_length() // 64))
        return tuple(tuple(unit * entry for entry in row) for row in rows)
    if type(value) is list:
        formulas.spend(len(value))
        return tuple(_rational(entry, name) for entry in value)
    return _rational(value, name)


def _class_sizes(sizes: list[int], free_bias: Any) -> tuple[dict[str, Any], str]:
    bias = "a free" if _typed(free_bias, "claim.free_bias", bool) else "no"
    return {"class_sizes": tuple(sizes), "free_bias": free_bias}, f"{_listed(sizes)} with {bias} bias"


def _listed(sizes: list[int]) -> str:
    if not 2 <= len(sizes) <= MAX_CLASSES or not all(0 < size < 1 << 63 for size in sizes):
        raise Malformed(f"not from 2 to {MAX_CLASSES} classes, or a size is not positive and below 2^63")
    return f"{len(sizes)} classes of sizes {', '.join(map(str, sizes))}"


def _samples(value: Any, name: str, dimension: int, each: int = 0, width: int = 0) -> _Samples:
    """The class sizes; for every row its class, its number of samples and its logits; their unit; |H|^2, |W|^2, |b|^2.

    "counts" holds the numbers of samples, class by class, as the rows are; for `each` see `_decoder`. There are as many
    weights as classes, or as `width` says.
    """
    points = _keys(value, name, {"features", "weights", "bias", "counts"})
    groups = [_integers(part, f"{name}.counts") for part in _typed(points["counts"], f"{name}.counts", list)]
    labels, counts = [k for k, part in enumerate(groups) for _ in part], [n for part in groups for n in part]
    width = width or len(groups)
    *parts, logit, unit = _decoder(points, name, "features", (len(labels), dimension, width), each)
    repeated = (counts, [1] * width, [1])
    squares = [step**2 * _dot(n, map(_dot, x, x)) for (x, step), n in zip(parts, repeated, strict=True)]
    rows = ((k, counts[i], [logit(i, c) for c in range(width)]) for i, k in enumerate(labels))
    return [*map(sum, groups)], rows, unit, squares


def _least_value(facts: dict[str, Any], witness: dict[str, Any]) -> Fraction:
    """sum n_i beta_ic: no W and H in any dimension separate classes of these sizes with a smaller value.

    Given beta_ic >= 0, let B_i = sum_c beta_ic (e_i - e_c) be the column of every sample of class i. Where all margins
    are at least 1 and |B|_2 <= 1, sum n_i beta_ic <= sum over samples <B_y, W h + b> = <W, sum B_y h^T> <= |W| |H|;
    with a free bias only if sum n_i B_i = 0. G = B B^T = sum n_i B_i B_i^T has G 1 = 0, so for c >= 0 no eigenvalue
    of G is above the largest of G + c J, which is at most the largest absolute row sum. With c = trace(G) / (K (K-1))
    that is 1 at the optimum, where G = I - J/K.
    """
    sizes, size = facts["class_sizes"], len(facts["class_sizes"])
    multipliers = _keys(witness, "witness", {"multipliers"})["multipliers"]
    beta, unit = _matrix(multipliers, "witness.multipliers", (size, size), size**3)
    if any(x < 0 or (x and i == c) for i, row in enumerate(beta) for c, x in enumerate(row)):
        raise Invalid("a multiplier is negative, or one of a class against itself is not 0")
    columns = [[sum(row) if i == c else -x for c, x in enumerate(row)] for i, row in enumerate(beta)]
    rows = list(zip(*columns, strict=True))
    _refuse(facts["free_bias"] and any(_dot(sizes, row) for row in rows), "the multipliers do not cancel a free bias")
    weighted, scale = [[*map(operator.mul, sizes, row)] for row in rows], size * (size - 1)
    trace = sum(map(_dot, weighted, rows))
    if any(sum(abs(scale * _dot(x, y) + trace) for y in rows) * unit**2 > scale for x in weighted):
        raise Invalid("the multipliers are not shown to have spectral norm at most 1")
    return unit * _dot(sizes, map(sum, beta))


def _separation_bound(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """No W and H, of any dimension, separate classes of these sizes with value below q, by `_least_value`."""
    _keys(claim, "claim", {"kind", "class_sizes", "free_bias", "bound"})
    facts, text = _class_sizes(_integers(claim["class_sizes"], "claim.class_sizes"), claim["free_bias"])
    facts["bound"] = _rational(claim["bound"], "claim.bound")
    if facts["bound"] > (least := _least_value(facts, witness)):
        raise Invalid(f"the multipliers show that no value is below {_show(least)}, not {_show(facts['bound'])}")
    below = f"with |W| |H| / (smallest margin) below {_show(facts['bound'], _BELOW)}"
    return facts, f"no weights W and features H, of any dimension, separate {text}, {below}"


def _separation(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """These weights separate these features with value at most q; row i of class k stands for n_i samples.

    The value is |W| |H| / m, where |H|^2 = sum n_i |h_i|^2 and m = min <w_k - w_c, h_i> + b_k - b_c over c != k is
    positive: scaled to m = 1 and |W| = |H| it is (|W|^2 + |H|^2) / 2. "counts" holds the n_i, class by class, as the
    rows are. With "ratio" r also: the least value possible for these class sizes is at least r times this one.
    """
    _keys(claim, "claim", {"kind", "dimension", "free_bias", "configuration", "value"}, {"ratio"})
    dimension = _typed(claim["dimension"], "claim.dimension", int, least=1)
    sizes, rows, unit, squares = _samples(claim["configuration"], "claim.configuration", dimension)
    facts, text = _class_sizes(sizes, claim["free_bias"])
    facts |= {"dimension": dimension, "configuration": digest(claim["configuration"])}
    facts |= {key: _rational(claim[key], f"claim.{key}") for key in claim.keys() & {"value", "ratio"}}
    _refuse(squares[2] and not facts["free_bias"], "there is a bias that is not 0, and not free")
    margin, square = unit * min(z[k] - max(z[:k] + z[k + 1 :]) for k, _, z in rows), squares[0] * squares[1]
    if margin <= 0 or facts["value"] <= 0 or square > (margin * facts["value"]) ** 2:
        raise Invalid(f"the smallest margin is {_show(margin)}, and |W|^2 |H|^2 is {_show(square)}")
    sentence = f"the weights W and features H with sha256 {facts['configuration']} separate {text}, with"
    sentence += f" |W| |H| / (smallest margin) at most {_show(facts['value'], _ABOVE)}"
    if _keys(witness, "witness", {"multipliers"} if "ratio" in facts else set()):
        if (ratio := facts["ratio"]) < 0 or ratio**2 * square > (margin * _least_value(facts, witness)) ** 2:
            raise Invalid(f"the least value possible is not shown to be {_show(ratio)} times this one")
        sentence += f", and the least possible is at least {_show(ratio, _BELOW)} times that of these"
    return facts, sentence


def _positive(value: Any, name: str, length: int) -> tuple[Fraction, ...]:
    """Numbers above 0, with a common denominator that is not too long."""
    numbers = tuple(_rational(x, f"an entry of {name}") for x in _typed(value, name, list, length=length))
    common = accumulate((number.denominator for number in numbers), lcm)
    if min(numbers) <= 0 or any(denominator.bit_length() > MAX_EXPONENT for denominator in common):
        raise Malformed(f"{name} is not positive, or has a common denominator of more than {MAX_EXPONENT} bits")
    return numbers


def _model(value: Any) -> tuple[dict[str, Any], str]:
    """F = (1/N) sum_i w_y l(W h_i + b, t_y) + (lambda_W |W|^2 + lambda_H |H|^2 + lambda_b |b|^2) / 2, y the class of i.

    The sum is over N samples of M classes, of which `class_sizes` are in each; `class_weights` are the w_k, all 1 if
    null, and not normalized; there are K = M logits, and t_k = (1-a) e_k + (a/K) 1 with the `smoothing` a; l is one of
    `LOSSES`; `regularization` is lambda_W and lambda_H, and `bias` lambda_b. A bias that is "free" costs nothing, and
    with "none" it is 0. The `features` "nonnegative" are those without an entry below 0. A matrix of `label_sets` has M
    rows of K zeros and ones: t_k is row k divided by its sum. With a `temperature` tau in place of regularization and
    bias the logits are tau <w_c, h_i> / (|w_c| |h_i|), and nothing is penalized; F has a value where no row is 0.
    """
    sphere = "temperature" in _typed(value, "claim.model", dict)
    keys = {"class_sizes", "class_weights", "loss", "smoothing"}
    keys |= {"temperature"} if sphere else {"regularization", "bias"}
    value = _keys(value, "claim.model", keys, {"features", "label_sets"})
    sizes, weights = _integers(value["class_sizes"], "class_sizes"), value["class_weights"]
    loss, smoothing = _choice(value["loss"], "loss", LOSSES), _rational(value["smoothing"], "smoothing")
    if not 0 <= smoothing < 1 or (loss != "cross_entropy" and (smoothing or sphere or "label_sets" in value)):
        raise Malformed(f"{loss} has label sets or a temperature, or its smoothing is not 0, or not from 0 to below 1")
    text = f"F is the mean {loss} ({LOSSES[loss]}) over {_listed(sizes)}, targets smoothed by {_show(smoothing)}"
    numbers = _positive([1] * len(sizes) if weights is None else weights, "class_weights", len(sizes))
    facts = {"class_sizes": tuple(sizes), "class_weights": numbers, "loss": loss, "smoothing": smoothing}
    if "label_sets" in value:
        sets, unit = _matrix(value["label_sets"], "label_sets", (len(sizes), None))
        if unit != 1 or smoothing or not all(any(row) and {0, 1}.issuperset(row) for row in sets):
            raise Malformed("label_sets are not rows of zeros and at least a one, or their targets are smoothed")
        listed = ("{" + ", ".join(str(c) for c, x in enumerate(row) if x) + "}" for row in sets)
        text += f" and even on the sets {', '.join(listed)} of {len(sets[0])} labels"
        facts["label_sets"] = tuple(map(tuple, sets))
    text += f", times class weights {', '.join(map(_show, numbers))}" if weights else ""
    if sphere:
        facts["temperature"] = tau = _positive([value["temperature"]], "temperature", 1)[0]
        text += f", of the logits ({_show(tau)}) <w, h> / (|w| |h|)"
    else:
        bias = value["bias"]
        facts["regularization"] = one, two = _positive(value["regularization"], "regularization", 2)
        text += f", plus half of ({_show(one)}) |W|^2 + ({_show(two)}) |H|^2"
        facts["bias"] = bias = bias if bias in ("none", "free") else _positive([bias], "bias", 1)[0]
        article = "no" if bias == "none" else "a free"
        text += f", with {article} bias" if type(bias) is str else f" + ({_show(bias)}) |b|^2"
    if "features" in value:
        facts["features"] = _choice(value["features"], "features", {"nonnegative"})
        text += ", and no entry of H is below 0"
    return facts, text


def _width(model: dict[str, Any]) -> int:
    return len(model["label_sets"][0] if "label_sets" in model else model["class_sizes"])


def _target(model: dict[str, Any], k: int) -> tuple[Iterable[int], int]:
    """t_k, as integers and what they are divided by."""
    if "label_sets" in model:
        return model["label_sets"][k], sum(model["label_sets"][k])
    size, low = _width(model), model["smoothing"] / _width(model)
    own = low.denominator - size * low.numerator
    return [low.numerator + own * (c == k) for c in range(size)], low.denominator


def _loss(model: dict[str, Any], z: list[int], k: int, one: int) -> list[Fraction]:
    """Two numbers, and l(z / one, t_k) is between them.

    With m = max z, log sum exp(z) = m + log sum exp(z - m), and log(1 + exp(z)) is that of the two logits 0 and z.
    """
    target, common = _target(model, k)
    if model["loss"] == "squared_error":
        return [Fraction(sum((x - one * t) ** 2 for x, t in zip(z, target, strict=True)), 2 * one**2)] * 2
    parts = [z] if model["loss"] == "cross_entropy" else [[0, x] for x in z]
    linear = sum(map(max, parts)) - Fraction(_dot(target, z), common)
    ends = zip(*(_log_sum(part, one) for part in parts), strict=True)
    return [linear / one + Fraction(sum(end), _ONE) for end in ends]


def _on_spheres(model: dict[str, Any], rows: Iterator[_Row], points: dict[str, Any]) -> Iterator[_Row]:
    """The rows with logits tau <w, h> / (|w| |h|), rounded down to multiples of u = 2^-192."""
    (p, q), weights = model["temperature"].as_integer_ratio(), points["weights"]["rows"]
    squares = [_dot(w, w) for w in weights]
    for (k, n, _), h in zip(rows, points["features"]["rows"], strict=True):
        square, cross = _dot(h, h), [_dot(w, h) for w in weights]
        _refuse(square == 0 or 0 in squares, "a row is 0, which has no direction")
        roots = [isqrt((p * x * _ONE) ** 2 // (q * q * square * y)) for x, y in zip(cross, squares, strict=True)]
        yield k, n, [root if x >= 0 else ~root for x, root in zip(cross, roots, strict=True)]


def _enclosure(model: dict[str, Any], value: Any, name: str) -> list[Fraction]:
    """Two numbers, and F at these points is between them.

    On spheres a logit is its rounded one and at most u more. As the derivative of the loss is the difference of two
    distributions, p - t, the loss is off by at most u.
    """
    width = _width(model) if "label_sets" in model else 0
    sizes, rows, unit, squares = _samples(value, name, model["dimension"], 400, width)
    bias, one, error = model.get("bias", "none"), unit.denominator, Fraction(0)
    if tuple(sizes) != model["class_sizes"] or (bias == "none" and squares[2]):
        raise Invalid(f"{name} has other class sizes than the model, or a bias where there is none")
    _refuse("features" in model and min(map(min, value["features"]["rows"])) < 0, f"a feature of {name} is below 0")
    if "temperature" in model:
        rows, one, error = _on_spheres(model, rows, value), _ONE, Fraction(1, _ONE)
    rates = (*model.get("regularization", (0, 0))[::-1], 0 if type(bias) is str else bias)
    ends = [sum(map(operator.mul, rates, squares), Fraction(0)) / 2] * 2
    for k, n, z in rows:
        low, high = _loss(model, z, k, one)
        share = model["class_weights"][k] * n / sum(sizes)
        ends = [ends[0] + share * (low - error), ends[1] + share * (high + error)]
    return ends


def _dual(model: dict[str, Any], rows: _Rows, unit: Fraction, extra: int, work: int) -> tuple[Fraction, _Rows, int]:
    """A number below (1/N) sum n_k w_k E(q_k); the r_k = w_k (q_k - t_k), as integers and what they are divided by."""
    loss, weights, aims = model["loss"], model["class_weights"], [_target(model, k) for k in range(len(rows))]
    common, one = lcm(*(w.denominator for w in weights)), lcm(unit.denominator, *(part for _, part in aims))
    scale, whole = int(unit * one), [int(w * common) for w in weights]
    largest = (one + scale * max(abs(x) for row in rows for x in row)) * max(model["class_sizes"]) * max(whole)
    _afford([[largest * extra]], "witness.dual", work)
    dual = [[scale * x for x in row] for row in rows]
    if loss != "squared_error" and any(not 0 <= x <= one for row in dual for x in row):
        raise Invalid("an entry of the dual is not between 0 and 1")
    _refuse(loss == "cross_entropy" and any(sum(row) != one for row in dual), "a row of the dual does not add up to 1")
    if loss == "squared_error":
        entropies = [Fraction(one**2 - _dot(row, row), 2 * one**2) for row in dual]
    else:
        parts = [row + [one - x for x in row] * (loss != "cross_entropy") for row in dual]
        logs = {x: -_log(x, one)[1] for x in {x for row in parts for x in row} if 0 < x < one}
        entropies = [Fraction(sum(x * logs.get(x, 0) for x in row), one * _ONE) for row in parts]
    shares = map(operator.mul, model["class_sizes"], weights)
    least = sum(map(operator.mul, shares, entropies), Fraction(0)) / sum(model["class_sizes"])
    pairs = zip(whole, dual, aims, strict=True)
    rest = [[w * (x - one // q * t) for x, t in zip(row, aim, strict=True)] for w, row, (aim, q) in pairs]
    return least, rest, one * common


def _objective_bound(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """No W, H and b, in any dimension, have the objective F of this model below q.

    Row k of the "dual" is a q_k: for the cross-entropy a probability vector, for the binary one entries from 0 to 1,
    for the squared error anything. By the conjugates of log sum exp, sum log(1 + exp) and |z|^2 / 2, for every z

        l(z, t_k) >= <q_k - t_k, z> + E(q_k),

    where E(q) is -sum q log q, or -sum (q log q + (1-q) log(1-q)), or (1 - |q|^2) / 2: |z - t|^2 / 2 is at least
    <q - t, z - t> - |q - t|^2 / 2 = <q - t, z> + (|t|^2 - |q|^2) / 2. Let r_k = w_k (q_k - t_k), and let the matrix G
    have the column r_y / N for every sample. Then F is at least

        (1/N) sum n_k w_k E(q_k) + <G, WH> + <s, b> + penalties,  s = (1/N) sum n_k r_k.

    There <G, WH> = <W^T G, H> >= -|G|_2 |W| |H|, and (lambda_W |W|^2 + lambda_H |H|^2) / 2 >= sqrt(lambda_W lambda_H)
    |W| |H|: together they are not negative if N^2 (lambda_W lambda_H I - G G^T) = N^2 lambda_W lambda_H I -
    sum n_k r_k r_k^T is positive semidefinite, which its "factor" shows. And <s, b> is 0 without a bias, can have
    any value with a free one unless s = 0, and with lambda_b |b|^2 / 2 it is at least -|s|^2 / (2 lambda_b).

    Of features that are not negative, <G, WH> = <W, G H^T> >= -|W| |G H^T|, and |G H^T|^2 is the sum of |G v|^2 over
    vectors v >= 0, whose squares add up to |H|^2. Let v_k be the part of v at the n_k samples of class k, whose columns
    of G are equal, and x_k = |v_k|: the sum of its entries is from 0 to sqrt(n_k) x_k. So N^2 |G v|^2 <= sum_kl
    sqrt(n_k n_l) max(0, <r_k, r_l>) x_k x_l. It is at most N^2 lambda_W lambda_H |v|^2 if the matrix of order M with
    the entries N^2 lambda_W lambda_H n_k [k = l] - n_k n_l max(0, <r_k, r_l>) is positive semidefinite, as its factor
    shows: its value at the x_k / sqrt(n_k) is the difference.

    On spheres nothing is penalized, and <G, WH> is tau sum_k (n_k / N) <r_k, W m_k> for rows w_c of norm 1 and means
    m_k of classes of features of norm 1, so |m_k| <= 1. The "multipliers" are a_1, ..., a_K, b_1, ..., b_M. If the
    matrix [[diag(a), C], [C^T, diag(b)]] of order K + M with C_ck = tau (n_k / N) r_kc is positive semidefinite, as
    its factor shows, sum a_c |w_c|^2 + sum b_k |m_k|^2 + 2 <G, WH> >= 0, all b_k >= 0, and F is at least
    (1/N) sum n_k w_k E(q_k) - (sum a_c + sum b_k) / 2.
    """
    model, text = _model(_keys(claim, "claim", {"kind", "model", "bound"})["model"])
    bound, sphere = _rational(claim["bound"], "claim.bound"), "temperature" in model
    witness = _keys(witness, "witness", {"dual", "factor", *["multipliers"] * sphere})
    sizes, size, bias = model["class_sizes"], _width(model), model.get("bias", "none")
    order = size + len(sizes) if sphere else len(sizes) if "features" in model else size
    work = max(order, len(sizes)) ** 3
    dual = _matrix(witness["dual"], "witness.dual", (len(sizes), size), work)
    factor, root = _matrix(witness["factor"], "witness.factor", (order, order), work)
    rate = model["temperature"] if sphere else model["regularization"][0] * model["regularization"][1]
    least, rest, one = _dual(model, *dual, rate.denominator, work + 500 * size * len(sizes))
    weighted, columns = [[n * x for x in row] for n, row in zip(sizes, rest, strict=True)], [*zip(*rest, strict=True)]
    total, slope = sum(sizes) * one, [*map(sum, zip(*weighted, strict=True))]
    _refuse(bias == "free" and any(slope), "the dual does not cancel a free bias")
    least -= 0 if type(bias) is str else Fraction(_dot(slope, slope), total**2) / (2 * bias)
    limit, unit, ends = rate * total**2, Fraction(1, one**2), [1] * order  # S = unit * (limit * ends + matrix)
    if sphere:
        (ends,), step = _matrix(witness["multipliers"], "witness.multipliers", (1, order), order**2)
        limit, unit, least = step * total / rate, rate / total, least - step * sum(ends) / 2
        matrix = [[0] * size + [*row] for row in zip(*weighted, strict=True)]
        matrix += [row + [0] * len(sizes) for row in weighted]
    elif "features" in model:
        matrix, ends = [[-max(0, _dot(x, y)) for y in weighted] for x in weighted], sizes
    else:
        rows = [*zip(*weighted, strict=True)]
        matrix = [[-_dot(x, y) for y in columns] for x in rows]
    matrix = [[limit.denominator * x for x in row] for row in matrix]
    for i, row in enumerate(matrix):
        row[i] += limit.numerator * ends[i]
    fault = _factor_fault(matrix, factor, unit / limit.denominator / root**2)
    _refuse(fault, f"the matrix that the dual has to make semidefinite {fault}")
    _refuse(bound > least, f"the dual shows that no objective is below {_show(least)}, not {_show(bound)}")
    sentence = f"no weights W and features H, of any dimension, have F below {_show(bound, _BELOW)}, where {text}"
    return model | {"bound": bound}, sentence


def _objectives(claim: dict[str, Any], witness: Any, key: str, *names: str) -> tuple[dict[str, Any], str, Any]:
    """What the next two kinds share: the facts, the model's text, and an enclosure of F at the points of each name."""
    facts, text = _model(_keys(claim, "claim", {"kind", "model", "dimension", key, *names})["model"])
    _keys(witness, "witness", set())
    facts |= {"dimension": _typed(claim["dimension"], "claim.dimension", int, 1), key: _rational(claim[key], key)}
    values = [_enclosure(facts, claim[name], f"claim.{name}") for name in names]
    facts |= {name: digest(claim[name]) for name in names}
    return facts, f"in dimension {facts['dimension']}, where {text}", values


def _objective(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The objective F of this model at these points is at most q; row i of class k stands for n_i samples."""
    facts, text, ((_, high),) = _objectives(claim, witness, "value", "configuration")
    _refuse(high > facts["value"], f"F is not shown to be at most {_show(facts['value'])}, but {_show(high)}")
    most = _show(facts["value"], _ABOVE)
    return facts, f"the weights W and features H with sha256 {facts['configuration']} have F at most {most} {text}"


def _lower_objective(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The objective F of this model at the points `lower` is less, by at least q > 0, than at the configuration."""
    facts, text, ((low, _), (_, high)) = _objectives(claim, witness, "decrease", "configuration", "lower")
    if not 0 < facts["decrease"] <= low - high:
        raise Invalid(f"F is lower by {_show(low - high)}, not by {_show(facts['decrease'])}, or that is not above 0")
    less = f"F at least {_show(facts['decrease'], _BELOW)} below that of the ones with sha256 {facts['configuration']}"
    return facts, f"the weights W and features H with sha256 {facts['lower']} have {less} {text}"


_KINDS: tuple[Callable[..., tuple[dict[str, Any], str]], ...] = (_exponent, _universal_bound, _gap, _improvement)
_KINDS += (_simplex_etf, _violation, _separation, _separation_bound, _objective, _objective_bound, _lower_objective)
_CLAIMS = MappingProxyType({kind.__name__[1:]: kind for kind in _KINDS})


# --------------------------------------------------------------------------------------------- printing and running
def _show(number: Fraction | None, ends: slice = slice(2)) -> str:
    """Exactly where short, else by decimals of about 16 digits: the one below, the one above, or both.

    One end of an inequality is short up to 20 bits of the denominator, and else weakened to the next decimal.
    """
    if number is None:
        return "infinite"
    bits = number.numerator.bit_length() - number.denominator.bit_length()
    if number.denominator.bit_length() < (64 if ends == slice(2) else 21) and abs(bits) < 64:
        return str(number)
    shift = 16 - bits * 30103 // 100000
    low = number * Fraction(10) ** shift // 1
    texts = [f"{'-' * (n < 0)}{m[0]}.{m[1:]}e{len(m) - 1 - shift}" for n in (low, low + 1) for m in [str(abs(n))]]
    return texts[ends][0] if len(texts[ends]) == 1 else f"(a fraction from {texts[0]} to {texts[1]})"


def _points(facts: dict[str, Any], geometry: _Geometry, noise: _Noise = _WHITE) -> str:
    sizes = f"{facts['num_classes']} classes in dimension {facts['dimension']}, noise covariance"
    sizes += f"{' of each class' * (len(noise[0]) > 1)} {'with sha256 ' * len(noise[0][:1])}{facts['noise_covariance']}"
    energy = f", {facts['energy']} energy" if "energy" in facts else ""
    ratio = f", squared norms from {_show(facts['norm_ratio'], _BELOW)} of the largest" if "norm_ratio" in facts else ""
    return f"the configuration with sha256 {geometry.digest} ({sizes}{energy}{ratio})"


def check(text: bytes) -> Verdict:
    """The one road: text -> parsed certificate -> checked claim -> Verdict; raises Malformed or Invalid."""
    claim, witness = map(parse(text).get, ("claim", "witness"))
    kind = _choice(_typed(claim, "claim", dict).get("kind"), "claim.kind", _CLAIMS)
    facts, statement = _CLAIMS[kind](claim, witness)
    return Verdict(kind, MappingProxyType(facts), statement, _SEAL)


def main(paths: list[str], about: Mapping[str, str] | None = None) -> int:
    """Check files ("-": standard input), perhaps that they are `about` these digests; returns the worst exit code."""
    codes = []
    for path, name in ((path, ascii(path)[1:-1]) for path in paths):
        try:
            with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
                verdict = check(file.read(MAX_BYTES + 1) or b"")
            subject = verdict.claim.get("configuration")
            found = about.get(subject) if about and subject else ""
            _refuse(found is None, f"it is not about that configuration: {verdict.statement}")
            code, answer = 0, f"valid: {verdict.statement}{found and f' [{found}]'}"
        except (Invalid, Malformed, OSError) as error:
            code = 1 if isinstance(error, Invalid) else 2
            answer = f"{'malformed' if code == 2 else 'invalid'}: {error}"
        codes.append(code)
        print(f"{name}: {answer}")
    return max(codes, default=2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
