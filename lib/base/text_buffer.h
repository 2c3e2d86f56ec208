// A text that grows, and a writer that appends to it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace spanflow {

class TextBuffer {
 public:
  const char* data() const { return text_.get(); }
  std::size_t size() const { return static_cast<std::size_t>(end_ - text_.get()); }
  std::string_view view() const { return {data(), size()}; }
  void clear() { end_ = text_.get(); }

 private:
  friend class TextWriter;
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
  char* end_ = nullptr;    // end of the text at the last finish()
  char* limit_ = nullptr;  // end of the allocated memory
};

// Appends to a TextBuffer. The text in the buffer is complete only after finish() of the last copy of the writer. A
// writer is passed and returned by value, in two registers. An end pointer in memory would be slower, because every
// append would load and store it.
class TextWriter {
 public:
  using value_type = char;  // std::back_inserter requires this name

  explicit TextWriter(TextBuffer& buffer) : at_(buffer.end_), buffer_(&buffer) {}
  void finish() const { buffer_->end_ = at_; }

  // Returns memory for `characters` more characters. After writing there, the caller passes the end of the new text to
  // ended_at().
  char* room(std::size_t characters) {
    if (static_cast<std::size_t>(buffer_->limit_ - at_) < characters) {
      finish();
      buffer_->grow(characters);
      at_ = buffer_->end_;
    }
    return at_;
  }
  void ended_at(char* end) { at_ = end; }

  void push_back(char character) {
    *room(1) = character;
    ++at_;
  }
  void append(std::string_view text) { at_ += text.copy(room(text.size()), text.size()); }
  // Returns the last character. The text must not be empty.
  char last() const { return at_[-1]; }
  void remove_last() { --at_; }

 private:
  char* at_;
  TextBuffer* buffer_;
};
static_assert(std::is_trivially_copyable_v<TextWriter> && sizeof(TextWriter) == 16, "not passed in registers");

}  // namespace spanflow
