// The types of field values, and functions that take a field's value from a record.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/short_text.h"
#include "base/units.h"
#include "decode/packet.h"
#include "spanflow/record.h"

namespace spanflow {

struct AddressValue {
  const IpAddress* address;
  std::uint8_t ip_version;
};

// The first `octets` octets of the address: all six, or the three that identify the vendor (OUI).
struct MacValue {
  const MacAddress* address;
  std::size_t octets;
};

// 64 bits. Text formats show 16 hexadecimal digits, because many readers would lose the last digits of a number.
struct HexValue {
  std::uint64_t bits;
};

// A number that text formats show with three decimals.
struct RealValue {
  double number;
};

// A list with one number for each early packet. If `padded_to` is not 0, text formats write the list as Python prints
// lists, and fill it up with -1 to `padded_to` numbers.
struct EarlyPacketsValue {
  std::span<const EarlyPacket> packets;
  std::int64_t (*number)(std::span<const EarlyPacket> packets, std::size_t index);
  std::size_t padded_to = 0;
};

// A list of texts in the metadata of a record. Text formats that have no lists join the texts with semicolons.
struct TextList {
  const FlowMetadata* metadata;  // nullptr: the record has no metadata
  Metadata key;

  // Calls `take` with each text.
  template <typename Take>
  void for_each(Take take) const {
    if (metadata != nullptr) metadata->for_each(key, take);
  }
  bool empty() const { return metadata == nullptr || metadata->text(key).empty(); }
};

// A field value has one of the types above, or is a std::uint64_t, std::int64_t, std::string_view or ShortText.
// spanflow makes a ShortText itself, for an id: it is printable ASCII that no format has to quote. A std::optional of
// one of these types is a value that a record may lack.

inline std::uint64_t number(std::uint64_t value) { return value; }
inline std::uint64_t milliseconds(std::uint64_t nanoseconds) { return nanoseconds / kNanosecondsPerMillisecond; }
inline std::uint64_t whole(double value) { return static_cast<std::uint64_t>(value); }

template <typename Value>
std::optional<Value> value_if(bool has_value, const Value& value) {
  return has_value ? std::optional<Value>{value} : std::nullopt;
}
inline std::optional<std::string_view> text_or_missing(std::string_view text) { return value_if(!text.empty(), text); }
inline std::optional<std::uint64_t> number_or_missing(std::uint64_t value) { return value_if(value != 0, value); }
inline std::optional<std::uint64_t> if_any(const FlowSide& side, std::uint64_t value) {
  return value_if(side.pkts != 0, value);
}
inline std::optional<MacValue> mac_or_missing(const MacAddress& address, std::size_t octets) {
  const bool has_any = std::ranges::any_of(address, [](std::uint8_t octet) { return octet != 0; });
  return value_if(has_any, MacValue{&address, octets});
}
inline std::optional<std::uint64_t> tcp_only(const FlowRecord& record, std::uint64_t value) {
  return value_if(record.ip_protocol == protocol::kTcp, value);
}
inline std::optional<std::uint64_t> icmp_only(const FlowRecord& record, std::uint64_t value) {
  return value_if(record.ip_protocol == protocol::kIcmp || record.ip_protocol == protocol::kIcmpv6, value);
}
template <typename Value>
std::optional<Value> dpi_only(const FlowRecord& record, const Value& value) {
  return value_if(record.has_application, value);
}

inline std::optional<std::string_view> metadata_text(const FlowRecord& record, Metadata key) {
  return record.extras ? text_or_missing(record.extras->metadata.text(key)) : std::nullopt;
}
inline std::optional<std::uint64_t> metadata_number(const FlowRecord& record, Metadata key) {
  return record.extras ? record.extras->metadata.number(key) : std::nullopt;
}

inline TextList metadata_list(const FlowRecord& record, Metadata key) {
  return {record.extras ? &record.extras->metadata : nullptr, key};
}

// Returns the value of a field that a record has only if its metadata has this key.
template <Metadata key, auto get>
struct MetadataValue {
  static constexpr Metadata kKey = key;
  auto operator()(const FlowRecord& record) const { return get(record, key); }
};
template <Metadata key>
using MetadataText = MetadataValue<key, metadata_text>;
template <Metadata key>
using MetadataNumber = MetadataValue<key, metadata_number>;
template <Metadata key>
using MetadataList = MetadataValue<key, metadata_list>;

template <typename Get>
auto statistic(const FlowRecord& record, const SideStatistics FlowStatistics::*side, Get get) {
  using Value = decltype(get(record.extras->statistics.*side));
  const bool known = record.extras && record.extras->has_statistics;
  return known ? std::optional<Value>{get(record.extras->statistics.*side)} : std::nullopt;
}

template <typename Number>
std::optional<std::uint64_t> known(const std::optional<Number>& value) {
  return value ? std::optional<std::uint64_t>{*value} : std::nullopt;
}

template <typename Value>
std::optional<Value> as_optional(const Value& value) {
  return value;
}
template <typename Value>
std::optional<Value> as_optional(const std::optional<Value>& value) {
  return value;
}

template <typename Get>
auto tcp_quality(const FlowRecord& record, Get get) {
  using Value = decltype(as_optional(get(record.extras->tcp_quality)));
  const bool known = record.extras && record.extras->has_tcp_quality;
  return known ? as_optional(get(record.extras->tcp_quality)) : Value{};
}

using EarlyNumber = decltype(EarlyPacketsValue::number);

inline std::optional<EarlyPacketsValue> early_packets(const FlowRecord& record, EarlyNumber number,
                                                      bool padded = false) {
  if (!record.extras || record.extras->early_packets_kept == 0) return std::nullopt;
  return EarlyPacketsValue{record.extras->early_packets, number, padded ? record.extras->early_packets_kept : 0};
}

// Functions for EarlyPacketsValue::number. Each returns one number of the packet at `index`.
inline std::int64_t early_direction(std::span<const EarlyPacket> packets, std::size_t index) {
  return static_cast<std::int64_t>(packets[index].direction);
}
inline std::int64_t early_size(std::span<const EarlyPacket> packets, std::size_t index) { return packets[index].size; }
// Returns the time since the previous packet, in units of `unit_ns` ns; 0 for the first packet. Both times are rounded
// down to whole units before the subtraction.
template <std::uint64_t unit_ns>
std::int64_t early_gap(std::span<const EarlyPacket> packets, std::size_t index) {
  if (index == 0) return 0;
  return static_cast<std::int64_t>(packets[index].time_ns / unit_ns - packets[index - 1].time_ns / unit_ns);
}

}  // namespace spanflow
