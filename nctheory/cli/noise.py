"""The verb probability: error probabilities at any noise."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

import nctheory
from nctheory.cli.shared import Exit, Json, app, check_outputs, console, one_of, pool, replace_file
from nctheory.errors import InputError

if TYPE_CHECKING:
    from nctheory.configuration import Configuration
    from nctheory.error_curve import Progress

_MOST_CLASSES = 1000  # of --simplex: its exact Gram matrix takes seconds
_DECODERS = ("own", "nearest-mean")
_PRIORS = ("equal", "sizes")


@app.command()
def probability(
    noise: Annotated[list[str], typer.Option(help="Standard deviations per coordinate: --noise 0.1 0.05.")],
    file: Annotated[Path | None, typer.Argument(help="An .npz file, or --simplex.")] = None,
    simplex: Annotated[int | None, typer.Option(help="The simplex ETF of so many classes, instead of a file.")] = None,
    rtol: Annotated[float, typer.Option(help="Half the relative width of an interval at which sampling stops.")] = 1e-2,
    method: Annotated[str, typer.Option(help="auto, exact, bounds, union, cells or plain.")] = "auto",
    confidence: Annotated[float, typer.Option(help="Of intervals that are sampled.")] = 0.95,
    max_samples: Annotated[int, typer.Option(help="Samples at most for each noise.")] = 10_000_000,
    seed: Annotated[int, typer.Option(help="Same seed, same result.")] = 0,
    decoder: Annotated[str, typer.Option(help="own: the file's classifier where it has one; or nearest-mean.")] = "own",
    priors: Annotated[str, typer.Option(help="equal, or sizes: in proportion to the class sizes.")] = "equal",
    epoch: Annotated[int | None, typer.Option(help="Which snapshot of a series; the last by default.")] = None,
    layout: Annotated[str, typer.Option(help="rows or columns: how the file stores points.")] = "rows",
    jobs: Annotated[int, typer.Option(help="Processes; 0 for one on each core. No part of the result.")] = 1,
    output: Annotated[Path | None, typer.Option("-o", help="A file to write the JSON to.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run of this -o that was stopped.")] = False,
    plot: Annotated[Path | None, typer.Option(help="A picture to write: .png, .pdf or .svg.")] = None,
    as_json: Json = False,
) -> None:
    """The error probability at any noise: exact, bounded or sampled, with an interval and what it guarantees."""
    from nctheory.error_curve import error_curve

    noises = _noises(noise)
    source, configuration = _asked_for(file, simplex, epoch, layout, decoder)
    by_size = one_of("--priors", priors, _PRIORS) == "sizes"
    check_outputs(file, output, plot)
    checkpoint = None if output is None else output.with_name(f"{output.name}.checkpoint.npz")
    with _sampling(rtol) as progress, pool(jobs, sys.maxsize) as executor, _kept(checkpoint):
        found = error_curve(
            source,
            configuration,
            noises,
            method=method,
            by_size=by_size,
            rtol=rtol,
            confidence=confidence,
            max_samples=max_samples,
            seed=seed,
            checkpoint=checkpoint,
            resume=resume,
            executor=executor,
            progress=progress,
        )
    if output is not None and checkpoint is not None:
        replace_file("-o", output, lambda path: path.write_text(found.as_json() + "\n", encoding="utf-8"))
        checkpoint.unlink(missing_ok=True)
    if plot is not None:
        replace_file("--plot", plot, lambda path: found.figure().savefig(path, dpi=150, format=plot.suffix[1:]))
    if as_json:
        print(found.as_json())  # noqa: T201
    else:
        found.render(console())


def _noises(texts: list[str]) -> list[float]:
    """The numbers, each once; whether they can be standard deviations is checked with the configuration."""
    try:
        return list(dict.fromkeys(float(part) for text in texts for part in text.split(",")))
    except ValueError as error:
        raise InputError(f"--noise: {error}, expected standard deviations such as 0.1 0.05") from None


def _asked_for(
    file: Path | None, simplex: int | None, epoch: int | None, layout: str, decoder: str
) -> tuple[str, "Configuration"]:
    """What to call the configuration, and the configuration."""
    nearest = one_of("--decoder", decoder, _DECODERS) == "nearest-mean"
    if (file is None) == (simplex is None):
        given = "neither FILE nor --simplex is" if file is None else f"FILE {file} and --simplex {simplex} are both"
        raise InputError(f"{given} given, expected one of them")
    if simplex is not None:
        if not 2 <= simplex <= _MOST_CLASSES:
            raise InputError(f"--simplex is {simplex}, expected from 2 to {_MOST_CLASSES} classes")
        return "simplex ETF", nctheory.exact_simplex_etf(simplex)
    data = nctheory.load(file, epoch=epoch, layout=layout)  # type: ignore[arg-type]
    configuration = data.configuration if isinstance(data, nctheory.Features) else data
    return str(file), configuration.nearest_mean() if nearest else configuration


@contextlib.contextmanager
def _kept(checkpoint: Path | None) -> Iterator[None]:
    """Where Ctrl-C ends the work, say how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        kept = checkpoint is not None and checkpoint.exists()
        advice = f"{checkpoint} has what was done: add --resume to go on" if kept else "nothing was kept"
        print(f"nctheory: interrupted; {advice}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(Exit.INTERRUPTED) from None


@contextlib.contextmanager
def _sampling(rtol: float) -> Iterator["Progress | None"]:
    """A bar with the interval so far on a terminal, nothing in a pipe."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from nctheory.error_curve import progress_line, share_done

    if not sys.stderr.isatty():
        yield None
        return
    columns = BarColumn(bar_width=12), TimeElapsedColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("deciding", total=1.0)
        yield lambda *now: bar.update(task, completed=share_done(rtol, now[2]), description=progress_line(*now))
