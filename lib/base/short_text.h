// A short text that is stored in the object itself. It is passed by value, without memory allocation.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace spanflow {

class ShortText {
 public:
  static constexpr std::size_t kMost = 31;

  ShortText() = default;
  explicit ShortText(std::string_view text) { append(text); }

  // The text must still fit in kMost octets after the call.
  void append(std::string_view text) {
    assert(size_ + text.size() <= kMost);
    text.copy(&characters_[size_], text.size());
    size_ += static_cast<std::uint8_t>(text.size());
  }
  std::string_view view() const { return {characters_.data(), size_}; }
  bool operator==(const ShortText& other) const { return view() == other.view(); }

 private:
  std::array<char, kMost> characters_{};
  std::uint8_t size_ = 0;
};

}  // namespace spanflow
