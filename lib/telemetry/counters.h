// Every counter of the program, in one list. A counter's name is also its place in the run's summary: dots nest.
// The reason a packet was not metered, or a flow ended, *is* its counter: code returns the counter, the loop adds one.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "telemetry/histogram.h"

namespace spanflow {

// X(id, name, unit, help)
#define SPANFLOW_COUNTERS(X)                                                                                           \
  X(PacketsReceived, "packets.received", "packets", "taken from the input: metered, ignored or malformed")             \
  X(PacketsMetered, "packets.metered", "packets", "added to a flow")                                                   \
  X(IgnoredNotIp, "packets.ignored.not_ip", "packets", "frames that carry no IP: ARP, LLDP, spanning tree")            \
  X(IgnoredFiltered, "packets.ignored.filtered", "packets", "packets that input.filter does not match")                \
  X(IgnoredDuplicate, "packets.ignored.duplicate", "packets",                                                          \
    "seen before within decode.deduplicate: mirrored twice by a span port")                                            \
  X(IgnoredSampledOut, "packets.ignored.sampled_out", "packets",                                                       \
    "of flows that were not opened for overload: one in sampling_rate was")                                            \
  X(MalformedLink, "packets.malformed.link_header", "packets", "cut inside the link layer, VLAN, MPLS or PPP headers") \
  X(MalformedIpHeader, "packets.malformed.ip_header", "packets",                                                       \
    "cut inside the IP header, or with a header length that cannot be")                                                \
  X(MalformedIpVersion, "packets.malformed.ip_version", "packets",                                                     \
    "IP by their link type, but neither version 4 nor 6")                                                              \
  X(MalformedIpLength, "packets.malformed.ip_length", "packets",                                                       \
    "an IP length below its header's, above what a tunnel holds, or beyond a frame by more than slicing explains")     \
  X(MalformedIpv6Extension, "packets.malformed.ipv6_extension", "packets",                                             \
    "cut inside an IPv6 extension header, or a chain of too many")                                                     \
  X(MalformedTransport, "packets.malformed.transport_header", "packets",                                               \
    "cut before the ports of TCP, UDP or SCTP, or without room for a TCP header")                                      \
  X(MalformedNesting, "packets.malformed.nesting", "packets", "more headers inside each other than are followed")      \
  X(PacketsNicMissed, "packets.nic_missed", "packets", "lost: dropped by the port, its queue was full")                \
  X(PacketsNoMbuf, "packets.no_mbuf", "packets", "lost: the buffer pool of the queue was empty")                       \
  X(PacketsKernelDropped, "packets.kernel_dropped", "packets",                                                         \
    "lost: dropped by the kernel, its packet ring was full")                                                           \
  X(PacketsReaderRingFull, "packets.reader_ring_full", "packets",                                                      \
    "lost: a worker did not keep up with the packets that other threads had for it")                                   \
  X(PacketsHandedOver, "packets.handed_over", "packets",                                                               \
    "given to the worker of their flow by another one, whose queue they came in by")                                   \
  X(PacketsTimeBackwards, "packets.time_backwards", "packets",                                                         \
    "metered, but older than the last packet of their flow")                                                           \
  X(PacketsLaterFragments, "packets.later_fragments", "packets",                                                       \
    "metered, but without ports of their own: fragments after the first of their datagram")                            \
  X(FragmentsOrphaned, "packets.fragments_orphaned", "packets",                                                        \
    "later fragments whose first did not come in time: metered as flows without ports")                                \
  X(FragmentsHeld, "packets.fragments_held", "packets",                                                                \
    "later fragments that now wait for their first; received counts them when they go on")                             \
  X(PacketsSliced, "packets.sliced", "packets", "metered by their IP length, of which the frame holds only a part")    \
  X(PacketsOddEtherType, "packets.odd_ether_type", "packets",                                                          \
    "metered, though their EtherType is unknown: an IPv4 packet of just this length is behind it")                     \
  X(PacketsOverMtu, "packets.over_mtu", "packets",                                                                     \
    "frames longer than the interface's MTU allows: merged by an offload that should be off")                          \
  X(OctetsMetered, "octets.metered", "octets", "layer 2 octets of the metered packets")                                \
  X(FlowsOpened, "flows.opened", "segments", "flow segments opened, an active cut's continuation included")            \
  X(FlowsOpen, "flows.open", "segments", "flow segments now in the tables")                                            \
  X(ExportedInactive, "flows.exported.inactive", "segments", "ended: no packet for flow.inactive_timeout")             \
  X(ExportedActive, "flows.exported.active", "segments", "ended: as old as flow.active_timeout")                       \
  X(ExportedClosed, "flows.exported.closed", "segments", "ended: TCP closed by FIN both ways, or RST")                 \
  X(ExportedCaptureEnd, "flows.exported.capture_end", "segments", "ended: still open when the capture ended")          \
  X(ExportedEvicted, "flows.exported.evicted", "segments", "ended: the table was full and it had to make room")        \
  X(ExportedPlugin, "flows.exported.plugin", "segments", "ended by a user metric")                                     \
  X(FlowsEvictedIdle, "flows.evicted_idle_ns", "ns",                                                                   \
    "how long the flow evicted last had been without packets; of several workers the longest")                         \
  X(RecordsExported, "records.exported", "records", "records made of ended segments")                                  \
  X(RecordsRingDropped, "records.ring_dropped", "records", "lost: the export ring of a live worker was full")          \
  X(DpiClassified, "dpi.classified", "flows", "flows with a verdict of nDPI's own")                                    \
  X(DpiGivenUp, "dpi.given_up", "flows", "flows given up: out of packets, of time, or ended before a verdict")         \
  X(DpiPoolFull, "dpi.pool_full", "flows", "flows given up early to make room: dpi.max_flows reached")                 \
  X(DpiMetadataFull, "dpi.metadata_full", "flows", "flows whose metadata was dropped: dpi.metadata_memory is used up") \
  X(DpiHelloRead, "dpi.hello_read", "flows", "flows whose TLS ClientHello was read")                                   \
  X(DpiHelloGivenUp, "dpi.hello_given_up", "flows",                                                                    \
    "flows whose ClientHello could not be put together: cut by the snap length, too long or too much out of order")    \
  X(DpiHelloPoolFull, "dpi.hello_pool_full", "flows",                                                                  \
    "flows whose ClientHello of several segments was given up to make room for another's")                             \
  X(TcpAcks, "tcp.acks", "packets", "features.tcp: acknowledgements of octets that were not acknowledged before")      \
  X(TcpAcksOfUnseen, "tcp.acks_of_unseen", "packets",                                                                  \
    "of these: of octets that were never seen, so packets were lost on the way to this sensor")                        \
  X(WorkerPolls, "worker.polls", "polls", "times that a thread looked for packets, also in vain")                      \
  X(WorkerBusy, "worker.busy_ns", "ns", "live: time that workers spent on bursts with packets and on ending flows")    \
  X(OverloadLevel, "overload.level", "level",                                                                          \
    "now: 0 none, 1 less DPI, 2 and no features, 3 and sampling; of several workers the highest")                      \
  X(OverloadRaised, "overload.raised", "steps", "times that a worker that was behind began to leave out more")         \
  X(OverloadDpiLowered, "overload.dpi_lowered", "flows", "flows whose verdict came with fewer packets for overload")   \
  X(OverloadFeaturesStopped, "overload.features_stopped", "flows", "flows opened without features for overload")       \
  X(OverloadSampled, "overload.sampled", "flows", "flows opened as one of sampling_rate for overload")                 \
  X(MetricsSwitchedOff, "metrics.switched_off", "metrics", "user metrics that threw and were switched off")

enum class Counter : std::uint8_t {
#define SPANFLOW_COUNTER_ID(id, name, unit, help) k##id,
  SPANFLOW_COUNTERS(SPANFLOW_COUNTER_ID)
#undef SPANFLOW_COUNTER_ID
};

// What a number says: how often something has happened, or how much there is now; of several threads, of the last kind
// the greatest counts, not the sum.
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

// Packets that did not even get as far as packets.received.
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

// And the histograms. One thread writes, any thread reads: plain moves on the packet path. One per writing thread,
// cache lines apart.
class alignas(64) Counters {
 public:
  void add(Counter counter, std::uint64_t amount = 1) { set(counter, get(counter) + amount); }
  void subtract(Counter counter, std::uint64_t amount = 1) { set(counter, get(counter) - amount); }
  void set(Counter counter, std::uint64_t value) { at(counter).store(value, std::memory_order_relaxed); }
  std::uint64_t get(Counter counter) const { return at(counter).load(std::memory_order_relaxed); }

  // A value of the histogram, in its unit.
  void observe(HistogramId of, std::uint64_t value) {
    histograms_[static_cast<std::size_t>(of)].add(info(of).bounds, value);
  }

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
};

// What another thread has counted.
inline void add_up(const CounterValues& values, CounterValues& sums) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const bool greatest = kind_of(static_cast<Counter>(i)) == CounterKind::kGreatestGauge;
    sums[i] = greatest ? std::max(sums[i], values[i]) : sums[i] + values[i];
  }
}

inline std::uint64_t value_of(const CounterValues& values, Counter counter) {
  return values[static_cast<std::size_t>(counter)];
}

// A Markdown table of all counters: docs/counters.md.
std::string list_counters();

}  // namespace spanflow
