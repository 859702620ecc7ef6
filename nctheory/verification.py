"""`nctheory verify`: the evidence for theorems, rung by rung, as text or JSON; and `nctheory theorems`.

Standing is what the literature says; evidence is what was run here: sampled (Hypothesis), attacked (structured cases
and local search), certified (the kernel). A false neighbor counts as refuted only by a confirmed counterexample.
"""

import contextlib
import json
import math
import shlex
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from functools import cached_property
from types import FrameType
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import nctheory
from nctheory import kernel
from nctheory.arrays import positive_integer, positive_number
from nctheory.claims import Confirmation, Refutation, show_input
from nctheory.falsification import Falsification, Outcome, falsify
from nctheory.formula import Formula, Language
from nctheory.result import Certificate
from nctheory.tables import finite, number
from nctheory.theorems import Standing, Theorem, catalogue, find, load_file
from nctheory.theorems.registry import find_in

__all__ = ["Row", "Task", "Verification", "describe", "list_theorems", "tasks", "verify"]

_ENCLOSED_SHARE = 10  # an evaluation with Gaussian integrals costs about as much as this many others
_GRACE = 5.0  # seconds beyond the cut-off after which a claim that does not return is interrupted


@dataclass(frozen=True)
class Task:
    """One theorem to verify: its id, and the file that states it where it is not in the catalogue."""

    theorem: str
    file: str | None = None

    def load(self) -> Theorem:
        """The theorem, in whatever process this is."""
        return find(self.theorem) if self.file is None else find_in(self.file, self.theorem)


@dataclass(frozen=True)
class Row:
    """What was found of one theorem."""

    task: Task
    title: str
    standing: Standing
    sizes: Mapping[str, tuple[int, int]]
    own: Falsification | None
    neighbors: Mapping[str, Falsification]
    certificates: Mapping[str, Certificate]
    seconds: float
    problem: str = ""

    @property
    def holds(self) -> bool:
        """Whether everything came out as the standing says, and every false neighbor was refuted."""
        if self.problem or self.own is None:
            return False
        expected = Outcome.REFUTED if self.standing == Standing.REFUTED else Outcome.NOT_REFUTED
        refuted = all(found.outcome == Outcome.REFUTED for found in self.neighbors.values())
        return self.own.outcome == expected and refuted

    @property
    def survivors(self) -> list[str]:
        """The false neighbors that were not refuted."""
        return [name for name, found in self.neighbors.items() if found.outcome != Outcome.REFUTED]

    @property
    def notes(self) -> list[str]:
        """What is not as it should be, one sentence each."""
        found = [self.problem] if self.problem else []
        if self.own is not None and self.own.problem:
            found.append(self.own.problem)
        if self.own is not None and self.own.outcome == Outcome.VACUOUS:
            found.append("no input that was tried satisfies the assumptions")
        if self.own is not None and self.own.outcome == Outcome.SUSPECTED:
            found.append(f"violated by {self.own.largest_margin:.3g} in floats, and no exact input confirms it")
        if self.own is not None and self.own.refutation and self.standing != Standing.REFUTED:
            found.append(self.own.refutation.sentence)
        if self.own is not None and not self.own.refutation and self.standing == Standing.REFUTED:
            found.append("stated as refuted, and no counterexample was found")
        cut = [name for name, run in self.runs.items() if run.cut_off]
        found += [f"cut off: {', '.join(cut)}"] if cut else []
        return found + [f"false neighbor {name} survives: {self.neighbors[name]}" for name in self.survivors]

    @cached_property
    def certified(self) -> dict[str, kernel.Verdict]:
        """What the kernel says of the certificates."""
        return {name: certificate.verify() for name, certificate in self.certificates.items()}

    @property
    def runs(self) -> dict[str, Falsification]:
        """Every search, by the id of its claim."""
        own = {} if self.own is None else {self.task.theorem: self.own}
        return {**own, **{f"{self.task.theorem}/{name}": found for name, found in self.neighbors.items()}}


