import re
import subprocess
import sys
from decimal import Decimal

import pytest

import nctheory
from nctheory import channel, collapse, notebook
from nctheory.errors import InputError
from nctheory.probability import Estimate, error_probability

ETF = nctheory.simplex_etf(3)
FOUND = {
    "Result": channel.optimum(10, 9),
    "Estimate": error_probability(ETF, 0.2),
    "Collapse": collapse.measure(nctheory.Features(ETF, range(3), ETF)),
}


def test_a_result_shows_its_bracket_and_is_not_called_certified():
    text = notebook.html_form(channel.optimum(7, 2))
    for words in ('<td data-name="">[0.', ", 0.25]", "undecided", "the rankin bound", "verify() has the kernel"):
        assert words in text
    assert "certified" not in text.lower()
    assert ">5/18<" in notebook.html_form(FOUND["Result"])


def test_an_estimate_shows_its_interval_and_what_it_guarantees():
    found = FOUND["Estimate"]
    text = notebook.html_form(found)
    assert f'<td data-name="">{found.guarantee}</td>' in text
    low, high = map(Decimal, re.search(r"\[([0-9.e-]+), ([0-9.e-]+)\]", text).groups())
    ends = [Decimal(log).exp() for log in found.log_interval]
    assert low <= ends[0] < ends[1] <= high, "rounded outward"
    assert high - low < Decimal("1e-9") * high
    assert f">{found.log_value:.12g}<" in text


def test_a_collapse_shows_every_convention():
    text = notebook.html_form(FOUND["Collapse"])
    for metric in FOUND["Collapse"].metrics():
        assert metric.name in text
    assert text.count("<tr>") == 1 + len(FOUND["Collapse"].metrics())


def test_texts_are_escaped_and_other_types_refused():
    found = Estimate(-1.0, (-1.0, -0.5), "<b>", "<i>", 3, None, None, 0.95, None, 0.0, "<script>")
    text = notebook.html_form(found)
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;b&gt;, 95%" in text
    with pytest.raises(InputError, match="of type list, expected a Result"):
        notebook.html_form([1])


def test_registration_gives_the_method(monkeypatch):
    for found in FOUND.values():
        monkeypatch.setattr(type(found), "_repr_html_", None, raising=False)
    notebook.register()
    for found in FOUND.values():
        assert found._repr_html_() == notebook.html_form(found)


def test_the_names_told_to_ipython_are_those_of_the_classes():
    assert [(type(found).__module__, type(found).__name__) for found in FOUND.values()] == list(nctheory._IN_NOTEBOOKS)


SHELL = """
import sys, types
told = {}
form = types.SimpleNamespace(for_type_by_name=lambda module, name, show: told.update({(module, name): show}))
display = types.SimpleNamespace(formatters={"text/html": form})
shell = types.SimpleNamespace(display_formatter=display)
sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: shell)
import nctheory
assert "numpy" not in sys.modules, "nothing is loaded for it"
print(told["nctheory.result", "Result"](nctheory.channel.optimum(10, 9)))
"""


def test_ipython_is_told_on_import_and_nothing_heavy_is_loaded():
    done = subprocess.run([sys.executable, "-c", SHELL], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == notebook.html_form(channel.optimum(10, 9))
