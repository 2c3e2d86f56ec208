"""NFStreamer: flows with nfstream's columns."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from spanflow import _core
from spanflow.nfstream import frame, parameters
from spanflow.nfstream.anonymizer import Anonymizer
from spanflow.nfstream.csv_files import CsvFiles
from spanflow.nfstream.performance import PerformanceReport
from spanflow.nfstream.plugin import UDPS, NFPlugin, callbacks
from spanflow.streamer import CapsuleStream

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from spanflow._core import NFlow

    Source = str | os.PathLike[str] | list[str | os.PathLike[str]]

_ACCOUNTING = ("link", "ip", "transport", "payload")  # by accounting_mode
_MOST_DPI_PACKETS = 32
_MOST_TIMEOUT = 10**9  # s
_ROWS = 65536  # of a batch of Arrow
_LONGEST_WAIT = 3600.0  # s, for a full batch: the caller needs the whole table

# Flows of the table. Beyond, the least recently used one ends early; nfstream has no limit.
_MOST_FLOWS = 1 << 20
_MOST_FEATURE_OCTETS = 4 << 30
_STATISTICS_OCTETS = 1024
_EARLY_PACKET_OCTETS = 24


class NFStreamer:
    """Gives flows, as nfstream does. Each loop, and each export, is a capture of its own from the start of the source.

    The parameters are those of nfstream 6.6; docs/from-nfstream.md has what differs.
    """

    source = parameters.Source()
    decode_tunnels = parameters.flag("decode_tunnels")
    bpf_filter = parameters.bpf_filter()
    promiscuous_mode = parameters.flag("promiscuous_mode")
    snapshot_length = parameters.number("snapshot_length", " (positive integer).", least=1)
    socket_buffer_size = parameters.number("socket_buffer_size", " (positive integer <= 2^31-1).", most=2**31 - 1)
    idle_timeout = parameters.seconds("idle_timeout")
    active_timeout = parameters.seconds("active_timeout")
    accounting_mode = parameters.number("accounting_mode", " (possible values: 0, 1, 2, 3).", most=3)
    udps = parameters.udps()
    n_dissections = parameters.number("n_dissections", " (possible values in : [0,...,255]).", most=255)
    statistical_analysis = parameters.flag("statistical_analysis")
    splt_analysis = parameters.splt_analysis()
    n_meters = parameters.n_meters()
    max_nflows = parameters.number("max_nflows", " (>=0).")
    performance_report = parameters.number(
        "performance_report",
        " (>=1 for reporting interval (seconds) or 0 to disable). [Available only for Live capture]",
    )
    system_visibility_mode = parameters.system_visibility_mode()
    system_visibility_poll_ms = parameters.number("system_visibility_poll_ms", " (positive integer in milliseconds)")

    def __init__(
        self,
        source: Source | None = None,
        decode_tunnels: bool = True,
        bpf_filter: str | None = None,
        promiscuous_mode: bool = True,
        snapshot_length: int = 1536,
        socket_buffer_size: int = 0,
        idle_timeout: int = 120,
        active_timeout: int = 1800,
        accounting_mode: int = 0,
        udps: NFPlugin | Iterable[NFPlugin] | None = None,
        n_dissections: int = 20,
        statistical_analysis: bool = False,
        splt_analysis: int = 0,
        n_meters: int = 0,
        max_nflows: int = 0,
        performance_report: int = 0,
        system_visibility_mode: int = 0,
        system_visibility_poll_ms: int = 100,
    ) -> None:
        self.source = source
        self.decode_tunnels = decode_tunnels
        self.bpf_filter = bpf_filter
        self.promiscuous_mode = promiscuous_mode
        self.snapshot_length = snapshot_length
        self.socket_buffer_size = socket_buffer_size
        self.idle_timeout = idle_timeout
        self.active_timeout = active_timeout
        self.accounting_mode = accounting_mode
        self.udps = udps
        self.n_dissections = n_dissections
        self.statistical_analysis = statistical_analysis
        self.splt_analysis = splt_analysis
        self.n_meters = n_meters
        self.max_nflows = max_nflows
        self.performance_report = performance_report
        self.system_visibility_mode = system_visibility_mode
        self.system_visibility_poll_ms = system_visibility_poll_ms

    def __iter__(self) -> Iterator[NFlow]:
        """Starts the capture. Leaving the loop stops it. Ctrl-C while it waits for a flow ends the loop."""
        with self._running() as run:
            flows: Iterator[Any] = itertools.islice(run, self.max_nflows or None)
            report = PerformanceReport(run, self.performance_report if self._is_live() else 0)
            try:
                while (flow := _next(flows)) is not None:
                    yield flow
            finally:
                report.stop()

    def to_csv(
        self,
        path: str | os.PathLike[str] | None = None,
        columns_to_anonymize: Collection[str] = (),
        flows_per_file: int = 0,
        rotate_files: int = 0,
        *,
        anonymization_key: bytes | None = None,
    ) -> int:
        """Writes the flows to CSV, and returns their number.

        path: by default, the source's name with ".csv" after it.
        columns_to_anonymize: names of columns whose values are hashed.
        flows_per_file, rotate_files: a.csv becomes a.0.csv, a.1.csv, ... of so many flows each; after so many files,
            a.0.csv is written again.
        anonymization_key: at most 64 octets; the same key gives the same hashes. By default, each call has another key.
        """
        anonymizer = Anonymizer(columns_to_anonymize, anonymization_key)
        return CsvFiles(self._default_path() if path is None else path, flows_per_file, rotate_files, anonymizer).write(self)

    def to_pandas(
        self, columns_to_anonymize: Collection[str] = (), *, anonymization_key: bytes | None = None
    ) -> pandas.DataFrame | None:
        """Returns the flows as a DataFrame; None if there are none. The parameters are those of to_csv()."""
        anonymizer = Anonymizer(columns_to_anonymize, anonymization_key)
        if frame.has_arrow() and not self._callbacks() and not self._is_live():
            return frame.from_arrow(self._table(), anonymizer)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "flows.csv")
            return frame.from_csv(path) if CsvFiles(path, 0, 0, anonymizer).write(self) else None

    def _default_path(self) -> str:
        return f"{self.source[0] if isinstance(self.source, list) else self.source}.csv"

    def _is_live(self) -> bool:
        return not isinstance(self.source, list) and not os.path.isfile(self.source)

    def _callbacks(self) -> list[Any]:
        return [callbacks(plugin) for plugin in self.udps]

    def _table(self) -> pyarrow.Table:
        with self._running() as run, _errors_of_nfstream():
            import pandas  # noqa: F401  # the imports take long, and the file is read meanwhile
            import pyarrow

            stream = CapsuleStream(run.arrow_stream(_ROWS, False, _LONGEST_WAIT))
            reader = pyarrow.RecordBatchReader.from_stream(stream)
            if not self.max_nflows:
                return reader.read_all()
            return pyarrow.Table.from_batches(_first_rows(reader, self.max_nflows), reader.schema)

    @contextlib.contextmanager
    def _running(self) -> Iterator[_core.Run]:
        with _errors_of_nfstream():
            run = _core.Run(self._options())
        try:
            yield run
        finally:
            run.close()

    def _options(self) -> _core.RunOptions:
        plugins = self._callbacks()
        settings = self._settings() | {"workers": 1 if plugins else self.n_meters}
        return _core.RunOptions(
            sources=self.source if isinstance(self.source, list) else [self.source],
            settings=[(name, json.dumps(value)) for name, value in settings.items()],
            nfstream=_core.NfstreamRules(
                idle_timeout=min(self.idle_timeout, _MOST_TIMEOUT),
                active_timeout=min(self.active_timeout, _MOST_TIMEOUT),
                splt=self.splt_analysis,
                has_tunnel_column=self.decode_tunnels,
            ),
            every_field=False,
            plugins=plugins,
            new_udps=UDPS,
        )

    def _settings(self) -> dict[str, Any]:
        """Returns the options with which the engine's columns are nfstream's."""
        dissects = self.n_dissections > 0
        settings = {
            "output.fields": ["nfstream"],
            "input.filter": self.bpf_filter or "",
            # IP in IP is always entered.
            "decode.tunnels": ["ipip"] + (["gtp", "capwap", "tzsp"] if self.decode_tunnels else []),
            "flow.accounting": _ACCOUNTING[self.accounting_mode],
            "flow.capacity": self._capacity(),
            "flow.tcp_close": False,
            "features.statistics": self.statistical_analysis,
            "features.names": dissects,
            "features.dns_names": 0,
            "dpi.enabled": dissects,
            "dpi.metadata": dissects,
            "overload.enabled": False,  # no column could say what was left out
        }
        if dissects:
            settings["dpi.max_packets"] = settings["dpi.max_packets_udp"] = min(self.n_dissections, _MOST_DPI_PACKETS)
        return settings | self._live_settings() if self._is_live() else settings

    def _live_settings(self) -> dict[str, Any]:
        frame_size = min(max(256, 1 << (self.snapshot_length - 1).bit_length()), 32768)
        settings: dict[str, Any] = {"input.frame_size": frame_size}
        if self.socket_buffer_size:
            settings["input.ring_frames"] = min(max(256, self.socket_buffer_size // frame_size), 1 << 20)
        return settings

    def _capacity(self) -> int:
        octets: int = self.splt_analysis * _EARLY_PACKET_OCTETS + (_STATISTICS_OCTETS if self.statistical_analysis else 0)
        return min(_MOST_FLOWS, _MOST_FEATURE_OCTETS // octets) if octets else _MOST_FLOWS


def _first_rows(reader: pyarrow.RecordBatchReader, rows: int) -> Iterator[pyarrow.RecordBatch]:
    for batch in reader:
        yield batch.slice(0, rows)
        rows -= batch.num_rows
        if rows <= 0:
            return


def _next(flows: Iterator[NFlow]) -> NFlow | None:
    with _errors_of_nfstream():
        try:
            return next(flows, None)
        except KeyboardInterrupt:
            return None


@contextlib.contextmanager
def _errors_of_nfstream() -> Iterator[None]:
    """nfstream raises ValueError for sources that cannot be read, and has a text of its own for filters."""
    try:
        yield
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    except ValueError as error:
        if "input.filter" in str(error):
            raise ValueError("Unable to compile BPF filter.") from error
        raise
