"""spanflow.nfstream: files of CSV, DataFrames, and anonymised columns."""
import csv
import hashlib
import os
import re

import pytest
from support.captures import capture, capture_names

from spanflow.nfstream import NFPlugin, NFStreamer, frame

pandas = pytest.importorskip("pandas")

DNS = capture("dns.pcap")
MIXED = capture("mixed.pcap")


class Udps(NFPlugin):
    def on_init(self, packet, flow):
        flow.udps.number = 1
        flow.udps.text = 'a"b,c'
        flow.udps.nothing = None
        flow.udps.items = [1, 2]
        flow.udps.third = 1 / 3
        flow.udps.yes = True


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


# --- CSV ---

def test_csv_has_the_values_as_texts(tmp_path):
    streamer = NFStreamer(DNS, splt_analysis=2, statistical_analysis=True)
    assert streamer.to_csv(tmp_path / "a.csv") == 8
    flows = list(streamer)
    assert rows(tmp_path / "a.csv") == [flows[0].keys()] + [[str(value) for value in flow.values()] for flow in flows]
    written = (tmp_path / "a.csv").read_bytes()
    assert written.count(b"\r\n") == written.count(b"\n") == 9 and b'"[0, 1]"' in written


def test_csv_of_udps(tmp_path):
    assert NFStreamer(DNS, udps=Udps()).to_csv(tmp_path / "a.csv") == 8
    head, first, *_ = rows(tmp_path / "a.csv")
    assert head[-6:] == ["udps.number", "udps.text", "udps.nothing", "udps.items", "udps.third", "udps.yes"]
    assert first[-6:] == ["1", 'a"b,c', "", "[1, 2]", "0.3333333333333333", "True"]


def test_csv_is_next_to_the_source_by_default(tmp_path):
    for name in ("dns.pcap", "ntp.pcap"):
        (tmp_path / name).write_bytes(open(capture(name), "rb").read())
    assert NFStreamer(str(tmp_path / "dns.pcap")).to_csv() == 8
    assert NFStreamer([str(tmp_path / "ntp.pcap"), str(tmp_path / "dns.pcap")]).to_csv() == 11
    assert sorted(os.listdir(tmp_path)) == ["dns.pcap", "dns.pcap.csv", "ntp.pcap", "ntp.pcap.csv"]


@pytest.mark.parametrize("size, counts", [(1, [1] * 8), (3, [3, 3, 2]), (8, [8]), (100, [8])])
def test_files_of_some_flows_each(tmp_path, size, counts):
    assert NFStreamer(DNS).to_csv(tmp_path / "c.csv", flows_per_file=size) == 8
    assert sorted(os.listdir(tmp_path)) == [f"c.{at}.csv" for at in range(len(counts))]
    parts = [rows(tmp_path / f"c.{at}.csv") for at in range(len(counts))]
    assert [len(part) - 1 for part in parts] == counts
    assert [row[0] for part in parts for row in part[1:]] == [str(at) for at in range(8)]


def test_files_rotate(tmp_path):
    assert NFStreamer(DNS).to_csv(tmp_path / "r.csv", flows_per_file=3, rotate_files=2) == 8
    assert [row[0] for row in rows(tmp_path / "r.0.csv")] == ["id", "6", "7"]
    assert [row[0] for row in rows(tmp_path / "r.1.csv")] == ["id", "3", "4", "5"]


@pytest.mark.parametrize("name", ["flows_per_file", "rotate_files"])
@pytest.mark.parametrize("value", [-1, "a", 1.0, None])
def test_wrong_numbers_of_files_are_refused(tmp_path, name, value):
    with pytest.raises(ValueError, match=re.escape(f"Please specify a valid {name} parameter (>= 0).")):
        NFStreamer(DNS).to_csv(tmp_path / "x.csv", **{name: value})
    assert os.listdir(tmp_path) == []


def test_without_flows_there_is_no_file_and_no_frame(tmp_path):
    streamer = NFStreamer(DNS, bpf_filter="port 9")
    assert streamer.to_csv(tmp_path / "z.csv") == 0 and os.listdir(tmp_path) == []
    assert streamer.to_pandas() is None


def test_folder_of_the_file_must_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        NFStreamer(DNS).to_csv(tmp_path / "absent" / "x.csv")


# --- pandas ---