@dataclass(frozen=True)
class Verification:
    """The rows of a run, in the order of its tasks; `complete` is False where it was interrupted."""

    rows: list[Row]
    evaluations: int
    seed: int
    complete: bool = True

    @property
    def holds(self) -> bool:
        """Whether every row does."""
        return all(row.holds for row in self.rows)

    def render(self, console: Console) -> None:
        """One row for each theorem, and what is not as it should be."""
        columns = [column for column in _COLUMNS if console.width >= _WIDE or column not in _LEFT_OUT]
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for column in columns:
            table.add_column(column, no_wrap=column == "theorem", justify="right" if column == "seconds" else "left")
        for row in self.rows:
            cells = dict(zip(_COLUMNS, _cells(row), strict=True))
            table.add_row(*(cells[column] for column in columns))
        console.print(table)
        for row in self.rows:
            for note in row.notes:
                console.print(f"{row.task.theorem}: {note}")
            if not row.holds:
                console.print(f"  again: {replay(row.task, self.evaluations, self.seed)}")
        console.print(self._closing())

    def _closing(self) -> str:
        failed = sum(not row.holds for row in self.rows)
        confirmed = [
            found.refutation.confirmation for row in self.rows for found in row.runs.values() if found.refutation
        ]
        kinds = ", ".join(f"{confirmed.count(kind)} {kind}" for kind in Confirmation if kind in confirmed)
        lines = [f"theorems: {len(self.rows)}; not as stated: {failed}; counterexamples: {kinds or 'none'}."]
        if not self.complete:
            lines.append("Interrupted: only what was done is shown.")
        return "\n".join([*lines, *_LEGEND])

    def as_json(self) -> str:
        """The same as a JSON document; docs/json.md describes it."""
        document = {
            "format": 1,
            "version": nctheory.__version__,
            "command": "verify",
            "evaluations": self.evaluations,
            "seed": self.seed,
            "complete": self.complete,
            "holds": self.holds,
            "theorems": [_row_json(row) for row in self.rows],
        }
        return json.dumps(document, indent=2, allow_nan=False)


_COLUMNS = (
    *("theorem", "standing", "sampled", "attacked", "largest margin", "sizes", "certified"),
    *("false neighbors refuted", "seconds", "result"),
)
_WIDE = 130  # columns of a terminal that has room for all of these
_LEFT_OUT = ("largest margin", "sizes", "certified")
_Job = tuple[Task, int, int, float]
_LEGEND = (
    "sampled: inputs drawn by Hypothesis; attacked: evaluations of structured cases and local search. Neither proves.",
    "largest margin: in floats; positive would violate. certified: cases that the kernel has checked as a whole.",
    "Counterexamples are exact inputs: certified by the kernel, or enclosed by Arb balls where Gaussians enter.",
)


def tasks(names: Iterable[str]) -> list[Task]:
    """The theorems to verify: ids and Python files, or the whole catalogue where none is named.

    Raises InputError for a name that is neither.
    """
    found: list[Task] = []
    for name in names:
        if name.endswith(".py"):
            found += [Task(theorem, name) for theorem in load_file(name)]
        else:
            found.append(Task(find(name).id))
    return found or [Task(theorem) for theorem in catalogue()]


