"""The trusted kernel: reads a certificate, re-checks its claim in exact integer arithmetic, and says so.

It runs alone, with nothing installed, on a copy of this one file: `python -I -S kernel.py certificate.json`.
What has to be trusted is this file, Python's `int`, `Fraction` and `json`, and the proofs in the docstrings of the
claim kinds. Nothing here uses floating point, a tolerance, a search or global state. A certificate is one JSON object

    {"format": 1, "claim": {"kind": ..., ...}, "witness": {...}}

The claim says in full what is asserted. The witness only makes it checkable. `Malformed` means that the text is no
certificate; `Invalid` means that it is one, and that what it claims does not follow. Words used below:

* K classes, dimension d, class means mu_i, decoder argmax_c <w_c, h> + b_c, h = mu_i + sigma z with z ~ N(0, I).
* a_ij = w_i - w_j, margin m_ij = <a_ij, mu_i> + b_i - b_j. Given class i, class j beats it on a half-space at distance
  m_ij / |a_ij|, so the exponent beta = -lim sigma^2 log P(error) is the minimum over ordered pairs of
  e_ij = max(0, m_ij)^2 / (2 |a_ij|^2); if a_ij = 0, e_ij is infinite for m_ij > 0 and 0 otherwise.
* Nearest mean is w_i = mu_i, b_i = -|mu_i|^2 / 2; there m_ij = |a_ij|^2 / 2 and e_ij = |mu_i - mu_j|^2 / 8.
* Energy E: the largest |mu_i|^2 ("bounded", "equal") or the average of the |mu_i|^2 ("average"). Scaling the means by
  t (and the bias with them) multiplies beta and E by t^2, so what constraints compare is the normalized exponent
  beta / E, which is 0 where E = 0. The optimum is the largest one of K points in dimension d with any linear decoder.
"""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import InitVar, dataclass
from fractions import Fraction
from math import gcd
from operator import mul
from types import MappingProxyType
from typing import Any

MAX_BYTES = 40 << 20  # of text
MAX_NUMBERS = 2_100_000  # commas in the text
MAX_QUOTES = 400
MAX_BRACKETS = 200_000
MAX_DEPTH = 8
MAX_DIGITS = min(4000, sys.get_int_max_str_digits() or 4000)  # of one number
MAX_EXPONENT = 4096  # of two, in a matrix
MAX_WORK = 1 << 38  # products of 64-bit words, about

ENERGIES = ("bounded", "equal", "average")
_PRINTABLE = bytes(sorted({9, 10, 13, *range(32, 127)} - {ord("\\")}))
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_RATIO = re.compile(r"(-?[1-9][0-9]*)/([1-9][0-9]*)")
_SEAL = object()
_Scaled = tuple[list[list[int]], Fraction]  # integers, and what they count
_BELOW, _ABOVE = slice(0, 1), slice(1, 2)  # which of the two neighboring decimals to show


class Malformed(Exception):
    """The text is not a certificate of this format."""


