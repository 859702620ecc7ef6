"""The command line: `nctheory VERB ...`; exit codes 0 done, 1 a requirement fails, 2 bad input, 3 undecided."""

import contextlib
import io
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
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

import nctheory
from nctheory import kernel
from nctheory.arrays import positive_integer
from nctheory.errors import InputError, SolverError

if TYPE_CHECKING:
    from nctheory.configuration import Configuration
    from nctheory.error_curve import Progress
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
    "--require-landscape": "landscape",
}  # options, and the ratios that they are about
_LACKING = {
    "--require": "of the channel",
    "--require-separation": "of separation, which needs a classifier and class sizes",
    "--require-landscape": "and there is none, as no unconstrained-features model fits",
}
_MOST_CLASSES = 1000  # of --simplex: its exact Gram matrix takes seconds
_DECODERS = ("own", "nearest-mean")
_PRIORS = ("equal", "sizes")
_LOSSES = "ce, mse, bce, smoothing:0.1 or focal:2"
_NUMBER = r"-?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})(e[+-]?[0-9]{1,3})?|-?[0-9]{1,40}/[1-9][0-9]{0,39}"
_LEAST = Fraction(1, 10**300)  # of penalties, so that there are floats next to them
_PICTURES = (".png", ".pdf", ".svg")
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
    loss: Annotated[
        str | None, typer.Option(help=f"Fit an unconstrained-features model with this loss too: {_LOSSES}.")
    ] = None,
    require_landscape: Annotated[str | None, typer.Option(help="The same for the ratio of that model.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md) instead of tables.")] = False,
) -> None:
    """Measure a trained network's last layer; decide its optimality in the Gaussian channel and in separation.

    With --loss, also how far it is from the optimum of an unconstrained-features model, with penalties fitted to it.
    """
    from nctheory.losses import loss_named
    from nctheory.report import check as examine

    asked = {
        "--require": require,
        "--require-separation": require_separation,
        "--require-landscape": require_landscape,
    }
    required = {option: _ratio(option, text) for option, text in asked.items() if text is not None}
    if require_landscape is not None and loss is None:
        raise InputError("--require-landscape needs --loss, expected one such as --loss ce")
    model_loss = None if loss is None else loss_named(loss)
    source = file or nctheory.sample_path()
    name = str(file) if file else f"{source.name} (the network in the package)"
    data = nctheory.load(source, epoch=epoch, layout=layout)  # type: ignore[arg-type]  # load checks the layout
    if output is not None:
        _make_folder(output)
    with Console(stderr=True).status("reading") as status:
        announce = status.update if sys.stderr.isatty() else lambda _: None
        report = examine(name, data, loss=model_loss, verify=verify, announce=announce)
    if as_json:
        print(report.as_json())  # noqa: T201
    else:
        report.render(_console())
    if output is not None:
        _write(output, report.certificates, quiet=as_json)
    if required:
        codes = [_requirement(option, report.ratios(_REQUIRED[option]), ratio) for option, ratio in required.items()]
        raise typer.Exit(Exit.REQUIREMENT_FAILS if Exit.REQUIREMENT_FAILS in codes else max(codes))


_File = Annotated[Path | None, typer.Argument(help="An .npz file; without one, the network in the package.")]
_Epoch = Annotated[int | None, typer.Option(help="Which snapshot of a series; the last by default.")]
_Layout = Annotated[str, typer.Option(help="rows or columns: how the file stores points.")]


@app.command()
def measure(
    file: _File = None,
    epoch: _Epoch = None,
    series: Annotated[bool, typer.Option("--series", help="All snapshots, a row for each.")] = False,
    center: Annotated[str, typer.Option(help="class or sample: the mean of class means, or of samples.")] = "class",
    layout: _Layout = "rows",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of tables.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md) instead of tables.")] = False,
) -> None:
    """Measure how collapsed a last layer is: NC1 to NC4, every convention beside its number."""
    from nctheory.collapse import measure_series
    from nctheory.measuring import measurement

    if as_csv and as_json:
        raise InputError("--csv and --json are both given, expected one of them")
    if series and epoch is not None:
        raise InputError(f"--series and --epoch {epoch} are both given, expected one of them")
    source, name = _source(file)
    _one_of("--center", center, ("class", "sample"))
    data: object
    if series:
        data = measure_series(source, center=center, layout=layout)  # type: ignore[arg-type]  # checked there
    else:
        data = nctheory.load(source, epoch=epoch, layout=layout)  # type: ignore[arg-type]
    found = measurement(name, data, center=center, epoch=epoch)  # type: ignore[arg-type]
    if as_json or as_csv:
        print(found.as_json() if as_json else found.as_csv())  # noqa: T201
    else:
        found.render(_console())


