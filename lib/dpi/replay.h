// A TCP packet without payload, rebuilt from what the flow table remembers of it.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "flow/flow_entry.h"

namespace spanflow {

inline constexpr std::size_t kReplayOctets = 60;  // an IPv6 and a TCP header

// The sequence numbers that a TCP connection's directions began with.
using InitialSequence = std::array<std::uint32_t, 2>;

// Writes IP and TCP header of an empty packet from the flow's `direction`, with `tcp_flags` and the sequence numbers a
// handshake has; returns the octets written.
std::size_t rebuild_packet(const FlowKey& flow, const InitialSequence& initial, Direction direction,
                           std::uint8_t tcp_flags, std::span<std::uint8_t, kReplayOctets> out);

// Remembers a TCP packet without payload; false if there is no room left for it.
bool remember_packet(Handshake& handshake, InitialSequence& initial, Direction direction, std::uint8_t tcp_flags,
                     std::uint32_t sequence, std::uint32_t acknowledgement);

constexpr Direction direction_of(std::uint8_t remembered) {
  return (remembered & 0x80) != 0 ? Direction::kDstToSrc : Direction::kSrcToDst;
}
constexpr std::uint8_t flags_of(std::uint8_t remembered) { return remembered & 0x7f; }

}  // namespace spanflow
