"""Walks the catalogue: every theorem has all that it needs, holds, and its false neighbors are false."""

import ast
import json
import re
from fractions import Fraction
from pathlib import Path

import flint
import pytest

import nctheory
from nctheory import falsify, kernel, theorem, theorems
from nctheory.claims import Confirmation
from nctheory.domains import Ball, Domain, Free
from nctheory.errors import InputError
from nctheory.falsification import Outcome
from nctheory.formula import Language, squared_distance
from nctheory.theorems import Standing

CATALOGUE = theorems.catalogue()
NEIGHBORS = {claim.id: claim for stated in CATALOGUE.values() for claim in stated.false_neighbors.values()}
FOLDER = Path(nctheory.__file__).parent / "theorems"
ROOT = Path(__file__).parents[1]
COUNTEREXAMPLES = json.loads((Path(__file__).parent / "counterexamples.json").read_text())
TRUE = [name for name, stated in CATALOGUE.items() if stated.standing != Standing.REFUTED]


def fractions(value):
    """Numbers and lists of numbers, as a JSON file holds them, as exact inputs."""
    return tuple(map(fractions, value)) if isinstance(value, list) else Fraction(value)


def inputs_of(claim, stored):
    return {name: int(value) if name in claim.domain.ranges else fractions(value) for name, value in stored.items()}


def evaluations(claim):
    return 1500 if claim.language == Language.EXACT else 150


