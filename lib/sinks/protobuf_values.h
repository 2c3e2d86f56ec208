// Writes values in the encoding of protocol buffers, https://protobuf.dev/programming-guides/encoding
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/text_buffer.h"
#include "sinks/value.h"

namespace spanflow {

// Appends the tag and the value. `number` is the field number. The value 0 is also written: proto3 leaves out zeros
// only for fields that are not `optional`.
TextWriter append_protobuf(TextWriter out, std::uint32_t number, std::uint64_t value);
TextWriter append_protobuf(TextWriter out, std::uint32_t number, std::int64_t value);
TextWriter append_protobuf(TextWriter out, std::uint32_t number, double value);
TextWriter append_protobuf(TextWriter out, std::uint32_t number, HexValue value);
// Appends the text as clean_utf8() returns it, because a protobuf string must be valid UTF-8.
TextWriter append_protobuf(TextWriter out, std::uint32_t number, std::string_view text);
TextWriter append_protobuf(TextWriter out, std::uint32_t number, AddressValue value);
TextWriter append_protobuf(TextWriter out, std::uint32_t number, MacValue value);
TextWriter append_protobuf(TextWriter out, std::uint32_t number, const EarlyPacketsValue& list);
// Appends a tag and a value for each text.
TextWriter append_protobuf(TextWriter out, std::uint32_t number, const TextList& list);
inline TextWriter append_protobuf(TextWriter out, std::uint32_t number, RealValue value) {
  return append_protobuf(out, number, value.number);
}
inline TextWriter append_protobuf(TextWriter out, std::uint32_t number, const ShortText& text) {
  return append_protobuf(out, number, text.view());
}
// Appends an entry of a map<string, double>.
TextWriter append_protobuf_entry(TextWriter out, std::uint32_t number, std::string_view key, double value);

template <typename Value>
TextWriter append_protobuf(TextWriter out, std::uint32_t number, const std::optional<Value>& value) {
  return value ? append_protobuf(out, number, *value) : out;
}

// The type of a field in flow.proto whose value has the C++ type `Value`.
template <typename Value>
struct ProtobufType;
template <std::unsigned_integral Value>
struct ProtobufType<Value> {
  static constexpr std::string_view kName = "optional uint64";
};
template <std::signed_integral Value>
struct ProtobufType<Value> {
  static constexpr std::string_view kName = "optional sint64";
};
template <>
struct ProtobufType<RealValue> {
  static constexpr std::string_view kName = "optional double";
};
template <>
struct ProtobufType<HexValue> {
  static constexpr std::string_view kName = "optional fixed64";
};
template <>
struct ProtobufType<std::string_view> {
  static constexpr std::string_view kName = "optional string";
};
template <>
struct ProtobufType<ShortText> : ProtobufType<std::string_view> {};
template <>
struct ProtobufType<AddressValue> {  // 4 or 16 octets, in network byte order
  static constexpr std::string_view kName = "optional bytes";
};
template <>
struct ProtobufType<MacValue> : ProtobufType<AddressValue> {};
template <>
struct ProtobufType<EarlyPacketsValue> {
  static constexpr std::string_view kName = "repeated sint64";
};
template <>
struct ProtobufType<TextList> {
  static constexpr std::string_view kName = "repeated string";
};
template <typename Value>
struct ProtobufType<std::optional<Value>> : ProtobufType<Value> {};

template <typename Value>
constexpr std::string_view protobuf_type() {
  return ProtobufType<Value>::kName;
}

}  // namespace spanflow
