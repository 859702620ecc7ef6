"""The rules of the house, kept by reading the source: floors, docstrings, the kernel's imports, nothing unpickled."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nctheory

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nctheory"
FLOORS = {
    "kernel": 0,
    "errors": 0,
    "arrays": 1,
    "drawing": 1,
    "exact": 1,
    "gaussian": 1,
    "gaussian_logs": 2,
    "gaussian_rows": 2,
    "gaussian_floats": 3,
    "gaussian_cells": 3,
    "sampling": 2,
    "formula": 2,
    "result": 2,
    "configuration": 2,
    "solver": 2,
    "blocks": 2,
    "page": 2,
    "tables": 3,
    "spectrum": 2,
    "losses": 2,
    "symbolic": 2,
    "constructions": 3,
    "point": 3,
    "descent": 3,
    "spherical_code": 4,
    "channel": 5,
    "separation": 5,
    "landscape": 5,
    "probability": 6,
    "collapse": 6,
    "domains": 6,
    "pictures": 7,
    "claims": 7,
    "strategies": 7,
    "falsification": 8,
    "theorems": 8,
    "plots": 8,
    "measuring": 8,
    "error_curve": 9,
    "optima": 9,
    "proving": 9,
    "report": 9,
    "verification": 9,
    "notebook": 9,
    "evidence": 10,
    "html_report": 10,
    "cli": 11,
}
# the file that the others of a folder may import
BASES = {
    "cli": "shared",
    "channel": "pairs",
    "collapse": "metrics",
    "configuration": "points",
    "domains": "fields",
    "probability": "problem",
    "landscape": "model",
    "losses": "loss",
    "separation": "problem",
    "symbolic": "algebra",
    "theorems": "registry",
}
# files of a folder that may import their siblings, since they choose among them
FRONTS = {
    "collapse": {"measurement", "series", "network"},
    "losses": {"names", "label_sets"},
    "probability": {"estimate", "curve", "campaign"},
    "landscape": {path.stem for path in (PACKAGE / "landscape").glob("*.py")} - {"model", "evaluation"},
}
INNER = {
    *("kernel", "arrays", "exact", "blocks", "point", "gaussian", "gaussian_logs", "gaussian_cells", "sampling", "cli"),
    *("gaussian_rows", "gaussian_floats", "channel.thresholds", "collapse.metrics", "drawing", "page"),
    *("probability.checkpoint", "probability.executors"),
    *("descent", "landscape.bounds", "landscape.certificates", "landscape.closed_forms", "landscape.flat"),
    *("landscape.reduced", "landscape.answers", "landscape.evaluation", "landscape.escapes", "landscape.free"),
    *("landscape.nonnegative", "landscape.nonnegative_forms", "landscape.sphere", "landscape.sphere_points"),
    *("landscape.sphere_bounds", "landscape.deep", "landscape.deep_points", "landscape.deep_bounds"),
    *("landscape.label_sets", "landscape.label_forms", "landscape.contrastive_loss", "landscape.focal"),
}
EXEMPT = {"__init__", "__main__", "data"}
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.name != "data")
PARTS = ("Formula", "Args", "Assumes", "Returns", "Raises", "Reference", "Example")


def module_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path):
    """Every imported name as a dotted path, wherever in the file it is imported."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def broken_floors(path, imports):
    """Imports that go up, or sideways to a file of the same floor."""
    own = module_of(path)
    for name in imports:
        parts = name.split(".")
        if parts[0] != "nctheory" or len(parts) < 2 or parts[1] not in FLOORS:
            continue
        if parts[1] == own:
            if parts[2:3] != [BASES.get(own)] and path.stem not in {"__init__"} | FRONTS.get(own, set()):
                yield name
        elif FLOORS[parts[1]] >= FLOORS[own]:
            yield name


@pytest.mark.parametrize("path", [path for path in SOURCES if module_of(path) not in EXEMPT], ids=str)
def test_a_file_imports_only_lower_floors(path):
    assert module_of(path) in FLOORS, f"{path} has no floor"
    assert not list(broken_floors(path, imports_of(path)))


def test_the_floor_check_sees_what_is_wrong():
    assert list(broken_floors(PACKAGE / "channel" / "pairs.py", ["nctheory.report.check"]))
    assert list(broken_floors(PACKAGE / "channel" / "pairs.py", ["nctheory.separation.solve"]))
    assert list(broken_floors(PACKAGE / "channel" / "pairs.py", ["nctheory.channel.optimality.certify"]))
    assert not list(broken_floors(PACKAGE / "channel" / "optimality.py", ["nctheory.channel.pairs.exponent"]))


def test_a_front_imports_its_siblings_and_nothing_imports_a_front():
    folder = PACKAGE / "probability"
    assert not list(broken_floors(folder / "estimate.py", ["nctheory.probability.union.sample"]))
    assert list(broken_floors(folder / "estimate.py", ["nctheory.report.check"]))
    assert list(broken_floors(folder / "union.py", ["nctheory.probability.cells.sample"]))
    assert list(broken_floors(folder / "union.py", ["nctheory.probability.estimate.Estimate"]))
    assert list(broken_floors(PACKAGE / "channel" / "estimate.py", ["nctheory.channel.optimality.certify"]))
    assert all((PACKAGE / own).is_dir() for own in FRONTS)


