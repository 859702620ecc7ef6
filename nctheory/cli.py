"""The command line: `nctheory VERB ...`; exit codes 0 done, 1 a requirement fails, 2 bad input, 3 undecided."""

import contextlib
import io
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

import nctheory
from nctheory import kernel
from nctheory.arrays import positive_integer
from nctheory.errors import InputError, SolverError

if TYPE_CHECKING:
    from nctheory.optima import OptimumReport

__all__ = ["main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Exact and certified answers for the theory of neural collapse.",
)
_REQUIRED = {
    "--require": "channel",
    "--require-separation": "separation",
}  # options, and the ratios that they are about
_WIDE = 400  # columns where the output is no terminal, so that no line breaks


class Exit(IntEnum):
    """What the exit codes mean."""

    DONE = 0
    REQUIREMENT_FAILS = 1
    BAD_INPUT = 2
    UNDECIDED = 3
    INTERRUPTED = 130


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
        str | None, typer.Option(help="Exit 1 unless every ratio in the channel is at least this, 3 if undecided.")
    ] = None,
    require_separation: Annotated[str | None, typer.Option(help="The same for the ratios of separation.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md) instead of tables.")] = False,
) -> None:
    """Measure a trained network's last layer; decide its optimality in the Gaussian channel and in separation."""
    from nctheory.report import check as examine

    asked = {"--require": require, "--require-separation": require_separation}
    required = {option: _ratio(option, text) for option, text in asked.items() if text is not None}
    source = file or nctheory.sample_path()
    name = str(file) if file else f"{source.name} (the network in the package)"
    data = nctheory.load(source, epoch=epoch, layout=layout)  # type: ignore[arg-type]  # load checks the layout
    if output is not None:
        _make_folder(output)
    with Console(stderr=True).status("reading") as status:
        announce = status.update if sys.stderr.isatty() else lambda _: None
        report = examine(name, data, verify=verify, announce=announce)
    if as_json:
        print(report.as_json())  # noqa: T201
    else:
        report.render(_console())
    if output is not None:
        _write(output, report.certificates, quiet=as_json)
    if required:
        codes = [_requirement(option, report.ratios(_REQUIRED[option]), ratio) for option, ratio in required.items()]
        raise typer.Exit(Exit.REQUIREMENT_FAILS if Exit.REQUIREMENT_FAILS in codes else max(codes))


_optimum = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The best that is possible, and what attains it."
)
app.add_typer(_optimum, name="optimum")
_Dimension = Annotated[int | None, typer.Option(help="The dimension d; one less than the classes by default.")]
_Verify = Annotated[
    bool | None, typer.Option(help="Have the kernel re-check the certificates now; by default up to 100 classes.")
]
_Folder = Annotated[Path | None, typer.Option("-o", help="A folder to write the certificates to.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md) instead of text.")]


@_optimum.command("separation")
def optimum_separation(
    class_sizes: Annotated[str, typer.Option(help="Samples of each class, such as 500,500,50.")],
    dimension: _Dimension = None,
    bias: Annotated[bool, typer.Option("--bias", help="With a free bias.")] = False,
    verify: _Verify = None,
    output: _Folder = None,
    as_json: _Json = False,
) -> None:
    """The least norms of weights and features that separate classes of these sizes by margin 1."""
    from nctheory.optima import separation_optimum

    _answer(separation_optimum(_whole_numbers(class_sizes), dimension, bias=bias, verify=verify), output, as_json)


@_optimum.command("channel")
def optimum_channel(
    classes: Annotated[int, typer.Option(help="How many classes.")],
    dimension: _Dimension = None,
    energy: Annotated[str, typer.Option(help="What is at most 1: bounded, equal or average.")] = "bounded",
    verify: _Verify = None,
    output: _Folder = None,
    as_json: _Json = False,
) -> None:
    """The largest error exponent of so many class means in the Gaussian channel."""
    from nctheory.optima import channel_optimum

    found = channel_optimum(classes, dimension, energy=energy, verify=verify)  # type: ignore[arg-type]  # checked there
    _answer(found, output, as_json)


def _answer(report: "OptimumReport", output: Path | None, as_json: bool) -> None:
    if output is not None:
        _make_folder(output)
    if as_json:
        print(report.as_json())  # noqa: T201
    else:
        report.render(_console())
    if output is not None:
        _write(output, report.certificates, quiet=as_json)


def _whole_numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if wrong := [part for part in parts if not re.fullmatch(r"-?[0-9]{1,19}", part)]:
        raise InputError(f"--class-sizes has {wrong[0]!r}, expected whole numbers with commas, such as 500,500,50")
    return [int(part) for part in parts]


