"""The version of this package, read by its build too."""

__version__ = "0.2.0"
