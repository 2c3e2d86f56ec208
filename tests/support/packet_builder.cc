#include "support/packet_builder.h"

#include <arpa/inet.h>

#include <algorithm>
#include <stdexcept>

#include "support/byte_order.h"

namespace spanflow::testing {

TestPacket TestPacket::cut_to(std::size_t octets) const {
  TestPacket cut = *this;
  // The copy has exactly this size, so that AddressSanitizer finds a read beyond its end.
  cut.bytes = Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(octets, bytes.size())));
  return cut;
}

IpAddress address(std::string_view text) {
  IpAddress parsed;
  const int family = text.find(':') == std::string_view::npos ? AF_INET : AF_INET6;
  if (inet_pton(family, std::string(text).c_str(), parsed.bytes.data()) != 1) throw std::invalid_argument("address");
  return parsed;
}

void PacketBuilder::name_next(const Numbers& numbers) {
  if (layers_.empty()) return;
  Layer& layer = last();
  const auto need = [](int number) {
    if (number < 0) throw std::logic_error("this layer has no number in the layer before it");
    return static_cast<std::uint32_t>(number);
  };
  switch (layer.next) {
    case NextField::kNone:
      return;
    case NextField::kEtherType:
      return put16(layer.header, layer.next_offset, need(numbers.ether_type));
    case NextField::kPpp:
      return put16(layer.header, layer.next_offset, need(numbers.ppp));
    case NextField::kShortPpp:
      layer.header.at(layer.next_offset) = static_cast<std::uint8_t>(need(numbers.ppp));
      return;
    case NextField::kIpProtocol:
      layer.header.at(layer.next_offset) = static_cast<std::uint8_t>(need(numbers.ip_protocol));
      return;
  }
}

PacketBuilder& PacketBuilder::push(Layer layer, const Numbers& numbers) {
  name_next(numbers);
  layers_.push_back(std::move(layer));
  return *this;
}

PacketBuilder& PacketBuilder::first_link(LinkType type) {
  if (layers_.empty() && !link_type_chosen_) link_type_ = type;
  link_type_chosen_ = true;
  return *this;
}

PacketBuilder& PacketBuilder::ethernet() {
  first_link(LinkType::kEthernet);
  Layer layer{.header = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 0}, .next = NextField::kEtherType, .next_offset = 12};
  return push(std::move(layer), {.ether_type = 0x6558, .ip_protocol = 143});
}

PacketBuilder& PacketBuilder::linux_cooked() {
  first_link(LinkType::kLinuxCooked);
  return push({.header = Bytes(16), .next = NextField::kEtherType, .next_offset = 14}, {});
}

PacketBuilder& PacketBuilder::linux_cooked2() {
  first_link(LinkType::kLinuxCooked2);
  return push({.header = Bytes(20), .next = NextField::kEtherType, .next_offset = 0}, {});
}

PacketBuilder& PacketBuilder::null_link() {
  first_link(LinkType::kNull);
  return push({.header = {2, 0, 0, 0}}, {});  // AF_INET, as a little-endian host writes it
}

PacketBuilder& PacketBuilder::loop_link() {
  first_link(LinkType::kLoop);
  return push({.header = {0, 0, 0, 2}}, {});
}

PacketBuilder& PacketBuilder::raw_ip() { return first_link(LinkType::kRawIp); }

PacketBuilder& PacketBuilder::ppp(PppForm form) {
  first_link(LinkType::kPpp);
  if (form == PppForm::kCompressed) return push({.header = {0}, .next = NextField::kShortPpp}, {});
  Layer layer{.header = {0, 0}, .next = NextField::kPpp};
  if (form == PppForm::kHdlc) {
    layer.header = {0xff, 0x03, 0, 0};
    layer.next_offset = 2;
  }
  return push(std::move(layer), {});
}

PacketBuilder& PacketBuilder::llc_snap() {
  last().next = NextField::kNone;
  last().set_length = [](Bytes& header, std::size_t inside) { put16(header, 12, static_cast<std::uint32_t>(inside)); };
  Layer layer{.header = {0xaa, 0xaa, 3, 0, 0, 0, 0, 0}, .next = NextField::kEtherType, .next_offset = 6};
  return push(std::move(layer), {});
}

PacketBuilder& PacketBuilder::vlan(std::uint16_t id, std::uint16_t tag_type) {
  Layer layer{.header = Bytes(4), .next = NextField::kEtherType, .next_offset = 2};
  put16(layer.header, 0, id);
  return push(std::move(layer), {.ether_type = tag_type});
}

PacketBuilder& PacketBuilder::mpls(std::uint32_t label) {
  const std::uint32_t kBottomOfStack = 0x100;
  Layer layer{.header = Bytes(4)};
  put32(layer.header, 0, label << 12 | kBottomOfStack | 64);
  // Only the last label of a stack has the bottom-of-stack bit, so mpls() clears the bit of the label before.
  const bool stacked = !layers_.empty() && last().header.size() == 4 && last().next == NextField::kNone;
  if (stacked) last().header[2] &= 0xfe;
  return push(std::move(layer), {.ether_type = 0x8847, .ip_protocol = 137, .ppp = 0x0281});
}

PacketBuilder& PacketBuilder::control_word() { return header({0, 0, 0, 1}); }

PacketBuilder& PacketBuilder::pppoe(std::uint16_t session) {
  Layer layer{.header = {0x11, 0, 0, 0, 0, 0}};
  put16(layer.header, 2, session);
  layer.set_length = [](Bytes& header, std::size_t inside) { put16(header, 4, static_cast<std::uint32_t>(inside)); };
  return push(std::move(layer), {.ether_type = 0x8864});
}

PacketBuilder& PacketBuilder::payload(std::string_view text) {
  payload_.insert(payload_.end(), text.begin(), text.end());
  return *this;
}

PacketBuilder& PacketBuilder::payload(std::size_t octets) { return payload(std::string(octets, 'x')); }

PacketBuilder& PacketBuilder::header(Bytes octets) {
  Layer layer{.header = std::move(octets)};
  layers_.push_back(std::move(layer));
  return *this;
}

PacketBuilder& PacketBuilder::padding(std::size_t octets) {
  padding_ = octets;
  return *this;
}

PacketBuilder& PacketBuilder::patch(std::size_t offset, std::uint8_t value) {
  last().header.at(offset) = value;
  return *this;
}

PacketBuilder& PacketBuilder::at(std::chrono::nanoseconds since_epoch) {
  time_ns_ = static_cast<std::uint64_t>(since_epoch.count());
  return *this;
}

PacketBuilder& PacketBuilder::snap(std::size_t octets) {
  snap_ = octets;
  return *this;
}

TestPacket PacketBuilder::build() const {
  Bytes inside = payload_;
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    Bytes outside = layer->header;
    layer->set_length(outside, inside.size());
    append(outside, inside);
    inside = std::move(outside);
  }
  inside.resize(inside.size() + padding_);
  TestPacket packet{.wire = static_cast<std::uint32_t>(inside.size()), .time_ns = time_ns_, .link_type = link_type_};
  packet.bytes = std::move(inside);
  return packet.cut_to(snap_);
}

}  // namespace spanflow::testing
