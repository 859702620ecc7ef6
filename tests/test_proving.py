"""Every proof is complete, every mutant of it fails, no hypothesis is idle; and `derive` on files of users."""

import io
import json

import pytest
from rich.console import Console

from nctheory import proving
from nctheory.errors import InputError
from nctheory.symbolic import Proof

PROPOSITIONS = {name: proposition for name, (proposition, _) in proving.propositions().items()}
DEMANDED = {
    *("simplex_distance", "optimal_exponent", "unique_optimum", "etf_equivalences", "welch_is_no_simplex"),
    *("stability_identity", "nearest_mean", "nearest_mean_converse", "rankin", "error_integral"),
    *("balanced_separation", "simplex_encoded_labels", "dual_signs", "gradient_flow_invariants"),
    *("cross_entropy_optimum", "label_smoothing_optimum", "two_class_cross_entropy", "equivariant_loss", "dual_bound"),
    *("orthogonal_frame_optimum", "simplex_optimum_free_bias", "penalized_bias", "mse_class_sizes"),
    *("nuclear_norm_penalty", "escape_curvature", "within_class_collapse"),
}
MUTANTS = [(name, mutant) for name, proposition in PROPOSITIONS.items() for mutant in proposition.mutants]

USERS = """
from sympy import Rational
from nctheory.symbolic import Fact, proposition

@proposition("The mean of two numbers is not below the smaller one.", mutants={"far": {"share": Rational(2)}})
def means(p, share=Rational(1, 2)):
    x, y = p.symbol("x"), p.symbol("y")
    order = p.given("order", Fact(y - x, ">= 0"), "y is the larger one.")
    p.concludes("So it is.", p.follows(Fact(share * (x + y) - x, ">= 0"), "Half of it.", [(share, order)]))
"""


def dropping(proposition, name):
    proof = Proof(dropped=[name])
    proposition.derive(proof)
    return proof


def hypotheses(proposition):
    rules = [step.rule.removeprefix("given: ") for step in proposition.prove().steps if step.outcome == "given"]
    return {rule for rule in rules if rule != "vectors"}  # a record of the names of inner products


def text_of(found):
    console = Console(width=120, record=True, file=io.StringIO())
    found.render(console)
    return console.export_text()


def test_what_is_to_be_proved_is_there():
    assert PROPOSITIONS.keys() >= DEMANDED


@pytest.mark.parametrize("name", PROPOSITIONS)
def test_every_proof_is_complete(name):
    proof = PROPOSITIONS[name].prove()
    assert proof.complete, proof.failures
    assert all("(" in step.rule for step in proof.assumed), "a lemma names its reference"


@pytest.mark.parametrize(("name", "mutant"), MUTANTS)
def test_every_mutant_fails(name, mutant):
    proof = PROPOSITIONS[name].prove(mutant)
    assert proof.failures
    assert not proof.complete


@pytest.mark.parametrize("name", PROPOSITIONS)
def test_no_hypothesis_is_idle_and_each_has_a_mutant(name):
    proposition = PROPOSITIONS[name]
    dropped = {each for changes in proposition.mutants.values() for each in changes.get("drop", ())}
    assert dropped == hypotheses(proposition)
    assert not [each for each in hypotheses(proposition) if dropping(proposition, each).complete]
    constants = [changes for changes in proposition.mutants.values() if "drop" not in changes]
    assert constants, "a mutant with another constant"


def test_a_users_file_is_derived_and_printed(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(USERS)
    found = proving.derive([str(path)], mutants=True)
    assert found.holds
    text = text_of(found)
    assert "means: The mean of two numbers" in text
    assert "1. y is the larger one.\n   -x + y >= 0\n   given (given: order)" in text
    assert "mutant 'far' fails: Half of it." in text
    document = json.loads(found.as_json())
    assert (document["command"], document["holds"]) == ("prove", True)
    assert document["propositions"][0]["mutants"] == {"far": False}


def test_a_false_proposition_is_said_to_be_unproved(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text(USERS.replace("share=Rational(1, 2)", "share=Rational(1, 3)"))
    found = proving.derive([str(path)])
    assert not found.holds
    assert "not proved: 2 steps failed" in text_of(found)


def test_a_mutant_that_is_proved_is_found_out(tmp_path):
    path = tmp_path / "idle.py"
    path.write_text(USERS.replace('{"share": Rational(2)}', "{}"))
    found = proving.derive([str(path)], mutants=True)
    assert found.rows[0].proof.complete
    assert (found.holds, found.rows[0].survivors) == (False, ["far"])
    assert "is still proved" in text_of(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is no file"),
        ("x = 1", "proves nothing, expected functions under"),
        ("raise ValueError('no')", "fails: ValueError: no"),
        ("import sys; sys.exit(3)", "fails: SystemExit: 3"),
    ],
)
def test_files_that_prove_nothing(tmp_path, text, message):
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        proving.derive([str(path)])


def test_names_that_are_not_there():
    with pytest.raises(InputError, match=r"fermat is not proved here, expected a .py file or one of balanced_sep"):
        proving.derive(["fermat"])


def test_a_table_of_several():
    text = text_of(proving.derive(["rankin", "nearest_mean"], mutants=True))
    assert "rankin" in text
    assert "proved from 2 lemmas" in text
    assert "3 of 3" in text


def test_two_files_do_not_state_the_same(tmp_path):
    paths = [tmp_path / name for name in ("one.py", "two.py")]
    for path in paths:
        path.write_text(USERS)
    with pytest.raises(InputError, match=r"means is stated in .*one.py and in .*two.py; use another name"):
        proving.derive(map(str, paths))


def test_what_a_file_imports_is_not_its_own(tmp_path, monkeypatch):
    (tmp_path / "theirs.py").write_text(USERS)
    path = tmp_path / "mine.py"
    path.write_text("from theirs import means\n" + USERS.replace("def means", "def averages"))
    monkeypatch.syspath_prepend(tmp_path)
    assert [row.proposition.identifier for row in proving.derive([str(path)]).rows] == ["averages"]
