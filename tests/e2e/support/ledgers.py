"""Checks the ledgers of a run: every packet, segment and record is in exactly one counter."""


def total(counts):
    return sum(counts.values())


def assert_balanced(summary):
    """Asserts that every packet, segment and record is in exactly one counter."""
    packets, flows, records = summary["packets"], summary["flows"], summary["records"]
    accounted = packets["metered"] + total(packets["ignored"]) + total(packets["malformed"])
    assert packets["received"] == accounted, f"packets: {packets['received']} received, {accounted} accounted for"
    ended = total(flows["exported"])
    assert flows["opened"] == flows["open"] + ended, f"flows: {flows}"
    assert flows["open"] == 0, f"flows still open after the end: {flows['open']}"
    assert records["exported"] == ended, f"records: {records['exported']} exported of {ended} segments"
    for sink in records["sinks"]:
        if "added" not in sink and "removed" not in sink:
            assert sink["handed"] == records["exported"] - records["ring_dropped"], f"sink: {sink}, records: {records}"
        assert sink["handed"] + sink["recovered"] == sink["delivered"] + sink["queued"] + sink["spooled"] + total(sink["dropped"]), sink
        assert sink["queued"] == 0, f"queued after the end: {sink}"


def assert_sums(records, summary):
    """Asserts that the packets and octets in the records add up to the metered packets and octets."""
    packets = sum(int(r["src_to_dst_pkts"]) + int(r["dst_to_src_pkts"]) for r in records)
    assert packets == summary["packets"]["metered"], f"{packets} packets in records, {summary['packets']} metered"
    assert len(records) == summary["records"]["exported"], f"{len(records)} records, {summary['records']}"
    if records and "src_to_dst_link_bytes" in records[0]:
        octets = sum(int(r["src_to_dst_link_bytes"]) + int(r["dst_to_src_link_bytes"]) for r in records)
        assert octets == summary["octets"]["metered"], f"{octets} octets in records, {summary['octets']} metered"
