"""The loop over flows: the tutorial, attributes, fields, options and errors."""
import json
import gc
import os
import subprocess
import sys

import pytest
from support.captures import capture

import spanflow
from spanflow import Streamer
from spanflow.streamer import Streamer as StreamerOfTheTutorial

CLASSIC = ["ip_src", "src_port", "ip_dst", "dst_port", "ip_protocol", "src_to_dst_pkts", "dst_to_src_pkts",
           "src_to_dst_bytes", "dst_to_src_bytes", "application_name", "category_name", "start_time", "end_time",
           "export_reason"]


def flows_of(name, **options):
    return list(Streamer(source=capture(name), **options))


def test_printed_flow_is_one_json_object_with_the_classic_fields_in_order():
    streamer = StreamerOfTheTutorial(source=capture("tls12_instagram.pcap"), capacity=128000, active_timeout=120,
                                     inactive_timeout=60)
    lines = [str(flow) for flow in streamer]
    assert len(lines) == 3
    assert list(json.loads(lines[0])) == CLASSIC
    assert lines[0].startswith('{"ip_src":"10.20.0.10","src_port":35210,"ip_dst":"10.20.0.21","dst_port":443,')
    assert '"application_name":"TLS.Instagram","category_name":"SocialNetwork"' in lines[0]


def test_attributes_items_and_the_dict_agree():
    flow = flows_of("tls12_instagram.pcap")[0]
    assert flow.to_dict() == {name: getattr(flow, name) for name in CLASSIC}
    assert flow.to_dict() == {name: flow[name] for name in CLASSIC} == json.loads(str(flow))
    assert flow.ip_src == "10.20.0.10" and flow.src_port == 35210 and flow["ja4"].startswith("t13d")
    assert repr(flow) == "<Flow 10.20.0.10:35210 -> 10.20.0.21:443 protocol 6, TLS.Instagram, 22 packets>"


def test_every_field_of_the_reference_is_an_attribute():
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "fields.md"), encoding="utf-8") as page:
        names = [line.split("`")[1] for line in page if line.startswith("| `")]
    flow = flows_of("tls12_instagram.pcap", settings={"features.statistics": True, "features.splt": 3, "features.tcp": True})[0]
    assert len(names) > 100 and set(names) <= set(dir(flow))
    live_only = {"boot_id"}
    values = {name: getattr(flow, name) for name in set(names) - live_only}
    assert values["bidirectional_mean_ps"] > 0 and values["splt_direction"] == [0, 1, 0]
    assert values["tls_alpn"] == ["h2", "http/1.1"] and values["tcp_history"].startswith("Sh")
    assert values["http_url"] is None


def test_field_of_a_feature_that_is_off_names_the_option():
    flow = flows_of("dns.pcap")[0]
    with pytest.raises(AttributeError, match="bidirectional_mean_ps: it needs the option features.statistics"):
        flow.bidirectional_mean_ps
    with pytest.raises(AttributeError, match="boot_id: only a live capture has it"):
        flow.boot_id
    with pytest.raises(KeyError, match="no_such_field"):
        flow["no_such_field"]


def test_fields_select_what_a_flow_shows():
    flow = flows_of("dns.pcap", fields=["ip_src", "dns_query"])[0]
    assert list(json.loads(str(flow))) == ["ip_src", "dns_query"]
    assert list(flow.to_dict()) == ["ip_src", "dns_query"]
    assert list(flow.to_dict("classic")) == CLASSIC
    assert list(flow.to_dict(["ip_dst", "ja4"])) == ["ip_dst", "ja4"]
    assert len(flow.to_dict("full")) > 80
    assert list(flow.to_dict(fields=["ip_dst"])) == ["ip_dst"]
    with pytest.raises(TypeError, match="to_dict"):
        flow.to_dict(1)
    with pytest.raises(KeyError, match="ip_scr"):
        flow.to_dict(["ip_dst", "ip_scr"])


def test_flows_can_be_kept_after_the_capture(mixed):
    kept = list(Streamer(mixed, settings={"features.splt": 2}))
    gc.collect()
    texts = [str(flow) for flow in kept]
    assert texts == [str(flow) for flow in Streamer(mixed)]
    assert all(flow.splt_direction[0] == 0 for flow in kept)


def test_streamer_can_be_iterated_again(mixed):
    streamer = Streamer(mixed)
    assert [str(flow) for flow in streamer] == [str(flow) for flow in streamer]


def test_several_captures_are_one_stream():
    names = [capture("dns.pcap"), capture("http.pcap")]
    streamer = Streamer(names)
    records = len(list(streamer))
    assert records == len(list(Streamer(names[0]))) + len(list(Streamer(names[1])))
    assert streamer.summary["packets"]["received"] == 26 + 58


def test_leaving_the_loop_stops_the_capture(mixed):
    streamer = Streamer(mixed)
    for _ in streamer:
        break
    assert streamer.summary["records"]["exported"] >= 1
    with pytest.raises(StopIteration):
        flows = iter(streamer)
        flows.close()
        next(flows)


