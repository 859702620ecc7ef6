import json
import math
import re
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from nctheory import falsify, kernel, theorems
from nctheory.claims import Claim, Confirmation
from nctheory.domains import AverageEnergy, Ball, Domain, Free, Gram, Interval, Positive, Sphere
from nctheory.errors import InputError
from nctheory.falsification import Outcome
from nctheory.formula import dot, squared_distance
from nctheory.gaussian import normal_tail

POINTS = ("num_classes", "dimension")
SMALL = Domain({"num_classes": (2, 4), "dimension": (1, 3)}, points=Free(POINTS))
BALL = Domain({"num_classes": (2, 4), "dimension": (1, 3)}, points=Ball(POINTS))


def within_the_ball(points):
    return max(dot(x, x) for x in points) - 1


def too_small_a_ball(points):
    return max(dot(x, x) for x in points) - 1 / 2


def distinct(points):
    return all(squared_distance(x, y) > 0 for x, y in combinations(points, 2))


def obtuse(points):
    return all(dot(x, y) <= 0 for x, y in combinations(points, 2))


def test_a_true_claim_is_not_refuted():
    found = falsify(Claim(within_the_ball, BALL), evaluations=2000)
    assert found.outcome == Outcome.NOT_REFUTED
    assert found.refutation is None
    assert found.largest_margin <= 1e-12
    assert found.effort.sampled > 100
    assert found.effort.attacked > 1000
    assert "not refuted" in str(found)
    assert "true" not in str(found)
    with pytest.raises(InputError, match="nothing to test"):
        found.as_pytest()


def test_a_false_claim_is_refuted_small_and_certified():
    found = falsify(Claim(too_small_a_ball, BALL, name="small_ball"), evaluations=2000)
    assert found.outcome == Outcome.REFUTED
    refutation = found.refutation
    assert refutation.confirmation == Confirmation.CERTIFIED
    assert (refutation.inputs["num_classes"], refutation.inputs["dimension"]) == (2, 1)
    verdict = refutation.certificate.verify()
    assert verdict.claim["theorem"] == "small_ball"
    assert verdict.claim["at_least"] == refutation.at_least > 0


NEEDLE = Domain(number=Positive())
NUMBER = Fraction(1414217, 1000003)


def needle(counterexample):
    def margin(number):
        return 1 if number * 1000003 == 1414217 else -1

    return Claim(margin, NEEDLE, counterexample=counterexample)


def test_a_counterexample_that_no_search_finds_may_come_with_the_claim():
    assert falsify(needle(None), evaluations=2000).outcome == Outcome.NOT_REFUTED
    found = falsify(needle({"number": "1414217/1000003"}), evaluations=2000)
    assert found.outcome == Outcome.REFUTED
    assert found.refutation.confirmation == Confirmation.CERTIFIED
    assert found.refutation.inputs == {"number": NUMBER}
    assert found.effort.evaluations == 1


def test_a_counterexample_that_is_none_refutes_nothing():
    found = falsify(needle({"number": "7/5"}), evaluations=2000)
    assert found.outcome == Outcome.NOT_REFUTED
    with pytest.raises(InputError, match=r"counterexample has \['root'\], expected the inputs \['number'\]"):
        needle({"root": 1})


def test_the_pasted_test_passes_and_fails_when_tampered_with(tmp_path):
    text = falsify(Claim(too_small_a_ball, BALL, name="small_ball"), evaluations=2000).as_pytest()
    (tmp_path / "test_pasted.py").write_text(text)
    (tmp_path / "test_tampered.py").write_text(re.sub(r'"at_least":("[^"]*"|\d+)', '"at_least":1000', text))
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    assert subprocess.run([*run, str(tmp_path / "test_pasted.py")], check=False, capture_output=True).returncode == 0
    assert subprocess.run([*run, str(tmp_path / "test_tampered.py")], check=False, capture_output=True).returncode == 1


def test_hits_that_only_a_local_search_finds():
    """Five points of average energy 1 in space, farther apart than sqrt 2: nothing structured, nothing random."""
    sizes = {"num_classes": (5, 5), "dimension": (3, 3)}

    def rankin_on_average(points):
        return min(squared_distance(x, y) for x, y in combinations(points, 2)) - 2

    found = falsify(Claim(rankin_on_average, Domain(sizes, points=AverageEnergy(POINTS))), evaluations=20_000, seed=1)
    assert found.outcome == Outcome.REFUTED
    assert found.effort.attacked > 0
    assert found.refutation.at_least > 0


def test_assumptions_that_hold_with_equality_are_reached_by_rounding():
    """Unit vectors with cosines of at most 1/2 in size at d = K - 1 = 2 are not all simplices: signs may be flipped."""

    def not_a_simplex(gram):
        return max(gram[i][j] for i, j in combinations(range(3), 2)) + 1 / 2

    def welch(gram):
        return all(-1 / 2 <= gram[i][j] <= 1 / 2 for i, j in combinations(range(3), 2))

    domain = Domain({"num_classes": (3, 3), "dimension": (2, 2)}, gram=Gram(POINTS))
    found = falsify(Claim(not_a_simplex, domain, assumptions=[welch]), evaluations=8000)
    assert found.outcome == Outcome.REFUTED
    assert {abs(x) for row in found.refutation.inputs["gram"] for x in row} == {1, Fraction(1, 2)}