@app.command()
def report(
    output: Annotated[Path, typer.Option("-o", help="The HTML file to write.")],
    file: _File = None,
    epoch: _Epoch = None,
    layout: _Layout = "rows",
    loss: Annotated[
        str | None, typer.Option(help=f"Fit an unconstrained-features model with this loss too: {_LOSSES}.")
    ] = None,
    verify: Annotated[
        bool | None, typer.Option(help="Re-check every certificate now; by default where that takes about a second.")
    ] = None,
) -> None:
    """Write one HTML file on a last layer: verdicts, measured collapse, pictures; no network, no script."""
    from nctheory.collapse.series import measure_series, snapshots
    from nctheory.html_report import html_report
    from nctheory.losses import loss_named

    _check_outputs(file, output, None)
    source, name = _source(file)
    data = nctheory.load(source, epoch=epoch, layout=layout)  # type: ignore[arg-type]
    model_loss = None if loss is None else loss_named(loss)
    with Console(stderr=True).status("reading") as status:
        announce = status.update if sys.stderr.isatty() else lambda _: None
        several = len(snapshots(source, layout)) > 1  # type: ignore[arg-type]
        series = measure_series(source, layout=layout) if several else None  # type: ignore[arg-type]
        text = html_report(name, data, series=series, loss=model_loss, verify=verify, announce=announce).render()
    _replace("-o", output, lambda path: path.write_text(text, encoding="utf-8"))
    _console().print(f"{output}: {len(text.encode()) / 1e6:.1f} MB, opens in any browser")


def _source(file: Path | None) -> tuple[Path, str]:
    """What to read, and what to call it."""
    source = file or nctheory.sample_path()
    return source, str(file) if file else f"{source.name} (the network in the package)"


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


@_optimum.command("landscape")
def optimum_landscape(
    class_sizes: Annotated[str, typer.Option(help="Samples of each class, such as 500,500,50.")],
    lambda_w: Annotated[str, typer.Option(help="The penalty of the weights, such as 5e-4; read exactly.")],
    lambda_h: Annotated[str, typer.Option(help="The penalty of the features.")],
    loss: Annotated[str, typer.Option(help=f"{_LOSSES}.")] = "ce",
    bias: Annotated[bool, typer.Option("--bias", help="With a bias, free unless --lambda-b is given.")] = False,
    lambda_b: Annotated[str | None, typer.Option(help="The penalty of the bias; needs --bias.")] = None,
    class_weights: Annotated[
        str | None, typer.Option(help="A factor of the loss for each class, such as 1,1,10; they are not normalized.")
    ] = None,
    dimension: Annotated[int | None, typer.Option(help="The dimension d; as many as classes by default.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="A picture of optima against lambda to write: .png, .pdf or .svg.")
    ] = None,
    verify: _Verify = None,
    output: _Folder = None,
    as_json: _Json = False,
) -> None:
    """The least F = mean loss + (lambda_W |W|^2 + lambda_H |H|^2) / 2 over all weights and all features H.

    The loss of a sample is that of the logits W h + b. |H|^2 adds up all samples; there is 1/2 before every penalty
    and a mean over samples before the loss. docs/landscape.md converts other conventions.
    """
    from nctheory.landscape import Model
    from nctheory.losses import loss_named
    from nctheory.optima import landscape_optimum

    if lambda_b is not None and not bias:
        raise InputError(f"--lambda-b is {lambda_b}, expected only with --bias: there is no bias to penalize")
    _check_outputs(None, None, plot)
    penalties = {"--lambda-w": lambda_w, "--lambda-h": lambda_h, "--lambda-b": lambda_b}
    model = Model(
        _whole_numbers(class_sizes),
        dimension,
        loss=loss_named(loss),
        regularization=[_number(option, text) for option, text in penalties.items() if text is not None],
        bias=bias,
        class_weights=None if class_weights is None else _numbers("--class-weights", class_weights),
    )
    report = landscape_optimum(model, verify=verify)
    _answer(report, output, as_json)
    if plot is not None:
        from nctheory import plots

        with Console(stderr=True).status("drawing"):
            figure = plots.phase_diagram(report.diagram(), at=model.strength)
        _replace("--plot", plot, lambda path: figure.savefig(path, dpi=150, format=plot.suffix[1:]))


def _number(option: str, text: str) -> Fraction:
    """A decimal or a fraction, exactly."""
    if not re.fullmatch(_NUMBER, text, re.IGNORECASE):
        raise InputError(f"{option} is {text!r}, expected a number such as 5e-4, 0.0005 or 1/2000")
    number = Fraction(text)
    if number and not _LEAST <= abs(number) <= 1 / _LEAST:
        raise InputError(f"{option} is {text}, expected 0 or a size from 1e-300 to 1e300")
    return number


def _numbers(option: str, text: str) -> list[Fraction]:
    return [_number(option, part.strip()) for part in text.split(",")]


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
    as_json: _Json = False,
) -> None:
    """The error probability at any noise: exact, bounded or sampled, with an interval and what it guarantees."""
    from nctheory.error_curve import error_curve

    noises = _noises(noise)
    source, configuration = _asked_for(file, simplex, epoch, layout, decoder)
    by_size = _one_of("--priors", priors, _PRIORS) == "sizes"
    _check_outputs(file, output, plot)
    checkpoint = None if output is None else output.with_name(f"{output.name}.checkpoint.npz")
    with _sampling(rtol) as progress, _pool(jobs, sys.maxsize) as executor, _kept(checkpoint):
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
        _replace("-o", output, lambda path: path.write_text(found.as_json() + "\n", encoding="utf-8"))
        checkpoint.unlink(missing_ok=True)
    if plot is not None:
        _replace("--plot", plot, lambda path: found.figure().savefig(path, dpi=150, format=plot.suffix[1:]))
    if as_json:
        print(found.as_json())  # noqa: T201
    else:
        found.render(_console())


