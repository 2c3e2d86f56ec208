// All counters of the program, in one list. A counter's name is also its path in the run's summary, where a dot begins
// a nested level. A function that refuses a packet returns the Counter for the reason, and the caller increments this
// counter.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "spanflow/record.h"
#include "telemetry/frequent_numbers.h"
#include "telemetry/histogram.h"

namespace spanflow {

// Each row is X(id, name, unit, help). The enumerator is the id with a k before it.
#define SPANFLOW_COUNTERS(X)                                                                                           \
  X(PacketsReceived, "packets.received", "packets", "packets taken from the input: metered, ignored or malformed")     \
  X(PacketsMetered, "packets.metered", "packets", "packets added to a flow")                                           \
  X(IgnoredNotIp, "packets.ignored.not_ip", "packets", "frames that carry no IP: ARP, LLDP, spanning tree")            \
  X(IgnoredUnknownEtherType, "packets.ignored.unknown_ether_type", "packets",                                          \
    "frames whose EtherType is unknown, so that they may carry IP; the summary names the most frequent EtherTypes")    \
  X(IgnoredEncrypted, "packets.ignored.encrypted", "packets",                                                          \
    "frames that are encrypted below IP, by IEEE 802.11 or MACsec")                                                    \
  X(IgnoredTunnelFragment, "packets.ignored.tunnel_fragment", "packets",                                               \
    "later fragments of a tunnel's packet; the first fragment counted with the octets of the whole inner packet")      \
  X(IgnoredLinkType, "packets.ignored.link_type", "packets",                                                           \
    "packets of a pcapng file whose interface is unknown or has a link type that cannot be decoded")                   \
  X(IgnoredFiltered, "packets.ignored.filtered", "packets", "packets that input.filter does not match")                \
  X(IgnoredDuplicate, "packets.ignored.duplicate", "packets",                                                          \
    "second copies of a packet within decode.deduplicate, as from a span port that mirrors packets twice")             \
  X(IgnoredSampledOut, "packets.ignored.sampled_out", "packets",                                                       \
    "packets left out because an overloaded worker meters only one in sampling_rate new flows")                        \
  X(MalformedLink, "packets.malformed.link_header", "packets",                                                         \
    "packets cut inside the link layer, VLAN, MPLS or PPP headers")                                                    \
  X(MalformedIpHeader, "packets.malformed.ip_header", "packets",                                                       \
    "packets cut inside the IP header, or with an impossible header length")                                           \
  X(MalformedIpVersion, "packets.malformed.ip_version", "packets",                                                     \
    "packets that are IP by their link type, but have neither version 4 nor 6")                                        \
  X(MalformedIpLength, "packets.malformed.ip_length", "packets",                                                       \
    "packets whose IP length is less than the header, more than the frame and 9216 octets, or more than the tunnel's " \
    "packet")                                                                                                          \
  X(MalformedIpv6Extension, "packets.malformed.ipv6_extension", "packets",                                             \
    "packets cut inside an IPv6 extension header, or with too many extension headers")                                 \
  X(MalformedTransport, "packets.malformed.transport_header", "packets",                                               \
    "packets cut before the ports of TCP, UDP or SCTP")                                                                \
  X(MalformedNesting, "packets.malformed.nesting", "packets", "packets with too many nested headers")                  \
  X(PacketsNicMissed, "packets.nic_missed", "packets", "lost packets: dropped by the port because its queue was full") \
  X(PacketsNoMbuf, "packets.no_mbuf", "packets", "lost packets: DPDK's buffer pool of the queue was empty")            \
  X(PacketsKernelDropped, "packets.kernel_dropped", "packets",                                                         \
    "lost packets: dropped by the kernel because its packet ring was full")                                            \
  X(PacketsReaderRingFull, "packets.reader_ring_full", "packets",                                                      \
    "lost packets: a worker was too slow for the packets that other threads sent to it")                               \
  X(PacketsHandedOver, "packets.handed_over", "packets",                                                               \
    "packets handed over by the worker that received them to the worker that owns their flow")                         \
  X(PacketsTimeBackwards, "packets.time_backwards", "packets",                                                         \
    "metered packets that are older than the last packet of their flow")                                               \
  X(TimeStepped, "time.stepped", "steps",                                                                              \
    "how often the time stepped: the clock of a live run was set, or the times in capture files went back for good")   \
  X(PacketsLaterFragments, "packets.later_fragments", "packets",                                                       \
    "metered fragments after the first fragment of their datagram; they have no ports")                                \
  X(FragmentsOrphaned, "packets.fragments_orphaned", "packets",                                                        \
    "later fragments metered as flows without ports, because their first fragment did not come in time")               \
  X(FragmentsHeld, "packets.fragments_held", "packets",                                                                \
    "later fragments that now wait for their first fragment; they count as received when the wait ends")               \
  X(PacketsSliced, "packets.sliced", "packets", "packets metered by their IP length, although the frame is shorter")   \
  X(PacketsOddEtherType, "packets.odd_ether_type", "packets",                                                          \
    "packets metered although their EtherType is unknown: an IPv4 packet of exactly this length follows")              \
  X(PacketsImpossibleLength, "packets.impossible_length", "packets",                                                   \
    "packets whose length on the wire in the capture file is greater than any link allows; the captured length "       \
    "counts")                                                                                                          \
  X(PacketsOverMtu, "packets.over_mtu", "packets",                                                                     \
    "frames longer than the interface's MTU allows: an offload merged them, and should be switched off")               \
  X(PacketsNicErrors, "packets.nic_errors", "packets",                                                                 \
    "frames in which a port found errors, such as a wrong checksum; most ports drop them, so no ledger has them")      \
  X(OctetsMetered, "octets.metered", "octets", "layer 2 octets of the metered packets")                                \
  X(FlowsOpened, "flows.opened", "segments", "flow segments opened, including those after an active timeout")          \
  X(FlowsOpen, "flows.open", "segments", "flow segments now in the tables")                                            \
  X(ExportedInactive, "flows.exported.inactive", "segments",                                                           \
    "segments that ended because no packet came for flow.inactive_timeout")                                            \
  X(ExportedActive, "flows.exported.active", "segments",                                                               \
    "segments that ended because they were as old as flow.active_timeout")                                             \
  X(ExportedClosed, "flows.exported.closed", "segments",                                                               \
    "segments that ended because TCP was closed, by FIN in both directions or by RST")                                 \
  X(ExportedCaptureEnd, "flows.exported.capture_end", "segments",                                                      \
    "segments that were still open when the capture ended")                                                            \
  X(ExportedEvicted, "flows.exported.evicted", "segments", "segments that were evicted because the table was full")    \
  X(ExportedPlugin, "flows.exported.plugin", "segments", "segments that a user metric ended")                          \
  X(FlowsEvictedIdle, "flows.evicted_idle_ns", "ns",                                                                   \
    "how long the last evicted flow had been without packets; the maximum over all workers")                           \
  X(RecordsExported, "records.exported", "records", "records of ended segments")                                       \
  X(RecordsRingDropped, "records.ring_dropped", "records", "lost records: the export ring of a live worker was full")  \
  X(DpiClassified, "dpi.classified", "flows", "flows that nDPI classified")                                            \
  X(DpiGivenUp, "dpi.given_up", "flows",                                                                               \
    "flows that nDPI did not classify within its limits of packets and time, or before they ended")                    \
  X(DpiPoolFull, "dpi.pool_full", "flows",                                                                             \
    "flows given up early because dpi.max_flows was reached, or nDPI took 1 KiB of memory for each of as many flows")  \
  X(DpiCalls, "dpi.calls", "packets", "packets that were given to nDPI")                                               \
  X(DpiTooSlow, "dpi.too_slow", "flows",                                                                               \
    "flows given up because nDPI needed more than dpi.time_budget for one packet")                                     \
  X(DpiQuarantined, "dpi.quarantined", "flows",                                                                        \
    "flows given up without nDPI, because it has crashed twice on a flow with the same key")                           \
  X(InspectGivenUp, "inspect.given_up", "directions",                                                                  \
    "directions of flows whose message could not be put together: cut by the snap length, too long or too much out "   \
    "of "                                                                                                              \
    "order")                                                                                                           \
  X(InspectPoolFull, "inspect.pool_full", "flows",                                                                     \
    "flows whose payload was no longer read, because more flows than the readers have room for needed it")             \
  X(InspectMemoryFull, "inspect.memory_full", "values",                                                                \
    "values from packets that were not kept because features.names_memory was used up")                                \
  X(NamesStored, "names.stored", "answers", "addresses in DNS replies that were stored in the cache of names")         \
  X(NamesReplaced, "names.replaced", "answers", "answers that displaced one that was still valid")                     \
  X(NamesLookedUp, "names.looked_up", "records", "records without a name of their own, for which one was looked up")   \
  X(NamesFound, "names.found", "records", "records that got dns_name from the cache of names")                         \
  X(TcpAcks, "tcp.acks", "packets", "with features.tcp: packets that acknowledge octets for the first time")           \
  X(TcpAcksOfUnseen, "tcp.acks_of_unseen", "packets",                                                                  \
    "packets of tcp.acks that acknowledge octets never seen: packets were lost on the way to this sensor")             \
  X(WorkerPolls, "worker.polls", "polls", "how often threads polled for packets, whether or not there were any")       \
  X(WorkerBusy, "worker.busy_ns", "ns", "time that live workers spent on bursts with packets and on ending flows")     \
  X(OverloadLevel, "overload.level", "level",                                                                          \
    "current level: 0 none, 1 no names, 2 also less DPI, 3 also no features, 4 also sampling; the maximum over all "   \
    "workers")                                                                                                         \
  X(OverloadRaised, "overload.raised", "steps", "how often an overloaded worker raised its level or its sampling")     \
  X(OverloadNamesStopped, "overload.names_stopped", "flows", "flows whose payload was not read because of overload")   \
  X(OverloadDpiLowered, "overload.dpi_lowered", "flows", "flows classified from fewer packets because of overload")    \
  X(OverloadFeaturesStopped, "overload.features_stopped", "flows",                                                     \
    "flows opened without features because of overload")                                                               \
  X(OverloadSampled, "overload.sampled", "flows",                                                                      \
    "flows opened while, because of overload, only one in sampling_rate new flows was metered")                        \
  X(MetricsSwitchedOff, "metrics.switched_off", "metrics",                                                             \
    "user metrics switched off because their code threw an exception")

enum class Counter : std::uint8_t {
#define SPANFLOW_COUNTER_ID(id, name, unit, help) k##id,
  SPANFLOW_COUNTERS(SPANFLOW_COUNTER_ID)
#undef SPANFLOW_COUNTER_ID
};

// Returns the counter of the segments that ended for this reason. The counters flows.exported have the order of
// EndReason.
constexpr Counter exported_counter(EndReason reason) {
  return static_cast<Counter>(static_cast<int>(Counter::kExportedInactive) + static_cast<int>(reason));
}
static_assert(exported_counter(EndReason::kInactive) == Counter::kExportedInactive);
static_assert(exported_counter(EndReason::kActive) == Counter::kExportedActive);
static_assert(exported_counter(EndReason::kClosed) == Counter::kExportedClosed);
static_assert(exported_counter(EndReason::kCaptureEnd) == Counter::kExportedCaptureEnd);
static_assert(exported_counter(EndReason::kEvicted) == Counter::kExportedEvicted);
static_assert(exported_counter(EndReason::kPlugin) == Counter::kExportedPlugin);

// kCount: how often something has happened, summed over all threads. kGauge: how much there is now, summed over all
// threads. kGreatestGauge: the greatest current value of any thread.
enum class CounterKind : std::uint8_t { kCount, kGauge, kGreatestGauge };

constexpr CounterKind kind_of(Counter counter) {
  switch (counter) {
    case Counter::kFlowsOpen:
    case Counter::kFragmentsHeld:
      return CounterKind::kGauge;
    case Counter::kFlowsEvictedIdle:
    case Counter::kOverloadLevel:
      return CounterKind::kGreatestGauge;
    default:
      return CounterKind::kCount;
  }
}

// The counters of lost packets. Lost packets are not counted in packets.received.
inline constexpr std::array kLosses = {Counter::kPacketsNicMissed, Counter::kPacketsNoMbuf,
                                       Counter::kPacketsKernelDropped, Counter::kPacketsReaderRingFull};

struct CounterInfo {
  Counter id;
  std::string_view name;
  std::string_view unit;
  std::string_view help;
  CounterKind kind;
};

inline constexpr std::array kCounters = {
#define SPANFLOW_COUNTER_INFO(id, name, unit, help) \
  CounterInfo{Counter::k##id, name, unit, help, kind_of(Counter::k##id)},
    SPANFLOW_COUNTERS(SPANFLOW_COUNTER_INFO)
#undef SPANFLOW_COUNTER_INFO
};

constexpr const CounterInfo& info(Counter counter) { return kCounters[static_cast<std::size_t>(counter)]; }

using CounterValues = std::array<std::uint64_t, kCounters.size()>;

// The counters and histograms of one thread. Only this thread writes, so no atomic read-modify-write is needed; any
// thread may read. Objects are aligned so that threads do not share cache lines.
class alignas(64) Counters {
 public:
  void add(Counter counter, std::uint64_t amount = 1) { set(counter, get(counter) + amount); }
  void subtract(Counter counter, std::uint64_t amount = 1) { set(counter, get(counter) - amount); }
  void set(Counter counter, std::uint64_t value) { at(counter).store(value, std::memory_order_relaxed); }
  std::uint64_t get(Counter counter) const { return at(counter).load(std::memory_order_relaxed); }

  // Adds a value to a histogram. The value is in the unit of the histogram.
  void observe(HistogramId of, std::uint64_t value) {
    histograms_[static_cast<std::size_t>(of)].add(info(of).bounds, value);
  }

  // Counts a frame with an unknown EtherType.
  void note_ether_type(std::uint16_t ether_type) { ether_types_.add(ether_type); }
  const FrequentNumbers& ether_types() const { return ether_types_; }

  // The user metric whose code the thread is running, as the number of its cell; 0: none. Tells where a thread hangs.
  void set_running_metric(std::uint32_t cell) { running_metric_.store(cell, std::memory_order_relaxed); }
  std::uint32_t running_metric() const { return running_metric_.load(std::memory_order_relaxed); }

  CounterValues values() const {
    CounterValues values{};
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = values_[i].load(std::memory_order_relaxed);
    return values;
  }
  void add_to(AllHistograms& sums) const {
    for (std::size_t i = 0; i < sums.size(); ++i) histograms_[i].add_to(sums[i]);
  }

 private:
  std::atomic<std::uint64_t>& at(Counter counter) { return values_[static_cast<std::size_t>(counter)]; }
  const std::atomic<std::uint64_t>& at(Counter counter) const { return values_[static_cast<std::size_t>(counter)]; }

  std::array<std::atomic<std::uint64_t>, kCounters.size()> values_{};
  std::array<Histogram, kHistograms.size()> histograms_{};
  FrequentNumbers ether_types_;
  std::atomic<std::uint32_t> running_metric_{0};
};

// Adds the values of one thread to the sums. For a kGreatestGauge, keeps the maximum instead.
inline void add_up(const CounterValues& values, CounterValues& sums) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const bool greatest = kind_of(static_cast<Counter>(i)) == CounterKind::kGreatestGauge;
    sums[i] = greatest ? std::max(sums[i], values[i]) : sums[i] + values[i];
  }
}

inline std::uint64_t value_of(const CounterValues& values, Counter counter) {
  return values[static_cast<std::size_t>(counter)];
}

// Returns a Markdown table of all counters, for docs/counters.md.
std::string list_counters();

}  // namespace spanflow
