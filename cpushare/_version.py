"""The version of the tool (SemVer)."""

__version__ = "0.1.0"
