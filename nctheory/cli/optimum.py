"""The verb optimum: the best that is possible, for each question."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from nctheory.cli.shared import (
    LOSSES,
    Dimension,
    Folder,
    Json,
    Verify,
    app,
    check_outputs,
    console,
    make_folder,
    number,
    numbers_of,
    replace_file,
    whole_numbers,
    write_certificates,
)
from nctheory.errors import InputError

if TYPE_CHECKING:
    from nctheory.losses import Loss
    from nctheory.optima import OptimumReport

_optimum = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The best that is possible, and what attains it."
)
app.add_typer(_optimum, name="optimum")


@_optimum.command("separation")
def optimum_separation(
    class_sizes: Annotated[str, typer.Option(help="Samples of each class, such as 500,500,50.")],
    dimension: Dimension = None,
    bias: Annotated[bool, typer.Option("--bias", help="With a free bias.")] = False,
    verify: Verify = None,
    output: Folder = None,
    as_json: Json = False,
) -> None:
    """The least norms of weights and features that separate classes of these sizes by margin 1."""
    from nctheory.optima import separation_optimum

    _answer(separation_optimum(whole_numbers(class_sizes), dimension, bias=bias, verify=verify), output, as_json)


@_optimum.command("channel")
def optimum_channel(
    classes: Annotated[int, typer.Option(help="How many classes.")],
    dimension: Dimension = None,
    energy: Annotated[str, typer.Option(help="What is at most 1: bounded, equal or average.")] = "bounded",
    verify: Verify = None,
    output: Folder = None,
    as_json: Json = False,
) -> None:
    """The largest error exponent of so many class means in the Gaussian channel."""
    from nctheory.optima import channel_optimum

    found = channel_optimum(classes, dimension, energy=energy, verify=verify)  # type: ignore[arg-type]  # checked there
    _answer(found, output, as_json)


@_optimum.command("landscape")
def optimum_landscape(
    class_sizes: Annotated[
        str | None, typer.Option(help="Samples of each class, such as 500,500,50. Or --labels FILE.")
    ] = None,
    lambda_w: Annotated[
        str | None,
        typer.Option(help="The penalty of the weights, such as 5e-4; read exactly. With --depth, one for each or all."),
    ] = None,
    lambda_h: Annotated[str | None, typer.Option(help="The penalty of the features.")] = None,
    loss: Annotated[str, typer.Option(help=f"{LOSSES}.")] = "ce",
    bias: Annotated[bool, typer.Option("--bias", help="With a bias, free unless --lambda-b is given.")] = False,
    lambda_b: Annotated[str | None, typer.Option(help="The penalty of the bias; needs --bias.")] = None,
    class_weights: Annotated[
        str | None, typer.Option(help="A factor of the loss for each class, such as 1,1,10; they are not normalized.")
    ] = None,
    dimension: Annotated[int | None, typer.Option(help="The dimension d; as many as classes by default.")] = None,
    features: Annotated[str, typer.Option(help="What features may be: free, nonnegative or sphere.")] = "free",
    temperature: Annotated[
        str | None, typer.Option(help="The factor of the logits; needs --features sphere, which has no penalties.")
    ] = None,
    depth: Annotated[int, typer.Option(help="The number of weight matrices.")] = 1,
    activation: Annotated[str, typer.Option(help="Between these matrices: linear or relu.")] = "linear",
    labels: Annotated[
        Path | None,
        typer.Option(help="The set of labels of every sample, a line each, for pick-all-labels; or a 0/1 .npy matrix."),
    ] = None,
    normalized: Annotated[
        bool, typer.Option("--normalized", help="With --labels: divide a sample's loss by how many labels it has.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="A picture of optima against lambda to write: .png, .pdf or .svg.")
    ] = None,
    verify: Verify = None,
    output: Folder = None,
    as_json: Json = False,
) -> None:
    """The least F = mean loss + (lambda_W |W|^2 + lambda_H |H|^2) / 2 over all weights and all features H.

    The loss of a sample is that of the logits W h + b. |H|^2 adds up all samples; there is 1/2 before every penalty
    and a mean over samples before the loss. docs/landscape.md converts other conventions, and names the pages on focal
    loss, spheres, non-negative features, depth and label sets.
    """
    from nctheory.landscape import Model
    from nctheory.optima import landscape_optimum

    if lambda_b is not None and not bias:
        raise InputError(f"--lambda-b is {lambda_b}, expected only with --bias: there is no bias to penalize")
    if normalized and labels is None:
        raise InputError("--normalized is given, expected only with --labels: it is about samples with several labels")
    check_outputs(None, None, plot)
    sizes, chosen = _counted_labels(labels, normalized, loss) if labels else _counted_classes(class_sizes, loss)
    if labels is not None and class_sizes is not None:
        raise InputError("--class-sizes and --labels are both given, expected one: the file says what there is")
    model = Model(
        sizes,
        dimension,
        loss=chosen,
        regularization=_penalties(lambda_w, lambda_h, lambda_b, features),
        bias=bias,
        class_weights=None if class_weights is None else numbers_of("--class-weights", class_weights),
        features=features,
        temperature=None if temperature is None else number("--temperature", temperature),
        depth=depth,
        activation=activation,
    )
    report = landscape_optimum(model, verify=verify)
    _answer(report, output, as_json)
    if plot is not None:
        from nctheory import plots

        with Console(stderr=True).status("drawing"):
            figure = plots.phase_diagram(report.diagram(), at=report.place())
        replace_file("--plot", plot, lambda path: figure.savefig(path, dpi=150, format=plot.suffix[1:]))


def _counted_classes(class_sizes: str | None, loss: str) -> "tuple[list[int], Loss]":
    from nctheory.losses import loss_named

    if class_sizes is None:
        raise InputError("--class-sizes is missing, expected samples of each class, such as 500,500,50, or --labels")
    return whole_numbers(class_sizes), loss_named(loss)


def _counted_labels(labels: Path, normalized: bool, loss: str) -> "tuple[list[int], Loss]":
    """The sizes of the label sets of a file, and the loss of these."""
    from nctheory.landscape import read_label_sets
    from nctheory.losses import PickAllLabels

    if loss != "ce":
        raise InputError(f"--loss is {loss}, expected ce with --labels: that of every label of a sample")
    found = read_label_sets(labels)
    return found.sizes.tolist(), PickAllLabels(found.sets, found.num_labels, normalized=normalized)


def _penalties(lambda_w: str | None, lambda_h: str | None, lambda_b: str | None, features: str) -> list[Any] | None:
    """As a Model takes them; none on spheres."""
    given = {"--lambda-w": lambda_w, "--lambda-h": lambda_h, "--lambda-b": lambda_b}
    if features == "sphere":
        if named := next((option for option, text in given.items() if text is not None), None):
            raise InputError(f"{named} is {given[named]}, expected none: on spheres no norm is penalized")
        return None
    if missing := next((option for option in ("--lambda-w", "--lambda-h") if given[option] is None), None):
        raise InputError(f"{missing} is missing, expected a penalty such as 5e-4")
    weights = numbers_of("--lambda-w", str(lambda_w))
    rest = [number(option, text) for option, text in list(given.items())[1:] if text is not None]
    return [weights if len(weights) > 1 else weights[0], *rest]


def _answer(report: "OptimumReport", output: Path | None, as_json: bool) -> None:
    if output is not None and not report.certificates:
        Console(stderr=True).print(
            f"-o {output} is not made: the kernel knows no claim about this, or could not read it"
        )
        output = None
    if output is not None:
        make_folder(output)
    if as_json:
        print(report.as_json())  # noqa: T201
    else:
        report.render(console())
    if output is not None:
        write_certificates(output, report.certificates, quiet=as_json)
