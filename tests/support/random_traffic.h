// Random packets from fixed seeds, for tests of properties that hold for all traffic.
#pragma once

#include <vector>

#include "support/packet_builder.h"

namespace spanflow::testing {

// Ethernet frames of TCP and UDP between a few endpoints, so that keys repeat, with gaps of up to 6 s, so that flows
// end for all reasons. With `time_may_go_back`, some times are up to 12 s too early.
std::vector<TestPacket> random_traffic(unsigned seed, std::size_t packets, bool time_may_go_back = false);

// The same with IPv6, ICMP, VLANs, VXLAN, GRE and fragmented datagrams. The fragments may be in any order, seconds
// apart, or without the first one.
std::vector<TestPacket> mixed_traffic(unsigned seed, std::size_t packets, bool time_may_go_back = false);

}  // namespace spanflow::testing