def verify(
    chosen: list[Task],
    *,
    evaluations: int = 10_000,
    seed: int = 0,
    cutoff: float = 120.0,
    executor: Executor | None = None,
    announce: Callable[[str], None] = lambda _: None,
) -> Verification:
    """Run every rung of evidence that there is for some theorems.

    Formula:
        For each theorem and each false neighbor one `falsify`; for each certificate one `kernel.check`.
    Args:
        chosen: from `tasks`.
        evaluations: for each claim; a tenth of it where Gaussian integrals enter.
        seed: of the searches.
        cutoff: seconds for each claim, after which it is interrupted and its row says so.
        executor: a pool of processes, to run theorems side by side; the answer is the same.
        announce: called with the id of each theorem that is done.
    Assumes:
        Nothing.
    Returns:
        A Verification with one row for each task; with those that are done, where Ctrl-C was pressed.
    Raises:
        InputError: evaluations, a seed or a cutoff that are no such numbers.
    Reference:
        maciver2019; proofs of what the kernel checks are in `nctheory.kernel`.
    Example:
        >>> from nctheory.verification import tasks, verify
        >>> verify(tasks(["rankin"]), evaluations=300).rows[0].standing
        <Standing.PROVED: 'proved'>
    """
    positive_number(cutoff, "cutoff")
    positive_integer(evaluations, "evaluations")
    positive_integer(seed, "seed", least=0)
    rows: dict[Task, Row] = {}
    with contextlib.suppress(KeyboardInterrupt):
        for row in _rows([(task, evaluations, seed, cutoff) for task in chosen], executor):
            rows[row.task] = row
            announce(row.task.theorem)
    done = [rows[task] for task in chosen if task in rows]
    return Verification(done, evaluations, seed, complete=len(done) == len(chosen))


def _rows(jobs: list[_Job], executor: Executor | None) -> Iterator[Row]:
    """Rows as they are done."""
    if executor is None:
        yield from map(_verify_one, jobs)
    else:
        yield from (future.result() for future in as_completed([executor.submit(_verify_one, job) for job in jobs]))


def replay(task: Task, evaluations: int, seed: int) -> str:
    """The command that does the same again."""
    return f"nctheory verify {shlex.quote(task.file or task.theorem)} --evaluations {evaluations} --seed {seed}"


def _verify_one(job: _Job) -> Row:
    task, evaluations, seed, cutoff = job
    started = time.monotonic()
    theorem = task.load()
    own, neighbors, certificates, problem = None, dict[str, Falsification](), dict[str, Certificate](), ""
    try:
        own = _falsified(theorem.claim, evaluations, seed, cutoff)
        for name, claim in theorem.false_neighbors.items():
            neighbors[name] = _falsified(claim, evaluations, seed, cutoff)
        found = dict(theorem.certified()) if theorem.certified else {}
        for name, certificate in found.items():
            problem = f"certificate {name}: "
            certificate.verify()
        certificates, problem = found, ""
    except (Exception, SystemExit) as error:  # a user's theorem may do anything; its row says so, and the run goes on
        problem += f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - started
    sizes = _size_ranges(theorem)
    return Row(task, theorem.title, theorem.standing, sizes, own, neighbors, certificates, seconds, problem)


