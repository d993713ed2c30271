"""The verbs of `cpushare` that a seller uses."""
