#include "sinks/ipfix_values.h"

#include <algorithm>
#include <cstring>

#include "base/units.h"

namespace spanflow {
namespace {

constexpr std::size_t kMostText = 4096;  // octets of a text that are exported, so that a record fits into one message

// RFC 7011, section 6.1.10: the NTP format, 32 bits of seconds since 1900 and a fraction of 32 bits. 0 means no time
// and stays 0.
std::uint64_t ntp_time(std::uint64_t nanoseconds) {
  constexpr std::uint64_t kFrom1900To1970 = 2'208'988'800;
  if (nanoseconds == 0) return 0;
  // The fraction is rounded up, so that a reader that rounds down gets the same nanosecond.
  const std::uint64_t fraction =
      ((nanoseconds % kNanosecondsPerSecond << 32) + kNanosecondsPerSecond - 1) / kNanosecondsPerSecond;
  return ((nanoseconds / kNanosecondsPerSecond + kFrom1900To1970) << 32) + fraction;
}

// Appends the length of a value of variable length.
TextWriter append_length(TextWriter out, std::size_t octets) {
  constexpr std::size_t kLong = 255;  // RFC 7011, section 7: such a length is written as the octet 255 and two octets
  if (octets >= kLong) out = append_big_endian(out, kLong, 1);
  return append_big_endian(out, octets, octets < kLong ? 1 : 2);
}

}  // namespace

TextWriter append_big_endian(TextWriter out, std::uint64_t value, std::size_t octets) {
  char* const to = out.room(octets);
  for (std::size_t i = 0; i < octets; ++i) to[i] = static_cast<char>(value >> 8 * (octets - 1 - i) & 0xff);
  out.ended_at(to + octets);
  return out;
}

TextWriter append_ipfix(TextWriter out, std::uint64_t value, const IpfixElement& element) {
  if (element.type == IpfixType::kNtpTime) value = ntp_time(value);
  const std::uint64_t greatest = element.octets >= 8 ? ~0ULL : (1ULL << 8 * element.octets) - 1;
  return append_big_endian(out, std::min(value, greatest), element.octets);
}

TextWriter append_ipfix(TextWriter out, std::string_view text, const IpfixElement& /*element*/) {
  text = text.substr(0, kMostText);
  out = append_length(out, text.size());
  out.append(text);
  return out;
}

TextWriter append_ipfix(TextWriter out, const TextList& list, const IpfixElement& element) {
  constexpr std::uint8_t kOrdered = 4;  // the semantic of the list
  TextBuffer buffer;
  TextWriter content = append_ipfix_specifier(append_big_endian(TextWriter(buffer), kOrdered, 1), element);
  std::size_t octets = 0;
  list.for_each([&](std::string_view text) {
    octets += text.size();
    if (octets <= kMostText) content = append_ipfix(content, text, element);
  });
  content.finish();
  out = append_length(out, buffer.size());
  out.append(buffer.view());
  return out;
}

TextWriter append_ipfix_specifier(TextWriter out, const IpfixElement& element) {
  constexpr std::uint16_t kEnterpriseBit = 0x8000;
  out = append_big_endian(out, element.enterprise == 0 ? element.id : element.id | kEnterpriseBit, 2);
  out = append_big_endian(out, element.octets, 2);
  return element.enterprise == 0 ? out : append_big_endian(out, element.enterprise, 4);
}

TextWriter append_ipfix(TextWriter out, AddressValue value, const IpfixElement& element) {
  out.append({reinterpret_cast<const char*>(value.address->bytes.data()), element.octets});
  return out;
}

TextWriter append_ipfix(TextWriter out, MacValue value, const IpfixElement& element) {
  out.append({reinterpret_cast<const char*>(value.address->data()), element.octets});
  return out;
}

TextWriter append_ipfix_missing(TextWriter out, const IpfixElement& element) {
  const std::size_t octets = element.octets == IpfixElement::kVariable ? 1 : element.octets;
  std::memset(out.room(octets), 0, octets);
  out.ended_at(out.room(octets) + octets);
  return out;
}

}  // namespace spanflow
