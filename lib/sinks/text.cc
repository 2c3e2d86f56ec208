#include "sinks/text.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <iterator>
#include <string>

#include "base/hex.h"

namespace spanflow {
namespace {

constexpr auto kTwoDigits = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

void write_two_digits(char* to, std::uint32_t value) { std::memcpy(to, &kTwoDigits[2 * value], 2); }

// Writes a number of up to eight digits, without leading zeros. Returns the end of the digits.
char* write_leading_digits(char* to, std::uint32_t value) {
  std::size_t count = value < 10 ? 1 : 2;
  for (std::uint32_t bound = 100; count < 8 && value >= bound; bound *= 10) ++count;
  char* at = to + count;
  for (; value >= 10; value /= 100) {
    at -= 2;
    write_two_digits(at, value % 100);
  }
  if (at > to) *to = static_cast<char>('0' + value);
  return to + count;
}

void write_eight_digits(char* to, std::uint64_t value) {
  const auto upper = static_cast<std::uint32_t>(value / 10'000);
  const auto lower = static_cast<std::uint32_t>(value % 10'000);
  write_two_digits(to, upper / 100);
  write_two_digits(to + 2, upper % 100);
  write_two_digits(to + 4, lower / 100);
  write_two_digits(to + 6, lower % 100);
}

// Writes the number in groups of eight digits. Returns the end of the digits. A record has several timestamps of
// nineteen digits. The CPU can convert the groups in parallel, but in a loop of divisions by ten each step waits for
// the previous step.
char* write_number(char* to, std::uint64_t value) {
  constexpr std::uint64_t kGroup = 100'000'000;
  if (value < kGroup) return write_leading_digits(to, static_cast<std::uint32_t>(value));
  to = write_number(to, value / kGroup);
  write_eight_digits(to, value % kGroup);
  return to + 8;
}

TextWriter append_list(TextWriter out, const EarlyPacketsValue& list) {
  const std::size_t length = std::max(list.padded_to, list.packets.size());
  out.push_back('[');
  for (std::size_t i = 0; i < length; ++i) {
    if (i > 0) out.append(list.padded_to > 0 ? ", " : ",");
    out = append_plain(out, i < list.packets.size() ? list.number(list.packets, i) : std::int64_t{-1});
  }
  out.push_back(']');
  return out;
}

// Appends the number with this many decimals, rounded as printf() rounds.
TextWriter append_with_decimals(TextWriter out, double number, int decimals) {
  fmt::format_to(std::back_inserter(out), "{:.{}f}", number, decimals);
  return out;
}

// Appends a field of CSV. `clean` is from clean_utf8().
TextWriter append_quoted(TextWriter out, std::string_view clean) {
  if (clean.find_first_of(",\"") == std::string_view::npos) {
    out.append(clean);
    return out;
  }
  out.push_back('"');
  for (const char c : clean) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

}  // namespace

TextWriter append_digits(TextWriter out, std::uint64_t value) {
  constexpr std::size_t kMostDigits = 20;
  out.ended_at(write_number(out.room(kMostDigits), value));
  return out;
}

TextWriter append_plain(TextWriter out, std::int64_t value) {
  if (value < 0) out.push_back('-');
  return append_plain(out, value < 0 ? -static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
}

TextWriter append_plain(TextWriter out, HexValue value) {
  constexpr std::size_t kDigits = 16;
  char* const text = out.room(kDigits);
  for (std::size_t i = 0; i < kDigits; ++i) text[i] = kHexDigits[value.bits >> (60 - 4 * i) & 0xf];
  out.ended_at(text + kDigits);
  return out;
}

TextWriter append_plain(TextWriter out, MacValue value) {
  char* text = out.room(3 * value.octets);
  for (std::size_t i = 0; i < value.octets; ++i) {
    *text++ = kHexDigits[(*value.address)[i] >> 4];
    *text++ = kHexDigits[(*value.address)[i] & 0xf];
    *text++ = ':';
  }
  out.ended_at(text - 1);
  return out;
}

// Writes three decimals. The multiplication by 1000 has a rounding error. The error matters only if the product is
// close to halfway between two whole numbers. Then the slow, exact conversion is used, and also for negative numbers
// and for numbers from kGreatest on.
TextWriter append_plain(TextWriter out, RealValue value) {
  constexpr double kGreatest = 1e9;
  constexpr double kTooClose = 1e-3;
  const double thousandths = value.number * 1000;
  const auto below = static_cast<std::uint64_t>(value.number >= 0 && value.number < kGreatest ? thousandths : 0);
  const double rest = thousandths - static_cast<double>(below);
  if (!(rest >= 0 && rest < 1) || std::abs(rest - 0.5) < kTooClose || std::signbit(value.number)) {
    return append_with_decimals(out, value.number, 3);
  }
  const std::uint64_t rounded = below + (rest > 0.5 ? 1 : 0);
  out = append_plain(out, rounded / 1000);
  const std::uint64_t decimals = rounded % 1000;
  const auto digit = [](std::uint64_t number) { return static_cast<char>('0' + number); };
  const std::array text = {'.', digit(decimals / 100), digit(decimals / 10 % 10), digit(decimals % 10)};
  out.append({text.data(), text.size()});
  return out;
}

// Formats IPv4 without inet_ntop(), because inet_ntop() calls sprintf(), which took 10 % of a run's time.
TextWriter append_address(TextWriter out, const IpAddress& address, unsigned ip_version) {
  char* text = out.room(INET6_ADDRSTRLEN);
  if (ip_version == 4) {
    for (std::size_t i = 0; i < 4; ++i) {
      text = write_number(text, address.bytes[i]);
      *text++ = '.';
    }
    out.ended_at(text - 1);
  } else {
    inet_ntop(AF_INET6, address.bytes.data(), text, INET6_ADDRSTRLEN);
    out.ended_at(text + std::strlen(text));
  }
  return out;
}

TextWriter append_csv(TextWriter out, std::string_view text) {
  static constexpr PlainCharacters kPlain{",\"\\"};
  if (!kPlain.are_all_of(text)) return append_quoted(out, clean_utf8(text));
  out.append(text);
  return out;
}

TextWriter append_csv(TextWriter out, const EarlyPacketsValue& list) {
  out.push_back('"');  // quoted, because the list has commas
  out = append_list(out, list);
  out.push_back('"');
  return out;
}

TextWriter append_csv(TextWriter out, const TextList& list) {
  static constexpr PlainCharacters kPlain{",\";\\"};
  bool all_plain = true;
  list.for_each([&](std::string_view text) { all_plain = all_plain && kPlain.are_all_of(text); });
  std::string joined;  // only of lists with special characters, which are rare
  bool is_first = true;
  list.for_each([&](std::string_view text) {
    if (all_plain) {
      if (!is_first) out.push_back(';');
      out.append(text);
    } else {
      if (!is_first) joined += ';';
      for (const char c : clean_utf8(text)) {
        if (c == ';' || c == '\\') joined += '\\';
        joined += c;
      }
    }
    is_first = false;
  });
  return all_plain ? out : append_quoted(out, joined);
}

TextWriter append_json(TextWriter out, std::string_view text) {
  static constexpr PlainCharacters kPlain{"\"\\"};
  out.push_back('"');
  if (kPlain.are_all_of(text)) {
    out.append(text);
  } else {
    for (const char c : clean_utf8(text)) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

TextWriter append_json(TextWriter out, const EarlyPacketsValue& list) { return append_list(out, list); }

TextWriter append_json(TextWriter out, const TextList& list) {
  char before = '[';
  list.for_each([&](std::string_view text) {
    out.push_back(before);
    out = append_json(out, text);
    before = ',';
  });
  if (before == '[') out.push_back('[');
  out.push_back(']');
  return out;
}

TextWriter append_metric(TextWriter out, double value) {
  constexpr double kExact = 1LL << 53;
  if (!std::isfinite(value)) return out;
  const bool whole = value == std::trunc(value);
  if (whole && std::abs(value) <= kExact) return append_plain(out, static_cast<std::int64_t>(value));
  return append_with_decimals(out, value, whole ? 0 : 3);
}

TextWriter append_value(TextWriter out, const FieldValue& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return append_utf8(out, *text);
  if (const auto* label = std::get_if<LabelValue>(&value)) return append_utf8(out, label->text);
  if (const auto* text = std::get_if<ShortText>(&value)) return append_plain(out, *text);
  if (const auto* address = std::get_if<AddressValue>(&value)) return append_plain(out, *address);
  if (const auto* mac = std::get_if<MacValue>(&value)) return append_plain(out, *mac);
  if (const auto* hex = std::get_if<HexValue>(&value)) return append_plain(out, *hex);
  return out;
}

}  // namespace spanflow
