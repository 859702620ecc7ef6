import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import InvalidStateError
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import nctheory
from nctheory import cli, kernel
from nctheory.cli import shared

ROOT = Path(__file__).parents[1]


def run(*arguments, stdin=None, **environment):
    """The command line as a user has it: its own process, exit code, output and error."""
    return subprocess.run(
        [sys.executable, "-m", "nctheory", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def called(capsys, monkeypatch, *arguments):
    """The same in this process, which is quicker."""
    monkeypatch.setattr(sys, "argv", ["nctheory", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_code:
        cli.main()
    captured = capsys.readouterr()
    return int(exit_code.value.code or 0), captured.out, captured.err


@pytest.fixture
def nc(capsys, monkeypatch):
    return lambda *arguments: called(capsys, monkeypatch, *arguments)


@pytest.fixture
def features_file(tmp_path):
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    features = nctheory.simplex_etf(3, 4, seed=0)[labels] + 0.05 * generator.standard_normal((60, 4))
    path = tmp_path / "features.npz"
    np.savez(path, features=features, labels=labels, weights=nctheory.simplex_etf(3, 4, seed=0), bias=np.zeros(3))
    return path


# ------------------------------------------------------------------------------------------------------------- check


def test_the_main_job_as_a_user_runs_it():
    done = run("check")
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        "1797 samples, 10 classes",
        "NC1",
        "What would improve it most",
        "NC4 mismatch",
        "training error",
        "5/18",
        "improvable",
    ):
        assert words in done.stdout
    assert "Certified: the kernel has re-checked the 12 certificates" in done.stdout
    assert "centered  free  136.471  0.884018  certified " in done.stdout
    assert "\x1b" not in done.stdout, "no colors in a pipe"


def test_json_has_exact_numbers_inside_outward_rounded_floats(nc, features_file):
    code, out, _ = nc("check", features_file, "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["format"], document["version"], document["command"]) == (1, nctheory.__version__, "check")
    assert [(row["decoder"], row["energy_constraint"]) for row in document["channel"]] == [
        (decoder, energy) for decoder in ("network", "nearest_mean") for energy in ("average", "bounded")
    ]
    for row in document["channel"]:
        assert row["certified"]
        assert row["optimum"]["exact"] == "3/8"
        for number in (row["exponent"], row["energy"], row["ratio"]["lower"], row["optimum"]):
            exact = Fraction(number["exact"])
            assert number["lower"] <= exact <= number["upper"]
            assert number["upper"] <= np.nextafter(number["lower"], np.inf)
        exponent, energy = Fraction(row["exponent"]["exact"]), Fraction(row["energy"]["exact"])
        assert Fraction(row["ratio"]["lower"]["exact"]) == exponent / energy / Fraction(3, 8)


def test_certificates_are_written_and_rechecked_by_a_bare_python(nc, features_file, tmp_path):
    folder = tmp_path / "certificates"
    code, out, _ = nc("check", features_file, "-o", folder)
    assert code == 0
    assert f"certificates are in {folder}" in out
    written = sorted(folder.glob("*.json"))
    assert [path.stem for path in written] == [
        "average-optimum",
        "bounded-optimum",
        "nearest_mean-average-gap",
        "nearest_mean-average-improvement",
        "nearest_mean-bounded-gap",
        "nearest_mean-bounded-improvement",
        "nearest_mean-exponent",
        "network-average-gap",
        "network-average-improvement",
        "network-bounded-gap",
        "network-bounded-improvement",
        "network-exponent",
        "separation-as_given",
        "separation-centered",
    ]
    alone = shutil.copy(ROOT / "nctheory" / "kernel.py", tmp_path / "alone.py")
    done = subprocess.run([sys.executable, "-I", "-S", alone, *written], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": valid: ") == 14


def test_without_verifying_nothing_is_called_certified(nc, features_file):
    _, out, _ = nc("check", features_file, "--no-verify")
    assert "certified" not in out.lower()
    assert "Exact arithmetic, not re-checked" in out
    _, out, _ = nc("check", features_file, "--no-verify", "--json")
    assert not any(row["certified"] for row in json.loads(out)["channel"])


def test_class_means_only(nc, tmp_path):
    path = tmp_path / "means.npz"
    np.savez(path, class_means=nctheory.simplex_etf(5))
    code, out, _ = nc("check", path)
    assert code == 0
    assert "NC1 to NC4 need features" in out
    assert out.count("near_optimal") == 2
    assert "1 - " in out
    assert "network" not in out


def test_snapshots_are_chosen(nc):
    _, early, _ = nc("check", "--epoch", 0)
    assert "training error                  0 " not in early
    code, _, error = nc("check", "--epoch", 3)
    assert code == 2
    assert "holds no epoch 3, only [0, 10, 100, 1000]" in error


@pytest.mark.parametrize(("ratio", "code"), [("0.9", 0), ("9/10", 0), ("0.999999", 1), ("1", 1)])
def test_require(nc, ratio, code):
    assert nc("check", "--require", ratio)[0] == code


def test_require_is_undecided_where_the_bracket_holds_the_ratio(nc, tmp_path):
    path = tmp_path / "polygon.npz"
    angles = 2 * np.pi * np.arange(7) / 7
    np.savez(path, class_means=np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert nc("check", path, "--require", "0.9")[0] == 3
    assert nc("check", path, "--require", "0.1")[0] == 0


def test_columns(nc, features_file, tmp_path):
    with np.load(features_file) as data:
        turned = {key: data[key].T for key in data}
    path = tmp_path / "turned.npz"
    np.savez(path, **turned)
    assert (
        nc("check", path, "--layout", "columns")[1].splitlines()[1:] == nc("check", features_file)[1].splitlines()[1:]
    )


# ---------------------------------------------------------------------------------------------------------- bad input


def archive(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in members.items():
            stream = io.BytesIO()
            np.save(stream, array)
            file.writestr(f"{name}.npy", stream.getvalue())


GOOD = {"H": np.array([[1.0, 0], [0, 1], [1, 1]]), "y": np.array([0, 1, 1])}
BAD = {
    "nan": (
        {**GOOD, "H": np.full((3, 2), np.nan)},
        "features has 6 entries that are not finite, the first nan at (0, 0)",
    ),
    "shape": ({**GOOD, "W": np.eye(3)}, "weights has shape (3, 3), expected (3, 2) to match features"),
    "range": ({**GOOD, "y": np.array([0, 1, 2]), "W": np.eye(2)}, "labels[2] is 2, expected 0 ... 1 to match weights"),
    "fraction": ({**GOOD, "y": np.array([0, 1, 0.5])}, "labels[2] is 0.5, expected integers"),
    "absent": ({**GOOD, "y": np.array([0, 2, 2])}, "labels has no sample of class 1"),
    "one class": ({**GOOD, "y": np.array([0, 0, 0])}, "bad.npz has one class, expected at least two"),
    "no samples": ({"H": np.zeros((0, 2)), "y": np.zeros(0, int)}, "features has shape (0, 2)"),
    "no classes": ({"M": np.zeros((0, 2))}, "class_means has shape (0, 2), expected at least one class"),
    "complex": ({**GOOD, "H": np.zeros((3, 2), complex)}, "features has dtype complex128, expected real numbers"),
    "misspelt": ({**GOOD, "weight": np.eye(2)}, "holds the key 'weight'; if 'weights' is meant, rename it"),
    "columns": ({**GOOD, "H": np.zeros((2, 3))}, "are its points columns? Then say layout='columns'"),
    "from 1": ({**GOOD, "y": np.array([1, 2, 2]), "W": np.eye(2)}, "do the labels start at 1?"),
    "keys": ({"a": np.eye(2)}, "holds the keys ['a'], expected features"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arrays_end_in_one_line_and_exit_code_2(nc, tmp_path, case):
    members, message = BAD[case]
    path = tmp_path / "bad.npz"
    archive(path, **members)
    code, out, error = nc("check", path)
    assert (code, out) == (2, "")
    assert error.startswith("nctheory: ")
    assert message in error
    assert error.count("\n") == 1
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), (b"", "not an .npz archive"), (b"PK\x03\x04 truncated", "not an .npz archive")],
)
def test_bad_files(nc, tmp_path, content, message):
    path = tmp_path / "bad.npz"
    if content is not None:
        path.write_bytes(content)
    code, _, error = nc("check", path)
    assert code == 2
    assert message in error


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.int8])
def test_small_number_types_give_the_right_answer(nc, tmp_path, kind):
    path = tmp_path / "small.npz"
    archive(path, M=np.array([[3, 4], [-3, -4]], dtype=kind))
    code, out, _ = nc("check", path, "--json")
    assert code == 0
    assert json.loads(out)["channel"][0]["exponent"]["exact"] == "25/2"


@pytest.mark.parametrize("scale", [1e-310, 1e300])
def test_extreme_numbers_give_the_right_answer(nc, tmp_path, scale):
    path = tmp_path / "extreme.npz"
    archive(path, H=scale * np.array([[1.0, 0], [-1, 0], [1, 0]]), y=np.array([0, 1, 0]))
    code, out, _ = nc("check", path, "--json")
    row = json.loads(out)["channel"][0]
    assert code == 0
    assert row["ratio"]["lower"]["exact"] == "1"
    assert Fraction(row["exponent"]["exact"]) == Fraction(scale) ** 2 / 2
    assert row["exponent"]["upper"] == ("inf" if scale > 1 else 5e-324)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "--require", "most"), "--require is 'most', expected a ratio"),
        (("check", "--require", "1/0"), "--require is '1/0'"),
        (("check", "--layout", "diagonal"), "layout is 'diagonal', expected 'rows' or 'columns'"),
        (("check", "--epoch", "x"), "Invalid value for '--epoch'"),
        (("chek",), "No such command"),
        (("check", "--require", "2"), "--require is '2', expected a ratio from 0 to 1"),
        (("check", "--require", "1e99999999"), "--require is '1e99999999'"),
        (("check", "-o", "/proc/nctheory"), "-o /proc/nctheory cannot be made"),
        (("check", "-o", __file__), "is a file, expected a folder"),
        (("recheck", "x.json", "--against", "absent.npz"), "absent.npz: no such file"),
    ],
)
def test_bad_options_end_in_exit_code_2(nc, arguments, message):
    code, _, error = nc(*arguments)
    assert code == 2
    assert message in error
    assert "Traceback" not in error


