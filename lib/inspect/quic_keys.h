// The keys of QUIC's Initial packets (RFC 9001, section 5; RFC 9369). Anybody who sees a client's first packet can
// compute them: they protect against accidents, not against readers.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "decode/cursor.h"

namespace spanflow {

// What differs between the versions of QUIC.
struct QuicVersion {
  std::uint32_t number;
  std::string_view name;
  std::array<std::uint8_t, 20> salt;
  std::string_view label_start;  // of the labels of keys
  std::uint8_t initial_type;     // the bits of an Initial packet's type in its first octet
};

// Returns nullptr for a version that cannot be read.
const QuicVersion* quic_version(std::uint32_t number);

// The keys of the packets of one side. Zeroed memory is a valid object.
struct QuicKeys {
  std::array<std::uint8_t, 16> key;
  std::array<std::uint8_t, 12> iv;
  std::array<std::uint8_t, 16> header_key;
};

// `connection_id` is the Destination Connection ID of the client's first packet, or of its first packet after Retry.
QuicKeys quic_keys(const QuicVersion& version, const Cursor& connection_id, bool of_client);

// Removes the protection of an Initial packet. `packet` begins with the first octet of the header and ends with the
// last octet of the packet; its packet number is at `number_at`. Writes the packet with its plain header and payload to
// `out`, which needs as much room as the packet. Returns the payload in `out`; no octets if the packet was not made
// with these keys.
Cursor open_quic_packet(const QuicKeys& keys, const Cursor& packet, std::size_t number_at, std::span<std::uint8_t> out);

}  // namespace spanflow
