"""Tables: Arrow without copies, pandas, polars, DuckDB, Parquet and CSV."""
import csv
import ipaddress
import os

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest
from support.captures import capture

from spanflow import Streamer

FEATURES = {"features.statistics": True, "features.splt": 4, "features.tcp": True}


def full(source):
    return Streamer(source, fields="full", settings=FEATURES)


def test_types_of_columns(mixed):
    schema = pyarrow.table(full(mixed)).schema
    types = {name: str(schema.field(name).type) for name in (
        "ip_src", "src_port", "ip_protocol", "src_to_dst_bytes", "application_name", "category_name", "start_time",
        "start_time_ns", "segment", "flow_id", "src_mac", "bidirectional_mean_ps", "splt_direction", "tls_alpn",
        "tls_not_after", "src_to_dst_tcp_flags")}
    label = "dictionary<values=string, indices=int32, ordered=0>"
    time = "timestamp[ns, tz=UTC]"
    assert types == {
        "ip_src": "string", "src_port": "uint16", "ip_protocol": "uint8", "src_to_dst_bytes": "uint64",
        "application_name": label, "category_name": label, "start_time": time, "start_time_ns": time,
        "segment": "uint32", "flow_id": "string", "src_mac": "string", "bidirectional_mean_ps": "double",
        "splt_direction": "list<item: int64>", "tls_alpn": "list<item: string>",
        "tls_not_after": "timestamp[s, tz=UTC]", "src_to_dst_tcp_flags": "uint8"}


@pytest.mark.parametrize("name", ["mixed.pcap", "names.pcap", "tunnels.pcap", "vlan.pcap", "ipv6_web.pcap", "raw.pcap"])
def test_columns_have_the_values_of_the_flows(name):
    streamer = full(capture(name))
    table = pyarrow.table(streamer)
    table.validate(full=True)
    flows = list(streamer)
    assert table.num_rows == len(flows)
    times = {field.name for field in table.schema if pyarrow.types.is_timestamp(field.type)}
    factors = {"start_time": 1_000_000, "end_time": 1_000_000}
    for name in table.column_names:
        column = table[name].cast("int64") if name in times else table[name]
        expected = [getattr(flow, name) for flow in flows]
        if name in times:
            expected = [value if value is None else value * factors.get(name, 1) for value in expected]
        assert column.to_pylist() == expected, name


def test_addresses_may_be_binary():
    flows = list(Streamer(capture("mixed.pcap")))
    table = pyarrow.table(Streamer(capture("mixed.pcap"), addresses="binary"))
    assert str(table.schema.field("ip_src").type) == "fixed_size_binary[16]"
    shown = [ipaddress.IPv6Address(octets) for octets in table["ip_src"].to_pylist()]
    assert [str(address.ipv4_mapped or address) for address in shown] == [flow.ip_src for flow in flows]


def test_batches_have_at_most_so_many_rows_and_one_numbering_of_labels(mixed):
    batches = list(Streamer(mixed).batches(rows=5))
    assert [batch.num_rows for batch in batches] == [5, 5, 5, 5, 5, 5, 3]
    texts = [batch["application_name"].dictionary.to_pylist() for batch in batches]
    assert all(later[:len(earlier)] == earlier for earlier, later in zip(texts, texts[1:]))
    assert pyarrow.Table.from_batches(batches).unify_dictionaries()["ip_src"].to_pylist() == \
        pyarrow.table(Streamer(mixed))["ip_src"].to_pylist()


def test_leaving_the_batches_stops_the_capture(mixed):
    streamer = Streamer(mixed)
    for batch in streamer.batches(rows=1):
        break
    assert batch.num_rows == 1


def test_capsule_that_nobody_reads_stops_its_capture(mixed):
    streamer = Streamer(mixed)
    capsule = streamer.__arrow_c_stream__()
    del capsule
    assert streamer.summary["packets"]["received"] >= 0


def test_capture_without_flows_gives_a_table_without_rows(mixed):
    table = pyarrow.table(Streamer(mixed, settings={"input.filter": "port 9"}))
    assert table.num_rows == 0 and table.num_columns == 14


