// Hexadecimal digits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace spanflow {

inline constexpr std::string_view kHexDigits = "0123456789abcdef";

// The octets as hexadecimal text, two lower-case digits each, of at most kMost octets. Passed by value.
template <std::size_t kMost>
class HexText {
 public:
  explicit HexText(std::span<const std::uint8_t> octets) : size_(2 * octets.size()) {
    for (std::size_t i = 0; i < octets.size(); ++i) {
      text_[2 * i] = kHexDigits[octets[i] >> 4];
      text_[2 * i + 1] = kHexDigits[octets[i] & 15];
    }
  }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 2 * kMost> text_;
  std::size_t size_;
};

template <std::size_t size>
HexText<size> hex_of(const std::array<std::uint8_t, size>& octets) {
  return HexText<size>(octets);
}

}  // namespace spanflow
