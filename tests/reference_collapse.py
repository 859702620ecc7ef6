"""Slow and plain: the metrics of collapse as they are defined, sharing no code with the package."""

import numpy as np


def pinv_trace(A, B, rank):
    """tr(A pinv(B)) for symmetric B of known rank."""
    values, vectors = np.linalg.eigh(B)
    order = np.argsort(values)[::-1][:rank]
    return sum(vectors[:, j] @ A @ vectors[:, j] / values[j] for j in order)


def matrix_rank(rows, dimension):
    values = np.linalg.svd(rows, compute_uv=False)
    return int((values > max(len(rows), dimension) * np.finfo(float).eps * values[0]).sum())


def cosine(u, v):
    return u @ v / np.sqrt((u @ u) * (v @ v))


def degrees_between(u, v):
    """Also where the cosine is within rounding of 1 or -1."""
    u, v = u / np.sqrt(u @ u), v / np.sqrt(v @ v)
    return np.degrees(np.arctan2(np.sqrt(((u - (u @ v) * v) ** 2).sum()), u @ v))


def gram_distance(rows):
    K = len(rows)
    G = rows @ rows.T
    P = np.eye(K) - np.ones((K, K)) / K
    return np.sqrt(((G / np.sqrt((G**2).sum()) - P / np.sqrt(K - 1)) ** 2).sum())


def measured(features, labels, weights, bias, center):
    """Every field of Collapse that is a number, and the arrays."""
    H, W, b = features.astype(np.float64), weights.astype(np.float64), bias.astype(np.float64)
    N, d = H.shape
    K = len(W)
    n = np.array([np.sum(labels == c) for c in range(K)])
    M = np.array([H[labels == c].sum(axis=0) / n[c] for c in range(K)])
    g = M.mean(axis=0) if center == "class" else H.mean(axis=0)
    D = M - g
    within, total, between = np.zeros((d, d)), np.zeros((d, d)), np.zeros((d, d))
    mean = H.mean(axis=0)
    for h, y in zip(H, labels, strict=True):
        within += np.outer(h - M[y], h - M[y]) / N
        total += np.outer(h - mean, h - mean) / N
    for c in range(K):
        between += n[c] / N * np.outer(M[c] - mean, M[c] - mean)
    v = np.array([((H[labels == c] - M[c]) ** 2).sum() / n[c] for c in range(K)])
    pairs = [(c, e) for c in range(K) for e in range(K) if c != e]
    cdnv = np.full((K, K), np.nan)
    for c, e in pairs:
        cdnv[c, e] = (v[c] + v[e]) / (2 * ((M[c] - M[e]) ** 2).sum())
    off = [cdnv[c, e] for c, e in pairs]
    cos = {name: np.array([cosine(X[c], X[e]) for c, e in pairs]) for name, X in (("means", D), ("weights", W))}
    norms = {name: np.array([np.sqrt(x @ x) for x in X]) for name, X in (("means", D), ("weights", W))}
    logits = H @ W.T + b
    nearest = np.array([np.argmin([((h - m) ** 2).sum() for m in M]) for h in H])
    predicted = logits.argmax(axis=1)
    margins = []
    for h, y in zip(H, labels, strict=True):
        cosines = np.array([cosine(w, h - g) for w in W])
        margins.append(cosines[y] - np.delete(cosines, y).max())
    rank = min(matrix_rank(D, d), K - 1)
    rank_between = min(matrix_rank(np.sqrt(n)[:, None] * (M - mean), d), K - 1)
    rank_total = min(d, N - 1)
    eigenvalues = np.linalg.eigvalsh(within)
    eps = d * np.finfo(float).eps
    noise = max(eps * eigenvalues[-1], eps**2 * (M**2).sum(axis=1).max())
    return {
        "rank": rank,
        "rank_means": matrix_rank(M, d),
        "rank_weights": matrix_rank(W, d),
        "rank_within": int((eigenvalues > noise).sum()),
        "training_error": np.mean(predicted != labels),
        "variability": pinv_trace(within, D.T @ D / K, rank) / K,
        "trace_ratio": np.trace(within) / np.trace(D.T @ D / K),
        "cdnv_mean": np.mean(off),
        "cdnv_max": np.max(off),
        "variability_collapse_index": 1 - pinv_trace(between, total, rank_total) / rank_between,
        "equinorm_means": norms["means"].std() / norms["means"].mean(),
        "equinorm_weights": norms["weights"].std() / norms["weights"].mean(),
        "equiangle_means": cos["means"].std(),
        "equiangle_weights": cos["weights"].std(),
        "max_angle_means": np.abs(cos["means"] + 1 / (K - 1)).mean(),
        "max_angle_weights": np.abs(cos["weights"] + 1 / (K - 1)).mean(),
        "gram_distance": gram_distance(D),
        "gram_distance_weights": gram_distance(W),
        "gram_floor": np.sqrt(2 - 2 * np.sqrt(d / (K - 1))) if d < K - 1 else 0.0,
        "self_duality": ((W / np.sqrt((W**2).sum()) - D / np.sqrt((D**2).sum())) ** 2).sum(),
        "nearest_mean_mismatch": np.mean(predicted != nearest),
        "nearest_mean_mismatch_without_bias": np.mean((H @ W.T).argmax(axis=1) != nearest),
        "center_logits": np.sqrt(((W @ g + b) ** 2).sum()),
        "cdnv_pairs": cdnv,
        "per_class_samples": n,
        "per_class_norms_means": norms["means"],
        "per_class_norms_weights": norms["weights"],
        "per_class_variances": v,
        "per_class_angles": np.array([degrees_between(w, x) for w, x in zip(W, D, strict=True)]),
        "per_class_errors": np.array([np.mean(predicted[labels == c] != c) for c in range(K)]),
        "cosine_margin_quantiles": np.quantile(margins, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]),
    }