def _falsified(claim: Any, evaluations: int, seed: int, cutoff: float) -> Falsification:
    share = max(1, evaluations // _ENCLOSED_SHARE) if claim.language == Language.ENCLOSED else evaluations
    with _interrupted_after(cutoff + _GRACE, claim.id):
        return falsify(claim, evaluations=share, seed=seed, cutoff=cutoff)


@contextlib.contextmanager
def _interrupted_after(seconds: float, name: str) -> Iterator[None]:
    """Interrupt even a claim that does not return, where the system has timers (not on Windows)."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"{name} did not return within {seconds:.0f} seconds")

    if not hasattr(signal, "SIGALRM") or math.isinf(seconds):
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---------------------------------------------------------------------------------------------------------- printing


def _cells(row: Row) -> tuple[str, ...]:
    own, refuted = row.own, len(row.neighbors) - len(row.survivors)
    if own is None:
        return row.task.theorem, str(row.standing), *[""] * 6, f"{row.seconds:.1f}", "failed"
    sizes = ", ".join(f"{name} {low}-{high}" for name, (low, high) in row.sizes.items())
    return (
        row.task.theorem,
        str(row.standing),
        str(own.effort.sampled),
        str(own.effort.corners + own.effort.attacked),
        f"{own.largest_margin:.3g}" if own.effort.admissible else "",
        sizes,
        str(len(row.certified) or ""),
        f"{refuted} of {len(row.neighbors)}" if row.neighbors else "",
        f"{row.seconds:.1f}",
        _result(row, own.outcome),
    )


def _result(row: Row, outcome: Outcome) -> str:
    if row.problem:
        return "failed"
    return str(outcome) if row.holds or outcome != Outcome.NOT_REFUTED else "a false neighbor survives"


def _size_ranges(theorem: Theorem) -> dict[str, tuple[int, int]]:
    every = theorem.claim.domain.all_sizes
    return {name: (min(s[name] for s in every), max(s[name] for s in every)) for name in every[0]}


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "id": row.task.theorem,
        "file": row.task.file,
        "title": row.title,
        "standing": row.standing,
        "holds": row.holds,
        "seconds": row.seconds,
        "notes": row.notes,
        "own": None if row.own is None else _run_json(row.own),
        "false_neighbors": {name: _run_json(found) for name, found in row.neighbors.items()},
        "certified": {name: verdict.statement for name, verdict in row.certified.items()},
    }


def _run_json(found: Falsification) -> dict[str, Any]:
    effort, refutation = found.effort, found.refutation
    return {
        "outcome": found.outcome,
        "sampled": effort.sampled,
        "attacked": effort.corners + effort.attacked,
        "polished": effort.polished,
        "admissible": effort.admissible,
        "largest_margin": finite(found.largest_margin),
        "rounding": found.rounding,
        "cut_off": found.cut_off,
        "problem": found.problem or None,
        "counterexample": None if refutation is None else _refutation_json(refutation),
    }


def _refutation_json(refutation: Refutation) -> dict[str, Any]:
    at_least, certificate = refutation.at_least, refutation.certificate
    return {
        "confirmation": refutation.confirmation,
        "violated_by_at_least": number(at_least),
        "input": {name: show_input(value) for name, value in refutation.inputs.items()},
        "certificate": None if certificate is None else json.loads(certificate.encode()),
    }


def list_theorems(console: Console) -> None:
    """One line for each theorem of the catalogue."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("theorem", "standing", "false neighbors", "statement"):
        table.add_column(column)
    for theorem in catalogue().values():
        table.add_row(theorem.id, str(theorem.standing), str(len(theorem.false_neighbors)), theorem.statement)
    console.print(table)


def describe(theorem: Theorem, console: Console) -> None:
    """Everything that the catalogue says of one theorem, what the kernel certifies of it, and how to gather more."""
    claim = theorem.claim
    console.print(f"{theorem.title} ({theorem.id}): {theorem.standing}\n\n{theorem.statement}\n")
    facts = {
        "in formulas": theorem.latex,
        "reference": theorem.reference,
        "remarks": theorem.remarks,
        "inputs": "; ".join(f"{name}: {kind}" for name, kind in _inputs(theorem).items()),
        "assumptions": "; ".join(_text(formula) for formula in claim.assumptions),
        "margin, at most 0": _text(claim.margin),
        "sharp at": "; ".join(f"{name} = {show_input(value)}" for name, value in (theorem.sharp or {}).items()),
        "can be confirmed by": {"exact": "the kernel", "enclosed": "Arb balls"}.get(claim.language, "its own function"),
    }
    for name, text in facts.items():
        if text:
            console.print(f"{name}: {text}")
    for name, neighbor in theorem.false_neighbors.items():
        console.print(f"false neighbor {name}: {neighbor.statement}")
    for name, certificate in (theorem.certified() if theorem.certified else {}).items():
        console.print(f"certified now, {name}: {certificate.verify().statement}")
    console.print(f"\nmore evidence, sampled and attacked: nctheory verify {theorem.id}")


def _inputs(theorem: Theorem) -> dict[str, str]:
    ranges = {name: f"{low} to {high}" for name, (low, high) in _size_ranges(theorem).items()}
    return {**ranges, **{name: str(kind) for name, kind in theorem.claim.domain.fields.items()}}


def _text(formula: Formula) -> str:
    if formula.language == Language.PYTHON:
        return f"the function {formula.name}"
    where = "".join(f", {name} = {text}" for name, text in formula.definitions.items())
    return f"{formula.result}{where}"
