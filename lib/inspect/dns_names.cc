#include "inspect/dns_names.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "inspect/vectors.h"

namespace spanflow {
namespace {

constexpr std::size_t kMostName = 255;  // octets (RFC 1035, section 2.3.4)
constexpr std::size_t kMostPointers = 16;
constexpr std::uint8_t kPointer = 0xc0;

struct TypeName {
  std::uint16_t type;
  std::string_view name;
};
// The types whose data is shown.
constexpr std::array kTypeNames = {
    TypeName{dns_types::kA, "A"},       TypeName{dns_types::kNs, "NS"},       TypeName{dns_types::kCname, "CNAME"},
    TypeName{dns_types::kPtr, "PTR"},   TypeName{dns_types::kMx, "MX"},       TypeName{dns_types::kTxt, "TXT"},
    TypeName{dns_types::kAaaa, "AAAA"}, TypeName{dns_types::kSrv, "SRV"},     TypeName{dns_types::kDname, "DNAME"},
    TypeName{dns_types::kSvcb, "SVCB"}, TypeName{dns_types::kHttps, "HTTPS"},
};

void append_number(std::string& text, std::uint64_t number) {
  const fmt::format_int digits(number);
  text.append(digits.data(), digits.size());
}

void append_type(std::string& text, std::uint16_t type) {
  const auto* const known = std::ranges::find(kTypeNames, type, &TypeName::type);
  if (known != kTypeNames.end()) {
    text += known->name;
  } else {
    text += "TYPE";  // RFC 3597, section 5
    append_number(text, type);
  }
}

// Appends an IPv4 address without inet_ntop(), which calls sprintf().
void append_ipv4(std::string& text, const Cursor& data) {
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) text += '.';
    append_number(text, data.u8(i));
  }
}

void append_ipv6(std::string& text, const Cursor& data) {
  std::array<char, INET6_ADDRSTRLEN> address{};
  inet_ntop(AF_INET6, data.data(), address.data(), address.size());
  text += address.data();
}

// Appends ALPN and ECH of a service binding (RFC 9460, section 7).
void append_parameters(Cursor rest, std::string& text) {
  constexpr std::uint16_t kAlpn = 1;
  constexpr std::uint16_t kEch = 5;
  while (const auto key = take_be16(rest)) {
    auto value = take16(rest);
    if (!value) return;
    if (*key == kEch) text += " ech";
    if (*key != kAlpn) continue;
    std::string_view before = " alpn=";
    while (const auto name = take8(*value)) {
      text += before;
      text += text_of(*name);
      before = ",";
    }
  }
}

// Returns the number of octets in the texts of a TXT record, without their lengths.
std::size_t octets_of_texts(Cursor data) {
  std::size_t octets = 0;
  while (const auto text = take8(data)) octets += text->captured();
  return octets;
}

Cursor part_of(const Cursor& message, std::size_t at, std::size_t octets) {
  Cursor part = message;
  part.skip(at);
  part.limit(static_cast<std::uint32_t>(octets));
  return part;
}

// Appends the numbers of 16 bits at the start of the data, each with a space, then the name after them.
void append_numbers_and_name(const Cursor& message, const DnsRecord& record, std::size_t numbers, std::string& text) {
  if (record.size < 2 * numbers) return;
  for (std::size_t i = 0; i < numbers; ++i) {
    append_number(text, message.be16(record.data_at + 2 * i));
    text += ' ';
  }
  const std::size_t end = append_dns_name(message, record.data_at + 2 * numbers, text);
  const bool has_parameters = record.type == dns_types::kSvcb || record.type == dns_types::kHttps;
  if (has_parameters && end != 0 && end < record.end) append_parameters(part_of(message, end, record.end - end), text);
}

}  // namespace

std::size_t append_dns_name(const Cursor& message, std::size_t at, std::string& name) {
  const std::size_t start = name.size();
  std::size_t end = 0;  // known after the first pointer
  std::size_t pointers = 0;
  while (message.has(at + 1)) {
    const std::uint8_t length = message.u8(at);
    if (length == 0) {
      if (name.size() == start) name += '.';
      return end != 0 ? end : at + 1;
    }
    if ((length & kPointer) == kPointer) {
      if (!message.has(at + 2) || ++pointers > kMostPointers) return 0;
      if (end == 0) end = at + 2;
      at = message.be16(at) & 0x3fff;
    } else {
      if ((length & kPointer) != 0 || !message.has(at + 1 + length)) return 0;
      if (name.size() - start + length + 1 > kMostName) return 0;
      if (name.size() > start) name += '.';
      name.append(text_of(part_of(message, at + 1, length)));
      at += 1U + length;
    }
  }
  return 0;
}

DnsRecord read_dns_record(const Cursor& message, std::size_t at) {
  constexpr std::size_t kFixed = 10;  // octets between the name and the data
  // The owner's name is passed over. A pointer ends a name.
  while (message.has(at + 1) && message.u8(at) != 0 && (message.u8(at) & kPointer) == 0) at += 1U + message.u8(at);
  if (!message.has(at + 1)) return {};
  at += message.u8(at) == 0 ? 1 : 2;
  if (!message.has(at + kFixed)) return {};
  DnsRecord record{
      .type = message.be16(at), .ttl = message.be32(at + 4), .data_at = at + kFixed, .size = message.be16(at + 8)};
  if (message.has(record.data_at + record.size)) record.end = record.data_at + record.size;
  return record;
}

void append_dns_record(const Cursor& message, const DnsRecord& record, std::string& text) {
  append_type(text, record.type);
  text += ' ';
  const Cursor data = part_of(message, record.data_at, record.size);
  switch (record.type) {
    case dns_types::kA:
      if (record.size == 4) append_ipv4(text, data);
      break;
    case dns_types::kAaaa:
      if (record.size == 16) append_ipv6(text, data);
      break;
    case dns_types::kNs:
    case dns_types::kCname:
    case dns_types::kPtr:
    case dns_types::kDname:
      return append_numbers_and_name(message, record, 0, text);
    case dns_types::kMx:
    case dns_types::kSvcb:
    case dns_types::kHttps:
      return append_numbers_and_name(message, record, 1, text);
    case dns_types::kSrv:
      return append_numbers_and_name(message, record, 3, text);
    case dns_types::kTxt:
      return append_number(text, octets_of_texts(data));
    default:
      append_number(text, record.size);
  }
}

}  // namespace spanflow
