#include "sinks/protobuf_values.h"

#include <bit>
#include <cstring>

#include "sinks/text.h"

namespace spanflow {
namespace {

enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2 };

constexpr std::size_t kLongestVarint = 10;

TextWriter append_varint(TextWriter out, std::uint64_t value) {
  char* to = out.room(kLongestVarint);
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<char>(value | 0x80);
  *to++ = static_cast<char>(value);
  out.ended_at(to);
  return out;
}

TextWriter append_tag(TextWriter out, std::uint32_t number, WireType type) {
  return append_varint(out, number << 3 | type);
}

TextWriter append_octets(TextWriter out, std::uint32_t number, std::string_view octets) {
  out = append_varint(append_tag(out, number, kLengthDelimited), octets.size());
  out.append(octets);
  return out;
}

// Appends 8 octets in little-endian order, which is the byte order of all machines that this program supports.
TextWriter append_fixed(TextWriter out, std::uint64_t bits) {
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(out.room(sizeof(bits)), &bits, sizeof(bits));
  out.ended_at(out.room(sizeof(bits)) + sizeof(bits));
  return out;
}

constexpr std::size_t varint_size(std::uint64_t value) { return (std::bit_width(value | 1) + 6) / 7; }

constexpr std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}

}  // namespace

TextWriter append_protobuf(TextWriter out, std::uint32_t number, std::uint64_t value) {
  return append_varint(append_tag(out, number, kVarint), value);
}

TextWriter append_protobuf(TextWriter out, std::uint32_t number, std::int64_t value) {
  return append_varint(append_tag(out, number, kVarint), zigzag(value));
}

TextWriter append_protobuf(TextWriter out, std::uint32_t number, double value) {
  return append_fixed(append_tag(out, number, kFixed64), std::bit_cast<std::uint64_t>(value));
}

TextWriter append_protobuf(TextWriter out, std::uint32_t number, HexValue value) {
  return append_fixed(append_tag(out, number, kFixed64), value.bits);
}

TextWriter append_protobuf(TextWriter out, std::uint32_t number, std::string_view text) {
  return append_octets(out, number, is_clean_ascii(text) ? text : std::string_view(clean_utf8(text)));
}

TextWriter append_protobuf(TextWriter out, std::uint32_t number, AddressValue value) {
  const std::size_t octets = value.ip_version == 4 ? 4 : 16;
  return append_octets(out, number, {reinterpret_cast<const char*>(value.address->bytes.data()), octets});
}

TextWriter append_protobuf(TextWriter out, std::uint32_t number, MacValue value) {
  return append_octets(out, number, {reinterpret_cast<const char*>(value.address->data()), value.octets});
}

// Uses the packed encoding: one tag and one length for all numbers of the list.
TextWriter append_protobuf(TextWriter out, std::uint32_t number, const EarlyPacketsValue& list) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < list.packets.size(); ++i) size += varint_size(zigzag(list.number(list.packets, i)));
  out = append_varint(append_tag(out, number, kLengthDelimited), size);
  for (std::size_t i = 0; i < list.packets.size(); ++i) out = append_varint(out, zigzag(list.number(list.packets, i)));
  return out;
}

TextWriter append_protobuf(TextWriter out, std::uint32_t number, const TextList& list) {
  list.for_each([&](std::string_view text) { out = append_protobuf(out, number, text); });
  return out;
}

// A map entry is a nested message: field 1 is the key, field 2 is the value. Each of their tags has one octet.
TextWriter append_protobuf_entry(TextWriter out, std::uint32_t number, std::string_view key, double value) {
  const std::size_t size = 1 + varint_size(key.size()) + key.size() + 1 + sizeof(value);
  out = append_varint(append_tag(out, number, kLengthDelimited), size);
  return append_protobuf(append_octets(out, 1, key), 2, value);
}

}  // namespace spanflow