def test_an_unexpected_error_is_one_line_too(nc, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr(nctheory, "load", broken)
    code, _, error = nc("check")
    assert code == 2
    assert error == "nctheory: internal error, please report it: ZeroDivisionError: surprise\n"


def test_ctrl_c_and_closed_pipes(nc, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(nctheory, "load", interrupted)
    assert nc("check")[0] == 130
    done = subprocess.run(
        f"{sys.executable} -m nctheory check | head -c 1", shell=True, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 0


def test_version_and_help(nc):
    assert nc("--version")[1].strip() == nctheory.__version__
    assert "recheck" in nc("--help")[1]


# ------------------------------------------------------------------------------------------------------------ recheck


def test_recheck_prints_the_claim_and_the_worst_exit_code(nc, tmp_path):
    good = tmp_path / "good.json"
    nctheory.channel.exponent([[1, 0], [0, 1]]).certificate.save(good)
    wrong, broken = tmp_path / "wrong.json", tmp_path / "broken.json"
    wrong.write_text(good.read_text().replace('"1/4"', '"1/5"'))
    broken.write_text(good.read_text()[:-9])
    code, out, _ = nc("recheck", good)
    assert code == 0
    assert out.startswith(f"{good}: valid: the configuration with sha256")
    assert "has exponent exactly 1/4" in out
    code, out, _ = nc("recheck", good, wrong)
    assert code == 1
    assert f"{wrong}: invalid: the exponent is 1/4, not 1/5" in out
    code, out, _ = nc("recheck", broken, wrong, tmp_path / "absent.json")
    assert code == 2
    assert out.count("malformed") == 2


def test_recheck_reads_standard_input(tmp_path):
    text = nctheory.channel.optimum(4).certificate.encode().decode()
    done = run("recheck", "-", stdin=text)
    assert done.returncode == 0
    assert "at most 1/3" in done.stdout


def test_recheck_against_the_data(nc, features_file, tmp_path):
    folder = tmp_path / "certificates"
    nc("check", features_file, "-o", folder)
    code, out, _ = nc("recheck", folder / "network-average-gap.json", "--against", features_file)
    assert code == 0
    assert "[centered by the mean of class means, linear decoder]" in out
    code, out, _ = nc("recheck", folder / "nearest_mean-exponent.json", "--against", features_file)
    assert "[centered by the mean of class means, nearest_mean decoder]" in out
    code, out, _ = nc("recheck", folder / "network-average-gap.json", "--against", nctheory.sample_path())
    assert code == 1
    assert "invalid: it is not about that configuration" in out
    everything = sorted(folder.glob("*.json"))
    code, out, _ = nc("recheck", *everything, "--against", features_file)
    assert code == 0, "a bound for all configurations is about none in particular, and stays valid"
    assert out.count(": valid: ") == len(everything)


def test_nothing_to_recheck(nc):
    assert nc("recheck")[0] == 2
    assert kernel.main([]) == 2


def test_require_says_which_row_falls_short(nc):
    code, _, error = nc("check", "--require", "0.96")
    assert code == 1
    assert error.count("\n") == 2
    assert "--require 0.96 fails for network, bounded energy: ratio 0.945" in error


def test_certificates_of_two_checks_are_not_mixed(nc, features_file, tmp_path):
    folder = tmp_path / "certificates"
    nc("check", features_file, "-o", folder)
    assert nc("check", features_file, "-o", folder)[0] == 0
    perfect = tmp_path / "perfect.npz"
    archive(perfect, M=nctheory.orthoplex(4, 2))
    code, _, error = nc("check", perfect, "-o", folder)
    assert code == 2
    assert "from another check; nothing was written" in error


def test_a_certificate_that_is_too_large_is_named(nc, features_file, tmp_path, monkeypatch):
    monkeypatch.setattr(kernel, "MAX_BYTES", 500)
    code, out, error = nc("check", features_file, "--no-verify", "-o", tmp_path / "certificates")
    assert code == 2
    assert "network-exponent was not written" in error
    assert "2 certificates are in" in out


def test_recheck_against_a_file_in_columns(nc, features_file, tmp_path):
    with np.load(features_file) as data:
        turned = {key: data[key].T for key in data}
    path = tmp_path / "turned.npz"
    np.savez(path, **turned)
    nc("check", features_file, "-o", tmp_path / "c")
    assert nc("recheck", tmp_path / "c" / "network-exponent.json", "--against", path, "--layout", "columns")[0] == 0


def test_a_narrow_terminal_loses_nothing():
    script = f"COLUMNS=80 script -qec '{sys.executable} -m nctheory check' /dev/null"
    if shutil.which("script") is None:
        return
    done = subprocess.run(script, shell=True, capture_output=True, text=True, check=False)
    assert "…" not in done.stdout
    assert "0.964128" in done.stdout
    assert "improvable" in done.stdout


def test_a_full_disk_is_one_line(features_file):
    if not Path("/dev/full").exists():
        return
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nctheory", "check", features_file],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert "Traceback" not in done.stderr


# ----------------------------------------------------------------------------------------------------------- optimum


LANDSCAPE = "landscape", "--class-sizes", "5,5", "--lambda-w"


def test_optimum_of_separation(nc, tmp_path):
    folder = tmp_path / "certificates"
    code, out, err = nc("optimum", "separation", "--class-sizes", "500,500,50", "-o", folder)
    assert (code, err) == (0, "")
    assert "10*sqrt(2) + 10*sqrt(5) = 36.5028153987288" in out
    assert "below 3.6502815398728" in out
    code, out, _ = nc("recheck", *sorted(folder.glob("*.json")))
    assert code == 0
    assert out.count(": valid: ") == 2


def test_what_has_no_certificate_is_not_offered_for_rechecking(nc, tmp_path):
    code, out, _ = nc("optimum", "separation", "--class-sizes", "1,1,1", "--dimension", "1", "-o", tmp_path / "none")
    assert code == 0
    assert "recheck" not in out


def test_optimum_of_the_channel(nc):
    code, out, _ = nc("optimum", "channel", "--classes", "10", "--dimension", "9", "--json")
    assert code == 0
    document = json.loads(out)
    assert (document["question"], document["exact"], document["status"]) == ("channel", "5/18", "optimal")
    assert len(document["certified"]) == 2


def test_optimum_with_a_free_bias(nc):
    code, out, _ = nc("optimum", "separation", "--class-sizes", "1, 3", "--bias", "--json")
    assert code == 0
    document = json.loads(out)
    assert (document["free_bias"], document["exact"]) == (True, "sqrt(6)/2")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("separation", "--class-sizes", "1,0"), "class_sizes[1] is 0"),
        (("separation", "--class-sizes", "-1,2"), "class_sizes[0] is -1"),
        (("separation", "--class-sizes", "1.5,2"), "--class-sizes has '1.5'"),
        (("separation", "--class-sizes", ""), "--class-sizes has ''"),
        (("separation", "--class-sizes", "7"), "at least two classes"),
        (("separation", "--class-sizes", "1,2", "--dimension", "0"), "dimension is 0"),
        (("separation", "--class-sizes", "1,2", "--dimension", "9" * 20), "expected at most 10000"),
        (("channel", "--classes", "3", "--dimension", "9" * 20), "expected at most 10000"),
        (("channel", "--classes", "0"), "num_classes is 0"),
        (("channel", "--classes", "1"), "expected at least two"),
        (("channel", "--classes", "3", "--energy", "total"), "energy is 'total'"),
        ((*LANDSCAPE, "0", "--lambda-h", "1"), "lambda_W is 0, expected a positive number: no minimizer exists"),
        ((*LANDSCAPE, "-1", "--lambda-h", "1"), "lambda_W is -1, expected a positive number: F falls without end"),
        ((*LANDSCAPE, "1", "--lambda-h", "0.1x"), "--lambda-h is '0.1x', expected a number such as 5e-4"),
        ((*LANDSCAPE, "nan", "--lambda-h", "1"), "--lambda-w is 'nan'"),
        ((*LANDSCAPE, "1/0", "--lambda-h", "1"), "--lambda-w is '1/0'"),
        ((*LANDSCAPE, "1e999", "--lambda-h", "1"), "--lambda-w is 1e999, expected 0 or a size from 1e-300 to 1e300"),
        ((*LANDSCAPE, "1", "--lambda-h", "1e-400"), "--lambda-h is 1e-400, expected 0 or a size"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--lambda-b", "1"), "--lambda-b is 1, expected only with --bias"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--bias", "--lambda-b", "-1"), "lambda_b is -1, expected 0"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--loss", "hinge"), "loss is 'hinge', expected one of ce, "),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--loss", "focal:-1"), "gamma is -1.0"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--class-weights", "1"), "class_weights has shape (1,), expected (2,)"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--class-weights", "1,-1"), "class_weights[1] is -1"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--dimension", "0"), "dimension is 0"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--dimension", "20000"), "expected at most 10000"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--plot", "picture.txt"), "--plot picture.txt ends in '.txt'"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--plot", "no/folder.png"), "--plot no/folder.png cannot be written"),
        ((*LANDSCAPE, "1"), "--lambda-h is missing, expected a penalty such as 5e-4"),
        (("landscape", "--lambda-w", "1", "--lambda-h", "1"), "--class-sizes is missing"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--features", "positive"), "features is 'positive', expected one of"),
        ((*LANDSCAPE, "1", "--features", "sphere", "--temperature", "1"), "--lambda-w is 1, expected none: on spheres"),
        (("landscape", "--class-sizes", "5,5", "--features", "sphere"), "temperature is missing"),
        (("landscape", "--class-sizes", "5,5", "--features", "sphere", "--temperature", "0"), "temperature is 0"),
        (
            ("landscape", "--class-sizes", "5,5", "--features", "sphere", "--temperature", "hot"),
            "--temperature is 'hot'",
        ),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--temperature", "1"), "temperature is 1, expected none"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--depth", "0"), "depth is 0"),
        (
            (*LANDSCAPE, "1", "--lambda-h", "1", "--depth", "2", "--loss", "focal:2"),
            "loss focal:2 for this model: deep",
        ),
        ((*LANDSCAPE, "1,2,3", "--lambda-h", "1", "--depth", "2"), "expected a number, or one for each of 2 matrices"),
        ((*LANDSCAPE, "1,2", "--lambda-h", "1"), "lambda_W"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--activation", "relu"), "activation is 'relu' with one matrix"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--labels", "none.txt"), "none.txt"),
        (("landscape", "--labels", "none.txt", "--lambda-w", "1", "--lambda-h", "1", "--loss", "mse"), "--loss is mse"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--normalized"), "--normalized is given, expected only with --labels"),
        ((*LANDSCAPE, "1", "--lambda-h", "1", "--depth", "2000"), "depth is 2000, expected at most 1000"),
    ],
)
def test_bad_questions_end_in_one_line(nc, arguments, message):
    code, out, err = nc("optimum", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said", "certified"),
    [
        (("--loss", "focal:2"), "balanced focal loss", False),
        (("--features", "nonnegative"), "features at least 0", True),
        (("--loss", "mse", "--depth", "2"), "2 weight matrices", False),
        (("--depth", "2"), "ce, 2 weight matrices", False),
        (("--loss", "mse", "--depth", "2", "--activation", "relu"), "ReLU between them", False),
    ],
)
def test_other_models_are_asked_in_the_same_way(nc, tmp_path, arguments, said, certified):
    folder, question = tmp_path / "certificates", ("optimum", "landscape", "--class-sizes", "4,4,4", *arguments)
    code, out, err = nc(*question, "--lambda-w", "1/50", "--lambda-h", "1/100", "-o", folder)
    assert code == 0
    assert said in out
    assert folder.exists() is certified is not bool(err)
    assert certified or "is not made: the kernel knows no claim about this" in err
    if certified:
        assert nc("recheck", *sorted(folder.iterdir()))[0] == 0
    document = json.loads(nc(*question, "--lambda-w", "1/50", "--lambda-h", "1/100", "--json")[1])
    assert document["depth"] == (2 if "--depth" in arguments else 1)
    assert document["configuration"]["layers"] if "--depth" in arguments else "layers" not in document["configuration"]


