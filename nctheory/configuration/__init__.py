"""Configurations and features: what every question is asked about, and how they are read."""

from nctheory.configuration.files import load
from nctheory.configuration.points import Center, Configuration, Features, as_configuration

__all__ = ["Center", "Configuration", "Features", "as_configuration", "load"]
