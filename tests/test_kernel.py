import ast
import copy
import dataclasses
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

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

KERNEL = Path(__file__).resolve().parents[1] / "nctheory" / "kernel.py"
CORPUS = Path(__file__).resolve().parent / "certificates"
CODES = {"accepted": 0, "rejected": 1, "malformed": 2}
FILES = {folder: sorted((CORPUS / folder).glob("*.json")) for folder in CODES}
ACCEPTED = {path.stem: json.loads(path.read_bytes()) for path in FILES["accepted"]}
KINDS = ("exponent", "universal_bound", "gap", "improvement", "simplex_etf")

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


def dot(left: list[Fraction], right: list[Fraction]) -> Fraction:
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


def pair_exponents(value: dict[str, Any]) -> tuple[list[Fraction], dict[tuple[int, int], Any]]:
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
    result: dict[tuple[int, int], Any] = {}
    for i, j in permutations(range(len(means)), 2):
        difference = [x - y for x, y in zip(weights[i], weights[j], strict=True)]
        margin, length = dot(difference, means[i]) + bias[i] - bias[j], dot(difference, difference)
        if margin <= 0:
            result[i, j] = Fraction(0)
        else:
            result[i, j] = margin * margin / (2 * length) if length else math.inf
    return [dot(mean, mean) for mean in means], result


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
    _, exponents = pair_exponents(claim["configuration"])
    if not exponents:
        return (claim["exponent"], claim["pair"]) == ("inf", None)
    return bool(claim["pair"]) and Fraction(claim["exponent"]) == min(exponents.values()) == exponents[*claim["pair"]]


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


TRUTH: dict[str, Callable[[dict[str, Any]], bool]] = dict(
    zip(KINDS, (is_exponent, is_bound, is_gap, is_improvement, is_simplex_etf), strict=True)
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
        stated = claim[key]
        if key in ("configuration", "better"):
            canonical = json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()
            assert found == hashlib.sha256(canonical).hexdigest()
        elif key == "pair":
            assert found == (stated and tuple(stated))
        elif key in ("exponent", "bound", "lower", "upper", "ratio", "scale", "norm_ratio"):
            assert found == (None if stated == "inf" else Fraction(stated))
        else:
            assert (type(found), found) == (type(stated), stated)
    assert set(claim) - set(verdict.claim) <= {"kind", "noise_covariance", "gram"}


def phrases(claim: dict[str, Any]) -> Iterator[str]:
    if claim["kind"] == "simplex_etf":
        yield from ("exactly", "simplex ETF", f"{claim['num_classes']} vectors of squared norm {claim['scale']}")
        return
    yield f"{claim['num_classes']} classes in dimension {claim['dimension']}"
    yield "noise covariance identity"
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


@corpus("accepted")
def test_statement_says_what_the_claim_says(path: Path) -> None:
    claim = json.loads(path.read_bytes())["claim"]
    statement = kernel.check(path.read_bytes()).statement
    assert [phrase for phrase in phrases(claim) if phrase not in statement] == []
    assert ("one attains it" in statement) == claim.get("attained", False)
    assert ("attained by" in statement) == bool(claim.get("pair"))
    assert statement.count("at most") == sum((
        "bound" in claim, "bound" in claim, "ratio" in claim, claim.get("upper", "inf") != "inf"
    ))  # fmt: skip


@pytest.mark.parametrize("bound", ["7" * 60, "1" + "0" * 3000, f"{10**70 + 1}/{3**140}", f"{2**9000 + 1}/{3**2000}"])
def test_long_numbers_are_enclosed_in_the_statement(bound: str) -> None:
    certificate = copy.deepcopy(ACCEPTED["bound-loose-not-attained"])
    certificate["claim"]["bound"] = bound if "/" in bound else int(bound)
    verdict = kernel.check(encode(certificate))
    shown = Fraction(re.findall(r"at most ([\d.e-]+) \(noise", verdict.statement)[0])
    assert Fraction(bound) <= shown <= Fraction(bound) * (1 + Fraction(1, 10**15))
    assert verdict.claim["bound"] == Fraction(bound)


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


def exponent_certificate(num_classes: int, dimension: int, configuration: dict[str, Any]) -> dict[str, Any]:
    claim = {"kind": "exponent", "num_classes": num_classes, "dimension": dimension, "noise_covariance": "identity"}
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
    *("1/2", "-1/2", "3/4", "1/8"),
]


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from nodes(value[key], (*path, key))


def at(value: Any, path: Sequence[Any]) -> Any:
    for key in path:
        value = value[key]
    return value


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
    claim["num_classes"] -= 1
    for configuration in (claim[name] for name in ("configuration", "better") if name in claim):
        for name, matrix in configuration.items():
            if name in ("class_means", "weights", "gram"):
                del matrix["rows"][i]
            if name in ("gram", "bias"):
                for row in matrix["rows"]:
                    del row[i]


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
    if "configuration" in claim and claim["num_classes"] > 1 and draw(st.integers(0, 5)) == 0:
        without_class(claim, draw(st.integers(0, claim["num_classes"] - 1)))
    for _ in range(draw(st.integers(1, 2))):
        paths = [path for path in nodes(certificate) if path]
        numeric = [path for path in paths if is_number(at(certificate, path)) and path != ("format",)]
        *parents, last = draw(st.sampled_from(numeric if numeric and draw(st.integers(0, 4)) else paths))
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
    assert len(KERNEL.read_text().splitlines()) <= 500
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


def wrong_etf() -> bytes:
    rows = join(iter([join(iter([b"1"] * 1448))] * 1448))
    claim = b'{"kind":"simplex_etf","num_classes":1448,"scale":1,"gram":{"exponent":0,"rows":%s}}' % rows
    return b'{"format":1,"claim":%s,"witness":{}}' % claim


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
    "large_wrong_etf": wrong_etf,
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
