"""What Function Compute costs at its list price, for docs/operating.md and the bench.

Chinese site, "Billing overview" and "Pay-as-you-go", 9 August 2026: the price up to 200 million CU.
"""

from __future__ import annotations

import yaml

from tests.bench import page
from tests.sandbox.function_compute import ROOT

CU_A_VCPU_SECOND, CU_A_GB_SECOND, CU_AN_INVOCATION, CNY_A_CU = 1.0, 0.15, 75 / 10_000, 0.00011
#: At least so much for an hour in which a function was used.
LEAST_CNY_AN_HOUR = 0.01

_DEPLOYED = yaml.safe_load((ROOT / "s.yaml").read_text())["resources"]["http"]["props"]
VCPU, MEMORY_GB = _DEPLOYED["cpu"], _DEPLOYED["memorySize"] / 1024
#: How long an invocation waits for its turn and for the API: pessimistic.
SECONDS = 2.0
HOURS_A_MONTH = 720


def cu(seconds: float) -> float:
    """The units of one invocation that takes so long."""
    used = seconds * (VCPU * CU_A_VCPU_SECOND + MEMORY_GB * CU_A_GB_SECOND)
    return float(used + CU_AN_INVOCATION)


def cny(seconds: float) -> float:
    """The list price of such an invocation."""
    return cu(seconds) * CNY_A_CU


def table() -> str:
    rows = []
    for codes in (100, 10_000, 1_000_000):
        used_hours = min(codes, HOURS_A_MONTH)
        units = codes * cu(SECONDS)
        cny = used_hours * max(LEAST_CNY_AN_HOUR, units * CNY_A_CU / used_hours)
        rows.append((f"{codes:,}", f"{units:,.0f}", f"{cny:.2f}"))
    return page.table(("codes a month", "CU", "CNY"), rows)
