"""The benchmark: its kernels compute what they say, the C the same, and counts do not grow."""
