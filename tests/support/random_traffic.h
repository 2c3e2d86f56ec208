// Random packets from fixed seeds, for tests of properties that hold for all traffic.
#pragma once

#include <vector>

#include "support/packet_builder.h"

namespace spanflow::testing {

// Returns Ethernet frames of TCP and UDP. There are only a few endpoints, so that keys repeat. Gaps of up to 6 s let
// flows end for all reasons. With `time_may_go_back`, some times are up to 12 s too early.
std::vector<TestPacket> random_traffic(unsigned seed, std::size_t packets, bool time_may_go_back = false);

// Like random_traffic(), and with IPv6, ICMP, VLANs, VXLAN, GRE and fragmented datagrams. The fragments may be in any
// order, seconds apart, or without the first fragment.
std::vector<TestPacket> mixed_traffic(unsigned seed, std::size_t packets, bool time_may_go_back = false);

}  // namespace spanflow::testing