def test_pandas_polars_and_duckdb_read_the_stream(mixed):
    expected = [flow.src_to_dst_bytes for flow in Streamer(mixed)]
    assert pandas.DataFrame.from_arrow(Streamer(mixed))["src_to_dst_bytes"].tolist() == expected
    assert polars.DataFrame(Streamer(mixed))["src_to_dst_bytes"].to_list() == expected
    assert polars.from_arrow(Streamer(mixed)).struct.field("src_to_dst_bytes").to_list() == expected
    stream = pyarrow.RecordBatchReader.from_stream(Streamer(mixed))
    assert duckdb.from_arrow(stream).aggregate("sum(src_to_dst_bytes)").fetchall() == [(sum(expected),)]
    streamer = Streamer(mixed)
    assert duckdb.sql("select sum(src_to_dst_bytes) from streamer").fetchall() == [(sum(expected),)]


def test_to_pandas_has_metrics_as_columns(mixed):
    def count(packet, flow):
        flow.metrics["packets"] += 1
        return flow
    frame = Streamer(mixed, user_metrics={"packets": count}).to_pandas()
    assert frame["metrics.packets"].tolist() == (frame["src_to_dst_pkts"] + frame["dst_to_src_pkts"]).tolist()
    assert str(frame["start_time"].dtype) == "datetime64[ns, UTC]"
    assert str(frame["application_name"].dtype) == "category"


def test_to_polars_and_to_arrow(mixed):
    assert Streamer(mixed).to_polars().shape == (33, 14)
    assert Streamer(mixed).to_arrow().num_rows == 33


def test_metric_without_a_value_is_null(mixed):
    def raises(packet, flow):
        raise ValueError
    table = Streamer(mixed, user_metrics={"broken": raises}).to_arrow()
    assert table["metrics"].combine_chunks().field("broken").null_count == 33


def test_parquet_is_one_file_with_all_records(mixed, tmp_path):
    path = tmp_path / "flows.parquet"
    assert Streamer(mixed, fields="full").to_parquet(path) == 33
    assert pyarrow.parquet.read_table(path).num_rows == 33
    assert os.listdir(tmp_path) == ["flows.parquet"]


def test_parquet_begins_a_new_file_after_so_many_records(mixed, tmp_path):
    assert Streamer(mixed).to_parquet(tmp_path / "flows.parquet", rotate=10) == 33
    names = ["flows.parquet", "flows.1.parquet", "flows.2.parquet", "flows.3.parquet"]
    assert sorted(os.listdir(tmp_path)) == sorted(names)
    tables = [pyarrow.parquet.read_table(tmp_path / name) for name in names]
    assert [table.num_rows for table in tables] == [10, 10, 10, 3]
    assert pyarrow.concat_tables(tables)["ip_src"].to_pylist() == [flow.ip_src for flow in Streamer(mixed)]


def test_parquet_of_no_records_is_a_file_with_a_schema(mixed, tmp_path):
    assert Streamer(mixed, settings={"input.filter": "port 9"}).to_parquet(tmp_path / "none.parquet") == 0
    assert pyarrow.parquet.read_table(tmp_path / "none.parquet").num_columns == 14


@pytest.mark.parametrize("rotate", [0, -1, "soon", "5", "0m"])
def test_wrong_rotation_is_an_error(mixed, tmp_path, rotate):
    with pytest.raises(ValueError, match="rotate: expected"):
        Streamer(mixed).to_parquet(tmp_path / "flows.parquet", rotate=rotate)
    assert os.listdir(tmp_path) == []


def test_damaged_capture_leaves_a_complete_parquet_file(mixed, tmp_path):
    damaged = tmp_path / "damaged.pcap"
    with open(mixed, "rb") as file:
        damaged.write_bytes(file.read() + b"\xff" * 64)
    with pytest.raises(OSError, match="damaged.pcap: offset "):
        Streamer(damaged).to_parquet(tmp_path / "flows.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "flows.parquet").num_rows > 0


def test_csv_is_the_file_of_the_daemon(mixed, tmp_path):
    path = tmp_path / "flows.csv"
    assert Streamer(mixed).to_csv(path) == 33
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["ip_src"] for row in rows] == [flow.ip_src for flow in Streamer(mixed)]


def test_csv_in_a_missing_folder_is_one_line(mixed, tmp_path):
    with pytest.raises(RuntimeError, match="No such file or directory") as caught:
        Streamer(mixed).to_csv(tmp_path / "missing" / "flows.csv")
    assert "\n" not in str(caught.value)


def test_without_pyarrow_the_error_says_what_to_install(mixed, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'this needs pyarrow: pip install "spanflow\[arrow\]"'):
        Streamer(mixed).to_arrow()
