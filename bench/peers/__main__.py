"""The loop of a peer's process: a picture and a work come in, CPU times go out."""

from __future__ import annotations

import importlib
import json
import sys
import time

import numpy as np


def main() -> None:
    """Serve one library until the input ends."""
    library = importlib.import_module(f"bench.peers.with_{sys.argv[1]}")
    commands, answers = sys.stdin.buffer, sys.stdout.buffer
    said = {"version": library.VERSION, "works": sorted(library.WORKS)}
    answers.write(json.dumps(said).encode() + b"\n")
    answers.flush()
    run = None
    for line in commands:
        verb, *words = line.decode().split()
        if verb == "prepare":
            shape = tuple(map(int, words[1:]))
            size = int(np.prod(shape))
            picture = np.frombuffer(bytearray(commands.read(size)), np.uint8).reshape(shape)
            run = library.WORKS[words[0]](picture)
            made = np.ascontiguousarray(run()).tobytes()
            answers.write(b"%d\n" % len(made) + made)
        else:
            assert run is not None
            runs = int(words[0])
            began = time.process_time()
            for _ in range(runs):
                run()
            answers.write(b"%.9f\n" % ((time.process_time() - began) / runs))
        answers.flush()


if __name__ == "__main__":
    main()