def test_rounding_is_no_violation():
    def identity(points):
        return abs(sum((a + 1 / 3) ** 2 - a**2 - 2 * a / 3 - 1 / 9 for a in points[0]))

    found = falsify(Claim(identity, SMALL), evaluations=2000)
    assert found.outcome == Outcome.NOT_REFUTED
    assert found.rounding > 100
    assert 0 < found.largest_margin < 1e-9


def test_rounding_of_large_numbers_is_no_violation_either():
    def identity(points):
        return abs(
            sum((1000000000 * a + 1 / 3) ** 2 - (1000000000 * a) ** 2 - 2000000000 * a / 3 - 1 / 9 for a in points[0])
        )

    found = falsify(Claim(identity, SMALL), evaluations=2000)
    assert found.outcome == Outcome.NOT_REFUTED
    assert found.largest_margin > 1e-3


def test_gaussian_claims_are_enclosed():
    def small_tail(noise):
        return normal_tail(1 / noise) - 1 / 4

    found = falsify(Claim(small_tail, Domain(noise=Interval((), Fraction(1, 10), Fraction(4)))), evaluations=500)
    assert found.refutation.confirmation == Confirmation.ENCLOSED
    assert found.refutation.certificate is None
    assert normal_tail(1 / float(found.refutation.inputs["noise"])) - 0.25 > float(found.refutation.at_least) > 0


def test_a_violation_in_floats_alone_is_suspected_not_refuted():
    def inexact(points):
        return float(np.abs(points).max()) - 0.3

    found = falsify(Claim(inexact, BALL), evaluations=1000)
    assert found.outcome == Outcome.SUSPECTED
    assert found.refutation is None


def test_numpy_claims_can_be_exact():
    def symmetric(points):
        return (points @ points.T).min() + 1

    found = falsify(Claim(symmetric, SMALL), evaluations=1000)
    assert found.refutation.confirmation == Confirmation.EXACT


@pytest.mark.parametrize(
    ("margin", "problem"),
    [
        (lambda points: 1 / 0, "ZeroDivisionError"),
        (lambda points: math.nan, "not a number"),
        (lambda points: "large", "ValueError"),
        (lambda points: points.__setitem__((0, 0), 3) or 0.0, "changes its input points"),
    ],
)
def test_claims_that_do_not_work_say_how(margin, problem):
    found = falsify(Claim(margin, SMALL, name="broken"), evaluations=500)
    assert found.outcome == Outcome.FAILED
    assert problem in found.problem
    assert "num_classes = 2" in found.problem


def test_a_formula_that_the_kernel_cannot_read_says_so():
    def count(points):
        return sum(x[0] > 0 for x in points) - 1

    found = falsify(Claim(count, SMALL), evaluations=500)
    assert found.outcome == Outcome.FAILED
    assert "the kernel cannot read the formula: no value of sum(" in found.problem


def test_a_claim_without_coordinates_ends():
    def even(count):
        return count - 2

    found = falsify(Claim(even, Domain({"count": (1, 3)})), evaluations=2000)
    assert found.refutation.inputs == {"count": 3}
    assert falsify(Claim(lambda count: -count, Domain({"count": (1, 3)}), name="x")).outcome == Outcome.NOT_REFUTED


def test_the_draws_follow_the_seed_whatever_is_loaded():
    script = (
        "import sys\nfrom nctheory import falsify, theorems\n"
        "if sys.argv[1:]: theorems.catalogue()\n"
        "found = falsify(theorems.find('nc4_without_nc3'), evaluations=3000, seed=3)\n"
        "print(found.largest_margin, found.effort, found.rounding)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", script, *more], check=True, capture_output=True, text=True).stdout
        for more in ([], ["all"])
    ]
    assert runs[0] == runs[1] != ""


def test_a_pasted_test_finds_its_claim(tmp_path):
    path = tmp_path / "tails.py"
    path.write_text(
        "from nctheory import Domain, theorem\nfrom nctheory.domains import Interval\n"
        "from nctheory.gaussian import normal_tail\n\n"
        '@theorem(statement="Small.", domain=Domain(noise=Interval()))\n'
        "def tail_is_small(noise):\n    return normal_tail(noise) - 1 / 4\n"
    )
    text = falsify(theorems.load_file(path)["tail_is_small"], evaluations=200).as_pytest()
    (tmp_path / "test_tails.py").write_text(text)
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    assert subprocess.run([*run, str(tmp_path / "test_tails.py")], check=False, capture_output=True).returncode == 0
    with pytest.raises(InputError, match="is in no file that a test could load"):
        falsify(Claim(lambda points: points.sum() + 1, SMALL, name="y"), evaluations=500).as_pytest()


