"""Reports of a live capture on standard output."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spanflow._core import Run


class PerformanceReport:
    """Prints a line of JSON every `interval` seconds until it is stopped. 0: none."""

    def __init__(self, run: Run, interval: int) -> None:
        self._run = run
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._report, daemon=True)
        if interval:
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._interval:
            self._thread.join()

    def _report(self) -> None:
        while not self._stopped.wait(self._interval):
            print(json.dumps(_line(json.loads(self._run.summary()))), flush=True)


def _line(summary: dict[str, Any]) -> dict[str, Any]:
    packets = summary["packets"]
    return {
        "flows_expired": summary["records"]["exported"],
        "packets_processed": packets["metered"],
        "packets_ignored": sum(packets["ignored"].values()) + sum(packets["malformed"].values()),
        "packets_dropped_filtered_by_kernel": sum(
            packets[name] for name in ("nic_missed", "no_mbuf", "kernel_dropped", "reader_ring_full")
        ),
        "meters_packets_processing_balance": [worker["packets"]["metered"] for worker in summary["per_worker"]],
    }