@app.command()
def recheck(
    files: Annotated[list[str], typer.Argument(help="Certificates; - is standard input.")],
    against: Annotated[
        Path | None, typer.Option(help="An .npz file that the certificates must be about, as given or centered.")
    ] = None,
    epoch: Annotated[int | None, typer.Option(help="Which snapshot of --against; the last by default.")] = None,
    layout: Annotated[str, typer.Option(help="rows or columns: how --against stores points.")] = "rows",
) -> None:
    """Have the kernel re-check certificates: valid, invalid or malformed, with the claim that was checked."""
    from nctheory.report import certificate_digests

    if against is None:
        raise typer.Exit(kernel.main(files))
    data = nctheory.load(against, epoch=epoch, layout=layout)  # type: ignore[arg-type]
    raise typer.Exit(kernel.main(files, certificate_digests(data)))


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Theorem ids or Python files; the whole catalogue.")] = None,
    evaluations: Annotated[int, typer.Option(help="Evaluations for each claim.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same result.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes; 0 for one on each core.")] = 0,
    cutoff: Annotated[float, typer.Option(help="Seconds for each claim.")] = 120.0,
    output: Annotated[Path | None, typer.Option("-o", help="A file to write the JSON to.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md) instead of a table.")] = False,
) -> None:
    """Test theorems, and find counterexamples of their false neighbors; exit 1 where something is not as stated."""
    from nctheory import verification

    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        raise InputError(f"-o {output} is a folder or in none, expected a file to write the JSON to")
    with contextlib.redirect_stdout(sys.stderr):  # what the files of users print does not belong to the answer
        chosen = verification.tasks(names or [])
        with _progress(len(chosen)) as announce, _pool(jobs, len(chosen)) as executor:
            found = verification.verify(
                chosen, evaluations=evaluations, seed=seed, cutoff=cutoff, executor=executor, announce=announce
            )
    if as_json:
        print(found.as_json())  # noqa: T201
    else:
        found.render(_console())
    if output is not None:
        _write_text(output, found.as_json())
    if not found.complete:
        raise typer.Exit(Exit.INTERRUPTED)
    raise typer.Exit(Exit.DONE if found.holds else Exit.REQUIREMENT_FAILS)


@app.command()
def theorems(
    name: Annotated[str | None, typer.Argument(help="A theorem's id; a list of all without one.")] = None,
) -> None:
    """List the theorem catalogue, or show one theorem: statement, assumptions, reference, false neighbors."""
    from nctheory import verification
    from nctheory.theorems import find

    if name is None:
        verification.list_theorems(_console())
    else:
        verification.describe(find(name), _console())


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A progress bar on a terminal, nothing in a pipe."""
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("verifying", total=total)
        yield lambda name: bar.update(task, advance=1, description=name)


@contextlib.contextmanager
def _pool(jobs: int, tasks: int) -> Iterator[Executor | None]:
    """Processes that end at once when they, or this one, are interrupted."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    workers = min(tasks, positive_integer(jobs, "--jobs", least=0) or os.cpu_count() or 1)
    if workers == 1:
        yield None
        return
    executor = ProcessPoolExecutor(workers, initializer=_end_when_interrupted)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()


def _end_when_interrupted() -> None:
    signal.signal(signal.SIGINT, lambda *_: os._exit(Exit.INTERRUPTED))
    sys.stdout = sys.stderr


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"-o {path} cannot be written: {error.strerror}") from None


def _console() -> Console:
    console = Console(markup=False, highlight=False)
    return console if console.is_terminal else Console(markup=False, highlight=False, width=_WIDE, soft_wrap=True)


def _ratio(option: str, text: str) -> Fraction:
    if re.fullmatch(r"[0-9]{0,40}\.?[0-9]{1,40}(/[1-9][0-9]{0,40})?", text) and not ("." in text and "/" in text):
        ratio = Fraction(text)
        if ratio <= 1:
            return ratio
    raise InputError(f"{option} is {text!r}, expected a ratio from 0 to 1 such as 0.99 or 99/100")


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"-o {folder} is a file, expected a folder for the certificates")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"-o {folder} cannot be made: {error.strerror}") from None


def _write(folder: Path, certificates: Mapping[str, "nctheory.Certificate"], *, quiet: bool) -> None:
    """Write what can be written, naming what is too large for the kernel; never beside another check's files."""
    if stale := sorted(path.name for path in folder.glob("*.json") if path.stem not in certificates):
        raise InputError(f"-o {folder} holds {stale[0]} from another check; nothing was written, choose another folder")
    failures = []
    for name, certificate in certificates.items():
        try:
            certificate.save(folder / f"{name}.json")
        except (InputError, OSError) as error:
            failures.append(f"{name} was not written to {folder}: {error}")
    if not quiet and certificates:
        written = len(certificates) - len(failures)
        _console().print(
            f"\n{written} certificates are in {folder}: nctheory recheck {shlex.quote(str(folder))}/*.json"
        )
    if failures:
        raise InputError(f"{failures[0]} ({len(failures)} of {len(certificates)} were not written)")


def _requirement(option: str, results: Mapping[str, "nctheory.Result[object]"], required: Fraction) -> Exit:
    """Say on standard error which rows do not reach the ratio."""
    if not results:
        raise InputError(f"{option} asks for a ratio of separation, which needs a classifier and class sizes")
    short = {name: result for name, result in results.items() if result.lower < required}
    for name, result in short.items():
        verdict = "fails" if result.upper < required else "is undecided"
        print(f"nctheory: {option} {float(required)} {verdict} for {name}: ratio {result}", file=sys.stderr)  # noqa: T201
    if not short:
        return Exit.DONE
    fails = any(result.upper < required for result in short.values())
    return Exit.REQUIREMENT_FAILS if fails else Exit.UNDECIDED


def main() -> None:
    """Run the command line; whatever goes wrong ends in one line on standard error, never in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except (InputError, SolverError, kernel.Invalid, kernel.Malformed) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.DONE)
    except MemoryError:
        _fail("out of memory")
    except OSError as error:
        _fail(str(error))
    except Exception as error:
        _fail(f"internal error, please report it: {type(error).__name__}: {error}")


def _fail(message: str) -> None:
    print(f"nctheory: {' '.join(message.splitlines())}", file=sys.stderr)  # noqa: T201
    sys.exit(Exit.BAD_INPUT)
