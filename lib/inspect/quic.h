// Reads the two hellos in QUIC's Initial packets (RFC 9000; RFC 9369 for version 2).
#pragma once

#include <array>
#include <cstdint>

#include "base/directions.h"
#include "decode/cursor.h"
#include "inspect/dtls.h"
#include "inspect/quic_keys.h"
#include "inspect/segment_buffer.h"
#include "inspect/tcp_side.h"

namespace spanflow {

// The state of a flow. Zeroed memory is a valid object.
struct QuicState {
  std::uint32_t version;  // of the keys; 0: no keys yet
  QuicKeys client;
  QuicKeys server;
  Direction client_direction;
  std::array<std::uint8_t, kDirections> datagrams;  // that were read
};

// True if a datagram may be QUIC: it begins with a long header of a version that can be read.
bool may_be_quic(const Cursor& datagram);

// Reads the Initial packets of a datagram. The sender of the first one that can be opened is the client. `crypto`
// collects what the packets of this direction have of the hello.
DatagramRead read_quic_datagram(Cursor datagram, Direction direction, QuicState& state, SegmentBuffer& crypto,
                                Workspace& work);

}  // namespace spanflow