def test_spheres_have_a_temperature_and_no_penalty(nc, tmp_path):
    question = "optimum", "landscape", "--class-sizes", "100,5,5", "--features", "sphere", "--temperature", "1/2"
    code, out, _ = nc(*question, "-o", tmp_path / "certificates", "--plot", tmp_path / "line.png")
    assert code == 0
    assert "norms 1, temperature 0.5" in out
    assert "minority collapse" in out
    assert nc("recheck", *sorted((tmp_path / "certificates").iterdir()))[0] == 0
    document = json.loads(nc(*question, "--json")[1])
    assert (document["temperature"], document["regularization"]) == ("1/2", [])


def test_label_sets_are_read_from_a_file(nc, tmp_path):
    (tmp_path / "sets.txt").write_text("0\n1\n2\n0 1\n0,2\n1 2\n")
    penalties = "--lambda-w", "1/50", "--lambda-h", "1/100"
    for more, loss in (((), "pal"), (("--normalized",), "pal-normalized")):
        code, out, _ = nc("optimum", "landscape", "--labels", tmp_path / "sets.txt", *penalties, *more)
        assert code == 0
        assert f"3 labels, 6 label sets of 1, 1, 1, 1, 1, 1 samples, dimension 3, {loss}, " in out
        assert "balanced inside each size" in out
        assert "Certified: no weights W and features H" in out
    (tmp_path / "sets.txt").write_text("0\ndog\n")
    code, _, err = nc("optimum", "landscape", "--labels", tmp_path / "sets.txt", *penalties)
    assert code == 2
    assert "dog" in err
    code, _, err = nc("optimum", "landscape", "--labels", tmp_path / "sets.txt", "--class-sizes", "1,2", *penalties)
    assert code == 2


