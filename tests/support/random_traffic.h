// Random packets that depend only on a seed, for tests of properties that hold for all traffic.
#pragma once

#include <vector>

#include "support/packet_builder.h"

namespace spanflow::testing {

// Returns Ethernet frames with TCP and UDP. They have only a few endpoints, so that flow keys repeat. Gaps of up to 6 s
// let flows end for all reasons. With `time_may_go_back`, some packets have a time that is up to 12 s too early.
std::vector<TestPacket> random_traffic(unsigned seed, std::size_t packets, bool time_may_go_back = false);

// Like random_traffic(), but also with IPv6, ICMP, VLANs, VXLAN, GRE and fragmented datagrams. The fragments of a
// datagram may come in any order or seconds apart, and the first fragment may be missing.
std::vector<TestPacket> mixed_traffic(unsigned seed, std::size_t packets, bool time_may_go_back = false);

}  // namespace spanflow::testing
