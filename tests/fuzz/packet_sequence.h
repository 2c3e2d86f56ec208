// A sequence of packets as the input of a fuzz target.
//
// The format: an octet that selects a variant of the target, an octet that selects the link type, and an octet that
// selects the time before the first packet. Then the packets follow, each with a header of five octets:
//
//   u16  number of captured octets
//   u16  time since the packet before
//   u8   bits 0 and 1: unit of the time; bit 2: the time goes back; bits 3 and 4: length on the wire
//
// Every input is a valid sequence: a packet at the end may have fewer octets than its header says.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dpi/guarded_octets.h"
#include "octets.h"
#include "support/packet_builder.h"

namespace spanflow::fuzz {

// The greatest number of packets of a sequence. The octets after them are ignored.
inline constexpr std::size_t kMostPackets = 128;

struct SequenceHead {
  std::uint8_t variant = 0;
  LinkType link_type = LinkType::kEthernet;
  std::uint64_t start_ns = 0;
};

// Reads a sequence from its start. The octets of the input must outlive the object.
class SequenceReader {
 public:
  explicit SequenceReader(std::span<const std::uint8_t> input);

  const SequenceHead& head() const { return head_; }
  // Returns false if there is no further packet. The packet's octets are in the input.
  bool next(RawPacket& packet);

 private:
  Octets octets_;
  SequenceHead head_;
  std::uint64_t time_ns_;
  std::size_t count_ = 0;
};

// Returns the packets that the sequence still has.
std::vector<testing::TestPacket> packets_of(SequenceReader& sequence);

// Writes a sequence that starts at the usual time. Times that the format does not have are rounded down. All packets
// must have one link type.
testing::Bytes sequence_of(std::uint8_t variant, std::span<const testing::TestPacket> packets);

// Memory for the packets of one input. Each packet ends directly before a page that cannot be read, so a read beyond
// its captured octets ends the process, also in code that no sanitizer has instrumented.
class GuardedPackets {
 public:
  // Copies the packets of a sequence to this memory. The result is valid until the next call.
  std::span<RawPacket> place(SequenceReader& sequence);

 private:
  std::array<GuardedOctets, kMostPackets> places_;
  std::array<RawPacket, kMostPackets> packets_;
};

}  // namespace spanflow::fuzz
