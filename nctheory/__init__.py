"""Exact and certified answers for the theory of neural collapse.

The public names are loaded when they are first used, so that `import nctheory` itself is quick.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nctheory import (
        channel,
        collapse,
        domains,
        formula,
        gaussian,
        kernel,
        landscape,
        losses,
        notebook,
        plots,
        probability,
        separation,
        spherical_code,
        strategies,
        symbolic,
        theorems,
    )
    from nctheory.claims import Claim
    from nctheory.configuration import Configuration, Features, load
    from nctheory.constructions import (
        exact_simplex_etf,
        orthogonal_frame,
        orthoplex,
        random_configuration,
        simplex_etf,
        simplex_etf_gram,
    )
    from nctheory.data import sample_path
    from nctheory.domains import Domain
    from nctheory.errors import InputError, SolverError
    from nctheory.falsification import Falsification, falsify
    from nctheory.result import Certificate, Result, Status
    from nctheory.theorems import theorem

__version__ = "0.8.0"

__all__ = [
    "Certificate",
    "Claim",
    "Configuration",
    "Domain",
    "Falsification",
    "Features",
    "InputError",
    "Result",
    "SolverError",
    "Status",
    "channel",
    "collapse",
    "domains",
    "exact_simplex_etf",
    "falsify",
    "formula",
    "gaussian",
    "kernel",
    "landscape",
    "load",
    "losses",
    "notebook",
    "orthogonal_frame",
    "orthoplex",
    "plots",
    "probability",
    "random_configuration",
    "sample_path",
    "separation",
    "simplex_etf",
    "simplex_etf_gram",
    "spherical_code",
    "strategies",
    "symbolic",
    "theorem",
    "theorems",
]

_MODULES = {
    "claims": ("Claim",),
    "configuration": ("Configuration", "Features", "load"),
    "constructions": (
        "exact_simplex_etf",
        "orthogonal_frame",
        "orthoplex",
        "random_configuration",
        "simplex_etf",
        "simplex_etf_gram",
    ),
    "data": ("sample_path",),
    "domains": ("Domain",),
    "errors": ("InputError", "SolverError"),
    "falsification": ("Falsification", "falsify"),
    "result": ("Certificate", "Result", "Status"),
    "theorems": ("theorem",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name, or a submodule, when it is first asked for."""
    if name in _HOMES:
        value = getattr(importlib.import_module(f"nctheory.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if name in __all__:
        return importlib.import_module(f"nctheory.{name}")
    raise AttributeError(f"module 'nctheory' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)


_IN_NOTEBOOKS = (
    ("nctheory.result", "Result"),
    ("nctheory.probability.estimate", "Estimate"),
    ("nctheory.collapse.metrics", "Collapse"),
)


def _html(found: object) -> str:
    return str(importlib.import_module("nctheory.notebook").html_form(found))


def _tell_ipython() -> None:
    """Where IPython runs, say how results look; by name, so that nothing is loaded for it."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None:
        for module, name in _IN_NOTEBOOKS:
            shell.display_formatter.formatters["text/html"].for_type_by_name(module, name, _html)


_tell_ipython()
