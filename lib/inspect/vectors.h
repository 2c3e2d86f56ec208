// Takes the parts of a message off a Cursor. Vectors with a length prefix are as in RFC 8446, section 3.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "decode/cursor.h"

namespace spanflow {

// Each of these functions takes octets off `from`. Returns nullopt if `from` has too few octets; `from` may then have
// lost a prefix.
inline std::optional<Cursor> take(Cursor& from, std::size_t octets) {
  if (!from.has(octets)) return std::nullopt;
  Cursor taken = from;
  taken.limit(static_cast<std::uint32_t>(octets));
  from.skip(octets);
  return taken;
}
inline std::optional<std::uint8_t> take_u8(Cursor& from) {
  if (!from.has(1)) return std::nullopt;
  const std::uint8_t value = from.u8(0);
  from.skip(1);
  return value;
}
inline std::optional<std::uint16_t> take_be16(Cursor& from) {
  if (!from.has(2)) return std::nullopt;
  const std::uint16_t value = from.be16(0);
  from.skip(2);
  return value;
}
inline std::optional<std::uint32_t> take_be24(Cursor& from) {
  if (!from.has(3)) return std::nullopt;
  const std::uint32_t value = std::uint32_t{from.u8(0)} << 16 | from.be16(1);
  from.skip(3);
  return value;
}
inline std::optional<std::uint32_t> take_be32(Cursor& from) {
  if (!from.has(4)) return std::nullopt;
  const std::uint32_t value = from.be32(0);
  from.skip(4);
  return value;
}
// Take a vector with a length prefix of one, two or three octets, and return it without the prefix.
inline std::optional<Cursor> take8(Cursor& from) {
  const auto length = take_u8(from);
  return length ? take(from, *length) : std::nullopt;
}
inline std::optional<Cursor> take16(Cursor& from) {
  const auto length = take_be16(from);
  return length ? take(from, *length) : std::nullopt;
}
inline std::optional<Cursor> take24(Cursor& from) {
  const auto length = take_be24(from);
  return length ? take(from, *length) : std::nullopt;
}

// only8() and only16() return the vector if the vector fills `from` exactly, otherwise nullopt.
inline std::optional<Cursor> only8(Cursor from) {
  const auto vector = take8(from);
  return from.captured() == 0 ? vector : std::nullopt;
}
inline std::optional<Cursor> only16(Cursor from) {
  const auto vector = take16(from);
  return from.captured() == 0 ? vector : std::nullopt;
}

inline std::string_view text_of(const Cursor& octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.captured()};
}
inline Cursor cursor_of(std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  return {reinterpret_cast<const std::uint8_t*>(text.data()), size, size};
}

}  // namespace spanflow
