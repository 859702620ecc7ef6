import base64
import dataclasses
import html
import json
import os
import re
import struct
import zlib
from fractions import Fraction
from html.parser import HTMLParser

import numpy as np
import pytest

import nctheory
from nctheory import collapse, kernel, page
from nctheory.drawing import figure
from nctheory.errors import InputError
from nctheory.html_report import html_report
from nctheory.losses import loss_named
from tests import chromium
from tests.test_cli import called

ETF = nctheory.simplex_etf(4)
LIE = Fraction(777777777)
HOSTILE = "<script>alert('1')</script>\"&amp; \x00\x1b[31m\u202e\udcff.npz"


class Page(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def sample():
    """The report on the network in the package."""
    path = nctheory.sample_path()
    return html_report("digits.npz", nctheory.load(path), series=collapse.measure_series(path))


@pytest.fixture(scope="module")
def sample_page(sample):
    return sample.render()


@pytest.fixture(scope="module")
def small():
    """A report whose verdicts are all there, and its parts."""
    points = nctheory.Features(np.repeat(ETF, 3, axis=0), np.repeat(range(4), 3), 1.1 * ETF, np.zeros(4))
    return html_report("small", points, loss=loss_named("ce"), verify=True)


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures are made but not written, which takes most of the time."""
    monkeypatch.setattr(page, "svg", lambda _: b"<svg/>")


# -------------------------------------------------------------------------------------------- what is called certified


def sentences(text):
    return re.findall(r"<li>Certified: (.*?)\.</li>", text)


def test_every_sentence_after_certified_is_a_verdicts_own(small, undrawn):
    found = [html.unescape(sentence) for sentence in sentences(small.render())]
    assert found == [verdict.statement for verdict in small.checked.verdicts.values()]
    assert len(found) >= 10
    others = re.findall(r"Certified: (?!the kernel has re-checked)(.{30})", html.unescape(small.render()))
    assert len(others) == len(found), "nothing else is called certified"


def test_results_and_certificates_that_lie_are_not_believed(small, undrawn):
    """All numbers of Results are replaced; tables that are called certified stay as they are."""
    questions = []
    for row in small.checked.questions:
        exponent = dataclasses.replace(row.result.details.exponent, lower=LIE, upper=LIE)
        details = dataclasses.replace(row.result.details, exponent=exponent)
        result = dataclasses.replace(row.result, lower=LIE, upper=LIE, details=details)
        optimum = dataclasses.replace(row.optimum, lower=LIE, upper=LIE)
        questions.append(dataclasses.replace(row, result=result, optimum=optimum))
    separated = [
        dataclasses.replace(row, result=dataclasses.replace(row.result, lower=LIE)) for row in small.checked.separated
    ]
    parts = {"questions": tuple(questions), "separated": tuple(separated)}
    certificates = {name: lie(certificate) for name, certificate in small.checked.certificates.items()}
    lying = dataclasses.replace(small.checked, **parts, certificates=certificates)
    told = Page(dataclasses.replace(small, checked=lying).render())
    assert "777777" not in told.text
    assert told.text == Page(small.render()).text


def lie(certificate):
    """Every number of the claim replaced."""
    claim = {key: LIE if isinstance(value, Fraction) else value for key, value in certificate.claim.items()}
    assert claim != certificate.claim
    return nctheory.Certificate(claim, certificate.witness)


def test_other_verdicts_give_other_numbers(small, undrawn):
    other = html_report("other", nctheory.Configuration(nctheory.orthoplex(4, 3)), verify=True)
    name = "nearest_mean-exponent"
    verdicts = {**small.checked.verdicts, name: other.checked.verdicts[name]}
    swapped = dataclasses.replace(small, checked=dataclasses.replace(small.checked, verdicts=verdicts))
    rows = [row for row in Page(swapped.render()).text.split("nearest mean") if row.startswith("average")]
    assert rows[0].startswith("average0.25"), "the exponent of the orthoplex"
    assert verdicts[name].statement in html.unescape(swapped.render())


def test_without_verdicts_nothing_is_called_certified(undrawn):
    text = html_report("unchecked", nctheory.Features(ETF, range(4), ETF), verify=False).render()
    assert "certified" not in text.lower()
    assert "Exact arithmetic, not re-checked" in text
    assert "Not re-checked: network-exponent" in text


def test_certificates_in_the_page_are_the_files_that_the_kernel_accepts(small, undrawn):
    links = Page(small.render()).all("a")
    found = {link["download"]: base64.b64decode(link["href"].partition(",")[2]) for link in links}
    assert set(found) == {f"{name}.json" for name in small.checked.certificates}
    for name, content in found.items():
        assert kernel.check(content).statement == small.checked.verdicts[name.removesuffix(".json")].statement


def test_what_is_too_large_is_named(sample, sample_page):
    assert len(sample.checked.certificates["separation-centered"].encode()) > 1 << 20
    assert "Too large for this page: separation-as_given, separation-centered." in sample_page
    assert "separation-centered.json" not in sample_page


# ------------------------------------------------------------------------------------------------- what is on the page


def test_one_file_that_asks_for_nothing(sample_page):
    found = Page(sample_page)
    assert len(sample_page.encode()) < 3_000_000
    assert {"script", "link", "iframe", "object", "base", "form"}.isdisjoint(tag for tag, _ in found.tags)
    for _, attributes in found.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "srcset"):
            assert attributes.get(name, "data:").startswith("data:")
    assert "url(" not in sample_page
    assert "@import" not in sample_page
    (policy,) = [each["content"] for each in found.all("meta") if each.get("http-equiv")]
    assert policy.startswith("default-src 'none'")
    assert "width=device-width" in [each.get("content", "").partition(",")[0] for each in found.all("meta")]


def test_every_picture_says_what_it_shows_with_its_main_number(sample, sample_page):
    images = Page(sample_page).all("img")
    assert len(images) == 2 * 7, "series, two maps of inner products, geometry, margins, exponents, errors; twice each"
    words = list(dict.fromkeys(image["alt"] for image in images))
    assert len(words) == 7
    exponent = float(sample.checked.questions[0].result.details.exponent.lower)
    distances = nctheory.separation.margins(sample.checked.data, norm="weights")
    variability = sample.series.column("variability")
    expected = (
        f"from {variability[0]:.3g} to {variability[-1]:.3g}",
        f"{np.abs(sample.comparison.measured_means_gram - sample.comparison.predicted_means_gram).max():.3g}",
        f"by {sample.comparison.gram_distance_weights:.3g} in Frobenius norm",
        f"{nctheory.pictures.shown_share(sample.checked.data.class_means):.1%}",
        f"the smallest is {distances.min():.4g}, and 0 are not",
        f"the smallest is {exponent:.6g}, class 4 taken for class 6",
        f"exact exponent {exponent:.6g}",
    )
    for alternative, number in zip(words, expected, strict=True):
        assert number in alternative


def test_the_tables_hold_what_was_measured_and_compared(sample, sample_page):
    text = Page(sample_page).text
    for _, name, value, convention in sample.checked.collapse.metrics():
        assert f"{name}{value:.6g}{convention}" in text
    for name, *numbers in sample.comparison.rows():
        assert f"{name}{''.join(f'{number:.6g}' for number in numbers)}" in text
    assert "Prediction: the least norms that separate classes of these sizes in dimension 32, with a free bias." in text
    for noise in sample.curve.noises:
        assert f"{noise:.6g}" in text


def test_a_fitted_model_is_what_the_layer_is_compared_with(small, undrawn):
    text = Page(small.render()).text
    assert "the optimum of the fitted model with the loss ce" in small.prediction
    assert "Unconstrained features" in text
    assert "penaltyfittedresiduallambda_W" in text


def test_the_same_page_each_time():
    points = nctheory.Configuration(ETF)
    assert html_report("again", points).render() == html_report("again", points).render()


@pytest.mark.parametrize(
    ("points", "words", "pictures"),
    [
        (nctheory.Configuration(ETF), "Class means only", 4),
        (nctheory.exact_simplex_etf(4), "the largest exponent that is known", 4),
        (nctheory.Features(2 * ETF, range(4)), "nearest mean", 4),
        (nctheory.Features([[1.0], [-1.0], [-2.0]], [0, 0, 1], [[-1.0], [1.0]]), "The exponent is 0", 5),
        (nctheory.Features([[1.0], [2.0], [-1.0]], range(3), [[1.0], [3.0], [-1.0]]), "no prediction to compare", 3),
        (nctheory.Features(np.zeros((3, 2)), range(3), np.zeros((3, 2))), "undefined", 3),
        (nctheory.Features(1e-160 * ETF, range(4), ETF), "too small or too large for a picture", 5),
    ],
    ids=["means", "gram", "no classifier", "wrong", "on a line", "all zero", "tiny"],
)
def test_whatever_a_layer_lacks_is_said(undrawn, points, words, pictures):
    text = html_report("odd", points).render()
    assert words in text
    assert text.count('<img class="wide"') == text.count('<img class="narrow"') == pictures


def test_more_classes_than_are_quick_are_said(undrawn):
    means = np.random.default_rng(0).normal(size=(201, 3))
    assert "More than 200 classes take long" in html_report("many", nctheory.Configuration(means)).render()


def test_hostile_names_are_text(undrawn):
    text = html_report(HOSTILE, nctheory.Configuration(ETF)).render()
    found = Page(text)
    assert "script" not in dict(found.tags)
    shown = "<script>alert('1')</script>\"&amp; \\x00\\x1b[31m\\u202e\\udcff.npz"
    assert found.text.count(shown) == 2, "title and heading"
    text.encode("utf-8")


# ----------------------------------------------------------------------------------------------------------- by itself


def test_parts_of_a_page_are_escaped():
    assert page.escaped("<&\"'\n") == "&lt;&amp;&quot;&#x27;\\n"
    parts = page.table(["<a>"], [["<b>"]]) + page.items(["<i>"]) + page.tiles([("<u>", "<s>")]) + page.paragraph("<p>")
    assert not {"<a>", "<b>", "<i>", "<u>", "<s>", "<p><p>"} & set(re.findall("<[^>]*>", parts))
    assert 'download="&lt;x&gt;"' in page.download("<x>", b"{}")
    picture = page.Picture(figure(2, 2), '"<x>', "<y>")
    picture.figure.subplots()
    assert 'alt="&quot;&lt;x&gt;"' in picture.markup()
    assert "<y>" not in picture.markup()


def test_a_dollar_in_a_name_is_no_placeholder():
    assert "<title>$body $x</title>" in page.page("$body $x", ["<p>$title</p>"])


# ------------------------------------------------------------------------------------------------------ command line


@pytest.fixture
def nc(capsys, monkeypatch):
    return lambda *arguments: called(capsys, monkeypatch, *arguments)


def test_the_command_writes_the_file(nc, tmp_path):
    np.savez(tmp_path / "etf.npz", features=ETF, labels=range(4), weights=ETF)
    code, out, err = nc("report", tmp_path / "etf.npz", "-o", tmp_path / "out.html", "--loss", "ce")
    assert (code, err) == (0, "")
    assert re.fullmatch(r".*out\.html: [0-9.]+ MB, opens in any browser\n", out)
    written = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert written.startswith("<!DOCTYPE html>")
    assert "Unconstrained features" in written
    assert "NC1 to NC4 along" not in written
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_series_has_its_trajectories_whatever_the_layout(nc, tmp_path):
    snapshots = {f"{name}_{epoch}": (epoch * ETF + 0.1).T for name in "HW" for epoch in (1, 2)}
    np.savez(tmp_path / "series.npz", y=range(4), **snapshots)
    out = tmp_path / "out.html"
    assert nc("report", tmp_path / "series.npz", "--layout", "columns", "--epoch", "1", "-o", out)[0] == 0
    assert "NC1 to NC4 along 2 epochs: from epoch 1 to 2" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{file}", "-o", "{file}"], "have the same name twice"),
        (["{file}", "-o", "{folder}"], "is no regular file"),
        (["{file}", "-o", "{folder}/no/out.html"], "cannot be written"),
        (["{folder}/none.npz", "-o", "{folder}/out.html"], "no such file"),
        (["{file}", "-o", "{folder}/out.html", "--loss", "x"], "'x'"),
    ],
)
def test_what_cannot_be_written_or_read_is_said_before_any_work(nc, tmp_path, arguments, words):
    np.savez(tmp_path / "etf.npz", class_means=ETF)
    filled = [part.format(file=tmp_path / "etf.npz", folder=tmp_path) for part in arguments]
    code, _, err = nc("report", *filled)
    assert code == 2
    assert words in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["etf.npz"]


def test_without_matplotlib_there_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match="pip install 'nctheory"):
        html_report("x", nctheory.Configuration(ETF))


# ---------------------------------------------------------------------------------------------------- in a real browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if chromium.found() is None:
        message = "no Chromium is installed: apt-get install chromium"
        pytest.fail(message) if os.environ.get("NCTHEORY_BROWSER") == "required" else pytest.skip(message)
    with chromium.Chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


BROKEN = "[...document.images].filter(image => !image.complete || image.naturalWidth === 0).length"
SHOWN = "[...document.images].filter(image => image.offsetParent !== null).map(image => image.className)"
TOO_WIDE = "document.documentElement.scrollWidth > window.innerWidth"
SMALL = "[...document.querySelectorAll('p, li, td, dt, dd, figcaption')].filter(part => part.offsetParent !== null && "
SMALL += "parseFloat(getComputedStyle(part).fontSize) < 12).length"


@pytest.mark.parametrize(("width", "form"), [(1200, "wide"), (800, "wide"), (390, "narrow"), (320, "narrow")])
def test_a_browser_draws_all_of_it_without_a_word(browser, sample_page, tmp_path, width, form):
    path = tmp_path / "report.html"
    path.write_text(sample_page, encoding="utf-8")
    browser.open(path, width)
    assert browser.messages == []
    assert [url for url in browser.requests if not url.startswith("data:")] == [path.resolve().as_uri()]
    assert browser.evaluate("document.images.length") == 14
    assert browser.evaluate(BROKEN) == 0
    assert browser.evaluate(SHOWN) == [form] * 7
    assert browser.evaluate(TOO_WIDE) is False
    assert browser.evaluate(SMALL) == 0, "nothing is smaller than 12 pixels"
    colors = pixels(browser.screenshot())
    assert len(colors) > 50, "not an empty page"


def pixels(png):
    """The different bytes of the unpacked rows of a PNG."""
    assert png.startswith(b"\x89PNG")
    position, packed = 8, b""
    while position < len(png):
        (length,) = struct.unpack(">I", png[position : position + 4])
        if png[position + 4 : position + 8] == b"IDAT":
            packed += png[position + 8 : position + 8 + length]
        position += 12 + length
    return set(zlib.decompress(packed))


@pytest.mark.parametrize("width", [1200, 390])
def test_it_prints_with_the_wide_pictures(browser, sample_page, tmp_path, width):
    path = tmp_path / "report.html"
    path.write_text(sample_page, encoding="utf-8")
    browser.open(path, width)
    pdf = browser.printed()
    assert pdf.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 5 <= pages <= 12, "narrow pictures would take twice as many"


def test_a_table_that_is_too_wide_scrolls_by_itself(browser, tmp_path):
    path = tmp_path / "wide.html"
    path.write_text(page.page("wide", [page.table(["a", "b"], [["x" * 400, "y" * 400]])]), encoding="utf-8")
    for width in (1200, 390):
        browser.open(path, width)
        assert browser.evaluate(TOO_WIDE) is False
        assert browser.evaluate("document.querySelector('table').scrollWidth") > width


def test_the_hostile_name_runs_nothing(browser, tmp_path):
    path = tmp_path / "hostile.html"
    path.write_text(html_report(HOSTILE, nctheory.Configuration(ETF)).render(), encoding="utf-8")
    browser.open(path)
    assert browser.messages == []
    assert browser.evaluate("document.querySelector('h1').textContent").startswith("<script>alert('1')</script>")


@pytest.mark.parametrize(
    ("markup", "expression", "expected"),
    [
        ('<img src="data:image/png;base64,AAAA">', BROKEN, 1),
        ('<img class="wide" src="data:image/svg+xml,%3Csvg/%3E">', SHOWN, ["wide"]),
        ('<p style="width: 5000px">wide</p>', TOO_WIDE, True),
        ('<p style="font-size: 9px">small</p>', SMALL, 1),
    ],
)
def test_the_checks_of_a_page_see_what_is_wrong(browser, tmp_path, markup, expression, expected):
    path = tmp_path / "wrong.html"
    path.write_text(f"<!DOCTYPE html>{markup}", encoding="utf-8")
    browser.open(path)
    assert browser.evaluate(expression) == expected


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("<script>console.log('heard')</script>", "heard"),
        ("<script>undefined_name()</script>", "Uncaught"),
        ('<img src="https://example.org/x.png">', "Failed to load resource"),
    ],
)
def test_the_checks_of_a_page_hear_what_is_wrong(browser, tmp_path, markup, words):
    path = tmp_path / "wrong.html"
    path.write_text(f"<!DOCTYPE html>{markup}", encoding="utf-8")
    browser.open(path)
    assert any(words in message for message in browser.messages)
    assert ("https://example.org/x.png" in browser.requests) == ("img" in markup)


def test_scripts_and_requests_are_refused_by_the_pages_own_policy(browser, tmp_path):
    path = tmp_path / "policy.html"
    content = "<script>document.title = 'ran'</script><img src='https://example.org/x.png'>"
    path.write_text(page.page("title", [content]), encoding="utf-8")
    browser.open(path)
    assert browser.evaluate("document.title") == "title"
    assert sum("Content Security Policy" in message for message in browser.messages) == 2


def test_certificates_can_be_taken_out_of_the_page(browser, small, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(small.render(), encoding="utf-8")
    browser.open(path)
    href = browser.evaluate("document.querySelector('a[download=\"average-optimum.json\"]').href")
    assert json.loads(base64.b64decode(href.partition(",")[2]))["claim"]["kind"] == "universal_bound"
