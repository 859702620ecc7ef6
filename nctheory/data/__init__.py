"""The data that come with the package: the last layer of a small network trained on handwritten digits."""

from pathlib import Path

__all__ = ["sample_path"]


def sample_path() -> Path:
    """Where the sample is: snapshots of the last layer of a network trained past zero error on scikit-learn's digits.

    Formula:
        None; `digits.npz` is made by `train_digits.py`, which lies beside it.
    Args:
        None.
    Assumes:
        Nothing.
    Returns:
        The path of an .npz file for `nctheory.load`: features (1797, 32), labels, classifier, at several epochs.
    Raises:
        Nothing.
    Reference:
        alpaydin1998, the data; papyan2020, the phenomenon.
    Example:
        >>> import nctheory
        >>> nctheory.load(nctheory.sample_path()).dimension
        32
    """
    return Path(__file__).with_name("digits.npz")
