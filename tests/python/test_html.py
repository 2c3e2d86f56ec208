"""What notebooks show of a flow and of a summary."""
from support.captures import capture

from spanflow import Streamer, html_table


def test_flow_is_a_table_of_its_fields_and_metrics():
    streamer = Streamer(capture("tls12_instagram.pcap"), fields=["ip_src", "src_port", "tls_names", "dns_query"],
                        user_metrics={"large": lambda packet, flow: flow})
    table = next(iter(streamer))._repr_html_()
    rows = [row.split("<td")[0].split(">")[-2].split("<")[0] for row in table.split("<tr>")[1:]]
    assert rows == ["ip_src", "src_port", "tls_names", "metrics.large"]  # no row for a missing value
    assert ">35210<" in table and ">www.instagram.com, *.cdninstagram.com<" in table


def test_texts_are_escaped():
    assert html_table.of_flow({"http_url": "<script>&\"'"}) == (
        "<table><tr><th style='text-align:left'>http_url</th>"
        "<td style='text-align:left'>&lt;script&gt;&amp;&quot;&#x27;</td></tr></table>")


def test_summary_is_a_table():
    streamer = Streamer(capture("tls12_instagram.pcap"))
    list(streamer)
    assert ">packets received</th><td>88</td>" in streamer.summary._repr_html_()