def test_optimum_of_unconstrained_features(nc, tmp_path):
    folder, picture = tmp_path / "certificates", tmp_path / "phases.png"
    question = "optimum", "landscape", "--class-sizes", "5,5,1", "--lambda-w", "0.1", "--lambda-h", "1/50"
    code, out, err = nc(*question, "-o", folder, "--plot", picture)
    assert (code, err) == (0, "")
    assert "3 classes of 5, 5, 1 samples, dimension 3, ce, lambda_W = 0.1, lambda_H = 0.02, no bias" in out
    assert "plus half of (1/10) |W|^2 + (1/50) |H|^2, with no bias" in out, "decimals are read exactly"
    assert out.count("Certified: ") == 2
    assert picture.read_bytes().startswith(b"\x89PNG")
    code, out, _ = nc("recheck", *sorted(folder.glob("*.json")))
    assert code == 0
    assert out.count(": valid: ") == 2


def test_every_option_of_unconstrained_features_reaches_the_model(nc):
    options = "--loss smoothing:0.25 --bias --lambda-b .5 --class-weights 1,2e0,1/2 --dimension 4 --no-verify --json"
    question = "optimum", "landscape", "--class-sizes", "5,5,1", "--lambda-w", "1E-2", "--lambda-h", "5e-02"
    code, out, _ = nc(*question, *options.split())
    document = json.loads(out)
    asked = ("loss", "bias", "regularization", "class_weights", "dimension", "certified")
    expected = ["smoothing:0.25", True, ["1/100", "1/20", "1/2"], [1.0, 2.0, 0.5], 4, []]
    assert (code, [document[name] for name in asked]) == (0, expected)


