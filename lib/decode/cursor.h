// A position in a packet, and the numbers of octets that follow it: captured octets, and octets on the wire.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "spanflow/record.h"

namespace spanflow {

// Call has() before reading: the reading functions only assert that the octets are captured. Offsets are relative to
// the cursor. Integers are in network byte order.
class Cursor {
 public:
  Cursor() = default;
  Cursor(const std::uint8_t* data, std::uint32_t captured, std::uint32_t wire)
      : data_(data), captured_(captured), wire_(std::max(wire, captured)) {}

  bool has(std::size_t octets) const { return octets <= captured_; }
  std::uint32_t captured() const { return captured_; }
  std::uint32_t wire() const { return wire_; }
  const std::uint8_t* data() const { return data_; }

  std::uint8_t u8(std::size_t offset) const {
    assert(has(offset + 1));
    return data_[offset];
  }
  std::uint16_t be16(std::size_t offset) const {
    assert(has(offset + 2));
    return static_cast<std::uint16_t>(data_[offset] << 8 | data_[offset + 1]);
  }
  std::uint32_t be32(std::size_t offset) const {
    assert(has(offset + 4));
    std::uint32_t value = 0;
    std::memcpy(&value, data_ + offset, sizeof value);
    return __builtin_bswap32(value);
  }
  // `octets` is 4 or 16. The 4 octets of IPv4 are extended in a register: stored after 16 zeros, they would delay the
  // next load of all 16 octets until both stores are done. Without always_inline, gcc calls a function for each
  // address.
  [[gnu::always_inline]] IpAddress address(std::size_t offset, std::size_t octets) const {
    assert(has(offset + octets) && (octets == 4 || octets == 16));
    if (octets == 4) {
      std::array<std::uint32_t, 4> words{};
      std::memcpy(words.data(), data_ + offset, sizeof words[0]);
      return std::bit_cast<IpAddress>(words);
    }
    IpAddress address;
    std::memcpy(address.bytes.data(), data_ + offset, address.bytes.size());
    return address;
  }

  void skip(std::size_t octets) {
    assert(has(octets));
    data_ += octets;
    captured_ -= static_cast<std::uint32_t>(octets);
    wire_ -= static_cast<std::uint32_t>(octets);
  }
  // Sets the length of this layer on the wire. The length may be greater or smaller than the rest of the frame. Octets
  // beyond the length do not belong to the layer.
  void set_length(std::uint32_t octets) {
    wire_ = octets;
    captured_ = std::min(captured_, octets);
  }
  // Shortens this layer to `octets` octets if it is longer. The octets after this length are padding or a trailer.
  void limit(std::uint32_t octets) {
    wire_ = std::min(wire_, octets);
    captured_ = std::min(captured_, octets);
  }

 private:
  const std::uint8_t* data_ = nullptr;
  std::uint32_t captured_ = 0;
  std::uint32_t wire_ = 0;
};

}  // namespace spanflow
