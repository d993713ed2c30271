"""Results kept on disk: what a program made of the same images and parameters is not made again.

A result is named by all that decides it: the program's meaning, the kernel, the parameters with
their defaults, and every input pixel. So it does not matter who computed it, or when.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from cpushare.engines.engine import Batch, Task
from vm import parameters as parameter_values
from vm.inputs import Number, Outputs
from vm.module import Role
from vm.store import Store, StoreInfo, key_of

FORMAT = b"CPUShare result 1\n"
ENTRY_SHARE = 4  # a result may take this share of the cache


class StoredImage(msgspec.Struct, array_like=True):
    """Pixels: NumPy's name of their type, the shape, the bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes


class StoredResult(msgspec.Struct, array_like=True):
    """Out images and a record."""

    images: list[StoredImage]
    record: dict[str, Number]


class ResultCache:
    """Results in a folder of the user's cache, up to `limit_bytes`; damaged ones are not used."""

    def __init__(self, limit_bytes: int, folder: Path | None = None) -> None:
        if folder is None:
            import platformdirs

            folder = Path(platformdirs.user_cache_dir("cpushare")) / "results"
        self._store = Store(folder, FORMAT, limit_bytes, limit_bytes // ENTRY_SHARE)

    @staticmethod
    def key(batch: Batch, task: Task) -> str:
        """The name of a task's result. Raises `Refused` for parameters that do not fit."""
        pixels: list[bytes | memoryview] = []
        for image in batch.signature.images_of(Role.IN):
            array = task.inputs.get(image.name)
            if isinstance(array, np.ndarray):
                pixels.append(f"{image.name} {array.dtype.str} {array.shape}".encode())
                pixels.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        return key_of(FORMAT, *decided_by(batch, task.parameters), *pixels)

    def load(self, key: str) -> Outputs | None:
        """The result of this name, if it is kept."""
        body = self._store.load(key)
        if body is None:
            return None
        try:
            found = msgspec.msgpack.decode(body, type=StoredResult)
            images = {
                image.name: np.frombuffer(bytearray(image.data), image.dtype).reshape(image.shape)
                for image in found.images
            }
        except (msgspec.MsgspecError, TypeError, ValueError):
            self._store.forget(key)
            return None
        return Outputs(images, found.record)

    def store(self, key: str, outputs: Outputs) -> None:
        """Keep a result; failing to is no error."""
        images = [
            StoredImage(name, array.dtype.str, array.shape, np.ascontiguousarray(array).tobytes())
            for name, array in outputs.items()
        ]
        self._store.store(key, msgspec.msgpack.encode(StoredResult(images, outputs.record)))

    def info(self) -> StoreInfo:
        """How much there is."""
        return self._store.info()

    def clear(self) -> StoreInfo:
        """Delete everything; gives what there was."""
        return self._store.clear()


def decided_by(batch: Batch, parameters: Mapping[str, object]) -> list[bytes]:
    """What decides a result besides the pixels: meaning, kernel, parameters, way of running."""
    kernel = batch.signature
    values = parameter_values.resolve(kernel, parameters)
    return [
        batch.verified.meaning.encode(),
        batch.kernel.encode(),
        parameter_values.to_bytes(kernel, values),
        b"checked" if batch.checked else b"",
    ]
