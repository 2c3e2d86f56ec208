// Writes capture files into memory.
#pragma once

#include <vector>

#include "support/packet_builder.h"

namespace spanflow::testing {

struct PcapForm {
  bool nanoseconds = true;
  bool other_byte_order = false;  // true: not this machine's byte order
};

// Returns the LINKTYPE_ number of the pcap formats.
int pcap_number(LinkType type);

Bytes pcap_of(const std::vector<TestPacket>& packets, const PcapForm& form = {});
// The file has one section and one interface, and its times are in microseconds.
Bytes pcapng_of(const std::vector<TestPacket>& packets);

Bytes gzip(const Bytes& content);
Bytes zstd(const Bytes& content);

}  // namespace spanflow::testing