@pytest.mark.parametrize("name", [name for name in capture_names() if name != "tcp_loss.pcap"])
def test_frame_equals_that_of_the_csv_file(tmp_path, name):
    streamer = NFStreamer(capture(name), statistical_analysis=True, splt_analysis=3)
    streamer.to_csv(tmp_path / "a.csv")
    pandas.testing.assert_frame_equal(streamer.to_pandas(), pandas.read_csv(tmp_path / "a.csv"), check_exact=True)


def test_frame_without_arrow_is_the_same(monkeypatch, tmp_path):
    streamer = NFStreamer(MIXED)
    with_arrow = streamer.to_pandas()
    monkeypatch.setattr(frame, "has_arrow", lambda: False)
    monkeypatch.chdir(tmp_path)
    pandas.testing.assert_frame_equal(streamer.to_pandas(), with_arrow)
    assert os.listdir(tmp_path) == []


def test_types_of_columns_are_those_of_read_csv():
    got = NFStreamer(DNS, splt_analysis=2, statistical_analysis=True).to_pandas()
    kinds = {name: got[name].dtype.kind for name in ("id", "bidirectional_bytes", "bidirectional_mean_ps", "user_agent")}
    assert kinds == {"id": "i", "bidirectional_bytes": "i", "bidirectional_mean_ps": "f", "user_agent": "f"}
    assert got["splt_direction"][0] == "[0, 1]" and got["user_agent"].isna().all()
    assert got.index.equals(pandas.RangeIndex(8))


def test_frame_of_udps():
    got = NFStreamer(DNS, udps=Udps()).to_pandas()
    assert got["udps.number"].tolist() == [1] * 8 and got["udps.yes"].tolist() == [True] * 8
    assert got["udps.nothing"].isna().all() and got["udps.items"][0] == "[1, 2]"


def test_max_nflows_limits_exports(tmp_path):
    streamer = NFStreamer(DNS, max_nflows=3)
    assert streamer.to_csv(tmp_path / "m.csv") == 3 and streamer.to_pandas()["id"].tolist() == [0, 1, 2]


# --- Anonymised columns ---

COLUMNS = ["src_ip", "dst_ip", "id", "splt_ps", "user_agent"]


def test_hashes_are_blake2b_of_the_text_with_one_key_for_all_columns(tmp_path):
    streamer = NFStreamer(MIXED, splt_analysis=2)
    streamer.to_csv(tmp_path / "a.csv", columns_to_anonymize=COLUMNS, anonymization_key=b"key")
    head, *lines = rows(tmp_path / "a.csv")
    for line, flow in zip(lines, streamer, strict=True):
        hashed = dict(zip(head, line, strict=True))
        for name in COLUMNS:
            assert hashed[name] == hashlib.blake2b(str(getattr(flow, name)).encode(), key=b"key").hexdigest()
        assert hashed["src_mac"] == flow.src_mac


def test_frame_has_the_same_hashes(tmp_path):
    streamer = NFStreamer(MIXED, splt_analysis=2)
    streamer.to_csv(tmp_path / "a.csv", columns_to_anonymize=COLUMNS, anonymization_key=b"key")
    got = streamer.to_pandas(columns_to_anonymize=COLUMNS, anonymization_key=b"key")
    pandas.testing.assert_frame_equal(got, pandas.read_csv(tmp_path / "a.csv"))


def test_each_export_has_another_key_by_default():
    streamer = NFStreamer(DNS)
    first, second = (streamer.to_pandas(columns_to_anonymize=["src_ip"])["src_ip"] for _ in range(2))
    assert first.nunique() == second.nunique() and not set(first) & set(second) and set(first.str.len()) == {128}


def test_missing_value_stays_missing_and_unknown_column_is_left_out(tmp_path, capsys):
    streamer = NFStreamer(DNS, udps=Udps())
    streamer.to_csv(tmp_path / "a.csv", columns_to_anonymize=("udps.nothing", "udps.items", "absent"))
    assert [len(value) for value in rows(tmp_path / "a.csv")[1][-4:-2]] == [0, 128]
    assert capsys.readouterr().out == "WARNING: NFlow do not have {} attribute. Skipping anonymization.\n"


def test_wrong_arguments_of_anonymisation(tmp_path):
    with pytest.raises(TypeError):
        NFStreamer(DNS).to_csv(tmp_path / "a.csv", columns_to_anonymize=None)
    with pytest.raises(ValueError):
        NFStreamer(DNS).to_pandas(columns_to_anonymize=["id"], anonymization_key=b"x" * 65)
