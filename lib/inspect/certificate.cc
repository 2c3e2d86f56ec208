#include "inspect/certificate.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <span>
#include <string_view>

#include "inspect/vectors.h"

namespace spanflow {
namespace {

// Identifier octets of ASN.1 types.
namespace der {
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kOid = 0x06;
constexpr std::uint8_t kOctetString = 0x04;
constexpr std::uint8_t kUtcTime = 0x17;
constexpr std::uint8_t kGeneralizedTime = 0x18;
constexpr std::uint8_t kTeletexString = 0x14;    // taken for ISO 8859-1, as most programs do
constexpr std::uint8_t kUniversalString = 0x1c;  // four octets per character
constexpr std::uint8_t kBmpString = 0x1e;        // two octets per character
constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kSet = 0x31;
constexpr std::uint8_t kVersion = 0xa0;     // [0] of a TBSCertificate
constexpr std::uint8_t kExtensions = 0xa3;  // [3] of a TBSCertificate
constexpr std::uint8_t kDnsName = 0x82;     // [2] of a GeneralName
constexpr std::uint8_t kIpAddress = 0x87;   // [7] of a GeneralName
}  // namespace der

struct DerValue {
  std::uint8_t type;
  Cursor content;
};

// Takes a value with its type and length off `from`. DER lengths of up to four octets are read.
std::optional<DerValue> take_value(Cursor& from) {
  constexpr std::uint8_t kLongForm = 0x80;
  const auto type = take_u8(from);
  const auto first = take_u8(from);
  if (!type || !first) return std::nullopt;
  std::uint32_t length = *first;
  if ((length & kLongForm) != 0) {
    const auto digits = take(from, length & ~std::uint32_t{kLongForm});
    if (!digits || digits->captured() > sizeof length) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < digits->captured(); ++i) length = length << 8 | digits->u8(i);
  }
  const auto content = take(from, length);
  return content ? std::optional(DerValue{*type, *content}) : std::nullopt;
}

// Takes a value of this type off `from`.
std::optional<Cursor> take_value(Cursor& from, std::uint8_t type) {
  const auto value = take_value(from);
  return value && value->type == type ? std::optional(value->content) : std::nullopt;
}

// Takes a value of this type off `from`, if the next value is one.
std::optional<Cursor> take_optional(Cursor& from, std::uint8_t type) {
  return from.has(1) && from.u8(0) == type ? take_value(from, type) : std::nullopt;
}

// --- Times ---

std::optional<unsigned> two_digits(std::string_view text, std::size_t at) {
  if (text.size() < at + 2) return std::nullopt;
  const auto tens = static_cast<unsigned>(text[at] - '0');
  const auto ones = static_cast<unsigned>(text[at + 1] - '0');
  return tens <= 9 && ones <= 9 ? std::optional(10 * tens + ones) : std::nullopt;
}

// Returns the seconds since the epoch of a time such as "250131235959Z" or "20500131235959Z"; 0 if it is none, or
// before 1970.
std::uint64_t seconds_of(const DerValue& time) {
  const std::string_view text = text_of(time.content);
  const bool has_century = time.type == der::kGeneralizedTime;
  if (!has_century && time.type != der::kUtcTime) return 0;
  std::array<unsigned, 7> parts{};  // century, year, month, day, hour, minute, second
  for (std::size_t i = has_century ? 0 : 1, at = 0; i < parts.size(); ++i, at += 2) {
    const auto number = two_digits(text, at);
    if (!number) return 0;
    parts[i] = *number;
  }
  if (!has_century) parts[0] = parts[1] < 50 ? 20 : 19;  // RFC 5280, section 4.1.2.5.1
  namespace chrono = std::chrono;
  const chrono::year_month_day day{chrono::year(static_cast<int>(100 * parts[0] + parts[1])), chrono::month(parts[2]),
                                   chrono::day(parts[3])};
  if (!day.ok()) return 0;
  const auto since = chrono::sys_days(day).time_since_epoch() + chrono::hours(parts[4]) + chrono::minutes(parts[5]) +
                     chrono::seconds(parts[6]);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, chrono::duration_cast<chrono::seconds>(since).count()));
}

// --- Names ---

// Object identifiers of attributes with a short name. X.520 and RFC 4519 define them.
struct AttributeName {
  std::string_view oid;  // encoded
  std::string_view name;
};
constexpr std::array kAttributeNames = {
    AttributeName{"\x55\x04\x03", "CN"},
    AttributeName{"\x55\x04\x04", "SN"},
    AttributeName{"\x55\x04\x05", "serialNumber"},
    AttributeName{"\x55\x04\x06", "C"},
    AttributeName{"\x55\x04\x07", "L"},
    AttributeName{"\x55\x04\x08", "ST"},
    AttributeName{"\x55\x04\x09", "street"},
    AttributeName{"\x55\x04\x0a", "O"},
    AttributeName{"\x55\x04\x0b", "OU"},
    AttributeName{"\x55\x04\x0c", "title"},
    AttributeName{"\x55\x04\x2a", "GN"},
    AttributeName{"\x55\x04\x61", "organizationIdentifier"},
    AttributeName{"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID"},
    AttributeName{"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"},
    AttributeName{"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress"},
};

void append(fmt::memory_buffer& text, std::string_view more) { text.append(more.data(), more.data() + more.size()); }

