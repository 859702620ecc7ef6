"""The verbs about theorems: verify, prove, theorems."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

import nctheory
from nctheory.cli.shared import (
    Exit,
    app,
    console,
    pool,
    progress_bar,
    write_text,
)
from nctheory.errors import InputError


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Theorem ids or Python files; the whole catalogue.")] = None,
    evaluations: Annotated[int, typer.Option(help="Evaluations for each claim.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same result.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes; 0 for one on each core.")] = 0,
    cutoff: Annotated[float, typer.Option(help="Seconds for each claim.")] = 120.0,
    output: Annotated[
        Path | None, typer.Option("-o", help="A file for the JSON; one in .md for the table of all evidence.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md) instead of a table.")] = False,
) -> None:
    """Test theorems, and find counterexamples of their false neighbors; exit 1 where something is not as stated."""
    from nctheory import verification

    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        raise InputError(f"-o {output} is a folder or in none, expected a file to write the JSON to")
    if output is not None and output.suffix == ".md" and names:
        raise InputError(f"-o {output} is for the table of all evidence, expected no names beside it")
    with contextlib.redirect_stdout(sys.stderr):  # what the files of users print does not belong to the answer
        chosen = verification.tasks(names or [])
        with progress_bar(len(chosen)) as announce, pool(jobs, len(chosen)) as executor:
            found = verification.verify(
                chosen, evaluations=evaluations, seed=seed, cutoff=cutoff, executor=executor, announce=announce
            )
    if as_json:
        print(found.as_json())  # noqa: T201
    else:
        found.render(console())
    if output is not None:
        write_text(output, found.as_json() if output.suffix != ".md" else _evidence(found))
    if not found.complete:
        raise typer.Exit(Exit.INTERRUPTED)
    raise typer.Exit(Exit.DONE if found.holds else Exit.REQUIREMENT_FAILS)


def _evidence(found: "nctheory.verification.Verification") -> str:
    from nctheory import evidence, proving

    return evidence.markdown(found, proving.derive(mutants=True))


@app.command()
def prove(
    names: Annotated[list[str] | None, typer.Argument(help="Propositions, or Python files; all of proofs/.")] = None,
    mutants: Annotated[bool, typer.Option("--mutants", help="Run the mutants too, which all have to fail.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md) instead of text.")] = False,
) -> None:
    """Derive theorems for every number of classes, each step checked; exit 1 where one fails or a mutant does not."""
    from nctheory import proving

    with contextlib.redirect_stdout(sys.stderr):  # what the files of users print does not belong to the answer
        found = proving.derive(names or [], mutants=mutants)
    if as_json:
        print(found.as_json())  # noqa: T201
    else:
        found.render(console())
    raise typer.Exit(Exit.DONE if found.holds else Exit.REQUIREMENT_FAILS)


@app.command()
def theorems(
    name: Annotated[str | None, typer.Argument(help="A theorem's id; a list of all without one.")] = None,
) -> None:
    """List the theorem catalogue, or show one theorem: statement, assumptions, reference, false neighbors."""
    from nctheory import verification
    from nctheory.theorems import find

    if name is None:
        verification.list_theorems(console())
    else:
        verification.describe(find(name), console())