class Invalid(Exception):
    """The certificate is well formed, and its claim does not follow."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """A checked claim: its kind, its numbers, and the sentence that says it. Only `check` makes one."""

    kind: str
    claim: Mapping[str, Any]
    statement: str
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only the kernel makes a Verdict: call kernel.check(certificate_text)")


# ------------------------------------------------------------------------------------------------ reading the text
def parse(text: bytes) -> dict[str, Any]:
    """JSON without floats, duplicate keys, escapes, deep nesting or long numbers; sizes are capped before parsing."""
    if len(text) > MAX_BYTES or text.count(b",") > MAX_NUMBERS or text.count(b'"') > MAX_QUOTES:
        raise Malformed(f"more than {MAX_BYTES} bytes, {MAX_NUMBERS} numbers or {MAX_QUOTES} quotes")
    if text.translate(None, _PRINTABLE):
        raise Malformed("holds a backslash or a byte that is not printable ASCII")
    brackets, depth = re.sub(b'"[^"]*"', b"", text.translate(None, _NOT_STRUCTURE)), 0
    for bracket in brackets[: MAX_BRACKETS + 1]:
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH or len(brackets) > MAX_BRACKETS:
            raise Malformed(f"nested deeper than {MAX_DEPTH}, or more than {MAX_BRACKETS} brackets")
    hooks: dict[str, Any] = {"parse_int": _literal, "parse_float": _no_float, "parse_constant": _no_float}
    try:
        certificate = json.loads(text.decode("ascii"), object_pairs_hook=_object, **hooks)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from None
    certificate = _keys(certificate, "certificate", {"format", "claim", "witness"})
    if _integer(certificate["format"], "format") != 1:
        raise Malformed(f"format is {certificate['format']}, expected 1")
    return certificate


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(result := dict(pairs)) != len(pairs):
        raise Malformed("an object repeats a key")
    return result


def _literal(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS or digits == "-0":
        raise Malformed(f"an integer has {len(digits)} characters, expected at most {MAX_DIGITS} digits and no -0")
    return int(digits)


def _no_float(literal: str) -> Any:
    raise Malformed(f"{literal[:40]} is not exact; numbers are integers or 'p/q'")


def _keys(value: Any, name: str, required: set[str], optional: frozenset[str] = frozenset()) -> dict[str, Any]:
    if type(value) is not dict:
        raise Malformed(f"{name} is not an object")
    if not required <= value.keys() <= required | optional:
        raise Malformed(f"{name} has keys {str(sorted(value))[:200]}, expected {sorted(required | optional)}")
    return value


def _integer(value: Any, name: str, least: int | None = None) -> int:
    if type(value) is not int:  # True is no number
        raise Malformed(f"{name} is not an integer")
    if least is not None and value < least:
        raise Malformed(f"{name} is below {least}")
    return value


def _rational(value: Any, name: str) -> Fraction:
    if type(value) is not str:
        return Fraction(_integer(value, name))
    if not (match := _RATIO.fullmatch(value)):
        raise Malformed(f"{name} is neither an integer nor 'p/q' without signs or zeros in front")
    numerator, denominator = map(_literal, match.groups())
    if denominator == 1 or gcd(numerator, denominator) != 1:
        raise Malformed(f"{name} is a fraction that is not reduced")
    return Fraction(numerator, denominator)


def _choice(value: Any, name: str, choices: Iterable[str]) -> str:
    if type(value) is not str or value not in choices:
        raise Malformed(f"{name} is not one of {sorted(choices)}")
    return value


def _list(value: Any, name: str, length: int) -> list[Any]:
    if type(value) is not list or len(value) != length:
        raise Malformed(f"{name} is not a list of length {length}")
    return value


def _matrix(value: Any, name: str, shape: tuple[int, int], work: int = 0, growth: int = 1) -> _Scaled:
    """{"exponent": e, "denominator": q, "rows": integers} is rows * 2^e / q; q is odd, and 1 where left out."""
    value = _keys(value, name, {"exponent", "rows"}, frozenset({"denominator"}))
    exponent = _integer(value["exponent"], f"{name}.exponent")
    denominator = _integer(value.get("denominator", 1), f"{name}.denominator", least=1)
    rows = _list(value["rows"], f"{name}.rows", shape[0])
    for row in rows:
        for entry in _list(row, f"a row of {name}", shape[1]):
            _integer(entry, f"an entry of {name}")
    content = gcd(*(gcd(*row) for row in rows))  # lowest terms, so that equal data have equal digests
    if gcd(content, denominator) != 1 or (content % 2 == 0 and (content, exponent) != (0, 0)):
        raise Malformed(f"{name} is not in lowest terms")
    if abs(exponent) > MAX_EXPONENT or denominator % 2 == 0 or value.get("denominator") == 1:
        raise Malformed(f"{name} has an exponent beyond {MAX_EXPONENT}, an even denominator, or 1 written out")
    # the check makes `work` products of numbers that are up to `growth` times as long as the entries
    if work * (10 + growth * max(x.bit_length() for row in rows for x in row) // 64) ** 2 > MAX_WORK:
        raise Malformed(f"{name} would take too long to check")
    return rows, Fraction(2) ** exponent / denominator


# -------------------------------------------------------------------------------------- configurations, exactly
@dataclass(frozen=True, slots=True)
class _Geometry:
    """What the claims need of a configuration: every |mu_i|^2, and e_ij as a function (None stands for infinity)."""

    norms: list[Fraction]
    pair_exponent: Callable[[int, int], Fraction | None]
    digest: str

    def exponent(self) -> Fraction | None:
        """The minimum of e_ij over all ordered pairs."""
        pairs = ((i, j) for i in range(len(self.norms)) for j in range(len(self.norms)) if i != j)
        return min((e for i, j in pairs if (e := self.pair_exponent(i, j)) is not None), default=None)

    def normalized_exponent(self, kind: str) -> Fraction:
        """beta / E for K >= 2, and 0 where E = 0: no scaling separates means that coincide at the origin."""
        average = sum(self.norms, Fraction(0)) / len(self.norms)
        exponent, energy = self.exponent(), average if kind == "average" else max(self.norms)
        return exponent / energy if exponent and energy else Fraction(0)


def digest(configuration: Any) -> str:
    """SHA-256 of a configuration as a claim holds it."""
    return hashlib.sha256(json.dumps(configuration, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _configuration(value: Any, name: str, num_classes: int, dimension: int) -> _Geometry:
    """Three forms: means with weights and bias, means or Gram matrix with the nearest-mean decoder."""
    if type(value) is not dict:
        raise Malformed(f"{name} is not an object")
    if "weights" in value:
        value = _keys(value, name, {"class_means", "weights", "bias"})
        return _linear(value, name, num_classes, dimension)
    data = "gram" if "gram" in value else "class_means"
    value = _keys(value, name, {data, "decoder"})
    _choice(value["decoder"], f"{name}.decoder", {"nearest_mean"})
    columns, work, growth = (dimension, num_classes * dimension, 1) if data == "class_means" else (num_classes,) * 3
    rows, unit = _matrix(value[data], f"{name}.{data}", (num_classes, columns), work * num_classes, growth)
    if data == "gram":
        _check_gram(rows, dimension)
    else:
        unit *= unit

    def inner(i: int, j: int) -> int:
        return rows[i][j] if data == "gram" else _dot(rows[i], rows[j])

    squares = [inner(i, i) for i in range(num_classes)]

    def pair_exponent(i: int, j: int) -> Fraction:
        return unit * (squares[i] + squares[j] - 2 * inner(i, j)) / 8

    return _Geometry([unit * square for square in squares], pair_exponent, digest(value))


def _linear(value: dict[str, Any], name: str, num_classes: int, dimension: int) -> _Geometry:
    shape, work = (num_classes, dimension), num_classes**2 * dimension
    means, unit_means = _matrix(value["class_means"], f"{name}.class_means", shape, work)
    weights, unit_weights = _matrix(value["weights"], f"{name}.weights", shape, work)
    (bias,), unit_bias = _matrix(value["bias"], f"{name}.bias", (1, num_classes))
    unit_cross = unit_means * unit_weights
    unit = Fraction(1, unit_cross.denominator * unit_bias.denominator)  # divides both
    factor_cross, factor_bias = int(unit_cross / unit), int(unit_bias / unit)
    scale = (unit / unit_weights) ** 2 / 2
    squares, own = [_dot(row, row) for row in weights], list(map(_dot, means, weights))

    def pair_exponent(i: int, j: int) -> Fraction | None:
        margin = factor_cross * (own[i] - _dot(means[i], weights[j])) + factor_bias * (bias[i] - bias[j])
        squared = squares[i] + squares[j] - 2 * _dot(weights[i], weights[j])
        if squared == 0:
            return None if margin > 0 else Fraction(0)
        return scale * Fraction(max(0, margin) ** 2, squared)

    return _Geometry([unit_means**2 * _dot(row, row) for row in means], pair_exponent, digest(value))


def _dot(x: list[int], y: list[int]) -> int:
    return sum(map(mul, x, y))


def _check_gram(gram: list[list[int]], dimension: int) -> None:
    """Symmetric, positive semidefinite, rank at most d: exactly the Gram matrices of points in dimension d.

    Fraction-free symmetric elimination (Bareiss): every pivot of a positive semidefinite matrix is >= 0, and a zero
    pivot leaves a zero row. The rank is the number of positive pivots.
    """
    size = len(gram)
    if any(gram[i][j] != gram[j][i] for i in range(size) for j in range(i)):
        raise Invalid("the Gram matrix is not symmetric")
    rest, previous, rank = [row[:] for row in gram], 1, 0
    for k in range(size):
        pivot = rest[k][k]
        if pivot < 0 or (pivot == 0 and any(rest[k][k:])):
            raise Invalid("the Gram matrix is not positive semidefinite")
        if pivot:
            rank += 1
            for i in range(k + 1, size):
                row, factor = rest[i], rest[i][k]
                rest[i] = [(pivot * a - factor * b) // previous for a, b in zip(row, rest[k], strict=True)]
            previous = pivot
    if rank > dimension:
        raise Invalid(f"the Gram matrix has rank {rank}, above the dimension {dimension}")


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
    if dimension != 1:
        raise Invalid("the bound for points on a line needs dimension 1")
    line = {"average": Fraction(3, 2 * (num_classes**2 - 1)), "bounded": Fraction(1, 2 * (num_classes - 1) ** 2)}
    return line.get(energy, Fraction(int(num_classes == 2), 2)), True


_THEOREMS = ("simplex", "rankin", "line")
_COMMON = {"kind", "num_classes", "dimension", "noise_covariance"}


def _sizes(claim: dict[str, Any], least: int) -> dict[str, Any]:
    _choice(claim["noise_covariance"], "claim.noise_covariance", {"identity"})
    return {key: _integer(claim[key], f"claim.{key}", n) for key, n in (("num_classes", least), ("dimension", 1))}


def _constraint(claim: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    """Sizes and energy; "equal" carries norm_ratio p: every |mu_i|^2 is at least p times the largest."""
    claim = _keys(claim, "claim", _COMMON | {"energy"} | keys, frozenset({"norm_ratio"}))
    facts = {**_sizes(claim, least=2), "energy": _choice(claim["energy"], "claim.energy", ENERGIES)}
    if ("norm_ratio" in claim) != (facts["energy"] == "equal"):
        raise Malformed("claim.norm_ratio belongs to equal energy, and only there")
    if facts["energy"] == "equal":
        facts["norm_ratio"] = _rational(claim["norm_ratio"], "claim.norm_ratio")
        if not 0 <= facts["norm_ratio"] <= 1:
            raise Malformed("claim.norm_ratio is not between 0 and 1")
    return facts


def _pair(value: Any, num_classes: int) -> tuple[int, int] | None:
    if value is None:
        return None
    i, j = (_integer(index, "claim.pair", least=0) for index in _list(value, "claim.pair", 2))
    if i == j or max(i, j) >= num_classes:
        raise Malformed("claim.pair is neither null nor an ordered pair of two classes")
    return i, j


def _feasible(value: Any, name: str, facts: dict[str, Any]) -> _Geometry:
    geometry = _configuration(value, name, facts["num_classes"], facts["dimension"])
    if facts["energy"] == "equal" and min(geometry.norms) < facts["norm_ratio"] * max(geometry.norms):
        raise Invalid(f"a squared norm of {name} is below {_show(facts['norm_ratio'])} times the largest")
    return geometry


def _exponent(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The exponent, the minimum of all K(K-1) e_ij, is exactly q, attained by this pair ("inf", null for one class)."""
    claim = _keys(claim, "claim", _COMMON | {"configuration", "exponent", "pair"})
    _keys(witness, "witness", set())
    facts = _sizes(claim, least=1)
    pair, asserted = _pair(claim["pair"], facts["num_classes"]), None
    if pair or claim["exponent"] != "inf":
        asserted = _rational(claim["exponent"], "claim.exponent")
    geometry = _configuration(claim["configuration"], "claim.configuration", facts["num_classes"], facts["dimension"])
    if (found := geometry.exponent()) != asserted:
        raise Invalid(f"the exponent is {_show(found)}, not {_show(asserted)}")
    if (geometry.pair_exponent(*pair) if pair else None) != found:
        raise Invalid(f"the pair {pair} does not attain it")
    weakest = f", attained by class {pair[0]} taken for class {pair[1]}" if pair else ""
    sentence = f"{_points(facts, geometry)} has exponent exactly {_show(found)}{weakest}"
    return facts | {"exponent": found, "pair": pair, "configuration": geometry.digest}, sentence


