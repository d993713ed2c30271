"""A body whose lanes see and write pixels through tiles: a wavefront's step, a pixel of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vm.jit.lower import images, narrow, tiles
from vm.jit.lower.lanes import LaneBody, Source
from vm.jit.lower.state import Lowering
from vm.jit.lower.tiles import Front, Tile
from vm.jit.lower.value import Value, kind_of


class TileBody(LaneBody):
    """Tiles are made when they are first asked for; `tile_step` is the running step in them all."""

    front: Front

    def __init__(self, low: Lowering, lanes: int, ranges: Mapping[int, tuple[int, int]]) -> None:
        super().__init__(low, lanes, ranges)
        self.sources: dict[Source, Tile] = {}
        self.targets: dict[int, Tile] = {}
        self.tile_step = "0"

    def pixel(self, source: Source, channel: int) -> Value:
        """The pixels that the lanes see through a source."""
        low = self.low
        if source not in self.sources:
            self.sources[source] = tiles.new_tile(low, self, self.front, source)
        buffer = low.images[source.image]
        address = tiles.step_address(low, self.front, self.sources[source], channel, self.tile_step)
        kind = kind_of(buffer.type, self.lanes)
        name = low.build.value(f"load {kind}, ptr {address}, align 16")
        return replace(low.make(buffer.type, name), lanes=self.lanes)

    def write_put(self) -> None:
        """Write what the body put to the tiles of its images."""
        low = self.low
        for (image, channel), value in self.put.items():
            if image not in self.targets:
                self.targets[image] = tiles.new_tile(low, self, self.front, Source(image))
            value = narrow.as_type(low, value, low.images[image].type)
            text, kind = images.as_written(low, image, low.spread(value, self.lanes))
            tile = self.targets[image]
            address = tiles.step_address(low, self.front, tile, channel, self.tile_step)
            low.build.emit(f"store {kind} {text}, ptr {address}, align 16")
