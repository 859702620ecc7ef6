"""The evidence table, docs/evidence.md: every theorem, rung by rung, with the files and commands behind each cell.

Sampled and attacked are searches that found nothing; certified is what the kernel has checked at the sizes listed;
symbolic is a derivation for all sizes, formal a proof in Rocq. The digests say which files the table was made from.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import nctheory
from nctheory.errors import InputError
from nctheory.proving import Derivation, Derivations, folder
from nctheory.verification import Row, Verification, replay

__all__ = ["digest", "formal_theorems", "markdown"]

_FORMAL = re.compile(r"^(?:Theorem|Lemma|Corollary) +(\w+)", re.MULTILINE)
_HEAD = """# The evidence

Written by `nctheory verify -o docs/evidence.md`, version {version}; do not edit it. Standing is what the literature
says. Evidence is what was run:

- *sampled*, *attacked*: so many inputs were drawn, or reached by structured cases and local search, and none violated
  the theorem: `nctheory verify ID --evaluations {evaluations} --seed {seed}`. Every false neighbor was refuted by a
  confirmed counterexample in the same run. Neither proves.
- *certified*: so many cases were checked as a whole by the kernel: `nctheory theorems ID`.
- *symbolic*: a derivation for every number of classes, every step checked: `nctheory prove ID`. It covers the core of
  the statement; the file says which parts. Lemmas are what it takes from elsewhere.
- *formal*: a proof in Rocq, without axioms: `make proofs`. proofs/rocq/README.md says of which parts.

Each cell links to the file behind it, and shows the command that does it again.

| theorem | standing | sampled | attacked | false neighbors | certified | symbolic | formal |
|---|---|---|---|---|---|---|---|
"""


def markdown(verification: Verification, derivations: Derivations) -> str:
    """The table, and the digests of the files that it speaks of.

    Formula:
        Theorem by theorem: standing, sampled, attacked, false neighbors, certified, symbolic, formal.
    Args:
        verification: of the whole catalogue, complete.
        derivations: of all proofs, with their mutants.
    Assumes:
        The files have not been changed since they were run.
    Returns:
        Markdown, with links as from docs/.
    Raises:
        InputError: an interrupted run, a theorem that is not as stated, a proof that is incomplete.
    Reference:
        papyan2020 and the references of each theorem.
    Example:
        >>> from nctheory import evidence, proving, verification
        >>> found = verification.verify(verification.tasks(["nearest_mean"]), evaluations=300)
        >>> table = evidence.markdown(found, proving.derive(["nearest_mean"]))
        >>> '[proved](../proofs/nearest_mean.py "nctheory prove nearest_mean")' in table
        True
    """
    if not verification.complete:
        raise InputError("the verification was interrupted, expected a complete one for the table of evidence")
    proofs: dict[str, list[Derivation]] = {}
    for derivation in derivations.rows:
        proofs.setdefault(derivation.path.stem, []).append(derivation)
    formal = formal_theorems()
    head = _HEAD.format(version=nctheory.__version__, evaluations=verification.evaluations, seed=verification.seed)
    evaluations, seed = verification.evaluations, verification.seed
    lines = [
        _line(row, proofs.get(name, []), formal.get(name), replay(row.task, evaluations, seed))
        for row, name in ((row, row.task.theorem) for row in verification.rows)
    ]
    files = [_source(row) for row in verification.rows]
    files += sorted({derivation.path for derivation in derivations.rows}) + sorted(set(formal.values()))
    digests = [f"| [{path.name}]({_link(path)}) | `{digest(path)}` |" for path in files]
    more = _without_theorem(proofs, {row.task.theorem for row in verification.rows})
    return head + "\n".join([*lines, *more, "", "| file | SHA-256, first 16 digits |", "|---|---|", *digests, ""])


def _line(row: Row, derivations: list[Derivation], formal: Path | None, again: str) -> str:
    """One theorem; each cell links to the file behind it, with the command that does it again."""
    name, source, own = row.task.theorem, _source(row), row.own
    if not row.holds or own is None:
        raise InputError(f"{name} is not as stated: {'; '.join(row.notes)}")
    neighbors = len(row.neighbors)
    cells = (
        f"[{name}]({_link(source)})",
        str(row.standing),
        _cell(f"{own.effort.sampled:,}", source, again),
        _cell(f"{own.effort.corners + own.effort.attacked:,}", source, again),
        _cell(f"{neighbors} of {neighbors}", source, again) if neighbors else "",
        _cell(_certified(row), source, f"nctheory theorems {name}") if row.certified else "",
        _cell(_standing(derivations), derivations[0].path, f"nctheory prove {name}") if derivations else "",
        _cell("proved", formal, "make proofs") if formal else "",
    )
    return f"| {' | '.join(cells)} |"


def _cell(text: str, path: Path, command: str) -> str:
    return f'[{text}]({_link(path)} "{command}")'


def _certified(row: Row) -> str:
    """How many cases, and of which numbers of classes."""
    claims = [verdict.claim for verdict in row.certified.values()]
    sizes = {claim.get("num_classes") or len(claim.get("class_sizes", ())) for claim in claims}
    return f"{len(claims)}, K = {', '.join(map(str, sorted(sizes - {0})))}"


def _standing(derivations: Iterable[Derivation]) -> str:
    listed = list(derivations)
    if failed := [derivation.proposition.identifier for derivation in listed if not derivation.holds]:
        raise InputError(f"{', '.join(failed)} is not proved, or a mutant of it is")
    lemmas = sum(len(derivation.proof.assumed) for derivation in listed)
    return "proved" if not lemmas else f"proved from {lemmas} lemma{'s' * (lemmas > 1)}"


def _without_theorem(proofs: Mapping[str, list[Derivation]], theorems: set[str]) -> list[str]:
    """Proofs of what has no file of its own in the catalogue."""
    rest = [name for name in proofs if name not in theorems]
    if not rest:
        return []
    listed = ", ".join(f"[{name}]({_link(proofs[name][0].path)}) ({_standing(proofs[name])})" for name in rest)
    return ["", f"Derived symbolically beside these: {listed}."]


def formal_theorems() -> dict[str, Path]:
    """The theorems that are proved in Rocq under their name in the catalogue, with their files."""
    return {
        name: path for path in sorted((folder() / "rocq").glob("*.v")) for name in _FORMAL.findall(path.read_text())
    }


def digest(path: Path) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _source(row: Row) -> Path:
    return Path(__file__).parent / "theorems" / f"{row.task.theorem}.py"


def _link(path: Path) -> str:
    """From docs/ to a file of the repository."""
    return f"../{path.resolve().relative_to(Path(__file__).resolve().parents[1]).as_posix()}"
