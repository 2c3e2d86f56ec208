// The packets of a link with flows like those of a published trace: P. Jurkiewicz, G. Rzym, P. Borylo, "Flow length and
// size distributions in campus Internet traffic", Computer Communications 167 (2021), arXiv:1809.03486. It has 4
// billion flows of 30 days at the Internet connection of a university, cut after 300 s, with 78.6 packets of 871 octets
// on average.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "traffic.h"

namespace spanflow::bench {

// The packets in order of time. They begin with those that fill a flow table as it is in the midst of a capture.
struct TraceSchedule {
  std::vector<Traffic::Packet> packets;
  std::uint64_t before = 0;  // number of packets before the start of the window
  std::uint64_t flows = 0;   // number of flows that have packets
};

// Makes the schedule for a window of options.packets / options.packets_per_s, which begins at `start_ns`. `random`
// returns a number for each number.
//
// The trace does not say when the packets of a flow come. Here they are 50 ms apart, or less in flows that would last
// longer than 300 s. Real packets come in trains, so caches work better for them. The trace counts each direction as a
// flow, but here flows have both directions: a real link has up to half as many new flows.
//
// Before the window, a flow that ended no longer than options.idle_s ago has one packet, so that the table has an entry
// for it. A flow that goes on has some of its first packets, as many as classification needs.
TraceSchedule make_trace(const TrafficOptions& options, std::span<const Traffic::Range> conversations,
                         std::uint64_t start_ns, const std::function<std::uint64_t(std::uint64_t)>& random);

}  // namespace spanflow::bench
