"""docs/market.md shows what was measured, and the rules still keep what it says."""

from __future__ import annotations

import json

from cpushare.market.trust import TrustPolicy
from tests.market.curves import CASES, MEASURED, PAGE, Run, page_with, table


def test_the_page_has_the_measured_figures() -> None:
    rows = json.loads(MEASURED.read_text())
    assert {row["case"] for row in rows} == {case.name for case in CASES}
    assert page_with(PAGE.read_text(), rows) == PAGE.read_text()
    assert table(rows) in PAGE.read_text()


def test_spot_keeps_its_promise_in_the_measurement() -> None:
    rows = {(row["case"], row["liars"]): row for row in json.loads(MEASURED.read_text())}
    for case in CASES:
        if case.trust == "spot" and not case.is_ring and not case.is_trusted:
            assert rows[case.name, 0.2]["wrong"] <= 5e-4
            assert rows[case.name, 0.0]["work"] <= 1.125


def test_a_measured_run_is_that_of_these_rules() -> None:
    rows = {(row["case"], row["liars"]): row for row in json.loads(MEASURED.read_text())}
    case = CASES[1]
    wrong, work, _ = Run(case, 0, 0, TrustPolicy()).run()
    assert (wrong, round(work, 4)) == (0, rows[case.name, 0.0]["work"])