def test_unconstrained_features_are_checked_with_a_loss(nc, tmp_path):
    folder = tmp_path / "certificates"
    code, out, err = nc("check", "--loss", "ce", "-o", folder)
    assert (code, err) == (0, "")
    plain = nc("check")[1]
    assert out.startswith(plain.rstrip("\n")), "the rest of the report is as without --loss"
    assert "0.0839138        0.0799032        0.952207 to 0.952208  certified      improvable" in out
    assert out.count("\nCertified: ") == 4
    names = [path.stem for path in folder.glob("landscape-*.json")]
    assert sorted(names) == ["landscape-bound", "landscape-improvement", "landscape-objective"]
    sample = nctheory.sample_path()
    code, out, _ = nc("recheck", *sorted(folder.glob("landscape-*.json")), "--against", sample)
    assert code == 0
    assert out.count("with its classifier and class sizes]") == 2
    document = json.loads(nc("check", "--loss", "ce", "--json")[1])["landscape"]
    assert document["certified"]
    assert document["penalties"]["lambda_W"] == pytest.approx(0.00357681, rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "ratio", "code", "message"),
    [
        ("ce", "0.95", 0, ""),
        ("ce", "0.953", 1, "--require-landscape 0.953 fails for the unconstrained-features model"),
        ("focal:2", "0.95", 1, "--require-landscape 0.95 fails for the unconstrained-features model"),
        ("mse", "0.5", 2, "--require-landscape asks for a ratio and there is none, as no unconstrained-features model"),
    ],
)
def test_require_landscape(nc, loss, ratio, code, message):
    found, _, err = nc("check", "--loss", loss, "--require-landscape", ratio, "--no-verify")
    assert found == code
    assert message in err
    assert len(err.splitlines()) == (code > 0)


def test_a_ratio_between_the_ends_is_undecided(nc):
    ratio = json.loads(nc("check", "--loss", "ce", "--no-verify", "--json")[1])["landscape"]["ratio"]
    middle = (Fraction(ratio["lower"]["exact"]) + Fraction(ratio["upper"]["exact"])) / 2
    code, _, err = nc("check", "--loss", "ce", "--no-verify", "--require-landscape", str(float(middle)))
    assert Fraction(ratio["lower"]["exact"]) < Fraction(float(middle)) < Fraction(ratio["upper"]["exact"])
    assert code == 3
    assert "is undecided for the unconstrained-features model" in err


