import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nctheory import kernel
from nctheory.cli import main
from nctheory.verification import tasks, verify

HEADER = """
import time
from itertools import combinations

import numpy as np

from nctheory import Domain, theorem
from nctheory.domains import Ball, Free
from nctheory.formula import squared_distance

POINTS = Domain({"num_classes": (2, 3), "dimension": (1, 2)}, points=Ball(("num_classes", "dimension")))
"""

GOOD = """
@theorem(statement="Points of the ball are at distance at most 2.", domain=POINTS, standing="proved")
def close(points):
    return max(squared_distance(x, y) for x, y in combinations(points, 2)) - 4

close.false_neighbor("nearer", "They are at distance at most 1.", margin=lambda points: -1)
"""
NEIGHBOR = """
@theorem(statement="Points of the ball are at distance at most 2.", domain=POINTS, standing="proved")
def near(points):
    return max(squared_distance(x, y) for x, y in combinations(points, 2)) - 4

def one(points):
    return max(squared_distance(x, y) for x, y in combinations(points, 2)) - 1

near.false_neighbor("nearer", "They are at distance at most 1.", margin=one)
"""
FALSE = """
@theorem(statement="Points of the ball are at distance at most 1.", domain=POINTS, standing="proved")
def too_near(points):
    return max(squared_distance(x, y) for x, y in combinations(points, 2)) - 1
"""
BROKEN = """
@theorem(statement="raises", domain=POINTS)
def raises(points):
    return 1 / 0

@theorem(statement="not a number", domain=POINTS)
def nan(points):
    return float("nan")

@theorem(statement="vacuous", domain=POINTS, assumptions=[lambda points: False])
def vacuous(points):
    return -1

@theorem(statement="changes", domain=POINTS)
def changes(points):
    points[0, 0] = 7
    return -1

@theorem(statement="suspected", domain=POINTS)
def inexact(points):
    return float(np.abs(points).max()) - 0.3

@theorem(statement="endless", domain=POINTS)
def endless(points):
    while True:
        time.sleep(0.01)

@theorem(statement="fine", domain=POINTS)
def fine(points):
    return -1
"""


@pytest.fixture
def claims(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="claims.py"):
        (tmp_path / name).write_text(HEADER + text)
        return name

    return write


def run(capsys, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["nctheory", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    captured = capsys.readouterr()
    return ended.value.code or 0, captured.out, captured.err


def test_a_theorem_with_its_neighbor(claims, capsys):
    code, out, err = run(capsys, "verify", claims(NEIGHBOR, "near.py"), "--evaluations", 500, "--jobs", 1)
    assert (code, err) == (0, "")
    assert "near" in out
    assert "proved" in out
    assert "not refuted" in out
    assert "1 of 1" in out
    assert "theorems: 1; not as stated: 0; counterexamples: 1 certified." in out


def test_a_neighbor_that_survives_is_a_failure(claims, capsys):
    code, out, _ = run(capsys, "verify", claims(GOOD, "survives.py"), "--evaluations", 200, "--jobs", 1)
    assert code == 1
    assert "0 of 1" in out
    assert "a false neighbor survives" in out
    assert "false neighbor nearer survives" in out
    assert "again: nctheory verify survives.py --evaluations 200 --seed 0" in out


def test_a_proved_claim_that_fails(claims, capsys):
    path = claims(FALSE, "false.py")
    code, out, _ = run(capsys, "verify", path, "--evaluations", 300, "--json", "--jobs", 1)
    assert code == 1
    found = json.loads(out)
    (row,) = found["theorems"]
    assert (found["format"], found["command"], found["holds"], found["complete"]) == (1, "verify", False, True)
    assert (row["id"], row["standing"], row["own"]["outcome"]) == ("too_near", "proved", "refuted")
    example = row["own"]["counterexample"]
    assert example["confirmation"] == "certified"
    verdict = kernel.check(json.dumps(example["certificate"]).encode())
    assert str(verdict.claim["at_least"]) == example["violated_by_at_least"]["exact"]
    again = run(capsys, "verify", path, "--evaluations", 300, "--json", "--jobs", 1)
    assert strip(json.loads(again[1])) == strip(found)


def strip(found):
    for row in found["theorems"]:
        row["seconds"] = 0
    return found


def test_whatever_a_claim_does_it_gets_a_row(claims, capsys):
    path = claims(BROKEN, "broken.py")
    code, out, err = run(capsys, "verify", path, "--evaluations", 300, "--cutoff", 1, "--jobs", 2, "-o", "out.json")
    assert code == 1
    assert err == ""
    for note in (
        "raises: ZeroDivisionError",
        "nan: the margin is not a number",
        "vacuous: no input that was tried satisfies",
        "changes its input points",
        "inexact: violated by 0.7 in floats, and no exact input confirms it",
        "endless: TimeoutError: endless did not return within",
    ):
        assert note in out
    rows = {row["id"]: row["own"]["outcome"] for row in json.loads(Path("out.json").read_text())["theorems"]}
    assert rows == {
        "raises": "failed",
        "nan": "failed",
        "vacuous": "vacuous",
        "changes": "failed",
        "inexact": "suspected",
        "endless": "failed",
        "fine": "not refuted",
    }


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_prints_what_is_done(claims, jobs):
    path = claims(FALSE + BROKEN.split("@theorem", maxsplit=1)[0] + "@theorem" + BROKEN.split("@theorem")[6], "long.py")
    command = [sys.executable, "-m", "nctheory", "verify", path, "--evaluations", "200", "--jobs", jobs]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(12)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "too_near" in out
    assert "Interrupted" in out
    assert "Traceback" not in err + out


def test_parallel_runs_give_the_same_rows():
    from concurrent.futures import ProcessPoolExecutor

    chosen = tasks(["rankin", "nc4_without_nc3"])
    alone = verify(chosen, evaluations=600)
    with ProcessPoolExecutor(2) as pool:
        together = verify(chosen, evaluations=600, executor=pool)
    assert strip(json.loads(alone.as_json())) == strip(json.loads(together.as_json()))


def test_the_catalogue_is_listed_and_described(capsys):
    code, out, _ = run(capsys, "theorems")
    assert code == 0
    assert "rankin" in out
    assert "optimal_exponent" in out
    code, out, _ = run(capsys, "theorems", "rankin")
    assert code == 0
    for part in ("Rankin's bound (rankin): proved", "in formulas:", "reference: rankin1955", "margin, at most 0: min("):
        assert part in out
    assert "false neighbor average_energy" in out
    assert "certified now" in out
    assert "every configuration of 4 classes in dimension 2" in out
    assert "nctheory verify rankin" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["theorems", "rankine"], "no theorem is called 'rankine'; near that are: rankin"),
        (["verify", "nothing"], "no theorem is called 'nothing'"),
        (["verify", "missing.py"], "missing.py is no file"),
        (["verify", "rankin", "--evaluations", "0"], "evaluations is 0"),
        (["verify", "rankin", "--seed", "-1"], "seed is -1"),
        (["verify", "rankin", "--jobs", "-1"], "--jobs is -1"),
        (["verify", "rankin", "--cutoff", "nan"], "cutoff is nan"),
        (["verify", "rankin", "--cutoff", "-1"], "cutoff is -1"),
        (
            ["verify", "rankin", "--evaluations", "100", "-o", "/nowhere/file.json"],
            "-o /nowhere/file.json is a folder or in none",
        ),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, message):
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1