def test_vacuous_claims_are_not_passed():
    found = falsify(Claim(within_the_ball, BALL, assumptions=[lambda points: False]), evaluations=500)
    assert found.outcome == Outcome.VACUOUS
    assert found.effort.admissible == 0


def test_outside_its_assumptions_a_margin_need_not_exist():
    def inverse(points):
        return -1 / squared_distance(points[0], points[1])

    assert falsify(Claim(inverse, SMALL), evaluations=500).outcome == Outcome.FAILED
    assert falsify(Claim(inverse, SMALL, assumptions=[distinct]), evaluations=500).outcome == Outcome.NOT_REFUTED


def test_the_cut_off_is_reported():
    def slow(points):
        time.sleep(0.02)
        return -1.0

    started = time.monotonic()
    found = falsify(Claim(slow, SMALL), evaluations=100_000, cutoff=0.5)
    assert found.cut_off
    assert found.outcome == Outcome.NOT_REFUTED
    assert time.monotonic() - started < 5


def strip(found):
    return (found.outcome, found.effort, found.largest_margin, found.refutation and found.refutation.inputs)


@pytest.mark.parametrize("name", ["average_energy", "one_point_less"])
def test_the_same_seed_gives_the_same_answer_also_in_parallel(name):
    claim = theorems.find("rankin").false_neighbors[name]
    first = falsify(claim, evaluations=3000, seed=5)
    assert strip(falsify(claim, evaluations=3000, seed=5)) == strip(first)
    with ThreadPoolExecutor(1) as pool:
        assert strip(falsify(claim, evaluations=3000, seed=5, executor=pool)) == strip(first)
    with ProcessPoolExecutor(2) as pool:
        assert strip(falsify(claim, evaluations=3000, seed=5, executor=pool)) == strip(first)


def test_a_local_claim_cannot_be_sent_to_other_processes():
    with ProcessPoolExecutor(1) as pool, pytest.raises(TypeError, match="state it in a file"):
        falsify(Claim(within_the_ball, BALL), evaluations=100, executor=pool)


def test_a_size_is_an_integer():
    def more_than_two(num_classes):
        return num_classes - 2

    claim = Claim(more_than_two, Domain({"num_classes": (2, 3)}))
    assert claim.confirm({"num_classes": Fraction(5, 2)}) is None
    assert claim.confirm({"num_classes": 3}).at_least == 1


def test_what_no_number_confirms_is_suspected():
    """Functions that fail on Fractions, and truth values; each is positive in floats."""

    def norm(points):
        return np.linalg.norm(points) - 1 / 2

    def condition(points):
        return points[0][0] == points[0][0]

    for margin in (norm, condition):
        assert falsify(Claim(margin, BALL), evaluations=200).outcome == Outcome.SUSPECTED


def test_a_ball_of_a_function_that_nobody_reads_is_not_exact():
    def looped(x):
        least = normal_tail(x)
        for value in (normal_tail(x + 1), 1):
            least = min(least, value)
        return least

    assert Claim(looped, Domain(x=Free())).confirm({"x": Fraction(1)}) is None


def test_a_definition_is_not_renamed_into_a_loop():
    """`least` of the assumption must not become the `least_2` that a loop is over."""

    def margin(points):
        least = 5
        return least - 4

    def never(points):
        least = points[0] + 1
        return all(least > least_2 for least_2 in points)

    claim = Claim(margin, Domain(points=Free((2,))), assumptions=[never])
    inputs = {"points": (Fraction(2), Fraction(5))}
    with pytest.raises(kernel.Invalid):
        kernel.check(claim.certificate(inputs, Fraction(1)).encode())


def test_certificates_keep_names_apart():
    """Definitions of assumptions and margin may share names with each other and with inputs."""

    def margin(points):
        weights = sum(dot(x, x) for x in points)
        return weights - 1

    def first(points):
        total = sum(dot(x, x) for x in points)
        return total >= 1

    def second(points):
        total = dot(points[0], points[0])
        return total <= 4

    domain = Domain({"num_classes": (2, 2), "dimension": (1, 2)}, points=Free(POINTS), weights=Sphere((1, 2)))
    found = falsify(Claim(margin, domain, assumptions=[first, second], name="names"), evaluations=500)
    claim = json.loads(found.refutation.certificate.encode())["claim"]
    assert sorted(claim["definitions"]) == ["total", "total_2", "weights_2"]
    assert kernel.check(found.refutation.certificate.encode()).claim["at_least"] > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: falsify(len), "expected a Claim or a Theorem"),
        (lambda: falsify(Claim(within_the_ball, BALL), evaluations=0), "evaluations is 0"),
        (lambda: falsify(Claim(within_the_ball, BALL), seed=-1), "seed is -1"),
        (lambda: Claim(lambda means: 0, BALL, name="x"), r"asks for \['means'\]"),
        (lambda: Claim(lambda points: 0, BALL), "a claim is called '<lambda>'"),
        (lambda: Claim(within_the_ball, BALL, name="a b"), "a claim is called 'a b'"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
