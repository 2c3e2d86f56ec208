// A packet before decoding (RawPacket) and after decoding (Packet). Both structs refer to octets in the source's burst.
#pragma once

#include <cstdint>

#include "decode/cursor.h"
#include "spanflow/record.h"

namespace spanflow {

// The values that only the first fragment of a datagram has.
struct DatagramTransport {
  std::uint16_t src_port = 0;
  std::uint16_t dst_port = 0;
  std::uint8_t ip_protocol = 0;
  bool known = false;      // true: the first fragment has been seen
  bool in_tunnel = false;  // true: the datagram holds a packet of a tunnel, which the first fragment counts as a whole
};

struct RawPacket {
  const std::uint8_t* data = nullptr;
  std::uint32_t captured = 0;     // number of octets at `data`
  std::uint32_t wire = 0;         // length of the frame on the wire, in octets
  std::uint64_t time_ns = 0;      // since the Unix epoch
  std::int64_t behind_ns = 0;     // how far time_ns is behind the input's clock
  DatagramTransport transport{};  // set for a later fragment whose first fragment is known

  // Returns the time of the input's clock. It never goes back, although the times of the packets may.
  std::uint64_t clock_ns() const { return time_ns + static_cast<std::uint64_t>(behind_ns); }
};

namespace tcp {
inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kAck = 0x10;
}  // namespace tcp

namespace protocol {
inline constexpr std::uint8_t kIcmp = 1;
inline constexpr std::uint8_t kIpv4 = 4;
inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;
inline constexpr std::uint8_t kIpv6 = 41;
inline constexpr std::uint8_t kGre = 47;
inline constexpr std::uint8_t kIcmpv6 = 58;
inline constexpr std::uint8_t kEtherip = 97;
inline constexpr std::uint8_t kL2tp = 115;
inline constexpr std::uint8_t kSctp = 132;
inline constexpr std::uint8_t kMplsInIp = 137;
}  // namespace protocol

struct Packet : PacketInfo {
  FlowKey key;                             // from the innermost IP packet; src is this packet's sender
  std::int64_t behind_ns = 0;              // see RawPacket
  const std::uint8_t* ethernet = nullptr;  // the frame's own Ethernet header; nullptr if there is none
  std::uint32_t tcp_seq = 0;
  std::uint32_t tcp_ack = 0;
  std::uint32_t tunnel_id = 0;  // tunnel id of this direction: GTP TEID, GRE key or ERSPAN session; 0: none
  std::uint16_t vlan_id = 0;
  std::uint16_t vlan_outer_id = 0;
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  bool first_fragment = false;
  // True: the packet is inside the first fragment of an outer packet, which may hold only a part of it.
  bool in_fragment = false;
  bool later_fragment = false;    // a fragment after the first one, without a transport header
  bool sliced = false;            // true: the length of the IP packet exceeds the frame
  bool odd_ether_type = false;    // true: an IPv4 packet follows an unknown EtherType
  std::uint16_t ether_type = 0;   // the EtherType of a frame that is refused because it is unknown
  std::uint32_t fragment_id = 0;  // identification of the datagram; all its fragments share it
  // One bit for each metric condition that the frame meets, see metrics/conditions.h.
  std::uint64_t conditions = 0;

  std::uint64_t clock_ns() const { return time_ns + static_cast<std::uint64_t>(behind_ns); }
  bool is_fragment() const { return first_fragment || later_fragment; }
  DatagramTransport transport() const {
    return {.src_port = key.src_port, .dst_port = key.dst_port, .ip_protocol = key.ip_protocol, .known = true};
  }
  // Assigns a later fragment to the flow of its first fragment.
  void take(const DatagramTransport& of_first) {
    key.src_port = of_first.src_port;
    key.dst_port = of_first.dst_port;
    key.ip_protocol = of_first.ip_protocol;
  }
};

// Returns the payload of the transport protocol, with payload_size octets on the wire. If the headers were not captured
// in full, the cursor has no captured octets.
inline Cursor payload_of(const Packet& packet) {
  Cursor cursor{packet.ip, packet.ip_captured, packet.ip_size};
  const std::uint32_t headers = packet.ip_size - packet.payload_size;
  if (!cursor.has(headers)) return {nullptr, 0, packet.payload_size};
  cursor.skip(headers);
  return cursor;
}

}  // namespace spanflow
