"""The command line: `nctheory VERB ...`; exit codes 0 done, 1 a requirement fails, 2 bad input, 3 undecided."""

import io
import sys
from typing import Annotated

import typer

import nctheory
from nctheory import kernel
from nctheory.cli import networks, noise, optimum, theory  # noqa: F401  their verbs, in the order of --help
from nctheory.cli.shared import Exit, app
from nctheory.errors import InputError, SolverError

__all__ = ["main"]


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(nctheory.__version__)  # noqa: T201
        raise typer.Exit(Exit.DONE)


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
