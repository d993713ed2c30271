"""Channels that a map treats alike: then each of them is a pixel of a longer line.

Found by walking the body on trial, once for each channel. On the way equal instructions share a
name. What is seen in the walk's own channel is named alike in all walks, other channels by their
number, and x differs from walk to walk. So if all walks put the same name into their own channels,
each channel is made of itself alone, in the same way, wherever the pixel is.
"""

from __future__ import annotations

from vm.jit.lower.lanes import NotVector, Source
from vm.jit.lower.lookups import LOOKUP_LANES, looks_up_once
from vm.jit.lower.map_body import I32, MapBody, map_lanes, on_trial, walk_vector
from vm.jit.lower.state import Lowering
from vm.jit.lower.value import Value, same
from vm.jit.lower.wave_plan import touched_images
from vm.verifier.regions import Region

OWN = "own"


def vector_body(low: Lowering, region: Region) -> MapBody:
    """The body of a map, in vectors. Raises `NotVector`."""
    lanes = map_lanes(low, region)
    counts = {low.images[image].channels for image in touched_images(low, region)}
    channels = max(counts, default=1)
    if channels > 1 and (len(counts) > 1 or not _are_alike(low, region, lanes, channels)):
        raise NotVector("channels of a pixel lie between those of its neighbours")
    if looks_up_once(low, region, channels):
        lanes = min(lanes, LOOKUP_LANES)
    return MapBody(low, region, lanes, channels)


class _Walked(MapBody):
    """A body on trial, for one channel."""

    own = 0

    def pixel(self, source: Source, channel: int) -> Value:
        """A name for what is seen."""
        low, scalar = self.low, self.low.images[source.image].type
        which = OWN if channel == self.own else channel
        name = low.build.value(f"{source} {which}")
        return low.make(scalar, name, Value(I32, lanes=self.lanes))


def _are_alike(low: Lowering, region: Region, lanes: int, channels: int) -> bool:
    body = _Walked(low, region, lanes)
    put: list[dict[int, Value]] = []
    with on_trial(body) as loop, low.build.sharing():
        for body.own in range(channels):
            walk_vector(body, loop, low.build.name(), None)
            put.append({image: body.put[image, body.own] for image in body.written})
    return all(same(first, other[image]) for image, first in put[0].items() for other in put)
