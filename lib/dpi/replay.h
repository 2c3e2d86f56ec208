// Stores a TCP packet without payload in one octet, and rebuilds the packet for nDPI.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dpi/flow_inspection.h"
#include "spanflow/record.h"

namespace spanflow {

inline constexpr std::size_t kReplayOctets = 60;  // an IPv6 header and a TCP header

// Writes the IP and TCP headers of a packet without payload of the flow's `direction`, with `tcp_flags` and the
// sequence numbers of a handshake. Returns the number of octets written.
std::size_t rebuild_packet(const FlowKey& flow, const InitialSequence& initial, Direction direction,
                           std::uint8_t tcp_flags, std::span<std::uint8_t, kReplayOctets> out);

// Remembers a TCP packet without payload. False if `handshake` is full.
bool remember_packet(Handshake& handshake, InitialSequence& initial, Direction direction, std::uint8_t tcp_flags,
                     std::uint32_t sequence, std::uint32_t acknowledgement);

constexpr Direction direction_of(std::uint8_t remembered) {
  return (remembered & 0x80) != 0 ? Direction::kDstToSrc : Direction::kSrcToDst;
}
constexpr std::uint8_t flags_of(std::uint8_t remembered) { return remembered & 0x7f; }

}  // namespace spanflow
