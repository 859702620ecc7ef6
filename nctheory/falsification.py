"""`falsify`: an adversarial search for an input that violates a claim, and an exact, small one where it finds any.

Search is free: it runs on floats. A hit counts only after it has been rounded to fractions and confirmed exactly.
"""

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from nctheory import kernel
from nctheory.arrays import positive_integer, positive_number
from nctheory.claims import Claim, Refutation, show_input
from nctheory.domains import Point
from nctheory.errors import InputError

if TYPE_CHECKING:
    import hypothesis

__all__ = ["Falsification", "Outcome", "falsify"]

_SHARDS = 4  # of the local search, each with its own seed
_SAMPLED = 0.1  # share of the evaluations that Hypothesis gets, whose draws take longer than most margins
_AIMED = 4  # one in so many of them is drawn with the margin as a target
_BEGUN = 4  # draws that may be begun for each example
_CORNERS = 0.1  # and the structured cases, at most
_NEARLY = 1e-6  # an assumption that fails by less may hold after rounding
_VISIBLE = 1e-9  # a margin below this may be rounding
_PENALTY = 30.0  # of a failing assumption, for each unit of its slack
_HUGE = 1e9  # infinite margins and slacks are searched as this
_STARTED = 100  # evaluations of one climb, for each coordinate
_POLISHED = 30
_MOST_CLIMB = 3000  # evaluations of one climb
_MOST_CHECKS = 6  # hits of one part of the search that may fail to be confirmed
_MOST_POLISH = 10_000  # evaluations to polish and shrink a hit, and at most this many for each that is asked for:
_POLISH_SHARE = 2


class Outcome(StrEnum):
    """What a search can say; of the parts of a search the last of these counts."""

    VACUOUS = "vacuous"  # no input that was tried satisfies the assumptions
    NOT_REFUTED = "not refuted"
    SUSPECTED = "suspected"  # violated in floats by more than rounding explains, and confirmed nowhere
    REFUTED = "refuted"
    FAILED = "failed"  # the claim raised, returned what is no number, or changed its input


