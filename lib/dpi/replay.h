// Stores a TCP packet without payload in one octet, and rebuilds the packet for nDPI.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dpi/flow_inspection.h"
#include "spanflow/record.h"

namespace spanflow {

inline constexpr std::size_t kReplayOctets = 60;  // size of an IPv6 header and a TCP header

// Writes the IP and TCP headers of a packet without payload to `out`. The packet goes in `direction` of `flow` and has
// `tcp_flags`. Its sequence numbers are those of a handshake that began with `initial`. Returns the number of octets
// written.
std::size_t rebuild_packet(const FlowKey& flow, const InitialSequence& initial, Direction direction,
                           std::uint8_t tcp_flags, std::span<std::uint8_t, kReplayOctets> out);

// Adds a TCP packet without payload to `handshake`. Sets the numbers in `initial` for directions without a SYN. Returns
// false if the packet is left out: if `handshake` is full, or if it is a bare acknowledgement that tells nDPI nothing.
bool remember_packet(Handshake& handshake, InitialSequence& initial, Direction direction, std::uint8_t tcp_flags,
                     std::uint32_t sequence, std::uint32_t acknowledgement);

// direction_of() and flags_of() decode an element of Handshake::packets.
constexpr Direction direction_of(std::uint8_t remembered) {
  return (remembered & 0x80) != 0 ? Direction::kDstToSrc : Direction::kSrcToDst;
}
constexpr std::uint8_t flags_of(std::uint8_t remembered) { return remembered & 0x7f; }

}  // namespace spanflow
