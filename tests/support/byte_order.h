// Writes integers in network byte order into vectors of octets.
#pragma once

#include <cstdint>
#include <vector>

namespace spanflow::testing {

inline void put16(std::vector<std::uint8_t>& out, std::size_t at, std::uint32_t value) {
  out.at(at) = static_cast<std::uint8_t>(value >> 8);
  out.at(at + 1) = static_cast<std::uint8_t>(value);
}

inline void put32(std::vector<std::uint8_t>& out, std::size_t at, std::uint32_t value) {
  put16(out, at, value >> 16);
  put16(out, at + 2, value & 0xffff);
}

inline void append(std::vector<std::uint8_t>& out, const std::vector<std::uint8_t>& more) {
  for (const std::uint8_t octet : more) out.push_back(octet);  // gcc 12 gives a false warning for insert() here
}

}  // namespace spanflow::testing