void append_dotted(fmt::memory_buffer& text, const Cursor& oid) {
  std::uint64_t number = 0;
  bool is_first = true;
  for (std::size_t i = 0; i < oid.captured(); ++i) {
    number = number << 7 | (oid.u8(i) & 0x7f);
    if ((oid.u8(i) & 0x80) != 0) continue;
    if (is_first) {
      const std::uint64_t root = std::min<std::uint64_t>(number / 40, 2);  // X.690, section 8.19.4
      fmt::format_to(std::back_inserter(text), "{}.{}", root, number - 40 * root);
    } else {
      fmt::format_to(std::back_inserter(text), ".{}", number);
    }
    is_first = false;
    number = 0;
  }
}

void append_type(fmt::memory_buffer& text, const Cursor& oid) {
  const auto* const known = std::ranges::find(kAttributeNames, text_of(oid), &AttributeName::oid);
  if (known != kAttributeNames.end()) return append(text, known->name);
  append_dotted(text, oid);
}

void append_character(fmt::memory_buffer& text, std::uint32_t character) {
  const auto push = [&text](std::uint32_t octet) { text.push_back(static_cast<char>(octet)); };
  if (character == ',' || character == '\\') text.push_back('\\');
  if (character < 0x80) {
    push(character);
  } else if (character < 0x800) {
    push(0xc0 | character >> 6);
    push(0x80 | (character & 0x3f));
  } else if (character < 0x10000) {
    push(0xe0 | character >> 12);
    push(0x80 | (character >> 6 & 0x3f));
    push(0x80 | (character & 0x3f));
  } else {
    push(0xf0 | (character >> 18 & 7));
    push(0x80 | (character >> 12 & 0x3f));
    push(0x80 | (character >> 6 & 0x3f));
    push(0x80 | (character & 0x3f));
  }
}

// Appends the value of an attribute as UTF-8.
void append_string(fmt::memory_buffer& text, const DerValue& value) {
  const Cursor& octets = value.content;
  switch (value.type) {
    case der::kTeletexString:
      for (std::size_t i = 0; i < octets.captured(); ++i) append_character(text, octets.u8(i));
      break;
    case der::kBmpString:
      for (std::size_t i = 0; i + 2 <= octets.captured(); i += 2) append_character(text, octets.be16(i));
      break;
    case der::kUniversalString:
      for (std::size_t i = 0; i + 4 <= octets.captured(); i += 4) append_character(text, octets.be32(i));
      break;
    default:  // UTF8String, PrintableString, IA5String and others
      for (const char c : text_of(octets)) {
        if (c == ',' || c == '\\') text.push_back('\\');
        text.push_back(c);
      }
  }
}

// --- Extensions ---

// Returns the content of the GeneralNames in the extension subjectAltName; empty if the extension is absent.
Cursor names_in(Cursor extensions) {
  constexpr std::string_view kSubjectAltName = "\x55\x1d\x11";
  while (auto extension = take_value(extensions, der::kSequence)) {
    const auto oid = take_value(*extension, der::kOid);
    constexpr std::uint8_t kBoolean = 0x01;
    (void)take_optional(*extension, kBoolean);  // critical
    auto value = take_value(*extension, der::kOctetString);
    if (!oid || !value) break;
    if (text_of(*oid) == kSubjectAltName) return take_value(*value, der::kSequence).value_or(Cursor{});
  }
  return {};
}

Cursor without_leading_zeros(Cursor number) {
  while (number.captured() > 1 && number.u8(0) == 0) number.skip(1);
  return number;
}

}  // namespace

std::optional<Certificate> parse_certificate(Cursor octets) {
  auto outer = take_value(octets, der::kSequence);
  auto body = outer ? take_value(*outer, der::kSequence) : std::nullopt;
  if (!body) return std::nullopt;
  (void)take_optional(*body, der::kVersion);
  const auto serial = take_value(*body, der::kInteger);
  const auto algorithm = take_value(*body, der::kSequence);
  const auto issuer = take_value(*body, der::kSequence);
  auto validity = take_value(*body, der::kSequence);
  const auto subject = take_value(*body, der::kSequence);
  if (!serial || !algorithm || !issuer || !validity || !subject) return std::nullopt;
  Certificate certificate{.serial = without_leading_zeros(*serial), .issuer = *issuer, .subject = *subject};
  const auto not_before = take_value(*validity);
  const auto not_after = take_value(*validity);
  if (not_before) certificate.not_before = seconds_of(*not_before);
  if (not_after) certificate.not_after = seconds_of(*not_after);
  // Between the subject and the extensions are the public key and up to two unique identifiers.
  while (auto value = take_value(*body)) {
    if (value->type != der::kExtensions) continue;
    if (const auto extensions = take_value(value->content, der::kSequence)) certificate.names = names_in(*extensions);
  }
  return certificate;
}

void append_name(fmt::memory_buffer& text, Cursor name) {
  const std::size_t start = text.size();
  while (auto set = take_value(name, der::kSet)) {
    while (auto attribute = take_value(*set, der::kSequence)) {
      const auto type = take_value(*attribute, der::kOid);
      const auto value = take_value(*attribute);
      if (!type || !value) return;
      if (text.size() > start) append(text, ", ");
      append_type(text, *type);
      text.push_back('=');
      append_string(text, *value);
    }
  }
}

bool CertificateNames::next(fmt::memory_buffer& text) {
  while (const auto name = take_value(rest_)) {
    text.clear();
    const std::size_t octets = name->content.captured();
    if (name->type == der::kDnsName) {
      append(text, text_of(name->content));
      return true;
    }
    if (name->type == der::kIpAddress && (octets == 4 || octets == 16)) {
      std::array<char, INET6_ADDRSTRLEN> address{};
      inet_ntop(octets == 4 ? AF_INET : AF_INET6, name->content.data(), address.data(), address.size());
      append(text, address.data());
      return true;
    }
  }
  return false;
}

}  // namespace spanflow
