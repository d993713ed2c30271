"""Numbers for Prometheus. No label comes from outside."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cpushare.exchange.service import World
from cpushare.exchange.store import Overview

ACTIVE_S = 300.0
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)


class Metrics:
    """What one front end counts, and what the store says when it is asked."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cpushare_requests", "Requests.", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "cpushare_request_seconds",
            "From the headers to the answer; waiting for work is part of it.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.leases = Counter("cpushare_leases", "Leases granted.", registry=self.registry)
        self.results = Counter(
            "cpushare_results", "Results, by verdict.", ("verdict",), registry=self.registry
        )

    async def text(self) -> bytes:
        """All of it, in Prometheus's own form."""
        async with self._world.store.begin() as transaction:
            found = await transaction.overview(self._world.now() - ACTIVE_S)
        registry = CollectorRegistry()
        registry.register(_Now(found))
        return generate_latest(self.registry) + generate_latest(registry)


class _Now(Collector):
    """What the store says now, as gauges."""

    def __init__(self, found: Overview) -> None:
        self._found = found

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges."""
        found = self._found
        yield _gauge(
            "tasks",
            "Executions.",
            "stage",
            {
                "waiting": found.waiting,
                "leased": found.leased,
                "held": found.unpaid,
            },
        )
        yield _gauge(
            "workers",
            "Workers.",
            "standing",
            {str(standing): count for standing, count in found.workers.items()},
        )
        jobs: dict[str, int] = {}
        for (state, _), count in found.jobs.items():
            jobs[str(state)] = jobs.get(str(state), 0) + count
        yield _gauge("jobs", "Jobs.", "state", jobs)
        yield GaugeMetricFamily(
            "cpushare_workers_active", "Workers seen in five minutes.", found.active
        )
        yield GaugeMetricFamily(
            "cpushare_checks_waiting", "Tasks that wait for the checker.", found.for_checker
        )
        yield GaugeMetricFamily(
            "cpushare_ledger_sum", "Micro-coins of all accounts together: 0.", found.ledger_sum
        )


def _gauge(name: str, text: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"cpushare_{name}", text, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family
