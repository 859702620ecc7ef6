import csv
import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

import nctheory
from nctheory import collapse, measuring
from nctheory.errors import InputError
from tests.test_cli import called

ETF = nctheory.simplex_etf(3)
PLAIN = nctheory.Features(2 * ETF, range(3))


@pytest.fixture
def nc(capsys, monkeypatch):
    return lambda *arguments: called(capsys, monkeypatch, *arguments)


@pytest.fixture
def files(tmp_path):
    """A point with a classifier, class means alone, and a series of two epochs."""
    np.savez(tmp_path / "point.npz", features=ETF, labels=range(3), weights=ETF)
    np.savez(tmp_path / "means.npz", class_means=ETF)
    noise = 0.1 * np.random.default_rng(0).normal(size=(6, 2))
    points = np.repeat(ETF, 2, axis=0)
    np.savez(tmp_path / "series.npz", y=np.repeat(range(3), 2), H_3=points + noise, H_7=points, W_3=ETF, W_7=ETF)
    return tmp_path


def text_of(found):
    stream = io.StringIO()
    found.render(Console(file=stream, width=400))
    return stream.getvalue()


def test_one_epoch_is_told_in_full_with_every_convention():
    data = nctheory.load(nctheory.sample_path())
    text = text_of(measuring.measurement("digits.npz", data))
    assert text.startswith("digits.npz: 10 classes, 1797 samples; g is the mean of class means")
    for _, name, value, convention in collapse.measure(data, covariance=True).metrics():
        (line,) = [line for line in text.splitlines() if line.startswith(f"{name}  ")]
        assert line.split() == [*name.split(), f"{value:.6g}", *convention.split()]
    (row,) = [line.split() for line in text.splitlines() if line.startswith("4  ")]
    assert row[:2] == ["4", "181"], "classes have their rows"


def test_the_center_is_that_which_was_asked_for():
    points = nctheory.Features([[0.0], [0.0], [3.0]], [0, 0, 1])
    text = text_of(measuring.measurement("x", points, center="sample"))
    assert "g is the sample mean" in text
    rows = [line.split() for line in text.splitlines() if line[:2] in ("0 ", "1 ")]
    assert [row[2] for row in rows] == ["1", "2"], "distances from 1, where the sample mean is"


def test_of_many_classes_the_first_are_shown():
    text = text_of(measuring.measurement("many", nctheory.Features(np.eye(40), range(40))))
    assert "... and 10 more classes: --json has all of them" in text


def test_a_series_has_a_row_for_each_epoch():
    series = collapse.measure_series(nctheory.sample_path())
    text = text_of(measuring.measurement("digits.npz", series))
    rows = [line.split() for line in text.splitlines() if line.split()[:1] in (["0"], ["10"], ["100"], ["1000"])]
    assert [row[0] for row in rows] == ["0", "10", "100", "1000"]
    assert [row[2] for row in rows] == [f"{value:.6g}" for value in series.column("variability")]
    assert "NC1: tr(Sigma_W pinv(Sigma_B)) / K" in text


def test_json_has_every_field_and_null_where_there_is_no_number():
    found = collapse.measure(PLAIN, covariance=True)
    document = json.loads(measuring.measurement("plain", PLAIN, epoch=5).as_json())
    assert (document["format"], document["version"], document["command"]) == (1, nctheory.__version__, "measure")
    assert (document["source"], document["num_classes"], document["num_samples"]) == ("plain", 3, 3)
    (measured,) = document["epochs"]
    assert measured.pop("epoch") == 5
    assert set(measured) == set(document["conventions"])
    assert measured["self_duality"] is None
    assert measured["gram_floor"] == 0
    assert measured["per_class_norms_means"] == pytest.approx(found.per_class_norms_means.tolist(), rel=1e-15)
    assert measured["cdnv_pairs"][1] == [0, None, 0]


def test_json_writes_infinities_as_words():
    apart = nctheory.Features([[1.0], [-1.0], [1.0], [-1.0]], [0, 0, 1, 1])
    (measured,) = json.loads(measuring.measurement("same means", apart).as_json())["epochs"]
    assert measured["cdnv_mean"] == "inf"


def test_csv_has_every_number_in_full_and_nothing_where_there_is_none():
    series = collapse.Series((2, 4), (collapse.measure(PLAIN), collapse.measure(nctheory.Features(ETF, range(3), ETF))))
    rows = list(csv.DictReader(io.StringIO(measuring.measurement("x", series).as_csv())))
    assert [row["epoch"] for row in rows] == ["2", "4"]
    for row, found in zip(rows, series.collapses, strict=True):
        for field, _, value, _ in found.metrics():
            assert row[field] == "" if math.isnan(value) else float(row[field]) == value
    assert rows[0]["self_duality"] == "" != rows[1]["self_duality"]


def test_class_means_alone_are_refused():
    with pytest.raises(InputError, match="x has class means only, expected features"):
        measuring.measurement("x", nctheory.Configuration(ETF))


# ------------------------------------------------------------------------------------------------------ command line


def test_the_command_measures_the_network_in_the_package(nc):
    code, out, err = nc("measure")
    assert (code, err) == (0, "")
    assert "NC1 within-class variability" in out
    assert "0.00059401" in out


def test_the_command_writes_series_in_three_forms(nc, files):
    code, text, _ = nc("measure", files / "series.npz", "--series")
    assert code == 0
    assert [line.split()[0] for line in text.splitlines() if line[:1] in "37" and line] == ["3", "7"]
    as_csv = nc("measure", files / "series.npz", "--series", "--csv")[1]
    assert [line.partition(",")[0] for line in as_csv.splitlines()] == ["epoch", "3", "7"]
    as_json = json.loads(nc("measure", files / "series.npz", "--series", "--json", "--center", "sample")[1])
    assert [each["epoch"] for each in as_json["epochs"]] == [3, 7]
    assert as_json["center"] == "sample"
    one = json.loads(nc("measure", files / "series.npz", "--epoch", "3", "--json")[1])
    assert [each["epoch"] for each in one["epochs"]] == [3]
    assert one["epochs"][0]["variability"] == as_json["epochs"][0]["variability"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["means.npz"], "has class means only"),
        (["point.npz", "--series"], "holds no snapshots"),
        (["series.npz", "--series", "--epoch", "3"], "--series and --epoch 3 are both given"),
        (["point.npz", "--json", "--csv"], "--csv and --json are both given"),
        (["point.npz", "--center", "x"], "--center is 'x', expected one of class, sample"),
    ],
)
def test_what_makes_no_measurement_is_refused(nc, files, arguments, words):
    code, out, err = nc("measure", files / arguments[0], *arguments[1:])
    assert (code, out) == (2, "")
    assert words in err
