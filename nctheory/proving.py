"""`nctheory prove`: derivations for every number of classes, step by step, as text or as JSON.

Every file in `proofs/` is a proof that can be read and run; so is any file of a user with `@proposition` in it.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

import nctheory
from nctheory.errors import InputError
from nctheory.symbolic import Proof, Proposition
from nctheory.tables import print_table
from nctheory.theorems.registry import run_file

__all__ = ["Derivation", "Derivations", "derive", "folder", "propositions"]


def folder() -> Path:
    """Where the proofs are: inside an installed package, else beside it."""
    inside = Path(__file__).parent / "proofs"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "proofs"


def propositions(names: Iterable[str] = ()) -> dict[str, tuple[Proposition, Path]]:
    """The propositions with these identifiers, or in these files; all of `proofs/` without any name.

    Formula:
        names -> {identifier: (Proposition, file)}.
    Args:
        names: identifiers of propositions, names of files in `proofs/` without their ending, or .py files, which run as
            any program does: load only what you trust.
    Assumes:
        Nothing.
    Returns:
        A dictionary, in the order of the files and within them.
    Raises:
        InputError: a name that is neither, a file that is not there, fails, or proves nothing.
    Reference:
        papyan2020 and the references of each theorem.
    Example:
        >>> from nctheory.proving import propositions
        >>> list(propositions(["nearest_mean"]))
        ['nearest_mean', 'nearest_mean_converse']
    """
    listed = list(names)
    found: dict[str, tuple[Proposition, Path]] = {}
    for path in [Path(name) for name in listed if name.endswith(".py")]:
        found = _joined(found, path)
    known: dict[str, tuple[Proposition, Path]] = {}
    for path in sorted(folder().glob("*.py")):
        known = _joined(known, path)
    for name in [name for name in listed if not name.endswith(".py")]:
        chosen = {key: value for key, value in known.items() if name in (key, value[1].stem)}
        if not chosen:
            raise InputError(f"{name} is not proved here, expected a .py file or one of {', '.join(known)}")
        found |= chosen
    return found if listed else known


def _joined(found: dict[str, tuple[Proposition, Path]], path: Path) -> dict[str, tuple[Proposition, Path]]:
    """What was found so far, and the propositions of a file, under names that are not taken."""
    stated = {each.identifier: (each, path) for each in _stated(path)}
    if twice := sorted(stated.keys() & found.keys()):
        raise InputError(f"{twice[0]} is stated in {found[twice[0]][1]} and in {path}; use another name")
    return found | stated


def _stated(path: Path) -> list[Proposition]:
    """The propositions of a file, in its order."""
    module = run_file(path)
    every = [value for value in vars(module).values() if isinstance(value, Proposition)]
    stated = [value for value in every if value.derive.__module__ == module.__name__]
    if not stated:
        raise InputError(f"{path} proves nothing, expected functions under @nctheory.symbolic.proposition(...)")
    return stated


@dataclass(frozen=True)
class Derivation:
    """One proof that was run, and the mutants of it that are still proved, though they should not be."""

    proposition: Proposition
    path: Path
    proof: Proof
    mutants: Mapping[str, Proof]
    seconds: float

    @property
    def survivors(self) -> list[str]:
        """Mutants whose proof is complete."""
        return [name for name, proof in self.mutants.items() if proof.complete]

    @property
    def holds(self) -> bool:
        """Whether the proof is complete, and no mutant is."""
        return self.proof.complete and not self.survivors

    @property
    def standing(self) -> str:
        """In one phrase."""
        if not self.proof.conclusions and not self.proof.failures:
            return "nothing concluded"
        if self.proof.failures:
            return f"{len(self.proof.failures)} steps failed"
        number = len(self.proof.assumed)
        return "proved" if not number else f"proved from {number} lemma{'s' * (number > 1)}"

    def render(self, console: Console) -> None:
        """The statement and its numbered steps."""
        console.print(f"{self.proposition.identifier}: {self.proposition.statement}", markup=False)
        for number, step in enumerate(self.proof.steps, 1):
            console.print(f"\n{number}. {step.text}", markup=False)
            console.print(f"   {step.formula}", markup=False)
            detail = f": {step.detail}" if step.detail else ""
            console.print(f"   {step.outcome} ({step.rule}){detail}", markup=False)
        console.print(f"\n{self.standing}; every step holds for all sizes", markup=False) if self.proof.complete else (
            console.print(f"\nnot proved: {self.standing}", markup=False)
        )
        for name, proof in self.mutants.items():
            fails = "is still proved" if proof.complete else f"fails: {_first(proof)}"
            console.print(f"mutant '{name}' {fails}", markup=False)

    def as_json(self) -> dict[str, object]:
        """The same for JSON."""
        return {
            "identifier": self.proposition.identifier,
            "statement": self.proposition.statement,
            "file": self.path.name,
            "proved": self.proof.complete,
            "steps": [vars(step) for step in self.proof.steps],
            "lemmas": [step.rule for step in self.proof.assumed],
            "mutants": {name: proof.complete for name, proof in self.mutants.items()},
            "seconds": self.seconds,
        }


def _first(proof: Proof) -> str:
    return proof.failures[0].text if proof.failures else "nothing is concluded"


@dataclass(frozen=True)
class Derivations:
    """All that were run."""

    rows: tuple[Derivation, ...]

    @property
    def holds(self) -> bool:
        """Whether every one does."""
        return all(row.holds for row in self.rows)

    def render(self, console: Console) -> None:
        """One in full, or a table of several."""
        if len(self.rows) == 1:
            self.rows[0].render(console)
            return
        rows = [
            (row.proposition.identifier, row.standing, str(len(row.proof.steps)), _mutants(row), f"{row.seconds:.1f}")
            for row in self.rows
        ]
        print_table(console, ("proposition", "standing", "steps", "mutants that fail", "seconds"), rows)
        console.print("\nnctheory prove ID shows the steps.", markup=False)

    def as_json(self) -> str:
        """A JSON document; docs/json.md describes it."""
        head = {"format": 1, "version": nctheory.__version__, "command": "prove"}
        return json.dumps({**head, "holds": self.holds, "propositions": [row.as_json() for row in self.rows]}, indent=1)


def _mutants(row: Derivation) -> str:
    total = len(row.mutants)
    return f"{total - len(row.survivors)} of {total}" if total else "not run"


def derive(names: Iterable[str] = (), *, mutants: bool = False) -> Derivations:
    """Run the proofs with these identifiers or in these files, with their mutants or without.

    Formula:
        Every step is checked for symbolic sizes, by the rules of `nctheory.symbolic`.
    Args:
        names: as for `propositions`.
        mutants: whether to run the mutants too, all of which have to fail.
    Assumes:
        Nothing; lemmas are counted as assumed.
    Returns:
        Derivations, one row for each proposition.
    Raises:
        InputError: names that are none.
    Reference:
        papyan2020 and the references of each theorem.
    Example:
        >>> from nctheory.proving import derive
        >>> [row.standing for row in derive(["optimal_exponent"]).rows]
        ['proved']
    """
    rows = []
    for each, path in propositions(names).values():
        start = time.perf_counter()
        proof = each.prove()
        changed = {name: each.prove(name) for name in each.mutants} if mutants else {}
        rows.append(Derivation(each, path, proof, changed, time.perf_counter() - start))
    return Derivations(tuple(rows))
