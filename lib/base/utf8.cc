#include "base/utf8.h"

#include <fmt/format.h>

#include <iterator>

namespace spanflow {
namespace {

// True if `text` begins with a character that changes the direction of the text after it, so that it shows in another
// order (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), or with U+2028 or U+2029, which end a line.
bool changes_layout(std::string_view text) {
  const std::string_view character = text.substr(0, 3);
  return text.starts_with("\u061c") || (character >= "\u200e" && character <= "\u200f") ||
         (character >= "\u2028" && character <= "\u202e") || (character >= "\u2066" && character <= "\u2069");
}

// Returns the length of the UTF-8 sequence at the start of `text`, which must not be empty. Returns 0 if the sequence
// is invalid (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF). Also returns 0 for the control
// characters from U+0080 to U+009F, which terminals interpret, and if changes_layout().
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
  return changes_layout(text) ? 0 : length;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// True if `text` begins with a \xNN that was sent like this.
bool looks_escaped(std::string_view text) {
  return text.size() >= 4 && text.starts_with("\\x") && is_hex_digit(text[2]) && is_hex_digit(text[3]);
}

// `escaped_before`: \xNN in the text stays.
TextWriter append_escaped(TextWriter out, std::string_view text, bool escaped_before) {
  while (!text.empty()) {
    const bool is_special = is_control(text.front()) || (!escaped_before && looks_escaped(text));
    const std::size_t length = is_special ? 0 : utf8_sequence(text);
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

std::string escaped(std::string_view text, bool escaped_before) {
  TextBuffer clean;
  append_escaped(TextWriter(clean), text, escaped_before).finish();
  return std::string(clean.view());
}

}  // namespace

TextWriter append_utf8(TextWriter out, std::string_view text) { return append_escaped(out, text, false); }

std::string clean_utf8(std::string_view text) { return escaped(text, false); }

std::string clean_line(std::string_view text) { return escaped(text, true); }

bool is_clean_ascii(std::string_view text) {
  static constexpr PlainCharacters kPlain{"\\"};
  return kPlain.are_all_of(text);
}

std::string_view cut_utf8(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kMost = 200;
  constexpr std::string_view kMark = "...";
  std::string clean = clean_utf8(text);
  if (clean.size() <= kMost) return clean;
  return std::string(cut_utf8(clean, kMost - kMark.size())) + std::string(kMark);
}

}  // namespace spanflow
