#include "base/utf8.h"

#include <fmt/format.h>

#include <iterator>

namespace spanflow {
namespace {

// Returns the length of the UTF-8 sequence at the start of `text`, which must not be empty. Returns 0 if the sequence
// is invalid (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF). Also returns 0 for the control
// characters from U+0080 to U+009F, which terminals interpret.
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  unsigned least_second = 0x80;
  unsigned greatest_second = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) length = 2;
  if (first >= 0xe0 && first <= 0xef) length = 3;
  if (first >= 0xf0 && first <= 0xf4) length = 4;
  if (first == 0xc2 || first == 0xe0) least_second = 0xa0;
  if (first == 0xed) greatest_second = 0x9f;
  if (first == 0xf0) least_second = 0x90;
  if (first == 0xf4) greatest_second = 0x8f;
  if (length == 0 || text.size() < length) return 0;
  if (byte(1) < least_second || byte(1) > greatest_second) return 0;
  for (std::size_t at = 2; at < length; ++at) {
    if (byte(at) < 0x80 || byte(at) > 0xbf) return 0;
  }
  return length;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

TextWriter append_utf8(TextWriter out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = is_control(text.front()) ? 0 : utf8_sequence(text);
    if (length == 0) {
      fmt::format_to(std::back_inserter(out), "\\x{:02X}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
    } else {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
    }
  }
  return out;
}

std::string clean_utf8(std::string_view text) {
  TextBuffer clean;
  append_utf8(TextWriter(clean), text).finish();
  return std::string(clean.view());
}

bool is_clean_ascii(std::string_view text) {
  static constexpr PlainCharacters kPlain{""};
  return kPlain.are_all_of(text);
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kMost = 200;
  constexpr std::string_view kMark = "...";
  std::string clean = clean_utf8(text);
  if (clean.size() <= kMost) return clean;
  std::size_t end = kMost - kMark.size();
  while (end > 0 && (static_cast<unsigned char>(clean[end]) & 0xc0) == 0x80) --end;  // not inside a character
  return clean.substr(0, end) + std::string(kMark);
}

}  // namespace spanflow
