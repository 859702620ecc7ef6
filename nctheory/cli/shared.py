"""What the verbs share: exit codes, options, numbers as text, files that are written, processes."""

import contextlib
import os
import re
import secrets
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, InvalidStateError
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import nctheory
from nctheory.arrays import positive_integer
from nctheory.errors import InputError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Exact and certified answers for the theory of neural collapse.",
)
LOSSES = "ce, mse, bce, smoothing:0.1 or focal:2"
_NUMBER = r"-?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})(e[+-]?[0-9]{1,3})?|-?[0-9]{1,40}/[1-9][0-9]{0,39}"
_LEAST = Fraction(1, 10**300)  # of penalties, so that there are floats next to them
PICTURES = (".png", ".pdf", ".svg")
_WIDE = 400  # columns where the output is no terminal, so that no line breaks

File = Annotated[Path | None, typer.Argument(help="An .npz file; without one, the network in the package.")]
Epoch = Annotated[int | None, typer.Option(help="Which snapshot of a series; the last by default.")]
Layout = Annotated[str, typer.Option(help="rows or columns: how the file stores points.")]
Dimension = Annotated[int | None, typer.Option(help="The dimension d; one less than the classes by default.")]
Verify = Annotated[
    bool | None, typer.Option(help="Have the kernel re-check the certificates now; by default up to 100 classes.")
]
Folder = Annotated[Path | None, typer.Option("-o", help="A folder to write the certificates to.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md) instead of text.")]


class Exit(IntEnum):
    """What the exit codes mean."""

    DONE = 0
    REQUIREMENT_FAILS = 1
    BAD_INPUT = 2
    UNDECIDED = 3
    INTERRUPTED = 130


def source_of(file: Path | None) -> tuple[Path, str]:
    """What to read, and what to call it."""
    source = file or nctheory.sample_path()
    return source, str(file) if file else f"{source.name} (the network in the package)"


def number(option: str, text: str) -> Fraction:
    """A decimal or a fraction, exactly."""
    if not re.fullmatch(_NUMBER, text, re.IGNORECASE):
        raise InputError(f"{option} is {text!r}, expected a number such as 5e-4, 0.0005 or 1/2000")
    number = Fraction(text)
    if number and not _LEAST <= abs(number) <= 1 / _LEAST:
        raise InputError(f"{option} is {text}, expected 0 or a size from 1e-300 to 1e300")
    return number


def numbers_of(option: str, text: str) -> list[Fraction]:
    """Exact numbers, with commas between them."""
    return [number(option, part.strip()) for part in text.split(",")]


def whole_numbers(text: str) -> list[int]:
    """Class sizes, as --class-sizes says them."""
    parts = [part.strip() for part in text.split(",")]
    if wrong := [part for part in parts if not re.fullmatch(r"-?[0-9]{1,19}", part)]:
        raise InputError(f"--class-sizes has {wrong[0]!r}, expected whole numbers with commas, such as 500,500,50")
    return [int(part) for part in parts]


def one_of(option: str, text: str, allowed: tuple[str, ...]) -> str:
    """The text, if it is one of these."""
    if text not in allowed:
        raise InputError(f"{option} is {text!r}, expected one of {', '.join(allowed)}")
    return text


def check_outputs(file: Path | None, output: Path | None, plot: Path | None) -> None:
    """Find out before the work whether its results can be written, and take the place of nothing that is needed."""
    names = [os.path.realpath(path) for path in (file, output, plot) if path is not None]
    if len(set(names)) < len(names):
        raise InputError("FILE, -o and --plot have the same name twice, expected different files")
    if output is not None:
        replace_file("-o", output, None)
    if plot is not None:
        from nctheory import plots

        if plot.suffix not in PICTURES:
            raise InputError(f"--plot {plot} ends in {plot.suffix!r}, expected one of {', '.join(PICTURES)}")
        plots.require_matplotlib()
        replace_file("--plot", plot, None)


def replace_file(option: str, path: Path, write: Callable[[Path], object] | None) -> None:
    """Write a file beside, then give it the name; without `write`, only see whether that would work."""
    target = Path(os.path.realpath(path))
    if os.path.exists(target) and not target.is_file():
        raise InputError(f"{option} {path} is no regular file, expected the name of one to write")
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        beside.touch(exist_ok=False)
        if write is not None:
            write(beside)
            os.replace(beside, target)
    except OSError as error:
        raise InputError(f"{option} {path} cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


@contextlib.contextmanager
def progress_bar(total: int) -> Iterator[Callable[[str], None]]:
    """A progress bar on a terminal, nothing in a pipe."""
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("verifying", total=total)
        yield lambda name: bar.update(task, advance=1, description=name)


@contextlib.contextmanager
def pool(jobs: int, tasks: int) -> Iterator[Executor | None]:
    """Processes that end at once when they, or this one, are interrupted."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    workers = min(tasks, positive_integer(jobs, "--jobs", least=0) or os.cpu_count() or 1)
    if workers == 1:
        yield None
        return
    threading.excepthook = without_canceled
    executor = ProcessPoolExecutor(workers, initializer=_end_when_interrupted)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()


def without_canceled(failed: threading.ExceptHookArgs) -> None:
    """Be silent where a pool whose processes have ended finds that their futures were canceled before."""
    if not issubclass(failed.exc_type, InvalidStateError):
        threading.__excepthook__(failed)


def _end_when_interrupted() -> None:
    signal.signal(signal.SIGINT, lambda *_: os._exit(Exit.INTERRUPTED))
    sys.stdout = sys.stderr


def write_text(path: Path, text: str) -> None:
    """Write a text file, or say why that cannot be."""
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"-o {path} cannot be written: {error.strerror}") from None


def console() -> Console:
    """For standard output: no line breaks where it is no terminal."""
    console = Console(markup=False, highlight=False)
    return console if console.is_terminal else Console(markup=False, highlight=False, width=_WIDE, soft_wrap=True)


def make_folder(folder: Path) -> None:
    """The folder of -o, made where it is not there."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"-o {folder} is a file, expected a folder for the certificates")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"-o {folder} cannot be made: {error.strerror}") from None


def write_certificates(folder: Path, certificates: Mapping[str, "nctheory.Certificate"], *, quiet: bool) -> None:
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
        console().print(f"\n{written} certificates are in {folder}: nctheory recheck {shlex.quote(str(folder))}/*.json")
    if failures:
        raise InputError(f"{failures[0]} ({len(failures)} of {len(certificates)} were not written)")
