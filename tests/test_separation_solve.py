import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import minimize

from nctheory import InputError, separation, solver
from nctheory.blocks import Blocks
from nctheory.errors import SolverError
from nctheory.exact import ExactMatrix
from nctheory.result import Status
from nctheory.separation import convex, solve
from nctheory.separation.problem import nonnegative

cp = solver.load()


def without_bias(sizes):
    """The sum of the square roots of the eigenvalues of P D P."""
    size = len(sizes)
    center = np.eye(size) - 1 / size
    return np.sqrt(np.linalg.eigvalsh(center @ np.diag(sizes) @ center)[1:]).sum()


def with_free_bias(sizes):
    """The trace of (D - n n^T / N)^(1/2)."""
    sizes = np.array(sizes, dtype=float)
    return np.sqrt(np.linalg.eigvalsh(np.diag(sizes) - np.outer(sizes, sizes) / sizes.sum())[1:]).sum()


def in_plain_words(sizes, margins=None, bias=False):
    """The nuclear norm of all N samples' logits, as the problem is written."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    logits, offset = cp.Variable((len(labels), len(sizes))), cp.Variable(len(sizes))
    constraints = []
    for i, y in enumerate(labels):
        for c in range(len(sizes)):
            if c != y:
                gap = logits[i, y] - logits[i, c] + (offset[y] - offset[c] if bias else 0)
                constraints.append(gap >= (1 if margins is None else margins[y][c]))
    problem = cp.Problem(cp.Minimize(cp.normNuc(logits)), constraints)
    problem.solve(solver="CLARABEL")
    return problem.value


def check_witness(result, sizes, margins=None, bias=False):
    """Upper end and margins in plain Fractions."""
    found = result.details
    weights, means, offset = (
        [[Fraction(x) for x in row] for row in np.atleast_2d(array).tolist()]
        for array in (found.weights, found.class_means, found.bias)
    )
    offset, size = offset[0], len(sizes)
    assert bias or not any(offset)
    for i in range(size):
        logit = [sum(a * b for a, b in zip(means[i], w, strict=True)) + b for w, b in zip(weights, offset, strict=True)]
        for c in range(size):
            required = 1 if margins is None else Fraction(margins[i][c])
            assert c == i or logit[i] - logit[c] >= required
    squares = sum(x * x for row in weights for x in row)
    squares += sum(n * x * x for n, row in zip(sizes, means, strict=True) for x in row)
    assert result.upper == squares / 2


def semidefinite(matrix):
    """By elimination in Fractions."""
    rest = [list(row) for row in matrix]
    while rest:
        pivot, *row = rest[0]
        if pivot < 0 or (pivot == 0 and any(row)):
            return False
        rest = [
            [x - (line[0] * y / pivot if pivot else 0) for x, y in zip(line[1:], row, strict=True)] for line in rest[1:]
        ]
    return True


def check_multipliers(result, sizes, margins=None, bias=False):
    """Nonnegative, spectral norm at most 1, lower end: all in plain Fractions."""
    beta, size = result.details.exact_multipliers, len(sizes)
    assert (beta >= 0).all()
    assert not np.diagonal(beta).any()
    rows = [[(sum(beta[i]) if c == i else 0) - beta[i, c] for c in range(size)] for i in range(size)]
    gram = [
        [sum(n * row[a] * row[b] for n, row in zip(sizes, rows, strict=True)) for b in range(size)] for a in range(size)
    ]
    assert semidefinite([[(a == b) - gram[a][b] for b in range(size)] for a in range(size)])
    if bias:
        assert not any(sum(n * row[c] for n, row in zip(sizes, rows, strict=True)) for c in range(size))
    required = np.full((size, size), 1, dtype=object) if margins is None else np.vectorize(Fraction)(margins)
    assert result.lower == sum(
        n * b * m for n, row, line in zip(sizes, beta, required, strict=True) for b, m in zip(row, line, strict=True)
    )
    assert result.details.spectral_norm == pytest.approx(1, abs=1e-9)


def check(result, sizes, margins=None, bias=False, gap=1e-9):
    assert result.status is Status.NEAR_OPTIMAL
    assert 0 <= result.gap <= gap
    assert result.lower <= result.upper
    check_witness(result, sizes, margins, bias)
    check_multipliers(result, sizes, margins, bias)


# ------------------------------------------------------------------------------------------------------- closed forms


@pytest.mark.parametrize(("size", "n"), [(2, 1), (3, 1), (4, 7), (8, 3)])
def test_balanced(size, n):
    result = solve([n] * size)
    check(result, [n] * size)
    assert result.value == pytest.approx((size - 1) * math.sqrt(n), rel=1e-9)
    off = ~np.eye(size, dtype=bool)
    assert result.details.multipliers[off] == pytest.approx(1 / (size * math.sqrt(n)), rel=1e-5)
    assert result.details.logits == pytest.approx(np.eye(size) - 1 / size, abs=1e-5)


@pytest.mark.parametrize(("large", "small"), [((2, 9), (2, 1)), ((1, 100), (3, 3)), ((3, 5), (1, 2))])
def test_two_sizes(large, small):
    (a, n_a), (b, n_b) = large, small
    sizes = [n_a] * a + [n_b] * b
    result = solve(sizes)
    check(result, sizes)
    middle = math.sqrt((a * n_b + b * n_a) / (a + b))
    assert result.value == pytest.approx((a - 1) * math.sqrt(n_a) + (b - 1) * math.sqrt(n_b) + middle, rel=1e-9)


@pytest.mark.parametrize("sizes", [[1, 1], [7, 2], [1, 400]])
def test_two_classes(sizes):
    assert solve(sizes).value == pytest.approx(math.sqrt(sum(sizes) / 2), rel=1e-9)
    free = solve(sizes, bias=True)
    check(free, sizes, bias=True)
    assert free.value == pytest.approx(math.sqrt(2 * sizes[0] * sizes[1] / sum(sizes)), rel=1e-9)


@pytest.mark.parametrize("sizes", [[5, 1, 2], [4, 4, 1, 9, 2], list(range(1, 9))])
def test_any_sizes_with_and_without_bias(sizes):
    result = solve(sizes)
    check(result, sizes)
    assert result.value == pytest.approx(without_bias(sizes), rel=1e-9)
    free = solve(sizes, bias=True)
    check(free, sizes, bias=True)
    assert free.value == pytest.approx(with_free_bias(sizes), rel=1e-9)
    assert free.value < result.value


def test_labels_in_place_of_sizes_and_more_dimensions_than_needed():
    result = solve(labels=[2, 0, 1, 1, 1, 0], dimension=5)
    assert result.configuration.class_sizes.tolist() == [2, 3, 1]
    assert result.configuration.dimension == 5
    assert result.value == pytest.approx(without_bias([2, 3, 1]), rel=1e-9)
    assert np.array_equal(result.configuration.weights, result.details.weights)


# ------------------------------------------------------------------------------------------- against the plain problem


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_one_column_per_class_is_enough(seed, bias):
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 5, size=3 + seed).tolist()
    margins = generator.uniform(0.2, 3, (len(sizes), len(sizes)))
    assert solve(sizes, bias=bias).value == pytest.approx(in_plain_words(sizes, bias=bias), rel=1e-6)
    result = solve(sizes, margins=margins, bias=bias)
    check(result, sizes, margins, bias)
    assert result.value == pytest.approx(in_plain_words(sizes, margins, bias), rel=1e-6)


def test_margins_by_brute_force():
    generator = np.random.default_rng(5)
    sizes, off = np.array([3, 1, 2]), ~np.eye(3, dtype=bool)
    for _ in range(3):
        margins = generator.uniform(0.1, 3, (3, 3))

        def norm(extra, margins=margins):
            logits = np.zeros((3, 3))
            logits[off] = -margins[off] - extra**2
            logits -= logits.mean(axis=1, keepdims=True)
            return np.linalg.svd(np.sqrt(sizes)[:, None] * logits, compute_uv=False).sum()

        options = {"maxiter": 4000, "xatol": 1e-9, "fatol": 1e-12, "adaptive": True}
        found = [minimize(norm, x, method="Nelder-Mead", options=options).fun for x in generator.normal(size=(4, 6))]
        result = solve(sizes, margins=margins)
        check(result, sizes.tolist(), margins)
        assert min(found) >= result.lower * (1 - 1e-12)
        assert min(found) == pytest.approx(result.value, rel=1e-6)


def test_two_classes_with_any_margins():
    margins = [[0, 0.5], [Fraction(7, 3), 0]]
    result = solve([3, 5], margins=margins)
    assert result.value == pytest.approx(math.sqrt((3 * 0.25 + 5 * 49 / 9) / 2), rel=1e-9)
    check(result, [3, 5], margins)


def test_no_feasible_point_is_below_the_lower_end():
    sizes, generator = [2, 1, 4], np.random.default_rng(0)
    lower = solve(sizes).lower
    for _ in range(50):
        weights, means = generator.normal(size=(2, 3, 2))
        scores = means @ weights.T
        margin = min(scores[i, i] - scores[i, c] for i in range(3) for c in range(3) if c != i)
        value = ((weights**2).sum() + (np.array(sizes)[:, None] * means**2).sum()) / 2
        assert margin <= 0 or value / margin >= lower


# ----------------------------------------------------------------------------------------------------- any dimension


@pytest.mark.parametrize("n", [1, 3])
def test_five_classes_in_the_plane(n):
    result = solve([n] * 5, 2, formulation="factored")
    assert float(result.upper) == pytest.approx(5 / (1 - math.cos(2 * math.pi / 5)) * math.sqrt(n), rel=1e-9)
    assert float(result.lower) == pytest.approx(4 * math.sqrt(n), rel=1e-9)
    assert result.status is Status.UNDECIDED
    check_witness(result, [n] * 5)
    check_multipliers(result, [n] * 5)


def test_between_half_and_all_dimensions():
    result = solve([1] * 6, 4, formulation="factored")
    assert float(result.upper) == pytest.approx(5 + math.sqrt(2 * 2 / 6), rel=1e-9)


@pytest.mark.parametrize("bias", [False, True])
def test_the_factored_problem_closes_the_bracket_in_enough_dimensions(bias):
    margins = np.random.default_rng(2).uniform(0.5, 2, (4, 4))
    result = solve([1, 6, 2, 2], 3, formulation="factored", margins=margins, bias=bias, starts=3)
    check(result, [1, 6, 2, 2], margins, bias)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_random_starts_of_the_factored_problem_reach_the_closed_form(seed, bias):
    sizes = np.random.default_rng(seed).integers(1, 50, size=2 + seed % 4)
    found = solve(sizes, len(sizes) - 1, formulation="factored", bias=bias, starts=3, seed=seed)
    best = separation.optimum(sizes, bias=bias)
    assert best.lower <= found.upper
    assert float(found.upper) == pytest.approx(best.value, rel=1e-6)


def test_the_factored_problem_repeats_itself():
    first, second = (solve([1, 2, 3], 2, formulation="factored", seed=7, starts=2) for _ in range(2))
    assert first.upper == second.upper


def test_jacobians_are_those_of_the_functions():
    task = convex._task([1, 2, 3], None, None, True)
    flat = convex._Flat(task, 2)
    point = np.random.default_rng(0).normal(size=15)
    steps = 1e-6 * np.eye(15)
    slopes = np.array([(flat.slack(point + h) - flat.slack(point - h)) / 2e-6 for h in steps]).T
    assert flat.slack_jacobian(point) == pytest.approx(slopes, abs=1e-8)
    gradient = [(flat.objective(point + h)[0] - flat.objective(point - h)[0]) / 2e-6 for h in steps]
    assert flat.objective(point)[1] == pytest.approx(np.array(gradient), abs=1e-8)


def test_the_convex_problem_in_few_dimensions_has_no_upper_end():
    result = solve([1] * 5, 2)
    assert result.status is Status.UNDECIDED
    assert (result.upper, result.gap) == (math.inf, 1)
    assert "factored" in result.reason
    assert result.configuration is None


def test_a_line():
    result = solve([1, 2, 1], 1)
    assert result.status is Status.INFEASIBLE
    assert result.lower == result.upper == math.inf
    assert result.gap == 1
    assert "line" in result.reason
    assert math.isfinite(solve([1, 2, 1], 1, bias=True, formulation="factored").upper)


# ----------------------------------------------------------------------------------------------------------- failures


def test_scs_is_as_honest():
    result = solve([4, 5, 6], solver="SCS")
    assert result.details.solution.solver == "SCS"
    assert result.lower <= without_bias([4, 5, 6]) * (1 + 1e-12)
    assert result.upper >= without_bias([4, 5, 6]) * (1 - 1e-12)
    assert result.gap < 1e-4
    check_witness(result, [4, 5, 6])
    check_multipliers(result, [4, 5, 6])


def test_a_failing_solver(monkeypatch):
    def broken(*args, **kwargs):
        raise cp.error.SolverError("artificial")

    monkeypatch.setattr(cp.Problem, "solve", broken)
    with pytest.raises(SolverError, match="minimum-norm separation: CLARABEL broke down: artificial"):
        solve([1, 2, 3])


def test_a_wrong_answer_of_the_solver_only_widens_the_bracket(monkeypatch):
    margins = [[0, 0.1, 3, 1], [1, 0, 1, 0.2], [3, 0.3, 0, 2], [1, 2, 1, 0]]  # not all of them tight at the optimum
    right, truth = convex._relaxation, solve([1, 2, 3, 1], margins=margins).value

    def wrong(task, name):
        (logits, bias), multipliers, solution = right(task, name)
        noise = np.random.default_rng(0).normal(size=(2, 4, 4)) * 0.02
        return (logits + noise[0], bias), multipliers + noise[1], solution

    monkeypatch.setattr(convex, "_relaxation", wrong)
    result = solve([1, 2, 3, 1], margins=margins)
    assert result.status is Status.UNDECIDED
    assert truth * 0.8 < result.lower < truth < result.upper < truth * 1.2
    check_witness(result, [1, 2, 3, 1], margins)
    check_multipliers(result, [1, 2, 3, 1], margins)


def test_a_useless_answer_of_the_solver(monkeypatch):
    """What is tight at the optimum closes the bracket by itself; where even that fails there is no witness."""
    right = convex._relaxation

    def useless(task, name):
        (logits, bias), multipliers, solution = right(task, name)
        return (-logits, bias), -multipliers, solution

    monkeypatch.setattr(convex, "_relaxation", useless)
    assert solve([1, 2, 3]).value == pytest.approx(without_bias([1, 2, 3]), rel=1e-9)
    monkeypatch.setattr(convex._Witness, "of_logits", lambda task, logits, bias: None)
    result = solve([1, 2, 3])
    assert (result.lower, result.upper, result.status) == (0, math.inf, Status.UNDECIDED)


def test_the_solver_is_chosen_by_the_number_of_classes():
    margins = np.random.default_rng(0).uniform(0.5, 2, (24, 24))
    result = solve(range(1, 25), margins=margins)
    assert result.details.solution.solver == "SCS"
    assert result.status is Status.NEAR_OPTIMAL
    assert solve([1, 2, 3]).details.solution.solver == "CLARABEL"


def test_more_multipliers_than_numbers_are_none():
    """What a solver leaves as not a number takes part in no bound."""
    raw = np.array([[0, math.nan, 1], [math.inf, 0, -1], [2, 1, 5.0]])
    assert nonnegative(raw, np.arange(3)).astype(float).tolist() == [[0, 0, 1], [0, 0, 0], [2, 1, 0]]


def test_numbers_that_are_not_finite_are_a_failure(monkeypatch):
    def blank(problem, **options):
        for variable in problem.variables():
            variable.save_value(np.full(variable.shape, math.nan))
        for constraint in problem.constraints:
            constraint.dual_variables[0].save_value(np.full(constraint.shape, math.nan))
        return solver.Solution(options["name"], options["solver"], "optimal_inaccurate", math.nan, 0.0)

    monkeypatch.setattr(solver, "solve_tightly", blank)
    with pytest.raises(SolverError, match="separation: CLARABEL ended with status 'optimal_inaccurate', and numbers"):
        solve([1, 2, 3])


def test_an_open_bracket_names_a_solver_that_was_not_satisfied(monkeypatch):
    right = convex._relaxation

    def wrong(task, name):
        (logits, bias), multipliers, solution = right(task, name)
        noise = np.random.default_rng(0).normal(size=(2, 3, 3)) * 0.02
        return (logits + noise[0], bias), multipliers + noise[1], dataclasses.replace(solution, status="odd")

    monkeypatch.setattr(convex, "_relaxation", wrong)
    result = solve([1, 2, 3], margins=[[0, 0.1, 3], [1, 0, 0.2], [3, 0.3, 0]])
    assert result.status is Status.UNDECIDED
    assert "CLARABEL ended with status 'odd'" in result.reason


def test_no_start_that_gets_anywhere(monkeypatch):
    monkeypatch.setattr(convex, "_STEPS", 1)
    monkeypatch.setattr(convex._Witness, "feasible", lambda self, task: None)
    with pytest.raises(SolverError, match=r"no feasible point from 2 starts; .* status 'Iteration limit reached'"):
        solve([1, 2, 3, 4], formulation="factored", starts=2)


def test_the_bound_on_a_spectral_norm_is_one():
    generator = np.random.default_rng(0)
    for size in (2, 5, 12):
        rows, counts = generator.integers(-99, 99, (size, size)), generator.integers(1, 10**6, size)
        bound = convex._spectral_norm_bound(ExactMatrix.of(rows.astype(float)), counts.astype(object))
        gram = rows.T.astype(object).dot(rows * counts.astype(object)[:, None])
        table = -gram + np.diag([bound**2] * size)
        assert semidefinite(table.tolist())
        tight = -gram + np.diag([(bound * (1 - Fraction(1, 10**13))) ** 2] * size)
        assert not semidefinite(tight.tolist())
    assert convex._spectral_norm_bound(ExactMatrix.of(np.zeros((2, 2))), np.array([1, 1], dtype=object)) == 0


def test_where_no_columns_are_orthonormal_the_trace_bounds_the_norm(monkeypatch):
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: (None, np.zeros(matrix.shape)))
    rows = ExactMatrix.of(np.array([[3.0, 0], [0, 4]]))
    assert convex._spectral_norm_bound(rows, np.array([1, 1], dtype=object)) == 5


@pytest.mark.parametrize("sizes", [[10**9, 1, 3], [1, 1, 10**12]])
def test_extreme_imbalance(sizes):
    result = solve(sizes)
    check(result, sizes)
    assert result.value == pytest.approx(without_bias(sizes), rel=1e-7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "expected class_sizes or labels"),
        ({"class_sizes": [1, 2], "labels": [0, 1]}, "not both"),
        ({"class_sizes": [3]}, r"class_sizes is \[3\], expected at least two classes"),
        ({"class_sizes": [3, 0]}, r"class_sizes\[1\] is 0, expected a positive integer"),
        ({"class_sizes": [3, -2]}, r"class_sizes\[1\] is -2, expected a positive integer"),
        ({"labels": []}, "labels has 0 classes"),
        ({"labels": [0, 0]}, "labels has 1 classes"),
        ({"class_sizes": [1, 2], "tolerance": -1}, "tolerance is -1"),
        ({"class_sizes": [1, 2], "tolerance": math.nan}, "tolerance is nan"),
        ({"class_sizes": [1, 2], "seed": -1, "formulation": "factored"}, "seed is -1"),
        ({"class_sizes": [1, 2], "seed": None, "formulation": "factored"}, "seed is None"),
        ({"class_sizes": [3, 1.5]}, r"class_sizes\[1\] is 1.5"),
        ({"labels": [0, 2, 2]}, "labels has no sample of class 1"),
        ({"labels": [0, 2]}, "labels has no sample of class 1, though its largest label is 2"),
        ({"class_sizes": [1, 2], "dimension": 0}, "dimension is 0"),
        ({"class_sizes": [1, 2], "formulation": "other"}, "formulation is 'other'"),
        ({"class_sizes": [1, 2], "solver": "other"}, "solver is 'other'"),
        ({"class_sizes": [1, 2], "bias": "free"}, "bias is 'free'"),
        ({"class_sizes": [1, 2], "starts": 0}, "starts is 0"),
        ({"class_sizes": [1, 2], "margins": np.ones((3, 3))}, r"margins has shape \(3, 3\), expected \(2, 2\)"),
        ({"class_sizes": [1, 2], "margins": [[0, 1], [-2, 0]]}, r"margins\[1, 0\] is -2, expected a positive"),
        ({"class_sizes": [1, 2], "margins": [[0, 1], [math.nan, 0]]}, r"margins\[1, 0\] is nan"),
    ],
)
def test_bad_input_is_quoted(arguments, message):
    with pytest.raises(InputError, match=message):
        solve(**arguments)


# ---------------------------------------------------------------------------------------------- classes that are alike


def block_margins(sizes, generator):
    """Margins that depend on the sizes of the two classes only."""
    different, groups = np.unique(sizes, return_inverse=True)
    table = generator.integers(1, 6, (len(different), len(different))).astype(float)
    return table[np.ix_(groups, groups)]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", [[4] * 5, [3, 7, 3, 7, 3], [2, 2, 9, 5], [1, 1, 1, 6, 6, 8]])
def test_grouping_classes_that_are_alike_changes_nothing(sizes, bias, monkeypatch):
    generator, each = np.random.default_rng(len(sizes)), np.arange(len(sizes))
    for margins in (None, block_margins(sizes, generator)):
        grouped = solve(sizes, bias=bias, margins=margins)
        with monkeypatch.context() as patch:
            patch.setattr(convex, "_blocks", lambda task: Blocks(each, each, np.ones_like(each)))
            single = solve(sizes, bias=bias, margins=margins)
        assert grouped.lower <= single.upper
        assert single.lower <= grouped.upper
        assert grouped.value == pytest.approx(single.value, rel=1e-8)
        assert grouped.details.solution.value == pytest.approx(single.details.solution.value, rel=1e-8)


def test_classes_of_one_size_are_grouped_only_if_their_margins_agree():
    alike = convex._task([3, 3, 5, 3], None, None, False)
    assert convex._blocks(alike).members.tolist() == [3, 1]
    margins = np.ones((4, 4))
    margins[0, 1] = 2
    other = convex._task([3, 3, 5, 3], None, margins, False)
    assert convex._blocks(other).members.tolist() == [1, 1, 1, 1]