@pytest.mark.parametrize("loss", ["ce", "mse", "bce", "smoothing:0.1", "focal:2"])
@pytest.mark.parametrize("epoch", [0, 1000])
def test_every_loss_has_an_answer_before_and_after_training(nc, loss, epoch):
    code, out, err = nc("check", "--loss", loss, "--epoch", epoch, "--no-verify")
    assert (code, err) == (0, "")
    assert f"Unconstrained features with the loss {loss}, " in out
    assert ("There is no gap: " in out) != ("Networks decay weights" in out)
    assert "certified" not in out.lower()


def test_a_loss_needs_a_classifier(nc, tmp_path):
    path = tmp_path / "means.npz"
    np.savez(path, class_means=nctheory.simplex_etf(5))
    code, out, err = nc("check", path, "--loss", "ce")
    assert (code, out) == (2, "")
    assert "lacks a classifier or class sizes" in err
    code, out, err = nc("check", "--require-landscape", "0.5")
    assert (code, out) == (2, "")
    assert "--require-landscape needs --loss" in err


def test_require_separation(nc, features_file, tmp_path):
    assert nc("check", features_file, "--require-separation", "0.1")[0] == 0
    code, _, err = nc("check", features_file, "--require-separation", "0.99")
    assert code == 1
    assert "--require-separation 0.99 fails for separation, as given" in err
    means = tmp_path / "means.npz"
    np.savez(means, class_means=nctheory.simplex_etf(3))
    code, _, err = nc("check", means, "--require-separation", "0.5")
    assert code == 2
    assert "needs a classifier and class sizes" in err


# ------------------------------------------------------------------------------------------------------- probability


@pytest.fixture
def means_file(tmp_path):
    path = tmp_path / "means.npz"
    means = np.random.default_rng(0).normal(size=(5, 4))
    np.savez(path, class_means=means, class_sizes=np.array([1, 2, 3, 4, 5]))
    return path


def points_of(document):
    """What a run found, without the seconds that it took."""
    document = json.loads(document)
    return [{name: part for name, part in point.items() if name != "seconds"} for point in document["points"]]


@pytest.mark.parametrize(
    "noises",
    [
        ("--noise", "0.1", "0.05", "0.02"),
        ("--noise", "0.1", "--noise", "0.05", "--noise", "0.02"),
        ("--noise=0.1", "0.05", "--seed", "3", "--noise", "0.02"),
        ("--noise", "0.1,0.05", "0.02", "0.1"),
    ],
)
def test_noises_may_follow_each_other(nc, noises):
    code, out, _ = nc("probability", "--simplex", 10, *noises, "--json")
    assert code == 0
    points = points_of(out)
    assert [point["noise"]["lower"] for point in points] == [0.1, 0.05, 0.02]
    assert points[1]["decimal"].startswith("1.33316402682")
    assert json.loads(out)["exponent"]["exact"] == "5/18"


def test_the_file_may_come_before_and_after_the_noises(nc, means_file):
    before = nc("probability", means_file, "--noise", 0.2, 0.1, "--json")
    after = nc("probability", "--noise", 0.2, 0.1, means_file, "--json")
    assert before[0] == after[0] == 0
    assert points_of(before[1]) == points_of(after[1])
    assert len(points_of(after[1])) == 2


def test_a_run_that_is_written_has_the_same_numbers(nc, means_file, tmp_path):
    arguments = ("probability", means_file, "--noise", 1, 0.2, "--rtol", 0.01)
    shown = nc(*arguments, "--json")[1]
    output = tmp_path / "run.json"
    code, out, _ = nc(*arguments, "-o", output, "--jobs", 2)
    assert code == 0
    assert "P(error)" in out
    assert points_of(output.read_text()) == points_of(shown)
    assert [point["method"] for point in points_of(shown)] == ["union", "bounds"]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["means.npz", "run.json"], "nothing else is left"


def test_the_network_is_asked_with_its_own_decoder_or_with_nearest_mean(nc, features_file):
    arguments = ("probability", features_file, "--noise", 0.3, "--json")
    own, nearest = (json.loads(nc(*arguments, *more)[1]) for more in ((), ("--decoder", "nearest-mean")))
    assert (own["decoder"], nearest["decoder"]) == ("network", "nearest_mean")
    assert own["points"][0]["log_value"] != nearest["points"][0]["log_value"]
    assert (own["priors"], own["num_classes"], own["dimension"]) == ("equal", 3, 4)


def test_priors_in_proportion_to_the_class_sizes(nc, means_file):
    code, out, _ = nc("probability", means_file, "--noise", 0.2, "--priors", "sizes")
    assert code == 0
    assert "priors: in proportion to the class sizes" in out


def interrupting(monkeypatch, chunks):
    """Press Ctrl-C after so many chunks."""
    sample = nctheory.probability.union.sample
    counts = iter(range(10**9))

    def interrupted(*arguments):
        if next(counts) >= chunks:
            raise KeyboardInterrupt
        return sample(*arguments)

    monkeypatch.setattr("nctheory.probability.union.sample", interrupted)


def test_ctrl_c_keeps_what_is_done_and_resume_goes_on(nc, monkeypatch, means_file, tmp_path):
    arguments = ("probability", means_file, "--noise", 1, 0.8, "--method", "union", "--rtol", 0.01)
    output, checkpoint = tmp_path / "run.json", tmp_path / "run.json.checkpoint.npz"
    whole = nc(*arguments, "--json")[1]
    with monkeypatch.context() as patch:
        interrupting(patch, 3)
        code, out, error = nc(*arguments, "-o", output)
    assert (code, out) == (130, "")
    assert error == f"nctheory: interrupted; {checkpoint} has what was done: add --resume to go on\n"
    assert not output.exists()
    kept = checkpoint.read_bytes()
    for wrong in ((), ("--resume", "--seed", 1), ("--resume", "--method", "plain"), ("--resume", "--rtol", 0.02)):
        code, out, error = nc(*arguments, "-o", output, *wrong)
        assert (code, out, error.count("\n")) == (2, "", 1), error
        assert checkpoint.read_bytes() == kept
    code, _, _ = nc(*arguments, "-o", output, "--resume")
    assert code == 0
    assert points_of(output.read_text()) == points_of(whole)
    assert not checkpoint.exists()


