"""Reads the memory, the descriptors, the threads and the ledgers of a running process."""
import collections
import os
import re

from support.ledgers import total

ARENA_OCTETS = 64 << 20  # glibc's heaps of further threads begin at multiples of this address
LARGE_OCTETS = 8 << 20
MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)")

# The kinds of mappings, in the order of the columns.
KINDS = ("heap", "arenas", "large", "small", "packet_ring", "shared", "files", "stacks")


def kind_of(start, size, name, in_arena):
    if name == "[heap]":
        return "heap"
    if name == "[stack]":
        return "stacks"
    if name.startswith("socket:"):
        return "packet_ring"
    if name.startswith(("/dev/zero", "/memfd", "/dev/hugepages", "/dev/shm")):
        return "shared"
    if name and not name.startswith("["):
        return "files"
    if in_arena or start % ARENA_OCTETS == 0 and size <= ARENA_OCTETS:
        return "arenas"
    return "large" if size >= LARGE_OCTETS else "small"


def memory_by_kind(pid):
    """Returns the resident octets of each kind of mapping."""
    resident, kind, arena_end = collections.Counter(), None, 0
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            if found := MAPPING.match(line):
                start, end = int(found[1], 16), int(found[2], 16)
                kind = kind_of(start, end - start, found[4], start < arena_end)
                if kind == "arenas":
                    arena_end = start // ARENA_OCTETS * ARENA_OCTETS + ARENA_OCTETS
            elif line.startswith("Rss:"):
                resident[kind] += int(line.split()[1]) * 1024
    return resident


def rollup(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        values = dict(line.split(":") for line in file.read().splitlines()[1:])
    return {name: int(values[name].split()[0]) * 1024 for name in ("Rss", "Pss")}


def imbalance(summary, workers):
    """Returns what is wrong with the ledgers of a running process, or "". Records between two stages are not counted by
    either, but there is room only for so many."""
    packets, flows, records = summary["packets"], summary["flows"], summary["records"]
    accounted = packets["metered"] + total(packets["ignored"]) + total(packets["malformed"])
    if packets["received"] != accounted:
        return f"{packets['received']} packets received, {accounted} accounted for"
    ended = total(flows["exported"])
    if flows["opened"] != flows["open"] + ended:
        return f"{flows['opened']} flows opened, {flows['open']} open, {ended} ended"
    for sink in records["sinks"]:
        known = sink["delivered"] + sink["queued"] + sink["spooled"] + total(sink["dropped"])
        if sink["handed"] + sink["recovered"] != known:
            return f"{sink['name']}: {sink['handed']} handed, {known} accounted for"
        on_the_way = records["exported"] - records["ring_dropped"] - sink["handed"]
        if not ("added" in sink or "removed" in sink or 0 <= on_the_way <= workers * 64 * 256 + 8192):
            return f"{sink['name']}: {on_the_way} records between the workers and the sink"
    return ""


def sample(pid, summary):
    """Returns a row of the table of samples."""
    row = {"rss": 0, "pss": 0, **{kind: 0 for kind in KINDS}}
    row.update({name.lower(): octets for name, octets in rollup(pid).items()})
    row.update(memory_by_kind(pid))
    row["descriptors"] = len(os.listdir(f"/proc/{pid}/fd"))
    row["threads"] = len(os.listdir(f"/proc/{pid}/task"))
    packets, records = summary["packets"], summary["records"]
    row["received"] = packets["received"]
    row["lost"] = sum(packets[name] for name in ("nic_missed", "no_mbuf", "kernel_dropped", "reader_ring_full"))
    row["open"] = summary["flows"]["open"]
    row["exported"] = records["exported"]
    row["waiting"] = sum(sink["waiting"] for sink in records["sinks"])
    row["spooled"] = sum(sink["spooled"] for sink in records["sinks"])
    row["dropped"] = records["ring_dropped"] + sum(total(sink["dropped"]) for sink in records["sinks"])
    row["overload"] = summary["overload"]["level"]
    return row
