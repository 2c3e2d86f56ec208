// The IP and transport headers of PacketBuilder.
#include "support/byte_order.h"
#include "support/packet_builder.h"

namespace spanflow::testing {
namespace {

// The length field of IPv4 counts the header (RFC 791). The length field of IPv6 does not count it (RFC 8200).
void set_ipv4_length(Bytes& header, std::size_t inside) {
  put16(header, 2, static_cast<std::uint32_t>(header.size() + inside));
}
void set_ipv6_length(Bytes& header, std::size_t inside) { put16(header, 4, static_cast<std::uint32_t>(inside)); }

void copy_address(std::string_view text, std::size_t octets, std::size_t at, Bytes& header) {
  const IpAddress parsed = address(text);
  for (std::size_t i = 0; i < octets; ++i) header.at(at + i) = parsed.bytes[i];
}

}  // namespace

PacketBuilder& PacketBuilder::ipv4(std::string_view source, std::string_view destination) {
  first_link(LinkType::kRawIp);
  Layer layer{.header = Bytes(20), .next = NextField::kIpProtocol, .next_offset = 9, .set_length = set_ipv4_length};
  layer.header[0] = 0x45;
  layer.header[8] = 64;
  copy_address(source, 4, 12, layer.header);
  copy_address(destination, 4, 16, layer.header);
  return push(std::move(layer), {.ether_type = 0x0800, .ip_protocol = 4, .ppp = 0x0021});
}

PacketBuilder& PacketBuilder::ip_options(std::size_t octets) {
  constexpr std::uint8_t kNoOperation = 1;
  last().header.resize(last().header.size() + octets, kNoOperation);
  last().header[0] = static_cast<std::uint8_t>(0x40 | last().header.size() / 4);
  return *this;
}

PacketBuilder& PacketBuilder::fragment(std::uint32_t offset, bool more, std::uint16_t id) {
  put16(last().header, 4, id);
  put16(last().header, 6, (more ? 0x2000 : 0) | offset / 8);
  return *this;
}

PacketBuilder& PacketBuilder::ipv6(std::string_view source, std::string_view destination) {
  first_link(LinkType::kRawIp);
  Layer layer{.header = Bytes(40), .next = NextField::kIpProtocol, .next_offset = 6, .set_length = set_ipv6_length};
  layer.header[0] = 0x60;
  layer.header[7] = 64;
  copy_address(source, 16, 8, layer.header);
  copy_address(destination, 16, 24, layer.header);
  return push(std::move(layer), {.ether_type = 0x86dd, .ip_protocol = 41, .ppp = 0x0057});
}

PacketBuilder& PacketBuilder::extension(std::uint8_t number, std::size_t octets) {
  Layer layer{.header = Bytes(octets), .next = NextField::kIpProtocol, .next_offset = 0};
  layer.header[1] = static_cast<std::uint8_t>(octets / 8 - 1);
  return push(std::move(layer), {.ip_protocol = number});
}

PacketBuilder& PacketBuilder::authentication_header() {
  Layer layer{.header = Bytes(24), .next = NextField::kIpProtocol, .next_offset = 0};
  layer.header[1] = 24 / 4 - 2;  // RFC 4302: the length in units of four octets, minus 2
  return push(std::move(layer), {.ip_protocol = 51});
}

PacketBuilder& PacketBuilder::fragment_header(std::uint32_t offset, bool more, std::uint32_t id) {
  extension(44);
  last().header[1] = 0;
  put16(last().header, 2, offset | (more ? 1 : 0));
  put32(last().header, 4, id);
  return *this;
}

PacketBuilder& PacketBuilder::ip_length(std::uint16_t value) {
  const std::size_t at = last().header[0] >> 4 == 4 ? 2 : 4;
  last().set_length = [value, at](Bytes& header, std::size_t) { put16(header, at, value); };
  return *this;
}

PacketBuilder& PacketBuilder::ip_protocol(std::uint8_t number) {
  last().header.at(last().next_offset) = number;
  last().next = NextField::kNone;
  return *this;
}

PacketBuilder& PacketBuilder::tcp(std::uint16_t source, std::uint16_t destination) {
  Layer layer{.header = Bytes(20)};
  put16(layer.header, 0, source);
  put16(layer.header, 2, destination);
  layer.header[12] = 0x50;
  layer.header[13] = tcp::kAck;
  put16(layer.header, 14, 0xffff);
  return push(std::move(layer), {.ip_protocol = protocol::kTcp});
}

PacketBuilder& PacketBuilder::flags(std::uint8_t value) { return patch(13, value); }

PacketBuilder& PacketBuilder::seq(std::uint32_t number) {
  put32(last().header, 4, number);
  return *this;
}

PacketBuilder& PacketBuilder::ack_number(std::uint32_t number) {
  put32(last().header, 8, number);
  return *this;
}

PacketBuilder& PacketBuilder::window(std::uint16_t octets) {
  put16(last().header, 14, octets);
  return *this;
}

PacketBuilder& PacketBuilder::tcp_options(std::size_t octets) {
  constexpr std::uint8_t kNoOperation = 1;
  return tcp_options(Bytes(octets, kNoOperation));
}

PacketBuilder& PacketBuilder::tcp_options(const Bytes& octets) {
  append(last().header, octets);
  last().header[12] = static_cast<std::uint8_t>(last().header.size() / 4 << 4);
  return *this;
}

PacketBuilder& PacketBuilder::udp(std::uint16_t source, std::uint16_t destination) {
  Layer layer{.header = Bytes(8)};
  put16(layer.header, 0, source);
  put16(layer.header, 2, destination);
  layer.set_length = [](Bytes& header, std::size_t inside) {
    put16(header, 4, static_cast<std::uint32_t>(header.size() + inside));
  };
  return push(std::move(layer), {.ip_protocol = protocol::kUdp});
}

PacketBuilder& PacketBuilder::sctp(std::uint16_t source, std::uint16_t destination) {
  Layer layer{.header = Bytes(12)};
  put16(layer.header, 0, source);
  put16(layer.header, 2, destination);
  return push(std::move(layer), {.ip_protocol = protocol::kSctp});
}

PacketBuilder& PacketBuilder::icmp(std::uint8_t type, std::uint8_t code) {
  return push({.header = {type, code, 0, 0, 0, 0, 0, 0}}, {.ip_protocol = protocol::kIcmp});
}

PacketBuilder& PacketBuilder::icmpv6(std::uint8_t type, std::uint8_t code) {
  return push({.header = {type, code, 0, 0, 0, 0, 0, 0}}, {.ip_protocol = protocol::kIcmpv6});
}

}  // namespace spanflow::testing
