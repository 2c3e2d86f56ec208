// Streams of packets from fixed seeds, for what must hold of any stream.
#pragma once

#include <vector>

#include "support/packet_builder.h"

namespace spanflow::testing {

// Ethernet frames of TCP and UDP between a few endpoints, so that flows repeat, with gaps of up to 6 s, so that they
// end in every way. With `time_may_go_back`, by up to 12 s.
std::vector<TestPacket> random_traffic(unsigned seed, std::size_t packets, bool time_may_go_back = false);

// The same and more: IPv6, ICMP, VLANs, VXLAN and GRE, and datagrams in fragments, whose fragments may come in any
// order, seconds later, or without their first.
std::vector<TestPacket> mixed_traffic(unsigned seed, std::size_t packets, bool time_may_go_back = false);

}  // namespace spanflow::testing
