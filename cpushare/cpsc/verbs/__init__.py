"""The verbs of `cpsc`, a file each; `command` in it is the click command."""
