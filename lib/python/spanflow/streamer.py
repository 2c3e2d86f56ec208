"""The Streamer: flow records from a capture file, a network interface or DPDK devices."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spanflow import _core, parquet, progress_bar, summary

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from spanflow._core import Flow, Packet

    UserMetric = Callable[[Packet, Flow], Flow | None]
    Source = str | os.PathLike[str]

# The longest time in seconds that a record of a live capture waits for more records in its batch.
_LIVE_DELAY = 1.0


class YamlText(str):
    """The value of a setting as YAML."""


class Streamer:
    """Gives one flow per record. Each loop, and each conversion, is a capture of its own from the start of the source.

    source: a capture file (pcap, pcapng, compressed or not; "-" is standard input) or a list of capture files, else the name
        of a kernel interface or DPDK device.
    capacity: open flows; a full table ends the least recently used flow.
    active_timeout, inactive_timeout: seconds.
    user_metrics: functions by name. Each is called with every packet and its flow, after the packet was counted. It changes
        flow.metrics[name], which is 0 when a segment begins, and returns the flow.
    fields: what print(flow), to_dict() and tables show: names of fields and of sets ("classic", "full"). Attributes of a flow
        do not depend on it.
    workers: threads that meter. User metrics in Python need one.
    settings: any option of spanflowd, by its dotted name: {"flow.tcp_close": False}. They are stronger than all others.
    config: a YAML file of spanflowd.
    addresses: "text" or, for tables of Arrow only, "binary" (16 octets; IPv4 as IPv4-mapped IPv6).
    progress: shows the progress of reading capture files on standard error.

    Raises ValueError for a wrong option and RuntimeError for a source that cannot be read, here or in the loop, with one line.
    """

    def __init__(
        self,
        source: Source | Sequence[Source] | None = None,
        capacity: int | None = None,
        active_timeout: float | None = None,
        inactive_timeout: float | None = None,
        user_metrics: Mapping[str, UserMetric] | None = None,
        *,
        fields: str | Sequence[str] = "classic",
        workers: int | None = None,
        settings: Mapping[str, Any] | None = None,
        config: Source | None = None,
        addresses: str = "text",
        progress: bool = False,
    ) -> None:
        if addresses not in ("text", "binary"):
            raise ValueError(f'addresses: expected "text" or "binary", got {addresses!r}')
        if source is None and config is None:
            raise ValueError("source: expected a capture file, a network interface or a DPDK device")
        for name, function in (user_metrics or {}).items():
            if not callable(function):
                raise TypeError(f"user_metrics: {name}: expected a function, got {function!r}")
        self._sources = _sources(source)
        self._config = "" if config is None else os.fspath(config)
        self._fields = [fields] if isinstance(fields, str) else list(fields)
        self._settings = {"output.fields": self._fields} | _given(
            {
                "flow.capacity": capacity,
                "flow.active_timeout": _seconds("active_timeout", active_timeout),
                "flow.inactive_timeout": _seconds("inactive_timeout", inactive_timeout),
                "workers": workers,
            }
        )
        self._settings |= settings or {}
        self._metrics = list((user_metrics or {}).items())
        self._binary_addresses = addresses == "binary"
        self._progress = progress
        self._run: _core.Run | None = None
        self._options().check()

    def __iter__(self) -> Iterator[Flow]:
        """Starts the capture. Leaving the loop stops it."""
        run = self._start(every_field=True)
        return progress_bar.shown(iter(run), run) if self._progress else iter(run)

    @property
    def summary(self) -> summary.Summary:
        """The ledgers of packets, flows and records of the latest loop or conversion, also while it runs."""
        if self._run is None:
            raise RuntimeError("there is no summary yet: it needs a loop or a conversion")
        return summary.Summary(json.loads(self._run.summary()))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The records as a stream of Apache Arrow, for pyarrow.table(streamer), polars.DataFrame(streamer), and others."""
        return self._stream(rows=65536)

    def batches(self, rows: int = 65536) -> Iterator[pyarrow.RecordBatch]:
        """Gives tables of at most `rows` records. A live capture gives what it has each second."""
        with self.open_batches(rows) as reader:
            yield from reader

    @contextlib.contextmanager
    def open_batches(self, rows: int = 65536) -> Iterator[pyarrow.RecordBatchReader]:
        """Opens the source and gives a reader of batches, with their schema. The capture stops at the end of the block."""
        _need_pyarrow()
        reader = _reader(CapsuleStream(self._stream(rows)))
        try:
            with self._shown_progress():
                yield reader
        except OSError:
            _core.check_signals()  # after Ctrl-C, Arrow reports an error, but KeyboardInterrupt is right
            raise
        finally:
            self._stop()

    def to_arrow(self) -> pyarrow.Table:
        """Returns all records as a table of pyarrow."""
        with self.open_batches() as reader:
            return reader.read_all()

    def to_pandas(self, **options: Any) -> pandas.DataFrame:
        """Returns all records as a DataFrame. `options` are those of pyarrow.Table.to_pandas(). A user metric becomes a column
        metrics.NAME."""
        return self.to_arrow().flatten().to_pandas(**options)

    def to_polars(self) -> polars.DataFrame:
        """Returns all records as a DataFrame of polars."""
        import polars

        return polars.DataFrame(self)

    def to_parquet(self, path: Source, rotate: int | str | None = None, **options: Any) -> int:
        """Writes all records to Parquet, and returns their number. A capture larger than memory is no problem.

        path: a file. The name may have conversions of strftime, for its start in UTC.
        rotate: None: one file. A number: records per file. A duration such as "5m": a new file when the clock reaches a
            multiple of it. If a name is taken, a number is put before its ending.
        options: those of pyarrow.parquet.ParquetWriter.
        A file is called PATH.part until it is complete.
        """
        _need_pyarrow()
        return parquet.write(self, os.fspath(path), rotate, options)

    def to_csv(self, path: Source, rotate_every: str | None = None, rotate_size: str | None = None) -> int:
        """Writes all records to CSV, as spanflowd does, and returns their number. The options are those of spanflowd's sink."""
        sink = {"type": "csv", "path": os.fspath(path)} | _given({"rotate_every": rotate_every, "rotate_size": rotate_size})
        run = self._start(every_field=False, settings={"sinks": [sink]})
        try:
            with self._shown_progress():
                run.drain()
        finally:
            run.close()
        return int(self.summary["records"]["exported"])

    def _options(self, every_field: bool = False, settings: Mapping[str, Any] | None = None) -> _core.RunOptions:
        return _core.RunOptions(
            sources=self._sources,
            config_file=self._config,
            settings=[(name, _yaml(value)) for name, value in (self._settings | dict(settings or {})).items()],
            every_field=every_field,
            metrics=self._metrics,
        )

    def _start(self, every_field: bool, settings: Mapping[str, Any] | None = None) -> _core.Run:
        self._run = _core.Run(self._options(every_field, settings))
        return self._run

    def _shown_progress(self) -> contextlib.AbstractContextManager[None]:
        if self._progress and self._run is not None:
            return progress_bar.beside(self._run)
        return contextlib.nullcontext()

    def _stop(self) -> None:
        if self._run is not None:
            self._run.close()

    def _stream(self, rows: int) -> object:
        return self._start(every_field=False).arrow_stream(rows, self._binary_addresses, _LIVE_DELAY)


class CapsuleStream:
    """A capsule as an object that readers of Arrow take."""

    def __init__(self, capsule: object) -> None:
        self._capsule = capsule

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._capsule


def _need_pyarrow() -> None:
    """Imports pyarrow before a capture starts, because the import takes long."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise ImportError('this needs pyarrow: pip install "spanflow[arrow]"') from None


def _reader(stream: Streamer | CapsuleStream) -> pyarrow.RecordBatchReader:
    import pyarrow

    return pyarrow.RecordBatchReader.from_stream(stream)


def _sources(source: Source | Sequence[Source] | None) -> list[str]:
    if source is None:
        return []
    if isinstance(source, (str, os.PathLike)):
        return [os.fspath(source)]
    return [os.fspath(one) for one in source]


def _yaml(value: Any) -> str:
    return value if isinstance(value, YamlText) else json.dumps(value)  # JSON is YAML


def _seconds(name: str, value: float | None) -> str | None:
    if value is None:
        return None
    if not isinstance(value, (int, float)):
        raise TypeError(f"{name}: expected a number of seconds, got {value!r}")
    return f"{round(value * 1e9)}ns"


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}