def test_ctrl_c_without_an_output_says_that_nothing_is_kept(nc, monkeypatch, means_file):
    interrupting(monkeypatch, 1)
    code, _, error = nc("probability", means_file, "--noise", 1, "--method", "union")
    assert (code, error) == (130, "nctheory: interrupted; nothing was kept\n")


def test_a_killed_run_goes_on(means_file, tmp_path):
    output, checkpoint = tmp_path / "run.json", tmp_path / "run.json.checkpoint.npz"
    arguments = ("probability", means_file, "--noise", 1, "--method", "union", "--rtol", 5e-4, "--max-samples", 600_000)
    command = [sys.executable, "-m", "nctheory", *map(str, arguments), "-o", str(output)]
    process = subprocess.Popen(command)
    while not checkpoint.exists() or checkpoint.stat().st_size < 5_000:  # more than an empty one
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    assert process.wait() != 0
    assert run(*arguments, "-o", output).returncode == 2
    assert run(*arguments, "-o", output, "--resume").returncode == 0
    assert points_of(output.read_text()) == points_of(run(*arguments, "--json").stdout)


def test_the_picture_is_written(nc, tmp_path):
    pytest.importorskip("matplotlib")
    for name, start in (("curve.png", b"\x89PNG"), ("curve.svg", b"<?xml"), ("curve.pdf", b"%PDF")):
        code, _, error = nc("probability", "--simplex", 4, "--noise", 0.3, 0.1, "--plot", tmp_path / name)
        assert (code, error) == (0, "")
        assert (tmp_path / name).read_bytes().startswith(start)


def test_an_accuracy_out_of_reach_is_an_honest_answer(nc, means_file):
    code, out, _ = nc("probability", means_file, "--noise", 1, "--rtol", 0, "--max-samples", 2000, "--json")
    (point,) = points_of(out)
    assert code == 0
    assert not point["reached"]
    assert point["num_samples"] == 2000
    assert "rtol 0 was not reached" in point["reason"]


@pytest.mark.parametrize("noise", ["1e-8", "1e8", "1e-300", "1e300"])
def test_extreme_noises_have_an_honest_answer(nc, means_file, noise):
    code, out, error = nc("probability", means_file, "--noise", noise, "--max-samples", 2000, "--json")
    assert (code, error) == (0, "")
    (point,) = points_of(out)
    low, high = point["interval"]["lower"], point["interval"]["upper"]
    assert 0 <= low <= point["value"] <= high <= 1
    assert (high < 1e-300) if noise.startswith("1e-") else (low > 0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--simplex", 10, "--noise", 0), "noise is 0.0, expected a positive, finite standard deviation"),
        (("--simplex", 10, "--noise", -0.1), "noise is -0.1, expected a positive"),
        (("--simplex", 10, "--noise", 0.1, -0.1), "noise is -0.1, expected a positive"),
        (("--simplex", 10, "--noise", "nan"), "noise is nan, expected a positive"),
        (("--simplex", 10, "--noise", "inf"), "noise is inf, expected a positive"),
        (("--simplex", 10, "--noise", "1e999"), "noise is inf, expected a positive"),
        (("--simplex", 10, "--noise", "abc"), "could not convert string to float: 'abc', expected standard deviations"),
        (("--simplex", 10, "--noise", ""), "could not convert string to float: '', expected standard deviations"),
        (("--simplex", 1, "--noise", 1), "--simplex is 1, expected from 2 to 1000 classes"),
        (("--simplex", 0, "--noise", 1), "--simplex is 0, expected from 2"),
        (("--simplex", -3, "--noise", 1), "--simplex is -3, expected from 2"),
        (("--simplex", 10**9, "--noise", 1), "--simplex is 1000000000, expected from 2"),
        (("a.npz", "--simplex", 3, "--noise", 1), "FILE a.npz and --simplex 3 are both given, expected one of them"),
        (("--noise", 1), "neither FILE nor --simplex is given, expected one of them"),
        (("missing.npz", "--noise", 1), "missing.npz"),
        (("--simplex", 3, "--noise", 1, "--method", "guess"), "method is 'guess', expected one of auto, exact"),
        (("--simplex", 3, "--noise", 1, "--rtol", -1), "rtol is -1.0, expected"),
        (("--simplex", 3, "--noise", 1, "--rtol", "nan"), "rtol is nan, expected"),
        (("--simplex", 3, "--noise", 1, "--confidence", 1), "confidence is 1.0, expected"),
        (("--simplex", 3, "--noise", 1, "--max-samples", 0), "max_samples is 0, expected"),
        (("--simplex", 3, "--noise", 1, "--seed", -1), "seed is -1, expected"),
        (("--simplex", 3, "--noise", 1, "--jobs", -1), "--jobs is -1, expected"),
        (("--simplex", 3, "--noise", 1, "--decoder", "best"), "--decoder is 'best', expected one of own, nearest-mean"),
        (("--simplex", 3, "--noise", 1, "--priors", "some"), "--priors is 'some', expected one of equal, sizes"),
        (("--simplex", 3, "--noise", 1, "--priors", "sizes"), "has none: expected class_sizes or labels"),
        (("--simplex", 3, "--noise", 1, "--resume"), "--resume without -o"),
        (("--simplex", 3, "--noise", 1, "--resume", "-o", "run.json"), "run.json.checkpoint.npz does not exist"),
        (("--simplex", 3, "--noise", 1, "-o", "no/run.json"), "-o no/run.json cannot be written: No such file"),
        (("--simplex", 3, "--noise", 1, "-o", "."), "-o . is no regular file"),
        (("--simplex", 3, "--noise", 1, "-o", "/dev/null"), "-o /dev/null is no regular file"),
        (("--simplex", 3, "--noise", 1, "-o", "x" * 300), "cannot be written: File name too long"),
        (("--simplex", 3, "--noise", 1, "--plot", "a.txt"), "--plot a.txt ends in '.txt', expected one of .png, .pdf"),
        (("--simplex", 3, "--noise", 1, "--plot", "no/a.png"), "--plot no/a.png cannot be written: No such file"),
        (("--simplex", 3, "--noise", 1, "-o", "a.png", "--plot", "./a.png"), "have the same name twice"),
    ],
)
def test_bad_probability_questions_end_in_one_line(nc, monkeypatch, tmp_path, arguments, message):
    def worked(*arguments, **options):
        raise AssertionError("there was work before the answer")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nctheory.probability.estimate.exact_error", worked)
    code, out, error = nc("probability", *arguments)
    assert (code, out, error.count("\n")) == (2, "", 1), error
    assert error.startswith("nctheory: ")
    assert message in error
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_an_output_never_takes_the_place_of_the_file(nc, means_file):
    content = means_file.read_bytes()
    code, _, error = nc("probability", means_file, "--noise", 0.2, "-o", means_file)
    assert code == 2
    assert "same name twice" in error
    assert means_file.read_bytes() == content