EXITS = """
import sys
from nctheory.result import Certificate

print("from the file")

@theorem(statement="exits", domain=POINTS)
def exits(points):
    sys.exit(0)

@theorem(statement="no certificate", domain=POINTS, certified=lambda: {"it": Certificate({"kind": "none"}, {})})
def uncertified(points):
    print("from the margin")
    return -1
"""


def test_a_claim_that_exits_or_prints_is_a_row(claims, capsys):
    code, out, err = run(capsys, "verify", claims(EXITS, "exits.py"), "--evaluations", 20, "--jobs", 1, "--json")
    notes = {row["id"]: row["notes"] for row in json.loads(out)["theorems"]}
    assert code == 1
    assert notes["exits"] == ["SystemExit: 0"]
    assert notes["uncertified"][0].startswith("certificate it: InputError: the certificate is beyond")
    assert "from the file" in err
    assert "from the margin" in err


def test_a_file_may_use_the_catalogue(claims, capsys):
    text = "from nctheory.theorems.best_decoder import best_decoder\n" + NEIGHBOR.replace("near", "at_hand")
    code, out, err = run(capsys, "verify", claims(text, "uses.py"), "--evaluations", 300, "--jobs", 1)
    assert (code, err) == (0, "")
    assert "theorems: 1;" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FALSE.replace("too_near", "twice") + FALSE.replace("too_near", "twice"), "states twice twice"),
        (FALSE.replace("too_near", "rankin"), "rankin is already stated in "),
        ("raise ValueError('one\\ntwo')", "fails: ValueError: one two"),
    ],
)
def test_files_that_state_no_theorem_of_their_own(claims, capsys, text, message):
    code, out, err = run(capsys, "verify", claims(text, "wrong.py"))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_what_cannot_be_written_is_known_before_the_search(claims, capsys):
    for output in (".", "missing/evidence.json"):
        code, out, err = run(capsys, "verify", claims(FALSE, "unwritten.py"), "-o", output)
        assert (code, out) == (2, "")
        assert "expected a file" in err


def test_a_margin_beyond_floats_is_json(claims, capsys):
    text = FALSE.replace("too_near", "vast").replace("- 1", "* (10**8)**8 * (10**8)**8 * (10**8)**8 * (10**8)**8")
    text = text.replace("(10**8)**8\n", "(10**8)**8 * (10**8)**8\n")
    name = claims(text, "a vast claim.py")
    code, out, _ = run(capsys, "verify", name, "--evaluations", 20, "--jobs", 1, "--json")
    counterexample = json.loads(out)["theorems"][0]["own"]["counterexample"]
    assert code == 1
    assert counterexample["violated_by_at_least"]["upper"] == "inf"
    assert f"verify '{name}' --eval" in run(capsys, "verify", name, "--evaluations", 20, "--jobs", 1)[1]
