"""`cpushare exchange`: the verbs of whoever runs one, a file each."""