def test_the_kernel_imports_the_standard_library_only():
    names = {name.split(".")[0] for name in imports_of(PACKAGE / "kernel.py")}
    assert names <= set(sys.stdlib_module_names)


def test_import_is_light():
    heavy = ("numpy", "scipy", "cvxpy", "sympy", "hypothesis", "matplotlib", "flint", "rich", "typer")
    code = f"import nctheory, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_unpickles():
    loaders = {"pickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        assert not loaders & {name.split(".")[0] for name in imports_of(path)}, path
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                unsafe = ast.unparse(node.func) in ("np.load", "numpy.load", "torch.load", "np.fromfile", "yaml.load")
                assert not unsafe, f"{path}:{node.lineno}"
            allow = isinstance(node, ast.keyword) and node.arg == "allow_pickle"
            assert not (allow and getattr(node.value, "value", True)), path


def public_objects():
    for path in SOURCES:
        if path.stem.startswith("__") and module_of(path) == path.stem:
            continue
        name = ".".join(("nctheory", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        if name.removeprefix("nctheory.") in INNER:
            continue  # these are not for users; their parts have one-line docstrings
        module = sys.modules.get(name) or __import__(name, fromlist=["_"])
        for public in getattr(module, "__all__", ()):
            found = getattr(module, public)
            if inspect.isfunction(found) and found.__module__ == name:
                yield pytest.param(found, id=f"{name}.{public}")
    yield pytest.param(nctheory.Configuration, id="Configuration")
    yield pytest.param(nctheory.Configuration.from_gram, id="Configuration.from_gram")
    yield pytest.param(nctheory.Features, id="Features")
    yield pytest.param(nctheory.sample_path, id="sample_path")


def missing_parts(documentation):
    """The parts of a public docstring that are not there, or not in order."""
    positions = [documentation.find(f"\n    {part}:\n") for part in PARTS]
    missing = [part for part, position in zip(PARTS, positions, strict=True) if position < 0]
    return missing or ([] if positions == sorted(positions) else ["order"])


HELPERS = {
    *("as_configuration", "checked_energy", "certificate_digests", "encode_input", "encode_number", "show_input"),
    *("collapse_rows", "encoded", "finite", "number", "print_table", "rounded", "show_end", "show_ratio"),
    *("describe", "list_theorems", "sizes", "tasks"),
    *("digest", "folder", "formal_theorems"),
}


@pytest.mark.parametrize("public", list(public_objects()))
def test_public_docstrings_have_their_parts_in_order(public):
    if public.__name__ in HELPERS:
        assert public.__doc__
        return
    documentation = "\n    " + inspect.getdoc(public).replace("\n", "\n    ")
    assert missing_parts(documentation) == []
    assert documentation.strip().splitlines()[0].endswith((".", ":"))
    assert ">>>" in documentation


def test_the_docstring_check_sees_what_is_missing():
    whole = "".join(f"\n    {part}:\n        text" for part in PARTS)
    assert missing_parts(whole) == []
    assert missing_parts(whole.replace("Raises", "Throws")) == ["Raises"]
    assert missing_parts(whole.replace("Args", "X").replace("Returns", "Args").replace("X", "Returns")) == ["order"]


def test_references_are_in_the_bibliography():
    keys = set(re.findall(r"@\w+\{([\w-]+),", (ROOT / "proofs" / "references.bib").read_text()))
    cited = set()
    for path in PACKAGE.rglob("*.py"):
        for text in re.findall(r"Reference:\s+([^\n]+(?:\n[^\n:>]+)*?)\n\s+(?:Example:|\"\"\")", path.read_text()):
            cited |= set(re.findall(r"\b([a-z]+\d{4}|numpy-format)\b", text))
        if module_of(path) == "theorems":  # where the statements themselves cite
            cited |= set(re.findall(r"\b([a-z]+\d{4})\b", path.read_text()))
    for path in (ROOT / "proofs").glob("*.py"):  # where lemmas are taken from
        cited |= set(re.findall(r"\b([a-z]+\d{4})\b", path.read_text()))
    assert cited, "no citation was found, so the pattern is wrong"
    assert cited <= keys, f"not in proofs/references.bib: {sorted(cited - keys)}"
    assert keys <= cited, f"cited nowhere: {sorted(keys - cited)}"


def test_functions_are_short():
    """Half of the functions are under 10 lines, nine in ten under 30; docstrings do not count."""
    lengths = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lengths.append(node.end_lineno - body[0].lineno + 1 if body else 1)
    lengths.sort()
    assert lengths[len(lengths) // 2] < 10
    assert lengths[len(lengths) * 9 // 10] < 30


def test_versions_agree():
    assert f'version = "{nctheory.__version__}"' in (ROOT / "pyproject.toml").read_text()
    assert f"version: {nctheory.__version__}" in (ROOT / "CITATION.cff").read_text()
    assert f"## {nctheory.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_no_registry_address_is_committed():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, files):
        content = (ROOT / name).read_bytes() if (ROOT / name).exists() else b""
        assert not re.search(rb"https?://[^\s]*(pypi\.org|pythonhosted|/simple/)", content), name
