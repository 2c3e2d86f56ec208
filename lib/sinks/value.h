// The types of field values, and functions that take a field's value from a record.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/short_text.h"
#include "base/units.h"
#include "decode/packet.h"
#include "inspect/metadata.h"
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

// A text from a small set, such as the name of an application. Arrow has dictionaries for such texts; other formats
// take them as any text.
struct LabelValue {
  std::string_view text;
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

// A field value has one of the types above, or is an unsigned number, std::int64_t, std::string_view or ShortText.
// spanflow makes a ShortText itself, for an id: it is printable ASCII that no format has to quote. A std::optional of
// one of these types is a value that a record may lack.

// The value of any field in a record; std::monostate if the record lacks it. Views refer to the record.
using FieldValue = std::variant<std::monostate, std::uint64_t, std::int64_t, RealValue, std::string_view, LabelValue,
                                ShortText, HexValue, AddressValue, MacValue, EarlyPacketsValue, TextList>;

// The type of a field's values, for formats whose columns have types.
enum class FieldType : std::uint8_t {
  kUnsigned8,
  kUnsigned16,
  kUnsigned32,
  kUnsigned64,
  kSigned64,
  kReal,
  kText,
  kLabel,
  kAddress,
  kEarlyPackets,
  kTexts
};

template <typename Value>
struct FieldTypeOf : std::integral_constant<FieldType, FieldType::kText> {};
template <>
struct FieldTypeOf<std::uint8_t> : std::integral_constant<FieldType, FieldType::kUnsigned8> {};
template <>
struct FieldTypeOf<std::uint16_t> : std::integral_constant<FieldType, FieldType::kUnsigned16> {};
template <>
struct FieldTypeOf<std::uint32_t> : std::integral_constant<FieldType, FieldType::kUnsigned32> {};
template <>
struct FieldTypeOf<std::uint64_t> : std::integral_constant<FieldType, FieldType::kUnsigned64> {};
template <>
struct FieldTypeOf<std::int64_t> : std::integral_constant<FieldType, FieldType::kSigned64> {};
template <>
struct FieldTypeOf<RealValue> : std::integral_constant<FieldType, FieldType::kReal> {};
template <>
struct FieldTypeOf<LabelValue> : std::integral_constant<FieldType, FieldType::kLabel> {};
template <>
struct FieldTypeOf<AddressValue> : std::integral_constant<FieldType, FieldType::kAddress> {};
template <>
struct FieldTypeOf<EarlyPacketsValue> : std::integral_constant<FieldType, FieldType::kEarlyPackets> {};
template <>
struct FieldTypeOf<TextList> : std::integral_constant<FieldType, FieldType::kTexts> {};
template <typename Value>
struct FieldTypeOf<std::optional<Value>> : FieldTypeOf<Value> {};

// An unsigned number keeps its type, because columns of Arrow have the width of the type. Other formats widen it.
template <std::unsigned_integral Number>
Number number(Number value) {
  return value;
}
template <typename Value>
auto widened(const Value& value) {
  if constexpr (std::unsigned_integral<Value>) {
    return std::uint64_t{value};
  } else if constexpr (std::same_as<Value, LabelValue>) {
    return value.text;
  } else {
    return value;
  }
}
template <typename Value>
auto widened(const std::optional<Value>& value) {
  return value ? std::optional{widened(*value)} : std::nullopt;
}

template <typename Value>
FieldValue field_value(const Value& value) {
  if constexpr (std::unsigned_integral<Value>) {
    return std::uint64_t{value};
  } else {
    return value;
  }
}
template <typename Value>
FieldValue field_value(const std::optional<Value>& value) {
  return value ? field_value(*value) : FieldValue{};
}
// An empty list counts as missing.
inline FieldValue field_value(const TextList& list) { return list.empty() ? FieldValue{} : FieldValue{list}; }

inline std::uint64_t milliseconds(std::uint64_t nanoseconds) { return nanoseconds / kNanosecondsPerMillisecond; }
inline std::uint64_t whole(double value) { return static_cast<std::uint64_t>(value); }

template <typename Value>
std::optional<Value> value_if(bool has_value, const Value& value) {
  return has_value ? std::optional<Value>{value} : std::nullopt;
}
inline std::optional<std::string_view> text_or_missing(std::string_view text) { return value_if(!text.empty(), text); }
inline std::optional<LabelValue> label_or_missing(std::string_view text) {
  return value_if(!text.empty(), LabelValue{text});
}
template <std::unsigned_integral Number>
std::optional<Number> number_or_missing(Number value) {
  return value_if(value != 0, value);
}
template <std::unsigned_integral Number>
std::optional<Number> if_any(const FlowSide& side, Number value) {
  return value_if(side.pkts != 0, value);
}
inline std::optional<MacValue> mac_or_missing(const MacAddress& address, std::size_t octets) {
  const bool has_any = std::ranges::any_of(address, [](std::uint8_t octet) { return octet != 0; });
  return value_if(has_any, MacValue{&address, octets});
}
inline std::optional<std::uint8_t> tcp_only(const FlowRecord& record, std::uint8_t value) {
  return value_if(record.ip_protocol == protocol::kTcp, value);
}
inline std::optional<std::uint8_t> icmp_only(const FlowRecord& record, std::uint8_t value) {
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
template <std::unsigned_integral Number>
std::optional<Number> metadata_number_of(const FlowRecord& record, Metadata key) {
  const auto value = metadata_number(record, key);
  return value ? std::optional<Number>{static_cast<Number>(*value)} : std::nullopt;
}

inline TextList metadata_list(const FlowRecord& record, Metadata key) {
  return {record.extras ? &record.extras->metadata : nullptr, key};
}

// Returns the keys of a record's metadata, as a set of bits.
inline std::uint64_t metadata_keys(const FlowRecord& record) {
  return record.extras ? record.extras->metadata.keys : 0;
}

// Returns the value of a field that a record has only if its metadata has one of these keys.
template <auto get, Metadata... keys>
struct FromMetadata {
  static constexpr MetadataSet kKeys{keys...};
  auto operator()(const FlowRecord& record) const { return get(record); }
};
template <Metadata key, auto get>
struct MetadataValue {
  static constexpr MetadataSet kKeys{key};
  auto operator()(const FlowRecord& record) const { return get(record, key); }
};
template <Metadata key>
using MetadataText = MetadataValue<key, metadata_text>;
template <Metadata key, std::unsigned_integral Number = std::uint64_t>
using MetadataNumber = MetadataValue<key, metadata_number_of<Number>>;
template <Metadata key>
using MetadataList = MetadataValue<key, metadata_list>;

template <typename Get>
auto statistic(const FlowRecord& record, const SideStatistics FlowStatistics::*side, Get get) {
  using Value = decltype(get(record.extras->statistics.*side));
  const bool known = record.extras && record.extras->has_statistics;
  return known ? std::optional<Value>{get(record.extras->statistics.*side)} : std::nullopt;
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
