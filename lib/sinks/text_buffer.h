// A growing text that is written in place: asking for room and saying where one has ended is all that a value costs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace spanflow {

class TextBuffer {
 public:
  using value_type = char;  // for std::back_inserter

  const char* data() const { return text_.get(); }
  std::size_t size() const { return static_cast<std::size_t>(end_ - text_.get()); }
  std::string_view view() const { return {data(), size()}; }
  void clear() { end_ = text_.get(); }
  void remove_suffix(std::size_t characters) { end_ -= characters; }

  // Where up to `characters` more can be written; ended_at() makes them part of the text.
  char* room(std::size_t characters) {
    if (static_cast<std::size_t>(limit_ - end_) < characters) grow(characters);
    return end_;
  }
  void ended_at(char* end) { end_ = end; }

  void push_back(char character) {
    *room(1) = character;
    ++end_;
  }
  void append(std::string_view text) {
    std::memcpy(room(text.size()), text.data(), text.size());
    end_ += text.size();
  }

 private:
  static constexpr std::size_t kLeast = 512;

  [[gnu::noinline]] void grow(std::size_t characters) {
    const std::size_t used = size();
    const std::size_t capacity = std::max({kLeast, used + characters, 2 * used});
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (used > 0) std::memcpy(larger.get(), text_.get(), used);
    text_ = std::move(larger);
    end_ = text_.get() + used;
    limit_ = text_.get() + capacity;
  }

  std::unique_ptr<char[]> text_;
  char* end_ = nullptr;    // of what was written
  char* limit_ = nullptr;  // of what can be
};

}  // namespace spanflow