def test_settings_are_options_of_the_daemon_and_stronger_than_arguments(mixed, tmp_path):
    config = tmp_path / "spanflow.yaml"
    config.write_text("input: {filter: udp}\nflow: {accounting: payload}\n")
    by_argument = list(Streamer(mixed, settings={"input.filter": "udp", "flow.accounting": "payload"}))
    by_file = list(Streamer(mixed, config=config))
    assert [str(flow) for flow in by_argument] == [str(flow) for flow in by_file]
    assert {flow.ip_protocol for flow in by_file} == {17}
    assert {flow.ip_protocol for flow in Streamer(mixed, config=config, settings={"input.filter": "tcp"})} == {6}


def test_source_may_come_from_the_configuration(mixed, tmp_path):
    config = tmp_path / "spanflow.yaml"
    config.write_text(f"input: {{files: [{mixed}]}}\n")
    assert len(list(Streamer(config=config))) == len(list(Streamer(mixed)))


def test_timeouts_are_seconds():
    one = flows_of("tcp_loss.pcap", active_timeout=120, inactive_timeout=60)
    cut = flows_of("tcp_loss.pcap", active_timeout=0.5, inactive_timeout=0.5)
    assert len(cut) > len(one)
    assert max(flow.duration_ns for flow in cut) < 500_000_000


@pytest.mark.parametrize("options, error", [
    ({"source": "no-such.pcap"}, "no-such.pcap: no such capture file, network interface or DPDK device"),
    ({"source": ["no-such.pcap", "other.pcap"]}, "no-such.pcap: no such capture file"),
])
def test_missing_source_is_one_line(options, error):
    with pytest.raises(RuntimeError, match=f"^{error}$"):
        Streamer(**options)


@pytest.mark.parametrize("options, error", [
    ({"settings": {"flow.capcity": 5}}, "settings: flow.capcity: unknown key, did you mean flow.capacity?"),
    ({"settings": {"flow.tcp_close": "perhaps"}}, 'flow.tcp_close: expected true or false, got "perhaps"'),
    ({"capacity": -1}, "flow.capacity: expected"),
    ({"active_timeout": "a minute"}, "active_timeout: expected a number of seconds, got 'a minute'"),
    ({"user_metrics": {"a": 5}}, "user_metrics: a: expected a function, got 5"),
    ({"fields": ["ip_scr"]}, "ip_src"),
    ({"addresses": "octets"}, 'addresses: expected "text" or "binary", got \'octets\''),
    ({"workers": 0}, "workers: expected"),
    ({"workers": 2, "user_metrics": {"a": print}}, "workers: metrics and plug-ins in Python need 1 worker, got 2"),
    ({"user_metrics": {"not a name": print}}, 'user_metrics: expected a name of letters, digits and _, got "not a name"'),
    ({"config": "no-such.yaml"}, "no-such.yaml: cannot be read: No such file or directory"),
])
def test_wrong_option_is_one_line(mixed, options, error):
    with pytest.raises((ValueError, TypeError)) as caught:
        Streamer(mixed, **options)
    assert "\n" not in str(caught.value) and error in str(caught.value)


def test_no_source_is_an_error():
    with pytest.raises(ValueError, match="source: expected a capture file"):
        Streamer()


def test_damaged_capture_gives_its_flows_before_the_error(mixed, tmp_path):
    damaged = tmp_path / "damaged.pcap"
    with open(mixed, "rb") as file:
        damaged.write_bytes(file.read() + b"\xff" * 64)
    flows = []
    with pytest.raises(RuntimeError, match="^.*damaged.pcap: offset [^\n]*$"):
        for flow in Streamer(damaged):
            flows.append(flow)
    assert len(flows) == 33


def test_user_errors_in_the_loop_stop_the_capture(mixed):
    streamer = Streamer(mixed)
    with pytest.raises(ZeroDivisionError):
        for _ in streamer:
            1 / 0
    assert streamer.summary["records"]["exported"] >= 1


def test_workers_do_not_change_the_flows(mixed):
    def flows(workers):
        return sorted(str(flow) for flow in Streamer(mixed, workers=workers))
    assert flows(1) == flows(3)


def test_summary_has_the_ledgers(mixed):
    streamer = Streamer(mixed)
    with pytest.raises(RuntimeError, match="there is no summary yet"):
        streamer.summary
    records = len(list(streamer))
    summary = streamer.summary
    assert summary["packets"]["received"] == 475
    assert summary["packets"]["metered"] + summary["packets"]["ignored"]["not_ip"] == 475
    assert summary["records"]["exported"] == records == sum(summary["flows"]["exported"].values())
    assert "<th style='text-align:left'>packets received</th><td>475</td>" in summary._repr_html_()


def test_progress_is_shown_on_standard_error(mixed, capsys):
    assert list(Streamer(mixed, progress=True))
    assert "100%" in capsys.readouterr().err
    code = "import sys; sys.modules['tqdm'] = None\nfrom spanflow import Streamer\n" \
           f"for _ in Streamer({mixed!r}, progress=True): pass"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.endswith("100 %\n")


def test_version_and_help():
    assert spanflow.__version__.count(".") == 2
    assert "address of the sender" in spanflow.Flow.ip_src.__doc__
    assert spanflow.Flow.start_time.__doc__.endswith("(ms since the epoch)")
    with pytest.raises(TypeError):
        spanflow.Flow()


def test_import_is_quick_and_imports_nothing_optional():
    code = "import sys, spanflow; print(sorted({'pyarrow', 'pandas', 'polars', 'tqdm', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
