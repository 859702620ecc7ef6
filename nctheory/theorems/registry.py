"""The registry: what a theorem file states, and `@theorem`, which states it."""

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

from nctheory.claims import Claim
from nctheory.domains import Domain
from nctheory.errors import InputError
from nctheory.result import Certificate

__all__ = ["Standing", "Theorem", "catalogue", "find", "load_file", "theorem"]

_REGISTERED: dict[str, "Theorem"] = {}
_STATED: list[str] = []  # every id, each time that it is stated


class Standing(StrEnum):
    """What the literature says of a statement; evidence is a separate matter."""

    PROVED = "proved"
    CLAIMED = "claimed"
    CONJECTURED = "conjectured"
    REFUTED = "refuted"


@dataclass(frozen=True, eq=False)
class Theorem:
    """A statement with everything that is known of it.

    `claim` is what can be executed. `sharp` is an exact input at which the margin is exactly 0. `certified` gives
    certificates of cases that the kernel can check as a whole, by what they say. `false_neighbors` are near statements
    that are false: a wrong constant, a dropped assumption.
    """

    claim: Claim
    title: str
    statement: str
    latex: str
    reference: str
    standing: Standing
    remarks: str
    sharp: Mapping[str, Any] | None
    certified: Callable[[], Mapping[str, Certificate]] | None
    source: Path
    false_neighbors: dict[str, Claim] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The name of the claim, of its file and of its proof."""
        return self.claim.id

    def false_neighbor(
        self,
        name: str,
        statement: str,
        *,
        margin: Callable[..., Any] | None = None,
        domain: Domain | None = None,
        assumptions: Iterable[Callable[..., Any]] | None = None,
        counterexample: Mapping[str, Any] | None = None,
    ) -> Claim:
        """State a near statement that is false, by what it changes: the margin, the domain, the assumptions.

        Formula:
            The claim with some of its three parts exchanged.
        Args:
            name: its own name; its id is that of the theorem, a slash, and this.
            statement: the false statement in words.
            margin, domain, assumptions: as for Claim; the theorem's own where left out.
            counterexample: one that is too special for a search to find, as for Claim.
        Assumes:
            Nothing.
        Returns:
            The Claim, which `nctheory verify` expects to be refuted.
        Raises:
            InputError: a name that is taken, or whatever Claim refuses.
        Reference:
            lakatos1976, for what a near statement teaches.
        Example:
            >>> from nctheory import theorems
            >>> sorted(theorems.find("rankin").false_neighbors)[0]
            'average_energy'
        """
        if name in self.false_neighbors:
            raise InputError(f"{self.id} already has a false neighbor {name!r}")
        own = self.claim
        claim = Claim(
            margin or own.margin.function,
            domain or own.domain,
            assumptions=[formula.function for formula in own.assumptions] if assumptions is None else assumptions,
            statement=statement,
            name=f"{self.id}/{name}",
            counterexample=counterexample,
        )
        claim.origin = (_find_claim, (str(self.source), self.id, name))
        self.false_neighbors[name] = claim
        return claim


def theorem(
    *,
    statement: str,
    domain: Domain,
    title: str = "",
    latex: str = "",
    reference: str = "",
    standing: Standing | str = Standing.CLAIMED,
    assumptions: Iterable[Callable[..., Any]] = (),
    remarks: str = "",
    sharp: Mapping[str, Any] | None = None,
    certified: Callable[[], Mapping[str, Certificate]] | None = None,
) -> Callable[[Callable[..., Any]], Theorem]:
    """Register the decorated violation margin as a theorem, a conjecture or any other claim.

    Formula:
        For every input of the domain: if all assumptions hold, then margin(input) <= 0.
    Args:
        statement: the claim in words; latex: in formulas; title: its name, made from the function's where left out.
        domain, assumptions: as for `nctheory.claims.Claim`.
        reference: a key of the bibliography, with the number of the theorem.
        standing: "proved", "claimed" (the default), "conjectured" or "refuted".
        remarks: what a reader should know of the standing or the form of the statement.
        sharp: exact values of the inputs, by name, at which the margin is exactly 0.
        certified: a function that returns certificates by what they say, for cases the kernel can check as a whole.
    Assumes:
        The decorated function is the margin of a Claim; its name is the id.
    Returns:
        A decorator that gives the Theorem.
    Raises:
        InputError: an id that is taken, an unknown standing, or whatever Claim refuses.
    Reference:
        claessen2000, for properties as programs.
    Example:
        >>> from nctheory.domains import Ball, Domain
        >>> from nctheory.formula import squared_distance
        >>> from nctheory.theorems import theorem
        >>> @theorem(statement="Two points of the unit ball are at distance at most 2.",
        ...          domain=Domain({"dimension": (1, 3)}, points=Ball((2, "dimension"))))
        ... def diameter(points):
        ...     return squared_distance(points[0], points[1]) - 4
        >>> diameter.id, str(diameter.standing)
        ('diameter', 'claimed')
    """
    if standing not in list(Standing):
        raise InputError(f"standing is {standing!r}, expected one of {', '.join(Standing)}")

    def register(margin: Callable[..., Any]) -> Theorem:
        claim = Claim(margin, domain, assumptions=assumptions, statement=statement)
        source = Path(inspect.getsourcefile(margin) or "")
        claim.origin = (_find_claim, (str(source), claim.id, ""))
        before = _REGISTERED[claim.id].source if claim.id in _REGISTERED else Path(__file__).with_name(f"{claim.id}.py")
        if before != source and before.is_file():  # the cell of a notebook is no file, and may be run again
            raise InputError(f"{claim.id} is already stated in {before}; use another name")
        stated = Theorem(
            claim=claim,
            title=title or claim.id.replace("_", " "),
            statement=statement,
            latex=latex,
            reference=reference,
            standing=Standing(standing),
            remarks=remarks,
            sharp=sharp,
            certified=certified,
            source=source,
        )
        _REGISTERED[claim.id] = stated
        _STATED.append(claim.id)
        return stated

    return register


def _find_claim(source: str, name: str, neighbor: str) -> Claim:
    """A registered claim; the file that states it is run where that has not happened in this process."""
    if name not in _REGISTERED and _is_ours(Path(source)):
        importlib.import_module(f"nctheory.theorems.{name}")
    stated = find_in(source, name)
    return stated.false_neighbors[neighbor] if neighbor else stated.claim


def _is_ours(source: Path) -> bool:
    return source.parent == Path(__file__).parent


def find_in(path: str | Path, name: str) -> Theorem:
    """A theorem that a file states; the file is run where that has not happened in this process."""
    return _REGISTERED[name] if name in _REGISTERED else load_file(path)[name]


def catalogue() -> dict[str, Theorem]:
    """Every theorem of the package, by id, in alphabetical order.

    Formula:
        One file of `nctheory/theorems` for each; the file's name is the id.
    Args:
        None.
    Assumes:
        Nothing.
    Returns:
        A dictionary of Theorems.
    Raises:
        Nothing.
    Reference:
        papyan2020 and the references of each theorem.
    Example:
        >>> from nctheory import theorems
        >>> "rankin" in theorems.catalogue()
        True
    """
    package = importlib.import_module("nctheory.theorems")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.name != "registry")
    for name in names:
        importlib.import_module(f"nctheory.theorems.{name}")
    return {name: _REGISTERED[name] for name in names}


def find(name: str) -> Theorem:
    """The theorem with this id, from the catalogue or registered by the user.

    Formula:
        id -> Theorem.
    Args:
        name: the id.
    Assumes:
        Nothing.
    Returns:
        The Theorem.
    Raises:
        InputError: no theorem has that id; the nearest ids are named.
    Reference:
        papyan2020 and the references of each theorem.
    Example:
        >>> from nctheory import theorems
        >>> theorems.find("rankin").title
        "Rankin's bound"
    """
    import difflib

    known = _REGISTERED if name in _REGISTERED else {**catalogue(), **_REGISTERED}
    if name not in known:
        near = ", ".join(difflib.get_close_matches(name, known, n=3, cutoff=0.4))
        raise InputError(f"no theorem is called {name!r}{near and f'; near that are: {near}'}")
    return known[name]


def load_file(path: str | Path) -> dict[str, Theorem]:
    """Run a Python file, and give the theorems that it states, in its order.

    Formula:
        path -> {id: Theorem}.
    Args:
        path: a .py file with `@theorem` definitions. It runs as any program does: load only what you trust.
    Assumes:
        Nothing.
    Returns:
        A dictionary of Theorems.
    Raises:
        InputError: a file that is not there, that fails, that states nothing, or something twice.
    Reference:
        papyan2020 and the references of each theorem.
    Example:
        >>> from nctheory import theorems
        >>> theorems.load_file("missing.py")
        Traceback (most recent call last):
        nctheory.errors.InputError: missing.py is no file
    """
    path, before = Path(path), len(_STATED)
    run_file(path)
    stated = [name for name in _STATED[before:] if not _is_ours(_REGISTERED[name].source)]
    if not stated:
        raise InputError(f"{path} states nothing: expected functions under @nctheory.theorem(...)")
    if twice := [name for name in stated if stated.count(name) > 1]:
        raise InputError(f"{path} states {twice[0]} twice; use another name")
    return {name: _REGISTERED[name] for name in stated}


def run_file(path: Path) -> ModuleType:
    """The file as a module of its own name, which is kept, so that its functions can be sent to other processes."""
    if not path.is_file():
        raise InputError(f"{path} is no file")
    spec = importlib.util.spec_from_file_location(f"_claims_{path.stem}", path.resolve())
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is no Python file, expected a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{path} fails: {type(error).__name__}: {error}") from None
    return module
