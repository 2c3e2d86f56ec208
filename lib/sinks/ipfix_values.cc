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
  constexpr std::size_t kLong = 255;  // RFC 7011, section 7: such a length is written as the octet 255 and two octets
  text = text.substr(0, kMostText);
  if (text.size() >= kLong) out = append_big_endian(out, kLong, 1);
  out = append_big_endian(out, text.size(), text.size() < kLong ? 1 : 2);
  out.append(text);
  return out;
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
