"""The table of evidence: made from complete runs only, and not stale: same theorems, proofs and files as here."""

import dataclasses
import re
from pathlib import Path

import pytest

from nctheory import evidence, proving, verification
from nctheory.errors import InputError
from nctheory.theorems import catalogue

ROOT = Path(__file__).parents[1]
TABLE = (ROOT / "docs" / "evidence.md").read_text()
ROWS = re.findall(r"^\| \[(\w+)\]\(\.\./nctheory/theorems/\w+\.py\) \|", TABLE, re.MULTILINE)
DIGESTS = dict(re.findall(r"^\| \[[\w.]+\]\(\.\./([\w/.]+)\) \| `([0-9a-f]{16})` \|$", TABLE, re.MULTILINE))


@pytest.fixture(scope="module")
def found():
    return verification.verify(verification.tasks(["stability_identity"]), evaluations=300)


@pytest.fixture(scope="module")
def derived():
    return proving.derive(["stability_identity"], mutants=True)


def test_the_table_has_every_theorem():
    assert list(catalogue()) == ROWS


@pytest.mark.parametrize("file", DIGESTS)
def test_no_file_has_changed_since(file):
    assert evidence.digest(ROOT / file) == DIGESTS[file], "run `nctheory verify -o docs/evidence.md`"


def test_the_digests_are_of_all_files_that_count():
    expected = {f"nctheory/theorems/{name}.py" for name in catalogue()}
    expected |= {f"proofs/{path.name}" for path in proving.folder().glob("*.py")}
    expected |= {f"proofs/rocq/{path.name}" for path in evidence.formal_theorems().values()}
    assert DIGESTS.keys() == expected


def test_links_lead_to_files():
    for link in re.findall(r"\]\(\.\./([\w/.]+)[ )]", TABLE):
        assert (ROOT / link).is_file(), link


@pytest.mark.parametrize("name", ["stability_identity", "optimal_exponent", "unique_optimum", "rankin"])
def test_the_core_has_every_rung(name):
    line = next(line for line in TABLE.splitlines() if line.startswith(f"| [{name}]"))
    assert "[proved](../proofs/rocq/" in line
    assert f'](../proofs/{name}.py "nctheory prove {name}")' in line
    assert f'"nctheory verify {name} --evaluations 10000 --seed 0")' in line


def test_a_row_says_what_was_run(found, derived):
    text = evidence.markdown(found, derived)
    own = found.rows[0].own.effort
    assert f"| [stability_identity](../nctheory/theorems/stability_identity.py) | proved | [{own.sampled:,}]" in text
    assert '[proved](../proofs/stability_identity.py "nctheory prove stability_identity")' in text
    assert '[proved](../proofs/rocq/simplex.v "make proofs")' in text
    assert "stability_identity --evaluations 300 --seed 0" in text


def test_only_what_holds_is_written(found, derived):
    with pytest.raises(InputError, match="interrupted, expected a complete one"):
        evidence.markdown(dataclasses.replace(found, complete=False), derived)
    wrong = dataclasses.replace(found.rows[0], problem="a certificate is invalid")
    with pytest.raises(InputError, match="stability_identity is not as stated: a certificate is invalid"):
        evidence.markdown(dataclasses.replace(found, rows=[wrong]), derived)
    surviving = dataclasses.replace(derived.rows[0], mutants={"idle": derived.rows[0].proof})
    with pytest.raises(InputError, match="stability_identity is not proved, or a mutant of it is"):
        evidence.markdown(found, dataclasses.replace(derived, rows=(surviving,)))
