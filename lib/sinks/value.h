// What a field's value can be, and how a field takes it from a record.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "base/short_text.h"
#include "base/units.h"
#include "decode/packet.h"
#include "spanflow/streamer.h"

namespace spanflow {

struct AddressValue {
  const IpAddress* address;
  std::uint8_t ip_version;
};

// The first `octets` of the address: all, or the three of the vendor (OUI).
struct MacValue {
  const MacAddress* address;
  std::size_t octets;
};

// 64 bits shown as 16 hexadecimal digits: a number would lose its last digits in many a reader.
struct HexValue {
  std::uint64_t bits;
};

// Shown with three decimals.
struct RealValue {
  double number;
};

// One number of each early packet, the one at `index`. With `padded_to` it looks as Python prints a list, and -1 fills
// it up to that many.
struct EarlyPacketsValue {
  std::span<const EarlyPacket> packets;
  std::int64_t (*number)(std::span<const EarlyPacket> packets, std::size_t index);
  std::size_t padded_to = 0;
};

// std::monostate: the record has no such value. A ShortText is of our own making, such as an id: printable ASCII that
// no format has to quote.
using Value = std::variant<std::monostate, std::uint64_t, std::int64_t, std::string_view, ShortText, AddressValue,
                           MacValue, HexValue, RealValue, EarlyPacketsValue>;

inline Value number(std::uint64_t value) { return value; }
inline Value milliseconds(std::uint64_t nanoseconds) { return nanoseconds / kNanosecondsPerMillisecond; }
inline Value whole(double value) { return number(static_cast<std::uint64_t>(value)); }
inline Value text_or_missing(std::string_view text) { return text.empty() ? Value{} : Value{text}; }
inline Value number_or_missing(std::uint64_t value) { return value == 0 ? Value{} : Value{value}; }
inline Value if_any(const FlowSide& side, std::uint64_t value) { return side.pkts == 0 ? Value{} : Value{value}; }
inline Value mac_or_missing(const MacAddress& address, std::size_t octets) {
  return address == MacAddress{} ? Value{} : Value{MacValue{&address, octets}};
}

inline Value tcp_only(const FlowRecord& record, std::uint64_t value) {
  return record.ip_protocol == protocol::kTcp ? Value{value} : Value{};
}
inline Value icmp_only(const FlowRecord& record, std::uint64_t value) {
  const bool icmp = record.ip_protocol == protocol::kIcmp || record.ip_protocol == protocol::kIcmpv6;
  return icmp ? Value{value} : Value{};
}
inline Value dpi_only(const FlowRecord& record, Value value) { return record.has_application ? value : Value{}; }

inline Value metadata_text(const FlowRecord& record, Metadata key) {
  return record.extras ? text_or_missing(record.extras->metadata.text(key)) : Value{};
}
inline Value metadata_number(const FlowRecord& record, Metadata key) {
  const auto found = record.extras ? record.extras->metadata.number(key) : std::nullopt;
  return found ? Value{*found} : Value{};
}

inline Value statistic(const FlowRecord& record, const SideStatistics FlowStatistics::*side,
                       Value (*get)(const SideStatistics&)) {
  return record.extras && record.extras->has_statistics ? get(record.extras->statistics.*side) : Value{};
}

template <typename Number>
Value known(const std::optional<Number>& value) {
  return value ? number(*value) : Value{};
}

inline Value tcp_quality(const FlowRecord& record, Value (*get)(const TcpQuality&)) {
  return record.extras && record.extras->has_tcp_quality ? get(record.extras->tcp_quality) : Value{};
}

using EarlyNumber = decltype(EarlyPacketsValue::number);

inline Value early_packets(const FlowRecord& record, EarlyNumber number, bool padded = false) {
  if (!record.extras || record.extras->early_packets_kept == 0) return {};
  return EarlyPacketsValue{record.extras->early_packets, number, padded ? record.extras->early_packets_kept : 0};
}

// The numbers of early packets.
inline std::int64_t early_direction(std::span<const EarlyPacket> packets, std::size_t index) {
  return static_cast<std::int64_t>(packets[index].direction);
}
inline std::int64_t early_size(std::span<const EarlyPacket> packets, std::size_t index) { return packets[index].size; }
// Since the packet before, with both times in whole `unit_ns`.
template <std::uint64_t unit_ns>
std::int64_t early_gap(std::span<const EarlyPacket> packets, std::size_t index) {
  if (index == 0) return 0;
  return static_cast<std::int64_t>(packets[index].time_ns / unit_ns - packets[index - 1].time_ns / unit_ns);
}

}  // namespace spanflow
