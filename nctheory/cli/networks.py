"""The verbs about files: check, measure, report, recheck."""

import re
import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import nctheory
from nctheory import kernel
from nctheory.cli.shared import (
    LOSSES,
    Epoch,
    Exit,
    File,
    Layout,
    app,
    check_outputs,
    console,
    make_folder,
    one_of,
    replace_file,
    source_of,
    write_certificates,
)
from nctheory.errors import InputError

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
        str | None, typer.Option(help=f"Fit an unconstrained-features model with this loss too: {LOSSES}.")
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
        make_folder(output)
    with Console(stderr=True).status("reading") as status:
        announce = status.update if sys.stderr.isatty() else lambda _: None
        report = examine(name, data, loss=model_loss, verify=verify, announce=announce)
    if as_json:
        print(report.as_json())  # noqa: T201
    else:
        report.render(console())
    if output is not None:
        write_certificates(output, report.certificates, quiet=as_json)
    if required:
        codes = [_requirement(option, report.ratios(_REQUIRED[option]), ratio) for option, ratio in required.items()]
        raise typer.Exit(Exit.REQUIREMENT_FAILS if Exit.REQUIREMENT_FAILS in codes else max(codes))


@app.command()
def measure(
    file: File = None,
    epoch: Epoch = None,
    series: Annotated[bool, typer.Option("--series", help="All snapshots, a row for each.")] = False,
    center: Annotated[str, typer.Option(help="class or sample: the mean of class means, or of samples.")] = "class",
    layout: Layout = "rows",
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
    source, name = source_of(file)
    one_of("--center", center, ("class", "sample"))
    data: object
    if series:
        data = measure_series(source, center=center, layout=layout)  # type: ignore[arg-type]  # checked there
    else:
        data = nctheory.load(source, epoch=epoch, layout=layout)  # type: ignore[arg-type]
    found = measurement(name, data, center=center, epoch=epoch)  # type: ignore[arg-type]
    if as_json or as_csv:
        print(found.as_json() if as_json else found.as_csv())  # noqa: T201
    else:
        found.render(console())


@app.command()
def report(
    output: Annotated[Path, typer.Option("-o", help="The HTML file to write.")],
    file: File = None,
    epoch: Epoch = None,
    layout: Layout = "rows",
    loss: Annotated[
        str | None, typer.Option(help=f"Fit an unconstrained-features model with this loss too: {LOSSES}.")
    ] = None,
    verify: Annotated[
        bool | None, typer.Option(help="Re-check every certificate now; by default where that takes about a second.")
    ] = None,
) -> None:
    """Write one HTML file on a last layer: verdicts, measured collapse, pictures; no network, no script."""
    from nctheory.collapse.series import measure_series, snapshots
    from nctheory.html_report import html_report
    from nctheory.losses import loss_named

    check_outputs(file, output, None)
    source, name = source_of(file)
    data = nctheory.load(source, epoch=epoch, layout=layout)  # type: ignore[arg-type]
    model_loss = None if loss is None else loss_named(loss)
    with Console(stderr=True).status("reading") as status:
        announce = status.update if sys.stderr.isatty() else lambda _: None
        several = len(snapshots(source, layout)) > 1  # type: ignore[arg-type]
        series = measure_series(source, layout=layout) if several else None  # type: ignore[arg-type]
        text = html_report(name, data, series=series, loss=model_loss, verify=verify, announce=announce).render()
    replace_file("-o", output, lambda path: path.write_text(text, encoding="utf-8"))
    console().print(f"{output}: {len(text.encode()) / 1e6:.1f} MB, opens in any browser")


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


def _ratio(option: str, text: str) -> Fraction:
    if re.fullmatch(r"[0-9]{0,40}\.?[0-9]{1,40}(/[1-9][0-9]{0,40})?", text) and not ("." in text and "/" in text):
        ratio = Fraction(text)
        if ratio <= 1:
            return ratio
    raise InputError(f"{option} is {text!r}, expected a ratio from 0 to 1 such as 0.99 or 99/100")


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
