"""Every bound of the machine, in one place. Each is tested at, below and above."""

from __future__ import annotations

# What a module may hold.
MODULE_BYTES = 1 << 20
KERNELS = 32
SOURCES = 64
IMAGES = 20
DIMENSIONS = 20
PARAMETERS = 64
PARAMETER_ELEMENTS = 4096
LOCALS = 2048
ARRAYS = 128
ARRAY_ELEMENTS = 65_536
ARRAY_ELEMENTS_TOTAL = 262_144
LOCAL_ARRAY_BYTES_TOTAL = 65_536  # lives on the native stack
CARRIES = 19
CHANNELS = 16
FIELDS = 64
TEXTS = 256
INSTRUCTIONS = 16_384
REGIONS = 2_048
NESTING = 16
STACK_DEPTH = 256
CLAIMS = 64
EXTENT_TERMS = 32
NAME_CHARS = 64
DOC_CHARS = 4_096
TEXT_CHARS = 1_024
LINE = 1 << 24
ASSEMBLY_CHARS = 1 << 26  # text that is longer cannot be a module

# Reach of a carried read, in pixels along and lines across the direction of travel.
CARRY_AHEAD = 64
CARRY_LINES = 16

# What an image may be.
AXIS_PIXELS = 1 << 20
IMAGE_PIXELS = 1 << 31

# What a price may be: see docs/verifier.md, V-rules on cost.
COST_TERMS = 256
COST_DEGREE = 8
COST_NESTING = 8
COST_TOTAL = 1 << 62
MEMORY_BYTES = 1 << 40
INTERPRETED_BYTES = 1 << 32  # what the interpreter allocates unless told otherwise
