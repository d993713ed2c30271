"""The `cpushare` command: the market from a terminal. Each verb is a module of its part."""