@dataclass(frozen=True)
class Effort:
    """Evaluations of the claim: by each attack, to polish and shrink a hit; how many inputs were admissible."""

    corners: int = 0
    sampled: int = 0
    attacked: int = 0
    polished: int = 0
    admissible: int = 0

    @property
    def evaluations(self) -> int:
        """All of them."""
        return self.corners + self.sampled + self.attacked + self.polished

    def __add__(self, other: "Effort") -> "Effort":
        return Effort(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Falsification:
    """What a search found. "Not refuted" is never "true".

    `largest_margin` is the largest one among admissible inputs, in floats; `rounding` counts the inputs whose margin
    was positive in floats only: by less than rounding explains, or confirmed by no exact input nearby. `cut_off`
    says that the time ran out before the evaluations did. `problem` says what went wrong with the claim itself.
    """

    claim: Claim
    outcome: Outcome
    refutation: Refutation | None
    effort: Effort
    largest_margin: float
    rounding: int
    seed: int
    cut_off: bool = False
    problem: str = ""

    def __str__(self) -> str:
        """One line."""
        if self.refutation:
            return self.refutation.sentence
        spent = f"{self.effort.evaluations} evaluations, largest margin {self.largest_margin:.3g}"
        extra = f"; {self.problem}" if self.problem else ", cut off" if self.cut_off else ""
        return f"{self.claim.id}: {self.outcome} ({spent}{extra})"

    def as_pytest(self) -> str:
        """A test that holds the counterexample, to be pasted into anyone's test suite.

        Raises InputError where there is none, or where the claim is stated in no file and has no certificate.
        """
        if self.refutation is None:
            raise InputError(f"{self.claim.id} was not refuted, so that there is nothing to test")
        return _pytest(self.refutation)


def falsify(
    claim: Any,
    *,
    evaluations: int = 6000,
    seed: int = 0,
    executor: Executor | None = None,
    cutoff: float = math.inf,
) -> Falsification:
    """Search for an input that violates a claim: structured cases, Hypothesis with targets, and local optimization.

    Formula:
        sup of margin(input) over inputs that satisfy the assumptions; the claim fails where it is positive.
    Args:
        claim: a Claim, or a Theorem, whose claim is taken.
        evaluations: how often the margin may be evaluated, about; polishing and shrinking a hit comes on top.
        seed: an integer that is not negative; the same seed gives the same answer.
        executor: any concurrent.futures.Executor, to run the parts of the search side by side; the answer is the same.
            Claims of a process pool must be importable.
        cutoff: seconds after which the search stops, and the result says so.
    Assumes:
        margin and assumptions are functions of their arguments alone.
    Returns:
        Falsification: outcome "refuted" with a refutation that is confirmed exactly, polished, made of simple
        fractions and shrunk; "not refuted" with the effort and the largest margin; "suspected", where the margin is
        positive in floats and no exact input confirms it; "vacuous"; or "failed".
    Raises:
        InputError: no Claim, evaluations below 1, a negative seed, a cutoff that is not positive.
    Reference:
        maciver2019 (Hypothesis); hansen2001 (CMA-ES); nocedal2006, chapter 17 (penalties).
    Example:
        >>> from nctheory import falsify, theorems
        >>> found = falsify(theorems.find("rankin").false_neighbors["one_point_less"])
        >>> str(found.outcome), str(found.refutation.confirmation)
        ('refuted', 'certified')
    """
    claim = getattr(claim, "claim", claim)
    if not isinstance(claim, Claim):
        raise InputError(f"claim is of type {type(claim).__name__}, expected a Claim or a Theorem")
    positive_integer(evaluations, "evaluations")
    positive_integer(seed, "seed", least=0)
    deadline = time.monotonic() + positive_number(cutoff, "cutoff")
    shards = [_Shard(claim, number, evaluations, seed, deadline) for number in range(_SHARDS + 1)]
    results = executor.map(_run, shards) if executor else map(_run, shards)
    return _merged(claim, seed, results)


def _merged(claim: Claim, seed: int, results: Any) -> Falsification:
    """The parts as one; what comes after the first refutation or failure in their order does not count."""
    total = Falsification(claim, Outcome.VACUOUS, None, Effort(), -math.inf, 0, seed)
    for part in results:
        total = replace(
            part,
            claim=claim,
            outcome=max(total.outcome, part.outcome, key=list(Outcome).index),
            effort=total.effort + part.effort,
            largest_margin=max(total.largest_margin, part.largest_margin),
            rounding=total.rounding + part.rounding,
            seed=seed,
            cut_off=total.cut_off or part.cut_off,
        )
        if total.outcome in (Outcome.REFUTED, Outcome.FAILED):
            break
    return total


@dataclass(frozen=True)
class _Shard:
    """One part of the search: number 0 samples and tries corners, the others climb."""

    claim: Claim
    number: int
    evaluations: int
    seed: int
    deadline: float


class _Stop(BaseException):
    """Ends an attack from inside; no handler of Hypothesis or SciPy takes it for an error of the claim."""


class _Found(_Stop):
    pass


class _Spent(_Stop):
    pass


class _CutOff(_Stop):
    pass


class _Failed(_Stop):
    pass


@contextlib.contextmanager
def _told_of_formulas() -> Iterator[None]:
    """What the kernel cannot read ends the search with a sentence that says so."""
    try:
        yield
    except kernel.Malformed as error:
        raise _Failed(f"the kernel cannot read the formula: {error}") from None


class _Search:
    """Counts evaluations, keeps the largest margin, and has hits confirmed."""

    def __init__(self, shard: "_Shard") -> None:
        self.claim, self.deadline, self.seed = shard.claim, shard.deadline, shard.seed
        self.polish = min(_MOST_POLISH, _POLISH_SHARE * shard.evaluations)
        self.counts = dict.fromkeys(Effort.__dataclass_fields__, 0)
        self.largest, self.rounding, self.checks, self.suspected = -math.inf, 0, 0, False
        self.refutation: Refutation | None = None
        self._phase, self._left = "corners", 0

    def spend(self, phase: str, evaluations: int, attack: Callable[["_Search"], None]) -> None:
        """Run an attack until it ends or its evaluations are spent."""
        self._phase, self._left = phase, evaluations
        with contextlib.suppress(_Spent):
            attack(self)

    def result(self, seed: int, problem: str, cut_off: bool) -> Falsification:
        """What this part of the search found."""
        effort = Effort(**self.counts)
        outcome = Outcome.NOT_REFUTED if effort.admissible else Outcome.VACUOUS
        if self.suspected:
            outcome = Outcome.SUSPECTED
        if self.refutation:
            outcome = Outcome.REFUTED
        elif problem:
            outcome = Outcome.FAILED
        return Falsification(
            self.claim, outcome, self.refutation, effort, self.largest, self.rounding, seed, cut_off, problem
        )

    def evaluate(self, point: Point) -> tuple[float, float]:
        """Margin and slack in floats; a visible violation is confirmed at once, and ends the search."""
        margin, slack = self.measure(point)
        if slack >= -_NEARLY and margin > 0 and self._phase != "polished":
            with _told_of_formulas():
                self._check(point, margin, slack)
            self.rounding += 1
        return margin, slack

    def _check(self, point: Point, margin: float, slack: float) -> None:
        if self.checks < _MOST_CHECKS and margin > _VISIBLE and not _is_rounding(self.claim, point.values):
            self.checks += 1
            self._examine(point)
            *_, nearest = self.claim.domain.rationals(point)
            self.suspected |= slack >= 0 and not _is_rounding(self.claim, nearest)

    def measure(self, point: Point) -> tuple[float, float]:
        """Margin and slack in floats."""
        if time.monotonic() > self.deadline:
            raise _CutOff
        if self._left <= 0:
            raise _Spent
        self._left -= 1
        margin, slack = _numbers(self.claim, point)
        self.counts[self._phase] += 1
        if slack >= 0:
            self.counts["admissible"] += 1
            self.largest = max(self.largest, margin)
        return margin, slack

    def confirm_known(self) -> None:
        """The search ends where a counterexample that came with the claim is confirmed."""
        if self.claim.counterexample is None:
            return
        self._left -= 1
        self.counts[self._phase] += 1
        with _told_of_formulas():
            self.refutation = self.claim.confirm(self.claim.counterexample)
        if self.refutation is not None:
            self.counts["admissible"] += 1
            raise _Found

    def _examine(self, point: Point) -> None:
        """Confirm a hit near the point or near where it can be polished to; else it is rounding."""
        attack = self._phase, self._left
        self._phase, self._left = "polished", self.polish
        found, polished = _confirmed(self.claim, point), point
        try:
            polished = _ascend(self, point, _STARTED, 0.1)
            found = _simpler(found, _confirmed(self.claim, polished))
        except (_Spent, _CutOff):
            pass  # what has been found stands
        if found is not None:
            self.refutation = _shrunk(self, polished, found)
            raise _Found
        self._phase, self._left = attack


def _run(shard: _Shard) -> Falsification:
    search = _Search(shard)
    problem, cut_off = "", False
    try:
        with np.errstate(all="ignore"), threadpool_limits(1):  # threads take longer for matrices as small as these
            _attack(search, shard)
    except _Failed as failure:
        problem = str(failure)
    except _CutOff:
        cut_off = True
    except _Found:
        pass
    return search.result(shard.seed, problem, cut_off)


def _attack(search: _Search, shard: _Shard) -> None:
    corners, sampled = (max(1, int(share * shard.evaluations)) for share in (_CORNERS, _SAMPLED))
    if shard.number == 0:
        search.spend("corners", corners, _try_corners)
        search.spend("sampled", sampled, lambda search: _sample(search, sampled, shard.seed))
    else:
        left = max(1, (shard.evaluations - sampled - corners) // _SHARDS)
        generator = np.random.default_rng([shard.seed, shard.number])
        search.spend("attacked", left, lambda search: _climb(search, generator))


def _numbers(claim: Claim, point: Point) -> tuple[float, float]:
    """Margin and slack; whatever else the claim does ends the search with a sentence that says so."""
    inputs, slack = point.values, math.inf
    try:
        slack = claim.slack(inputs)
        margin = float(claim.margin(inputs))
    except Exception as error:
        if slack < 0:
            return -math.inf, slack  # outside its assumptions a margin need not exist
        raise _Failed(f"{type(error).__name__}: {str(error)[:200]}, at {_shown(inputs)}") from None
    if math.isnan(slack) or (math.isnan(margin) and slack >= 0):
        raise _Failed(f"{'an assumption' if math.isnan(slack) else 'the margin'} is not a number at {_shown(inputs)}")
    return -math.inf if math.isnan(margin) else margin, slack


def _shown(inputs: Any) -> str:
    return ", ".join(f"{name} = {show_input(value)}" for name, value in inputs.items())[:300]


# --------------------------------------------------------------------------------------------------------- attacks


def _try_corners(search: _Search) -> None:
    """First of all what the claim itself says is a counterexample."""
    search.confirm_known()
    for sizes in search.claim.domain.all_sizes:
        for point in search.claim.domain.corners(sizes):
            search.evaluate(point)


def _sample(search: _Search, examples: int, seed: int) -> None:
    """Hypothesis draws inputs; then it is told the margin as what to make large."""
    from hypothesis import Phase

    aimed = examples // _AIMED
    _draw(search, examples - aimed, seed, [Phase.generate])
    if aimed:
        _draw(search, aimed, seed, [Phase.generate, Phase.target])


def _draw(search: _Search, examples: int, seed: int, phases: Sequence["hypothesis.Phase"]) -> None:
    """One run of Hypothesis. Its optimizer begins many draws that it cannot end; a few for each example are enough."""
    import hypothesis
    from hypothesis import strategies as st

    begun = 0

    def begin(_: None) -> "st.SearchStrategy[Point]":
        nonlocal begun
        begun += 1
        if begun > _BEGUN * examples:
            raise _Spent
        return search.claim.domain.points()

    def attempt(point: Point) -> None:
        height = _height(*search.evaluate(point))
        if abs(height) > _VISIBLE:  # from inputs that are all alike, or differ by rounding, it learns nothing
            hypothesis.target(height)

    settings = hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    try:
        with _no_constants():
            hypothesis.seed(seed)(settings(hypothesis.given(st.none().flatmap(begin))(attempt)))()
    except hypothesis.errors.HypothesisException:
        if begun <= _BEGUN * examples:  # else it complains of the end that we made
            raise


@contextlib.contextmanager
def _no_constants() -> Iterator[None]:
    """Hypothesis mixes constants of whatever modules are loaded into its draws, which would not follow the seed."""
    from hypothesis.internal.conjecture import providers

    found = getattr(providers, "_get_local_constants", None)
    if found is None:
        yield
        return
    providers._get_local_constants = type(found())
    try:
        yield
    finally:
        providers._get_local_constants = found


def _climb(search: _Search, generator: np.random.Generator) -> None:
    """Local optimization from random points of every size, in turn, until the evaluations are spent."""
    domain = search.claim.domain
    sizes = [sizes for sizes in domain.all_sizes if domain.length(sizes)]  # without coordinates there is no climb
    while sizes:
        for index in generator.permutation(len(sizes)):
            _ascend(search, domain.random(sizes[index], generator), _STARTED, 0.5)


def _ascend(search: _Search, start: Point, evaluations: int, step: float) -> Point:
    """CMA-ES on the margin, less a penalty for assumptions that fail; gives the best point that it saw.

    It needs no gradient, and copes with the edges that max and min make. `evaluations` is for each coordinate.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would say that it has no matplotlib
        import cma

    count = len(start.flat)
    if count == 0:
        return start
    padded = np.append(start.flat, 0.0) if count == 1 else start.flat  # it refuses a single coordinate
    generator = np.random.default_rng([search.seed, search.counts["attacked"]])
    options = {
        "randn": lambda *shape: generator.standard_normal(shape),
        "seed": math.nan,  # leaves the global generator of NumPy alone
        "maxfevals": min(evaluations * (count + 1), _MOST_CLIMB),
        "verbose": -9,
    }
    best, highest = start, -math.inf
    strategy = cma.CMAEvolutionStrategy(padded, step, options)
    while not strategy.stop():
        flats = strategy.ask()
        points = [replace(start, flat=np.array(flat[:count])) for flat in flats]
        heights = [_height(*search.evaluate(point)) for point in points]
        strategy.tell(flats, [-height for height in heights])
        if max(heights) > highest:
            highest = max(heights)
            best = points[heights.index(highest)]
    return best


def _height(margin: float, slack: float) -> float:
    """What the search makes large."""
    return min(max(margin, -_HUGE), _HUGE) + _PENALTY * max(min(slack, 0.0), -_HUGE)


# ------------------------------------------------------------------------------------------- exact, simple, small


def _is_rounding(claim: Claim, inputs: Mapping[str, Any]) -> bool:
    """Whether exact arithmetic, on these very numbers, leaves nothing visible of a violation."""
    margin = claim.lower_margin({name: _exact(value) for name, value in inputs.items()})
    return margin is not None and margin <= _VISIBLE


def _exact(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_exact, value))
    return value if isinstance(value, int) else Fraction(value)


def _confirmed(claim: Claim, point: Point) -> Refutation | None:
    """The simplest exact input near the point that violates the claim."""
    for inputs in claim.domain.rationals(point):
        if found := claim.confirm(inputs):
            return found
    return None


def _simpler(one: Refutation | None, other: Refutation | None) -> Refutation | None:
    """The one whose numbers are shorter."""
    return min((found for found in (one, other) if found), key=_length, default=None)


def _length(found: Refutation) -> int:
    return len("".join(map(show_input, found.inputs.values())))


def _shrunk(search: _Search, point: Point, found: Refutation) -> Refutation:
    """Leave out classes, samples and coordinates for as long as what is left can be made to violate the claim."""
    try:
        for smaller in _smaller(search, point):
            candidate = _ascend(search, smaller, _POLISHED, 0.2)
            simpler = _simpler(_confirmed(search.claim, smaller), _confirmed(search.claim, candidate))
            if simpler is not None:
                return _shrunk(search, candidate, simpler)
    except (_Spent, _CutOff):
        pass  # what has been found stands
    return found


def _smaller(search: _Search, point: Point) -> Iterator[Point]:
    """What is left without one class, sample or coordinate; then what a climb finds at any smaller sizes."""
    for size, count in point.sizes.items():
        for index in range(count):
            if (smaller := point.domain.drop(point, size, index)) is not None:
                yield smaller
    generator = np.random.default_rng([search.seed, search.counts["polished"]])
    for sizes in reversed(point.domain.all_sizes):
        if sizes != point.sizes and all(sizes[name] <= point.sizes[name] for name in sizes):
            yield _ascend(search, point.domain.random(sizes, generator), _STARTED, 0.5)


def _pytest(refutation: Refutation) -> str:
    name = refutation.claim.id.replace("/", "_")
    if refutation.certificate is None:
        return _pytest_of_inputs(refutation, name)
    text = refutation.certificate.encode().decode("ascii")
    return (
        "from nctheory import kernel\n\n\n"
        f"def test_{name}_is_violated():\n"
        f"    certificate = b'{text}'  # noqa: E501\n"
        "    verdict = kernel.check(certificate)\n"
        f'    assert verdict.claim["theorem"] == "{refutation.claim.id}"\n'
        f'    assert verdict.claim["at_least"] > 0\n'
    )


def _pytest_of_inputs(refutation: Refutation, name: str) -> str:
    if refutation.claim.origin is None:
        raise InputError(
            f"{refutation.claim.id} is in no file that a test could load: state it under @nctheory.theorem"
        )
    source, theorem, neighbor = refutation.claim.origin[1]
    is_ours = Path(source).parent.name == "theorems" and Path(source).parents[1] == Path(__file__).parent
    stated = f'theorems.find("{theorem}")' if is_ours else f'theorems.load_file({source!r})["{theorem}"]'
    claim = stated + (f'.false_neighbors["{neighbor}"]' if neighbor else ".claim")
    inputs = "".join(f'        "{key}": {value!r},\n' for key, value in refutation.inputs.items())
    return (
        "from fractions import Fraction\n\nfrom nctheory import theorems\n\n\n"
        f"def test_{name}_is_violated():\n"
        f"    claim = {claim}\n"
        f"    inputs = {{\n{inputs}    }}\n"
        f"    refutation = claim.confirm(inputs)\n"
        f'    assert refutation.confirmation == "{refutation.confirmation}"\n'
        f"    assert refutation.at_least > 0\n"
    )
