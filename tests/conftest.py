"""Options of the test suite, and how many examples property tests look at.

`make test` looks at a few hundred, always the same ones, so that it means the same everywhere;
`make fuzz` (FUZZ_EXAMPLES) at thousands of new ones each time.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.counting import save

FUZZ_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))

settings.register_profile(
    "ci",
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile(
    "fuzz",
    max_examples=FUZZ_EXAMPLES or 2000,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
settings.register_profile(  # `make mutants` asks only whether a test fails
    "mutants",
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
WANTED = "mutants" if os.environ.get("MUTANT_UNDER_TEST") else "fuzz" if FUZZ_EXAMPLES else "ci"
settings.load_profile(WANTED)

os.environ["CPUSHARE_RESULT_BYTES"] = "0"  # tests run kernels; those of caches say otherwise


def pytest_configure(config: pytest.Config) -> None:
    """The marks in use."""
    config.addinivalue_line("markers", "fuzz: run by `make fuzz` with many more examples")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep what was counted."""
    save()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Goldens are compared, or written anew with `--bless`."""
    parser.addoption("--bless", action="store_true", help="write goldens anew instead of comparing")


@pytest.fixture
def bless(request: pytest.FixtureRequest) -> bool:
    """Whether goldens are to be written anew."""
    return bool(request.config.getoption("--bless"))
