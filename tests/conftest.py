"""Shape annotations are enforced in tests only, where modules are imported through jaxtyping's hook."""

from jaxtyping import install_import_hook

import tests.shapes  # noqa: F401  the hook finds it by name

_CHECKED = (
    "nctheory.channel",
    "nctheory.collapse",
    "nctheory.configuration",
    "nctheory.constructions",
    "nctheory.landscape",
    "nctheory.losses",
    "nctheory.report",
    "nctheory.separation",
)
install_import_hook(_CHECKED, "tests.shapes.only_shapes")
