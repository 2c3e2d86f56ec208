// Writes capture files into memory.
#pragma once

#include <vector>

#include "support/packet_builder.h"

namespace spanflow::testing {

struct PcapForm {
  bool nanoseconds = true;        // resolution of the times; false: microseconds
  bool other_byte_order = false;  // true: the opposite of this machine's byte order
};

// Returns the LINKTYPE_ number that the pcap formats use for `type`.
int pcap_number(LinkType type);

// pcap_of() and pcapng_of() take the link type of the file from the first packet.
Bytes pcap_of(const std::vector<TestPacket>& packets, const PcapForm& form = {});
// The file has one section and one interface, and its times are in microseconds.
Bytes pcapng_of(const std::vector<TestPacket>& packets);

Bytes gzip(const Bytes& content);
Bytes zstd(const Bytes& content);

}  // namespace spanflow::testing
