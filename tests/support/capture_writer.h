// Capture files, as octets.
#pragma once

#include <vector>

#include "support/packet_builder.h"

namespace spanflow::testing {

struct PcapForm {
  bool nanoseconds = true;
  bool other_byte_order = false;  // than this machine's
};

// LINKTYPE_ number of the frames.
int pcap_number(LinkType type);

Bytes pcap_of(const std::vector<TestPacket>& packets, const PcapForm& form = {});
// One section, one interface, microseconds.
Bytes pcapng_of(const std::vector<TestPacket>& packets);

Bytes gzip(const Bytes& content);
Bytes zstd(const Bytes& content);

}  // namespace spanflow::testing
