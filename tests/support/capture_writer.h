// Writes capture files into memory.
#pragma once

#include <vector>

#include "support/packet_builder.h"

namespace spanflow::testing {

struct PcapForm {
  bool nanoseconds = true;
  bool other_byte_order = false;  // other than this machine's
};

// The LINKTYPE_ number.
int pcap_number(LinkType type);

Bytes pcap_of(const std::vector<TestPacket>& packets, const PcapForm& form = {});
// With one section, one interface, and times in microseconds.
Bytes pcapng_of(const std::vector<TestPacket>& packets);

Bytes gzip(const Bytes& content);
Bytes zstd(const Bytes& content);

}  // namespace spanflow::testing
