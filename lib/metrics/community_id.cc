#include "metrics/community_id.h"

#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "base/digest.h"
#include "base/flow_hash.h"
#include "decode/packet.h"

namespace spanflow {
namespace {

using TypePair = std::pair<std::uint8_t, std::uint8_t>;

// The pairs of ICMP message types in which each type answers the other.
constexpr std::array<TypePair, 5> kIcmpPairs = {{
    {8, 0},    // echo
    {10, 9},   // router solicitation, advertisement
    {13, 14},  // timestamp
    {15, 16},  // information
    {17, 18},  // address mask
}};
constexpr std::array<TypePair, 6> kIcmpv6Pairs = {{
    {128, 129},  // echo
    {130, 131},  // multicast listener query, report
    {133, 134},  // router solicitation, advertisement
    {135, 136},  // neighbour solicitation, advertisement
    {139, 140},  // node information
    {144, 145},  // home agent address discovery
}};

std::optional<std::uint8_t> counterpart(std::span<const TypePair> pairs, std::uint8_t type) {
  for (const auto& [request, reply] : pairs) {
    if (type == request) return reply;
    if (type == reply) return request;
  }
  return std::nullopt;
}

// The flow key. For ICMP, its ports are replaced by the values that the specification uses as ports.
struct Tuple {
  FlowKey key;
  bool has_ports = true;
  bool one_way = false;  // true: an ICMP message type without a counterpart
};

Tuple icmp_tuple(const FlowKey& key, std::span<const TypePair> pairs, std::uint8_t type, std::uint8_t code) {
  Tuple tuple{.key = key};
  const std::optional<std::uint8_t> other = counterpart(pairs, type);
  tuple.key.src_port = type;
  tuple.key.dst_port = other.value_or(code);
  tuple.one_way = !other;
  return tuple;
}

Tuple tuple_of(const FlowKey& key, std::uint8_t icmp_type, std::uint8_t icmp_code) {
  switch (key.ip_protocol) {
    case protocol::kTcp:
    case protocol::kUdp:
    case protocol::kSctp:
      return {.key = key};
    case protocol::kIcmp:
      return icmp_tuple(key, kIcmpPairs, icmp_type, icmp_code);
    case protocol::kIcmpv6:
      return icmp_tuple(key, kIcmpv6Pairs, icmp_type, icmp_code);
    default:
      return {.key = key, .has_ports = false};
  }
}

// Returns the key with the smaller endpoint first, so that both directions have the same id. Keeps the order of a
// one-way message.
FlowKey ordered(const Tuple& tuple) {
  const FlowKey& key = tuple.key;
  const auto source = std::tie(key.ip_src.bytes, key.src_port);
  const auto destination = std::tie(key.ip_dst.bytes, key.dst_port);
  return tuple.one_way || source < destination ? key : reversed(key);
}

// Collects the octets to hash.
class Message {
 public:
  Message& octets(std::span<const std::uint8_t> octets) {
    std::memcpy(&octets_[size_], octets.data(), octets.size());
    size_ += octets.size();
    return *this;
  }
  Message& be16(std::uint16_t value) {
    return octets(std::array{static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)});
  }
  std::span<const std::uint8_t> all() const { return std::span(octets_).first(size_); }

 private:
  std::array<std::uint8_t, 40> octets_;  // seed, two IPv6 addresses, protocol and padding, ports
  std::size_t size_ = 0;
};

}  // namespace

ShortText community_id(const FlowKey& key, std::uint8_t icmp_type, std::uint8_t icmp_code, std::uint16_t seed) {
  const Tuple tuple = tuple_of(key, icmp_type, icmp_code);
  const FlowKey flow = ordered(tuple);
  const std::size_t address_octets = flow.ip_version == 4 ? 4 : 16;
  Message message;
  message.be16(seed)
      .octets(std::span(flow.ip_src.bytes).first(address_octets))
      .octets(std::span(flow.ip_dst.bytes).first(address_octets))
      .octets(std::array<std::uint8_t, 2>{flow.ip_protocol, 0});
  if (tuple.has_ports) message.be16(flow.src_port).be16(flow.dst_port);
  ShortText id{"1:"};
  append_base64(id, sha1(message.all()));
  return id;
}

}  // namespace spanflow
