// Makes text from packets safe to print: valid UTF-8 without control characters and without characters that change the
// layout of the text around them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/text_buffer.h"

namespace spanflow {

// The next two functions write each octet of such a character or of invalid UTF-8 as \xNN. A backslash before an x and
// two hexadecimal digits becomes \x5C, so a reader that replaces each \xNN by its octet gets the text as it was sent.
// append_utf8() appends to `out` and returns the writer after the text.
TextWriter append_utf8(TextWriter out, std::string_view text);
std::string clean_utf8(std::string_view text);
// For a message that consists of clean texts and others: leaves the \xNN that it has.
std::string clean_line(std::string_view text);
// True if all of `text` is printable ASCII without a backslash, which append_utf8() copies unchanged.
bool is_clean_ascii(std::string_view text);

// The printable ASCII characters without the characters that are special in an output format. Nearly all texts consist
// only of such plain characters and are copied unchanged.
class PlainCharacters {
 public:
  constexpr explicit PlainCharacters(std::string_view special) {
    for (std::size_t at = 0x20; at < 0x7f; ++at) plain_[at] = true;
    for (const char c : special) plain_[static_cast<unsigned char>(c)] = false;
  }
  bool are_all_of(std::string_view text) const {
    return std::all_of(text.begin(), text.end(), [this](char c) { return plain_[static_cast<unsigned char>(c)]; });
  }

 private:
  std::array<bool, 256> plain_{};
};

// Returns the beginning of the text, at most `most` octets, without a part of a UTF-8 character at its end.
std::string_view cut_utf8(std::string_view text, std::size_t most);

// Returns the text for an error message, which is one line: as clean_utf8() does, and cut to at most 200 octets. "..."
// marks the cut.
std::string shortened(std::string_view text);

}  // namespace spanflow
