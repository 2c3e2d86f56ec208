// Reads the handshake of DTLS 1.0 to 1.3 (RFC 6347, RFC 9147): the client's hello, and the server's hello and
// certificate.
#pragma once

#include <cstdint>

#include "decode/cursor.h"
#include "inspect/segment_buffer.h"
#include "inspect/tcp_side.h"

namespace spanflow {

// What a datagram was to a reader of datagrams.
enum class DatagramRead : std::uint8_t {
  kNothing,   // it has nothing for the reader
  kNeedMore,  // the reader waits for the rest
  kDone,      // this direction has nothing more to tell
};

// The state of one direction. Zeroed memory is a valid object.
struct DtlsSide {
  std::uint32_t length;   // of the message whose fragments are collected, in octets
  std::uint16_t message;  // its number in the handshake
  std::uint8_t type;      // its type; 0: no message
  bool has_hello;         // true: the server's hello was read
};

bool may_be_dtls(const Cursor& datagram);

// `fragments` collects the message that `side` describes.
DatagramRead read_dtls_datagram(Cursor datagram, DtlsSide& side, SegmentBuffer& fragments, Workspace& work);

}  // namespace spanflow
