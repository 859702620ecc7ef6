"""The theorems of the field as code, one file each, and `@theorem` to state more of them."""

from nctheory.theorems.registry import Standing, Theorem, catalogue, find, load_file, theorem

__all__ = ["Standing", "Theorem", "catalogue", "find", "load_file", "theorem"]
