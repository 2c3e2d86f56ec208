// Reads integers of a file that may have the other byte order.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace spanflow {

class ByteOrder {
 public:
  explicit constexpr ByteOrder(bool swapped = false) : swapped_(swapped) {}

  std::uint16_t u16(const std::uint8_t* at) const {
    return swapped_ ? __builtin_bswap16(load<std::uint16_t>(at)) : load<std::uint16_t>(at);
  }
  std::uint32_t u32(const std::uint8_t* at) const {
    return swapped_ ? __builtin_bswap32(load<std::uint32_t>(at)) : load<std::uint32_t>(at);
  }
  std::uint64_t u64(const std::uint8_t* at) const {
    return swapped_ ? __builtin_bswap64(load<std::uint64_t>(at)) : load<std::uint64_t>(at);
  }

 private:
  template <std::unsigned_integral Number>
  static Number load(const std::uint8_t* at) {
    Number number = 0;
    std::memcpy(&number, at, sizeof number);
    return number;
  }

  bool swapped_;
};

}  // namespace spanflow
