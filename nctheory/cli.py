"""The command line: `nctheory VERB ...`; exit codes 0 done, 1 a requirement fails, 2 bad input, 3 undecided."""

import sys
from collections.abc import Mapping
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import nctheory
from nctheory import kernel
from nctheory.arrays import as_fraction
from nctheory.errors import InputError, SolverError

__all__ = ["main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Exact and certified answers for the theory of neural collapse.",
)
_WIDE = 400  # columns where the output is no terminal, so that no line breaks


class Exit(IntEnum):
    """What the exit codes mean."""

    DONE = 0
    REQUIREMENT_FAILS = 1
    BAD_INPUT = 2
    UNDECIDED = 3


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(nctheory.__version__)  # noqa: T201
        raise typer.Exit(Exit.DONE)


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="An .npz file; without one, the network in the package.")] = None,
    epoch: Annotated[int | None, typer.Option(help="Which snapshot of a series; the last by default.")] = None,
    layout: Annotated[str, typer.Option(help="rows or columns: how the file stores points.")] = "rows",
    verify: Annotated[
        bool | None, typer.Option(help="Re-check every certificate now; by default where that takes about a second.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", help="A folder to write the certificates to.")] = None,
    require: Annotated[
        str | None, typer.Option(help="Exit 1 unless every ratio is at least this, 3 if undecided.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md) instead of tables.")] = False,
) -> None:
    """Measure a trained network's last layer and decide its optimality in the Gaussian channel."""
    from nctheory.report import check as examine

    required = None if require is None else _ratio(require)
    source = file or nctheory.sample_path()
    name = str(file) if file else f"{source.name} (the network in the package)"
    data = nctheory.load(source, epoch=epoch, layout=layout)  # type: ignore[arg-type]  # load checks the layout
    report = examine(name, data, verify=verify)
    if as_json:
        print(report.as_json())  # noqa: T201
    else:
        report.render(_console())
    if output is not None:
        _write(output, report.certificates, quiet=as_json)
    if required is not None:
        raise typer.Exit(_requirement([question.result for question in report.questions], required))


@app.command()
def recheck(
    files: Annotated[list[str], typer.Argument(help="Certificates; - is standard input.")],
    against: Annotated[
        Path | None, typer.Option(help="An .npz file that the certificates must be about, as given or centered.")
    ] = None,
    epoch: Annotated[int | None, typer.Option(help="Which snapshot of --against; the last by default.")] = None,
) -> None:
    """Have the kernel re-check certificates: valid, invalid or malformed, with the claim that was checked."""
    from nctheory.report import certificate_digests

    about = None if against is None else certificate_digests(nctheory.load(against, epoch=epoch))
    raise typer.Exit(kernel.main(files, about))


def _console() -> Console:
    console = Console(markup=False, highlight=False)
    return console if console.is_terminal else Console(markup=False, highlight=False, width=_WIDE, soft_wrap=True)


def _ratio(text: str) -> Fraction:
    try:
        return as_fraction(Fraction(text), "--require")
    except (ValueError, ZeroDivisionError):
        raise InputError(f"--require is {text!r}, expected a number such as 0.99 or 99/100") from None


def _write(folder: Path, certificates: "Mapping[str, nctheory.Certificate]", *, quiet: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, certificate in certificates.items():
            certificate.save(folder / f"{name}.json")
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error}") from None
    if not quiet:
        _console().print(f"{len(certificates)} certificates are in {folder}: nctheory recheck {folder}/*.json")


def _requirement(results: "list[nctheory.Result[object]]", required: Fraction) -> Exit:
    if all(result.lower >= required for result in results):
        return Exit.DONE
    fails = any(result.upper < required for result in results)
    return Exit.REQUIREMENT_FAILS if fails else Exit.UNDECIDED


def main() -> None:
    """Run the command line; whatever goes wrong ends in one line on standard error, never in a traceback."""
    try:
        app()
    except (InputError, SolverError, kernel.Invalid, kernel.Malformed) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.DONE)
    except MemoryError:
        _fail("out of memory")
    except Exception as error:
        _fail(f"internal error, please report it: {type(error).__name__}: {error}")


def _fail(message: str) -> None:
    print(f"nctheory: {message}", file=sys.stderr)  # noqa: T201
    sys.exit(Exit.BAD_INPUT)
