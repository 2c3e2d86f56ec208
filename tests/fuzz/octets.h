// Reads numbers and texts from the input of a fuzz target.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

namespace spanflow::fuzz {

// After the end of the input, numbers are 0 and texts are empty. The octets must outlive the object.
class Octets {
 public:
  Octets(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}
  explicit Octets(std::span<const std::uint8_t> octets) : rest_(octets) {}

  bool empty() const { return rest_.empty(); }
  std::span<const std::uint8_t> take(std::size_t octets) {
    const auto taken = rest_.first(std::min(octets, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::string_view text(std::size_t octets) {
    const auto taken = take(octets);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  std::span<const std::uint8_t> rest() { return take(rest_.size()); }
  std::string_view rest_as_text() { return text(rest_.size()); }

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }

 private:
  // Little endian, as on most machines: libFuzzer's mutations insert the numbers that the code compares in this order.
  std::uint64_t number(std::size_t octets) {
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const std::uint8_t octet : take(octets)) {
      value |= std::uint64_t{octet} << shift;
      shift += 8;
    }
    return value;
  }

  std::span<const std::uint8_t> rest_;
};

}  // namespace spanflow::fuzz
