// The tunnel headers of PacketBuilder.
#include "support/byte_order.h"
#include "support/packet_builder.h"

namespace spanflow::testing {
namespace {

constexpr std::uint16_t kGreChecksum = 0x8000;
constexpr std::uint16_t kGreRouting = 0x4000;
constexpr std::uint16_t kGreKey = 0x2000;
constexpr std::uint16_t kGreSequence = 0x1000;

Bytes be32(std::uint32_t value) {
  Bytes octets(4);
  put32(octets, 0, value);
  return octets;
}

}  // namespace

PacketBuilder& PacketBuilder::push_gre(std::uint16_t flags, const Bytes& fields) {
  Layer layer{.header = Bytes(4), .next = NextField::kEtherType, .next_offset = 2};
  put16(layer.header, 0, flags);
  append(layer.header, fields);
  return push(std::move(layer), {.ip_protocol = protocol::kGre});
}

PacketBuilder& PacketBuilder::gre() { return push_gre(0, {}); }

PacketBuilder& PacketBuilder::gre_with_key(std::uint32_t key) { return push_gre(kGreKey, be32(key)); }

PacketBuilder& PacketBuilder::gre_with_everything(std::uint32_t key) {
  Bytes fields(4);  // checksum and a reserved field
  append(fields, be32(key));
  append(fields, be32(77));  // sequence number
  return push_gre(kGreChecksum | kGreKey | kGreSequence, fields);
}

PacketBuilder& PacketBuilder::gre_with_routing(std::uint32_t key) {
  Bytes fields(4);  // checksum and offset
  append(fields, be32(key));
  append(fields, {0x08, 0x00, 0, 8, 10, 0, 0, 1, 10, 0, 0, 2});
  append(fields, be32(0));  // the end of the route
  return push_gre(kGreRouting | kGreKey, fields);
}

PacketBuilder& PacketBuilder::push_erspan(std::uint16_t gre_flags, std::uint16_t type, const Bytes& fields) {
  push_gre(gre_flags, gre_flags == 0 ? Bytes{} : be32(1));
  put16(last().header, 2, type);
  last().next = NextField::kNone;
  return header(fields);
}

PacketBuilder& PacketBuilder::erspan1() { return push_erspan(0, 0x88be, {}); }

PacketBuilder& PacketBuilder::erspan2(std::uint16_t session) {
  Bytes fields(8);
  put16(fields, 0, 0x1000 | 100);  // version 1, VLAN 100
  put16(fields, 2, session);
  return push_erspan(kGreSequence, 0x88be, fields);
}

PacketBuilder& PacketBuilder::erspan3(std::uint16_t session, bool platform_subheader) {
  Bytes fields(platform_subheader ? 20 : 12);
  put16(fields, 0, 0x2000 | 100);  // version 2, VLAN 100
  put16(fields, 2, session);
  fields[11] = platform_subheader ? 1 : 0;
  return push_erspan(kGreSequence, 0x22eb, fields);
}

PacketBuilder& PacketBuilder::vxlan(std::uint32_t vni) {
  Bytes fields(8);
  fields[0] = 0x08;  // flag: the VNI is valid
  put32(fields, 4, vni << 8);
  return header(fields);
}

PacketBuilder& PacketBuilder::geneve(std::uint32_t vni, std::size_t option_octets) {
  Layer layer{.header = Bytes(8 + option_octets), .next = NextField::kEtherType, .next_offset = 2};
  layer.header[0] = static_cast<std::uint8_t>(option_octets / 4);
  put32(layer.header, 4, vni << 8);
  return push(std::move(layer), {});
}

PacketBuilder& PacketBuilder::gtp(std::uint32_t teid) {
  Layer layer{.header = {0x30, 0xff, 0, 0, 0, 0, 0, 0}};
  put32(layer.header, 4, teid);
  // 3GPP TS 29.281: the length field counts the octets after the mandatory eight octets.
  layer.set_length = [](Bytes& header, std::size_t inside) {
    put16(header, 2, static_cast<std::uint32_t>(header.size() - 8 + inside));
  };
  return push(std::move(layer), {});
}

PacketBuilder& PacketBuilder::gtp_with_extension(std::uint32_t teid) {
  gtp(teid);
  last().header[0] = 0x34;
  // The sequence number, the N-PDU number, a PDU session container (0x85) of one unit, and no further extension header.
  append(last().header, {0, 0, 0, 0x85, 1, 0, 9, 0});
  return *this;
}

PacketBuilder& PacketBuilder::capwap() { return header({0, 0x10, 0, 0, 0, 0, 0, 0}); }

PacketBuilder& PacketBuilder::capwap_80211() {
  header({0, 0x10, 0x01, 0, 0, 0, 0, 0});  // flag T: the payload is a native frame
  Bytes frame(26);
  frame[0] = 0x88;  // QoS data
  frame[1] = 0x01;  // to the distribution system
  append(frame, {0xaa, 0xaa, 3, 0, 0, 0, 0, 0});
  Layer layer{.header = frame, .next = NextField::kEtherType, .next_offset = 26 + 6};
  return push(std::move(layer), {});
}

}  // namespace spanflow::testing