def test_there_is_one_file_for_each_theorem():
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "registry"}
    assert files == CATALOGUE.keys()
    assert len(files) >= 20


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_theorem_files_import_no_other_theorem(path):
    imported = {node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
    allowed = {"nctheory.theorems.registry"} if path.stem != "registry" else set()
    assert {name for name in imported if name.startswith("nctheory.theorems")} <= allowed


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_theorem_says_everything(name):
    stated = CATALOGUE[name]
    assert stated.title
    assert stated.statement.endswith(".")
    assert stated.latex
    assert stated.reference
    assert stated.false_neighbors or stated.standing == Standing.REFUTED
    assert stated.claim.language != Language.PYTHON
    for neighbor in stated.false_neighbors.values():
        assert neighbor.statement.endswith(".")
        assert neighbor.language != Language.PYTHON


def test_references_of_theorems_are_in_the_bibliography():
    keys = set(re.findall(r"@\w+\{([\w-]+),", (ROOT / "proofs" / "references.bib").read_text()))
    for stated in CATALOGUE.values():
        cited = set(re.findall(r"\b([a-z]+\d{4})\b", stated.reference))
        assert cited <= keys, (stated.id, cited - keys)
        assert cited or "proof" in stated.reference, stated.id


@pytest.mark.parametrize("name", TRUE)
def test_a_theorem_is_not_refuted(name):
    found = falsify(CATALOGUE[name], evaluations=evaluations(CATALOGUE[name].claim))
    assert found.outcome == Outcome.NOT_REFUTED, found
    assert found.effort.sampled > 0
    assert found.effort.attacked > 0


def test_only_what_is_refuted_has_no_sharp_example():
    assert {name for name, stated in CATALOGUE.items() if stated.sharp is None} == CATALOGUE.keys() - TRUE


@pytest.mark.parametrize("name", TRUE)
def test_a_sharp_example_has_margin_0(name):
    stated = CATALOGUE[name]
    claim, inputs = stated.claim, stated.sharp
    formulas, sizes = kernel.Formulas(), {key: inputs[key] for key in claim.domain.ranges}
    exact = {key: to_fractions(value) for key, value in inputs.items()}
    assert [text for text in claim.domain.requires(sizes) if formulas.evaluate(text, exact) is not True] == []
    if claim.language == Language.EXACT:
        assert all(formula.exactly(inputs) is True for formula in claim.assumptions)
        assert claim.margin.exactly(inputs) == 0
    else:
        assert all(formula.enclose(exact) is True for formula in claim.assumptions)
        ball = flint.arb(claim.margin.enclose(exact))
        assert ball.contains(0)
        assert float(ball.rad()) < 1e-10


def to_fractions(value):
    return tuple(map(to_fractions, value)) if isinstance(value, tuple) else Fraction(value)


def test_counterexamples_are_stored_for_all_that_is_false_and_nothing_else():
    refuted = {name for name, stated in CATALOGUE.items() if stated.standing == Standing.REFUTED}
    assert COUNTEREXAMPLES.keys() == NEIGHBORS.keys() | refuted


@pytest.mark.parametrize("name", COUNTEREXAMPLES)
def test_a_counterexample_is_confirmed(name):
    claim = NEIGHBORS.get(name) or CATALOGUE[name].claim
    refutation = claim.confirm(inputs_of(claim, COUNTEREXAMPLES[name]))
    expected = Confirmation.CERTIFIED if claim.language == Language.EXACT else Confirmation.ENCLOSED
    assert refutation.confirmation == expected
    assert refutation.at_least > 0


@pytest.mark.parametrize("name", CATALOGUE)
def test_counterexamples_of_neighbors_do_not_touch_the_theorem(name):
    """Where the inputs are of the same kind, what refutes a neighbor does not refute the theorem itself."""
    stated = CATALOGUE[name]
    for neighbor in stated.false_neighbors.values():
        inputs = inputs_of(neighbor, COUNTEREXAMPLES[neighbor.id])
        same = {*stated.claim.domain.ranges, *stated.claim.domain.fields} == inputs.keys()
        in_range = same and {key: inputs[key] for key in stated.claim.domain.ranges} in stated.claim.domain.all_sizes
        if in_range and stated.standing != Standing.REFUTED:
            assert stated.claim.confirm(inputs) is None


FOUND_AGAIN = (
    "closest_pairs/always_the_least",
    "convex_energy/concave",
    "etf_equivalences/welch",
    "exponent_lipschitz/half_the_constant",
    "nc4_without_nc3/nc4_implies_nc3",
    "rankin/unique",
    "slepian_product/every_correlation",
    "unique_optimum/no_common_shift",
)


@pytest.mark.parametrize("name", FOUND_AGAIN)
def test_some_false_neighbors_are_found_again(name):
    """All of them are, by `nctheory verify`, which takes longer."""
    found = falsify(NEIGHBORS[name], evaluations=evaluations(NEIGHBORS[name]) * 10, seed=1)
    assert found.outcome == Outcome.REFUTED, found


@pytest.mark.parametrize("name", [name for name, stated in CATALOGUE.items() if stated.certified])
def test_certified_cases_are_valid(name):
    certificates = CATALOGUE[name].certified()
    assert certificates
    for certificate in certificates.values():
        assert certificate.verify().statement


# ------------------------------------------------------------------------------------------------------ the registry

BALL = Domain({"dimension": (1, 3)}, points=Ball((2, "dimension")))


def test_a_theorem_of_ones_own(tmp_path):
    path = tmp_path / "my_claims.py"
    path.write_text(
        "from nctheory import Domain, theorem\n"
        "from nctheory.domains import Ball\n"
        "from nctheory.formula import squared_distance\n\n"
        '@theorem(statement="Points of the ball are close.", domain=Domain({"dimension": (1, 3)}, '
        'points=Ball((2, "dimension"))))\n'
        "def my_diameter(points):\n"
        "    return squared_distance(points[0], points[1]) - 3\n"
    )
    (stated,) = theorems.load_file(path).values()
    assert stated.standing == Standing.CLAIMED
    assert theorems.find("my_diameter") is stated
    assert falsify(stated).refutation.confirmation == Confirmation.CERTIFIED
    theorems.load_file(path)  # again, changed or not


def test_registering_what_cannot_be():
    def margin(points):
        return squared_distance(points[0], points[1]) - 4

    with pytest.raises(InputError, match="standing is 'true', expected one of proved"):
        theorem(statement="x", domain=BALL, standing="true")
    margin.__name__ = "rankin"
    with pytest.raises(InputError, match="rankin is already stated in"):
        theorem(statement="x", domain=BALL)(margin)
    rankin = theorems.find("rankin")
    with pytest.raises(InputError, match="already has a false neighbor 'unique'"):
        rankin.false_neighbor("unique", "again")
    with pytest.raises(InputError, match="no theorem is called 'rankine'; near that are: rankin"):
        theorems.find("rankine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "states nothing"),
        ("import nothing_like_this\n", "ModuleNotFoundError"),
        ("def f(:\n", "SyntaxError"),
        ("raise SystemExit(3)\n", "SystemExit"),
    ],
)
def test_files_that_state_nothing(tmp_path, text, message):
    path = tmp_path / "claims.py"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        theorems.load_file(path)
    with pytest.raises(InputError, match="is no file"):
        theorems.load_file(tmp_path / "missing.py")


def test_a_false_theorem_in_the_catalogue_would_be_seen():
    def too_good(points):
        return squared_distance(points[0], points[1]) - 1

    wrong = nctheory.Claim(too_good, Domain({"dimension": (1, 3)}, points=Free((2, "dimension"))))
    assert falsify(wrong, evaluations=1500).outcome == Outcome.REFUTED
