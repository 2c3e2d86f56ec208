#include "sinks/text.h"

#include <arpa/inet.h>
#include <fmt/compile.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace spanflow {
namespace {

void append(TextBuffer& out, std::string_view text) {
  const std::size_t size = out.size();
  out.resize(size + text.size());
  std::memcpy(out.data() + size, text.data(), text.size());
}

// Length of the UTF-8 sequence at the start of `text`, 0 if there is no valid one (RFC 3629: no surrogates, no
// overlong forms, nothing above U+10FFFF).
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
  if (first == 0xe0) least_second = 0xa0;
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

// Printable ASCII, but for what a format gives a meaning: nearly all text is of it, and is copied as it is.
class PlainCharacters {
 public:
  constexpr explicit PlainCharacters(std::string_view with_a_meaning) {
    for (std::size_t at = 0x20; at < 0x7f; ++at) plain_[at] = true;
    for (const char c : with_a_meaning) plain_[static_cast<unsigned char>(c)] = false;
  }
  bool are_all_of(std::string_view text) const {
    return std::all_of(text.begin(), text.end(), [this](char c) { return plain_[static_cast<unsigned char>(c)]; });
  }

 private:
  std::array<bool, 256> plain_{};
};

void append_csv_text(TextBuffer& out, std::string_view text) {
  static constexpr PlainCharacters kPlain{",\""};
  if (kPlain.are_all_of(text)) return append(out, text);
  if (text.find_first_of(",\"") == std::string_view::npos) return append_utf8(out, text);
  TextBuffer clean;
  append_utf8(clean, text);
  out.push_back('"');
  for (const char c : clean) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

void append_json_text(TextBuffer& out, std::string_view text) {
  static constexpr PlainCharacters kPlain{"\"\\"};
  out.push_back('"');
  if (kPlain.are_all_of(text)) {
    append(out, text);
  } else {
    TextBuffer clean;
    append_utf8(clean, text);
    for (const char c : clean) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  out.push_back('"');
}

// The values whose text is the same everywhere. A format string costs more than all of the rest, so there is none here.
void append_plain(TextBuffer& out, std::uint64_t value) {
  const fmt::format_int digits(value);
  append(out, {digits.data(), digits.size()});
}
void append_plain(TextBuffer& out, std::int64_t value) {
  const fmt::format_int digits(value);
  append(out, {digits.data(), digits.size()});
}
void append_plain(TextBuffer& out, const ShortText& text) { append(out, text.view()); }
void append_plain(TextBuffer& out, AddressValue value) { append_address(out, *value.address, value.ip_version); }

constexpr std::string_view kHexDigits = "0123456789abcdef";

void append_plain(TextBuffer& out, HexValue value) {
  std::array<char, 16> text;
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = kHexDigits[value.bits >> (60 - 4 * i) & 0xf];
  append(out, {text.data(), text.size()});
}

void append_plain(TextBuffer& out, MacValue value) {
  std::array<char, 3 * std::tuple_size_v<MacAddress>> text;
  for (std::size_t i = 0; i < value.octets; ++i) {
    text[3 * i] = kHexDigits[(*value.address)[i] >> 4];
    text[3 * i + 1] = kHexDigits[(*value.address)[i] & 0xf];
    text[3 * i + 2] = ':';
  }
  append(out, {text.data(), 3 * value.octets - 1});
}

// Three decimals, as printf rounds them. In binary a number is hardly ever just between two of them; only one so close
// to it that the multiplication may have moved it across needs the exact way.
void append_plain(TextBuffer& out, RealValue value) {
  constexpr double kGreatest = 1e9;
  constexpr double kTooClose = 1e-3;
  const double thousandths = value.number * 1000;
  const auto below = static_cast<std::uint64_t>(value.number >= 0 && value.number < kGreatest ? thousandths : 0);
  const double rest = thousandths - static_cast<double>(below);
  if (!(rest >= 0 && rest < 1) || std::abs(rest - 0.5) < kTooClose || std::signbit(value.number)) {
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("{:.3f}"), value.number);
    return;
  }
  const std::uint64_t rounded = below + (rest > 0.5 ? 1 : 0);
  append_plain(out, rounded / 1000);
  const std::uint64_t decimals = rounded % 1000;
  const auto digit = [](std::uint64_t number) { return static_cast<char>('0' + number); };
  const std::array text = {'.', digit(decimals / 100), digit(decimals / 10 % 10), digit(decimals % 10)};
  append(out, {text.data(), text.size()});
}

void append_list(TextBuffer& out, const EarlyPacketsValue& list) {
  const std::size_t length = std::max(list.padded_to, list.packets.size());
  out.push_back('[');
  for (std::size_t i = 0; i < length; ++i) {
    if (i > 0) append(out, list.padded_to > 0 ? ", " : ",");
    append_plain(out, i < list.packets.size() ? list.number(list.packets, i) : std::int64_t{-1});
  }
  out.push_back(']');
}

void append_metrics(TextBuffer& out, const MetricsView& metrics) {
  append(out, "\"metrics\":");
  char separator = '{';
  for (std::size_t at = 0; at < metrics.size(); ++at) {
    if (!std::isfinite(metrics.value(at))) continue;
    out.push_back(separator);
    separator = ',';
    out.push_back('"');
    append(out, metrics.name(at));
    append(out, "\":");
    append_metric(out, metrics.value(at));
  }
  if (separator == '{') out.push_back('{');
  out.push_back('}');
}

template <typename... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace

void append_utf8(TextBuffer& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = is_control(text.front()) ? 0 : utf8_sequence(text);
    if (length == 0) {
      fmt::format_to(std::back_inserter(out), "\\x{:02X}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
    } else {
      append(out, text.substr(0, length));
      text.remove_prefix(length);
    }
  }
}

// inet_ntop formats IPv4 by sprintf, which was a tenth of a run's time.
void append_address(TextBuffer& out, const IpAddress& address, unsigned ip_version) {
  if (ip_version == 4) {
    std::array<char, INET_ADDRSTRLEN> text;
    char* end = text.data();
    for (std::size_t i = 0; i < 4; ++i) {
      const unsigned octet = address.bytes[i];
      if (octet >= 100) *end++ = static_cast<char>('0' + octet / 100);
      if (octet >= 10) *end++ = static_cast<char>('0' + octet / 10 % 10);
      *end++ = static_cast<char>('0' + octet % 10);
      *end++ = '.';
    }
    return append(out, {text.data(), static_cast<std::size_t>(end - text.data() - 1)});
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());
  append(out, text.data());
}

void append_csv(TextBuffer& out, const Value& value) {
  std::visit(Overloaded{[](std::monostate) {}, [&](std::string_view text) { append_csv_text(out, text); },
                        [&](const EarlyPacketsValue& list) {
                          out.push_back('"');  // it has commas
                          append_list(out, list);
                          out.push_back('"');
                        },
                        [&](const auto& plain) { append_plain(out, plain); }},
             value);
}

void append_json(TextBuffer& out, const Value& value) {
  std::visit(Overloaded{[](std::monostate) {}, [&](std::string_view text) { append_json_text(out, text); },
                        [&](std::uint64_t number) { append_plain(out, number); },
                        [&](std::int64_t number) { append_plain(out, number); },
                        [&](RealValue number) { append_plain(out, number); },
                        [&](const EarlyPacketsValue& list) { append_list(out, list); },
                        [&](const auto& quoted) {
                          out.push_back('"');
                          append_plain(out, quoted);
                          out.push_back('"');
                        }},
             value);
}

void append_metric(TextBuffer& out, double value) {
  constexpr double kExact = 1LL << 53;
  if (!std::isfinite(value)) return;
  if (value == std::trunc(value) && std::abs(value) <= kExact) {
    const fmt::format_int digits(static_cast<std::int64_t>(value));
    append(out, {digits.data(), digits.size()});
  } else {
    fmt::format_to(std::back_inserter(out), "{:.{}f}", value, value == std::trunc(value) ? 0 : 3);
  }
}

void append_json(TextBuffer& out, const FlowRecord& record, std::span<const Field* const> selected) {
  char separator = '{';
  for (const Field* field : selected) {
    const Value value = field->get(record);
    if (std::holds_alternative<std::monostate>(value)) continue;
    out.push_back(separator);
    separator = ',';
    out.push_back('"');
    append(out, field->name);
    append(out, "\":");
    append_json(out, value);
  }
  if (record.metrics.size() > 0) {
    out.push_back(separator);
    separator = ',';
    append_metrics(out, record.metrics);
  }
  if (separator == '{') out.push_back('{');
  out.push_back('}');
}

}  // namespace spanflow