def _noises(texts: list[str]) -> list[float]:
    """The numbers, each once; whether they can be standard deviations is checked with the configuration."""
    try:
        return list(dict.fromkeys(float(part) for text in texts for part in text.split(",")))
    except ValueError as error:
        raise InputError(f"--noise: {error}, expected standard deviations such as 0.1 0.05") from None


def _one_of(option: str, text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise InputError(f"{option} is {text!r}, expected one of {', '.join(allowed)}")
    return text


def _asked_for(
    file: Path | None, simplex: int | None, epoch: int | None, layout: str, decoder: str
) -> tuple[str, "Configuration"]:
    """What to call the configuration, and the configuration."""
    nearest = _one_of("--decoder", decoder, _DECODERS) == "nearest-mean"
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


def _check_outputs(file: Path | None, output: Path | None, plot: Path | None) -> None:
    """Find out before the work whether its results can be written, and take the place of nothing that is needed."""
    names = [os.path.realpath(path) for path in (file, output, plot) if path is not None]
    if len(set(names)) < len(names):
        raise InputError("FILE, -o and --plot have the same name twice, expected different files")
    if output is not None:
        _replace("-o", output, None)
    if plot is not None:
        from nctheory import plots

        if plot.suffix not in _PICTURES:
            raise InputError(f"--plot {plot} ends in {plot.suffix!r}, expected one of {', '.join(_PICTURES)}")
        plots.require_matplotlib()
        _replace("--plot", plot, None)


def _replace(option: str, path: Path, write: Callable[[Path], object] | None) -> None:
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
        with _progress(len(chosen)) as announce, _pool(jobs, len(chosen)) as executor:
            found = verification.verify(
                chosen, evaluations=evaluations, seed=seed, cutoff=cutoff, executor=executor, announce=announce
            )
    if as_json:
        print(found.as_json())  # noqa: T201
    else:
        found.render(_console())
    if output is not None:
        _write_text(output, found.as_json() if output.suffix != ".md" else _evidence(found))
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
        found.render(_console())
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
    threading.excepthook = _without_canceled
    executor = ProcessPoolExecutor(workers, initializer=_end_when_interrupted)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()


def _without_canceled(failed: threading.ExceptHookArgs) -> None:
    """Be silent where a pool whose processes have ended finds that their futures were canceled before."""
    if not issubclass(failed.exc_type, InvalidStateError):
        threading.__excepthook__(failed)


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
        raise InputError(f"{option} asks for a ratio {_LACKING[option]}")
    short = {name: result for name, result in results.items() if result.lower < required}
    for name, result in short.items():
        verdict = "fails" if result.upper < required else "is undecided"
        print(f"nctheory: {option} {float(required)} {verdict} for {name}: ratio {result}", file=sys.stderr)  # noqa: T201
    if not short:
        return Exit.DONE
    fails = any(result.upper < required for result in short.values())
    return Exit.REQUIREMENT_FAILS if fails else Exit.UNDECIDED


def _spread(arguments: list[str]) -> list[str]:
    """`probability --noise 0.1 0.05` with an option for each number, since an option takes one."""
    if arguments[:1] != ["probability"]:
        return arguments
    spread: list[str] = []
    following = False
    for argument in arguments:
        if following and spread[-1] != "--noise" and _is_number(argument):
            spread.append("--noise")
        elif spread[-1:] != ["--noise"]:
            following = argument == "--noise" or argument.startswith("--noise=")
        spread.append(argument)
    return spread


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def main() -> None:
    """Run the command line; whatever goes wrong ends in one line on standard error, never in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(_spread(sys.argv[1:]))
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
