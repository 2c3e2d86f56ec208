// Reads DNS messages (RFC 1035), also of multicast DNS (RFC 6762) and LLMNR (RFC 4795).
#pragma once

#include <cstdint>
#include <string_view>

#include "decode/packet.h"
#include "inspect/tcp_side.h"

namespace spanflow {

// Returns the name of the protocol that uses this port: dns, mdns or llmnr; empty for other ports.
std::string_view dns_protocol_of(std::uint16_t port);
// The same for the port of either side.
std::string_view dns_protocol_of(const FlowKey& key);

// True if a datagram on another port is DNS without doubt: it has one question, of a usual form, and nothing between it
// and the end of the message that is not announced.
bool is_surely_dns(const Cursor& datagram);

// Where a message comes from.
struct DnsOrigin {
  std::string_view protocol;
  const FlowKey& sender;  // the key as in the packet: src has sent the message
  std::uint64_t time_ns;
};

// Reads a message. The first transaction of a flow is described, all are counted, and of those that failed the last one
// is kept. The name cache learns the addresses in the reply. Returns false if the octets are not a DNS message. A
// message that is cut is read as far as it goes.
bool read_dns_message(const Cursor& message, const DnsOrigin& origin, Workspace& work);

// Reads the messages of DNS over TCP, each after its length.
ReadStep read_dns_over_tcp(const Reading& reading);

}  // namespace spanflow