def _universal_bound(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Every K points in dimension d with any linear decoder have normalized exponent <= q, by `_universal`.

    With "attained": true also: some have exactly q.
    """
    claim = _keys(claim, "claim", _COMMON | {"energy", "bound", "attained"})
    theorem = _choice(_keys(witness, "witness", {"theorem"})["theorem"], "witness.theorem", _THEOREMS)
    facts = {**_sizes(claim, least=2), "energy": _choice(claim["energy"], "claim.energy", ENERGIES)}
    asserted = _rational(claim["bound"], "claim.bound")
    if type(claim["attained"]) is not bool:
        raise Malformed("claim.attained is neither true nor false")
    bound, attained = _universal(theorem, *facts.values())
    if asserted < bound or (claim["attained"] and (not attained or asserted > bound)):
        raise Invalid(f"{_show(asserted)}: the {theorem} bound is {_show(bound)}{'' if attained else ', not attained'}")
    sentence = (
        f"every configuration of {facts['num_classes']} classes in dimension {facts['dimension']} with "
        f"{facts['energy']} energy at most 1 and any linear decoder "
        f"has exponent at most {_show(asserted, _ABOVE)} (noise covariance identity)"
    ) + (", and one attains it" if claim["attained"] else "")
    return facts | {"bound": asserted, "attained": claim["attained"]}, sentence


def _gap(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """lower <= exponent / (energy x optimum) <= upper for this configuration.

    With u a universal bound, optimum <= u gives the ratio >= beta / (E u), and equality where u is attained. Otherwise
    the ratio is at most 1 by the definition of the optimum, which under equal energy needs norms that agree exactly.
    """
    facts = _constraint(claim, {"configuration", "lower", "upper"})
    theorem = _choice(_keys(witness, "witness", {"theorem"})["theorem"], "witness.theorem", _THEOREMS)
    lower = _rational(claim["lower"], "claim.lower")
    upper = None if claim["upper"] == "inf" else _rational(claim["upper"], "claim.upper")
    energy = facts["energy"]
    geometry = _feasible(claim["configuration"], "claim.configuration", facts)
    bound, attained = _universal(theorem, facts["num_classes"], facts["dimension"], energy)
    if energy == "equal" and facts["dimension"] == 1 and facts["num_classes"] > 2:
        raise Invalid("the optimum is 0, so that the ratio has no meaning")
    ratio = geometry.normalized_exponent(energy) / bound
    if lower > ratio:
        raise Invalid(f"exponent / (energy x {theorem} bound) is {_show(ratio)}, below the lower end {_show(lower)}")
    at_most_1 = energy != "equal" or facts["norm_ratio"] == 1
    if upper is not None and not (attained and ratio <= upper) and not (at_most_1 and upper >= 1):
        raise Invalid(f"the upper end {_show(upper)} is not proved: ratio {_show(ratio)}, attained: {attained}")
    low, high = _show(lower, _BELOW), _show(upper, _ABOVE)
    ends = f"at least {low}" + ("" if upper is None else f" and at most {high}")
    sentence = f"{_points(facts, geometry)}: exponent / (energy x optimum) is {ends}"
    return facts | {"lower": lower, "upper": upper, "configuration": geometry.digest}, sentence


def _improvement(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Another configuration, `better`, beats this one: the normalized exponent is at most `ratio` < 1 times its own."""
    facts = _constraint(claim, {"configuration", "better", "ratio"})
    _keys(witness, "witness", set())
    ratio = _rational(claim["ratio"], "claim.ratio")
    geometry, better = (_feasible(claim[name], f"claim.{name}", facts) for name in ("configuration", "better"))
    value, best = (points.normalized_exponent(facts["energy"]) for points in (geometry, better))
    if not (ratio < 1 and best > 0 and value <= ratio * best):
        raise Invalid(f"exponent / energy is {_show(value)}, and {_show(best)} for the other configuration")
    sentence = (
        f"{_points(facts, geometry)} has exponent / energy at most {_show(ratio, _ABOVE)} times "
        f"that of a better configuration (sha256 {better.digest})"
    )
    return facts | {"ratio": ratio, "configuration": geometry.digest, "better": better.digest}, sentence


def _simplex_etf(claim: dict[str, Any], witness: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """This Gram matrix is exactly scale * K/(K-1) * (I - J/K): scale on the diagonal, -scale/(K-1) elsewhere.

    It has eigenvalue 0 on the all-ones vector and scale * K/(K-1) > 0 on its complement: rank K - 1.
    """
    claim = _keys(claim, "claim", {"kind", "num_classes", "gram", "scale"})
    _keys(witness, "witness", set())
    num_classes = _integer(claim["num_classes"], "claim.num_classes", least=2)
    scale = _rational(claim["scale"], "claim.scale")
    gram, unit = _matrix(claim["gram"], "claim.gram", (num_classes, num_classes))
    on, off = scale / unit, -scale / (num_classes - 1) / unit
    wrong = ((i, j) for i, row in enumerate(gram) for j, x in enumerate(row) if x != (on if i == j else off))
    if scale <= 0 or (first := next(wrong, None)):
        raise Invalid("the scale is not positive" if scale <= 0 else f"the entry at {first} is wrong")
    sentence = f"the Gram matrix is exactly a simplex ETF's: {num_classes} vectors of squared norm {_show(scale)}"
    return {"num_classes": num_classes, "scale": scale}, sentence


_KINDS = (_exponent, _universal_bound, _gap, _improvement, _simplex_etf)
_CLAIMS = MappingProxyType({kind.__name__[1:]: kind for kind in _KINDS})


# --------------------------------------------------------------------------------------------- printing and running
def _show(number: Fraction | None, ends: slice = slice(2)) -> str:
    """Exactly where short, else by decimals of about 16 digits: the one below, the one above, or both."""
    if number is None:
        return "infinite"
    bits = number.numerator.bit_length() - number.denominator.bit_length()
    if number.denominator.bit_length() < 64 and abs(bits) < 64:
        return str(number)
    shift = 16 - bits * 30103 // 100000
    low = number * Fraction(10) ** shift // 1
    texts = [f"{n[0]}.{n[1:]}e{len(n) - 1 - shift}" for n in (str(low), str(low + 1))]
    return texts[ends][0] if len(texts[ends]) == 1 else f"(a fraction from {texts[0]} to {texts[1]})"


def _points(facts: dict[str, Any], geometry: _Geometry) -> str:
    sizes = f"{facts['num_classes']} classes in dimension {facts['dimension']}, noise covariance identity"
    energy = f", {facts['energy']} energy" if "energy" in facts else ""
    ratio = f", squared norms from {_show(facts['norm_ratio'], _BELOW)} of the largest" if "norm_ratio" in facts else ""
    return f"the configuration with sha256 {geometry.digest} ({sizes}{energy}{ratio})"


def check(text: bytes) -> Verdict:
    """The one road: text -> parsed certificate -> checked claim -> Verdict; raises Malformed or Invalid."""
    certificate = parse(text)
    claim = certificate["claim"]
    if type(claim) is not dict or type(certificate["witness"]) is not dict or "kind" not in claim:
        raise Malformed("claim and witness are objects, and a claim has a kind")
    kind = _choice(claim["kind"], "claim.kind", _CLAIMS)
    facts, statement = _CLAIMS[kind](claim, certificate["witness"])
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
            if found is None:
                raise Invalid(f"it is not about that configuration: {verdict.statement}")
            code, answer = 0, f"valid: {verdict.statement}{found and f' [{found}]'}"
        except Invalid as error:
            code, answer = 1, f"invalid: {error}"
        except (Malformed, OSError) as error:
            code, answer = 2, f"malformed: {error}"
        codes.append(code)
        print(f"{name}: {answer}")
    return max(codes, default=2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
