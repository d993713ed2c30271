"""Coverage-guided fuzzing: targets for atheris, and what runs them (`make fuzz`)."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMES = ("decoder", "verifier", "assembler", "parser", "picture", "reply", "objects")
"""The targets, so that they can be named before they are imported and instrumented."""
