"""The seller: lends idle processors to checked programs, and can stop at any time."""