def test_one_class_is_refused(nc, tmp_path):
    np.savez(tmp_path / "one.npz", class_means=np.eye(3)[:1])
    code, _, error = nc("probability", tmp_path / "one.npz", "--noise", 1)
    assert code == 2
    assert "one.npz has one class, expected at least two" in error


def test_missing_noise_and_unknown_options_end_in_exit_code_2(nc):
    assert nc("probability", "--simplex", 3)[0] == 2
    assert nc("probability", "--simplex", 3, "--noise")[0] == 2
    assert nc("probability", "--simplex", 3, "--noise", 1, "--nose", 2)[0] == 2


def test_a_plot_without_matplotlib_is_refused_before_the_work(nc, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, out, error = nc("probability", "--simplex", 3, "--noise", 1, "--plot", tmp_path / "a.png")
    assert (code, out) == (2, "")
    assert "pip install 'nctheory[plots]'" in error


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    done = run("probability", "--simplex", 3, "--noise", 1, "-o", folder / "run.json")
    if os.access(folder, os.W_OK):  # the administrator may write everywhere
        assert done.returncode == 0
        return
    assert done.returncode == 2
    assert "cannot be written: Permission denied" in done.stderr


def test_only_canceled_futures_of_an_ended_pool_are_passed_over(capsys):
    for error, shown in ((InvalidStateError("CANCELLED"), False), (ValueError("a defect"), True)):
        shared.without_canceled(threading.ExceptHookArgs((type(error), error, None, threading.current_thread())))
        assert (type(error).__name__ in capsys.readouterr().err) == shown


def test_a_result_that_can_no_longer_be_written_stays_in_the_checkpoint(nc, monkeypatch, means_file, tmp_path):
    arguments = ("probability", means_file, "--noise", 1, "-o", tmp_path / "run.json")

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        code, _, error = nc(*arguments)
    assert (code, error) == (2, f"nctheory: -o {tmp_path / 'run.json'} cannot be written: No space left on device\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["means.npz", "run.json.checkpoint.npz"]
    assert nc(*arguments, "--resume")[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["means.npz", "run.json"]


def test_prove_shows_the_steps_of_one_proof(nc):
    code, out, _ = nc("prove", "stability_identity")
    assert code == 0
    assert out.startswith("stability_identity: 4K(K - 1)")
    assert "discharged (summed)" in out
    assert "proved; every step holds for all sizes" in out


def test_prove_runs_mutants_and_writes_json(nc):
    code, out, _ = nc("prove", "nearest_mean", "--mutants", "--json")
    assert code == 0
    document = json.loads(out)
    assert (document["command"], document["holds"]) == ("prove", True)
    assert [each["identifier"] for each in document["propositions"]] == ["nearest_mean", "nearest_mean_converse"]
    assert all(each["mutants"] and not any(each["mutants"].values()) for each in document["propositions"])


def test_prove_fails_on_a_false_proposition_of_a_user(nc, tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text(
        "from nctheory.symbolic import Fact, proposition\n"
        "print('noise')\n"
        "@proposition('A square is above 1.', mutants={})\n"
        "def square(p):\n"
        "    x = p.symbol('x')\n"
        "    p.concludes('So it is.', p.follows(Fact(x**2 - 1, '>= 0'), 'By hope.', [], [(1, x)]))\n"
    )
    code, out, err = nc("prove", path)
    assert code == 1
    assert "not proved: 2 steps failed" in out
    assert "noise" not in out
    assert "noise" in err


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["fermat"], "fermat is not proved here, expected a .py file or one of balanced_separation"),
        (["missing.py"], "missing.py is no file"),
    ],
)
def test_prove_refuses_what_it_does_not_know(nc, names, message):
    code, _, err = nc("prove", *names)
    assert code == 2
    assert message in err


def test_the_table_of_evidence_is_of_the_whole_catalogue(nc, tmp_path):
    code, _, err = nc("verify", "rankin", "-o", tmp_path / "evidence.md")
    assert code == 2
    assert "expected no names beside it" in err
