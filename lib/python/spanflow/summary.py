"""The ledgers of a run."""

from __future__ import annotations

from typing import Any

from spanflow import html_table


class Summary(dict[str, Any]):
    """Counters by their names in docs/counters.md, nested at the dots: summary["packets"]["received"]."""

    def _repr_html_(self) -> str:
        packets, flows, records = (self.get(name, {}) for name in ("packets", "flows", "records"))
        lost = sum(packets.get(name, 0) for name in ("nic_missed", "no_mbuf", "kernel_dropped", "reader_ring_full"))
        rows = [
            ("packets received", packets.get("received")),
            ("metered", packets.get("metered")),
            ("ignored", _sum(packets.get("ignored"))),
            ("malformed", _sum(packets.get("malformed"))),
            ("lost", lost),
            ("flows opened", flows.get("opened")),
            ("open", flows.get("open")),
            *((f"ended: {reason}", count) for reason, count in flows.get("exported", {}).items() if count),
            ("records exported", records.get("exported")),
            ("seconds", round(self.get("seconds", 0), 3)),
        ]
        return html_table.of_numbers((name, _shown(value)) for name, value in rows)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


def _sum(counts: Any) -> int:
    return sum(map(_sum, counts.values())) if isinstance(counts, dict) else int(counts or 0)
