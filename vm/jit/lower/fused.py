"""Maps that follow each other over the same extents, line by line together.

A map that reads what earlier ones wrote, at most `distance` lines away, may begin when they are so
many lines ahead: then its lines follow theirs, and find them in the cache. An image that only these
maps look at is never needed as a whole: its lines lie in a few places in turn, a ring.

A border leads no further than the distance: a line that is mirrored or clamped into an image of
more lines than the distance lies as near, and of a smaller image all lines are there. `wrap` does
lead further, and is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from vm.jit.lower.channels import vector_body
from vm.jit.lower.lanes import NotVector
from vm.jit.lower.map_body import MapBody, on_trial, one_vector, refuse_much
from vm.jit.lower.map_lines import write_line
from vm.jit.lower.regions import counted, forget, number
from vm.jit.lower.state import Lowering
from vm.module import Border, Role
from vm.opcodes import Op
from vm.scalar import ARITHMETIC
from vm.verifier.clearing import TOUCHES
from vm.verifier.dimensions import bases_of
from vm.verifier.regions import own_locals

BETWEEN = ARITHMETIC | {Op.CONST, Op.GET, Op.SET, Op.PARAMETER, Op.DIMENSION, Op.ELEM_GET}
MOST_LINES = 64  # that one map stays behind another


@dataclass(slots=True)
class _Member:
    """A map of a group: its lines come `lag` lines after those of the first one."""

    position: int
    body: MapBody
    lag: int

    def distances(self) -> Iterator[tuple[int, int]]:
        """(image, lines away) of what it reads."""
        return ((source.image, abs(source.down)) for source in self.body.sources)


def fuse(low: Lowering, position: int) -> dict[int, str]:
    """Lower a map together with those that follow: the shape of each, by position. Empty if
    there is nothing to gain: then nothing was written.
    """
    positions = _run_of_maps(low, position)
    mark, environment, stack = low.build.mark(), low.environment(), list(low.stack)
    handlers, images = low.handlers, list(low.images)
    try:
        members = _members(low, positions)
        if not any(_producers(members, member) for member in members):
            raise NotVector("none reads what another wrote")
        _make_rings(low, members)
        _emit(low, members)
        refuse_much(low, mark.count)
        return {m.position: f"{m.body.shape}, {m.lag} lines after the first map" for m in members}
    except NotVector:
        low.build.rewind(mark)
        low.restore(environment)
        low.stack, low.handlers = stack, handlers
        return {}
    finally:
        low.lane_body, low.handlers, low.pixel, low.images = None, handlers, None, images


# Which maps.


def _run_of_maps(low: Lowering, position: int) -> list[int]:
    """A map and those behind it over equal extents, with only arithmetic in between that none of
    the earlier ones notices.
    """
    code, bases = low.kernel.code, bases_of(low.kernel)
    extents = [bases[number(code[position], which)] for which in (2, 3)]
    found, at = [position], low.regions[position].end + 1
    used = _locals_of(low, position)
    while at < len(code):
        step = code[at]
        if step.op is Op.MAP:
            if [bases[number(step, which)] for which in (2, 3)] != extents:
                break
            found.append(at)
            used |= _locals_of(low, at)
            at = low.regions[at].end
        elif (
            step.op not in BETWEEN
            or (step.op is Op.SET and number(step, 0) in used)
            or at in low.facts.checked
        ):
            break
        at += 1
    return found


def _locals_of(low: Lowering, position: int) -> set[int]:
    """The locals that a map reads or assigns."""
    code = low.kernel.code[position : low.regions[position].end]
    named = {number(step, 0) for step in code if step.op in (Op.GET, Op.SET)}
    return named.union(*(own_locals(step) for step in code))


def _members(low: Lowering, positions: list[int]) -> list[_Member]:
    """As many of the maps as can be written together. Raises `NotVector` if it is less than two."""
    members: list[_Member] = []
    for before, position in pairwise([None, *positions]):
        assert position is not None
        if before is not None:
            low.walk(low.regions[before].end + 1, position)
        try:
            member = _Member(position, _tried(low, position), 0)
            _place_behind(members, member)
        except NotVector:
            break
        members.append(member)
    if len(members) < 2:
        raise NotVector("it is alone")
    return members


def _tried(low: Lowering, position: int) -> MapBody:
    """The map's body, after one vector on trial that tells what it reads. Raises `NotVector`."""
    body = vector_body(low, low.regions[position])
    with on_trial(body) as loop:
        one_vector(body, loop, "0", None)
    return body


def _producers(members: list[_Member], reader: _Member) -> dict[int, _Member]:
    """The images that a map reads and other maps of the group write, and which."""
    return {
        image: member
        for member in members
        for image, _ in reader.distances()
        if image in member.body.written
    }


def _place_behind(members: list[_Member], member: _Member) -> None:
    """Find the lag of a map behind the others. Raises `NotVector`."""
    producers = _producers(members, member)
    for image, producer in producers.items():
        away = max(lines for read, lines in member.distances() if read == image)
        member.lag = max(member.lag, producer.lag + away)
    if member.lag > MOST_LINES:
        raise NotVector("it stays too far behind")
    if any(s.border is Border.WRAP and s.image in producers for s in member.body.sources):
        raise NotVector("it reads what is written at the other end")
    written = member.body.written
    for other in members:
        if member.body.elsewhere & other.body.written:
            raise NotVector("it reads some pixel of what is being written")
        read = other.body.elsewhere | {image for image, _ in other.distances()}
        if written & (other.body.written | read):
            raise NotVector("it writes what others look at")


# Together.


def _make_rings(low: Lowering, members: list[_Member]) -> None:
    """Let images that nobody else looks at lie in as many lines as are looked at.

    From the oldest line looked at to the newest one written there are distance + lag + 1 lines, and
    those have different places. An image of fewer lines lies as it always does.
    """
    for producer in members:
        for image in sorted(producer.body.written):
            if not _is_private(low, members, image):
                continue
            lines = 1 + max(
                (away + reader.lag - producer.lag
                 for reader in members for read, away in reader.distances() if read == image),
                default=0,
            )  # fmt: skip
            places = 1 << (lines - 1).bit_length()
            buffer = low.images[image]
            is_large = low.build.value(f"icmp uge i64 {buffer.height}, {places}")
            mask = low.build.value(f"select i1 {is_large}, i64 {places - 1}, i64 -1")
            low.images[image] = replace(buffer, ring=mask)


def _is_private(low: Lowering, members: list[_Member], image: int) -> bool:
    """Whether an image is wholly written by these maps, and only they see it."""
    if low.kernel.images[image].role in (Role.IN, Role.OUT) or image in low.facts.cleared:
        return False
    inside = [range(m.position, low.regions[m.position].end) for m in members]
    return all(
        any(at in each for each in inside)
        for at, step in enumerate(low.kernel.code)
        if step.op in TOUCHES and step.immediates[0] == image
    )


def _emit(low: Lowering, members: list[_Member]) -> None:
    build = low.build
    height = low.wide(low.dimensions[number(low.kernel.code[members[0].position], 3)])
    last = max(member.lag for member in members)

    def step(time: str) -> None:
        for member in members:
            assigned = low.regions[member.position].assigned
            there, after = build.label(), build.label()
            y = build.value(f"sub i64 {time}, {member.lag}")
            build.branch(build.value(f"icmp ult i64 {y}, {height}"), there, after)
            build.start(there)
            forget(low, assigned)
            low.lane_body = member.body
            write_line(low, member.position, y, member.body)
            forget(low, assigned)
            build.jump(after)
            build.start(after)

    counted(low, build.value(f"add i64 {height}, {last}"), step)
