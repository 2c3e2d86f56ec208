// Reads domain names, and the data of resource records, in DNS messages (RFC 1035).
#pragma once

#include <cstdint>
#include <string>

#include "decode/cursor.h"

namespace spanflow {

namespace dns_types {
inline constexpr std::uint16_t kA = 1;
inline constexpr std::uint16_t kNs = 2;
inline constexpr std::uint16_t kCname = 5;
inline constexpr std::uint16_t kPtr = 12;
inline constexpr std::uint16_t kMx = 15;
inline constexpr std::uint16_t kTxt = 16;
inline constexpr std::uint16_t kAaaa = 28;
inline constexpr std::uint16_t kSrv = 33;
inline constexpr std::uint16_t kDname = 39;
inline constexpr std::uint16_t kSvcb = 64;
inline constexpr std::uint16_t kHttps = 65;
}  // namespace dns_types

// Appends the name at `at` in the message to `name`, without a dot at its end; the root is ".". Follows compression
// pointers. Returns the offset of the octet after the name, or 0 if the name is damaged.
std::size_t append_dns_name(const Cursor& message, std::size_t at, std::string& name);

struct DnsRecord {
  std::uint16_t type = 0;
  std::uint32_t ttl = 0;
  std::size_t data_at = 0;  // offset of the data in the message
  std::size_t size = 0;     // octets of the data
  std::size_t end = 0;      // offset of the octet after the record
};

// Reads the resource record at `at`. Returns a record with an `end` of 0 if it is damaged or cut.
DnsRecord read_dns_record(const Cursor& message, std::size_t at);

// Appends a record as text: its type and its data, such as "A 192.0.2.1", "MX 10 mail.example.org", "SRV 0 5 5060
// sip.example.org", "HTTPS 1 . alpn=h2,h3 ech", or for other types "TXT 45" and "TYPE99 45", with the number of octets.
// Of TXT, only the octets of its texts count.
void append_dns_record(const Cursor& message, const DnsRecord& record, std::string& text);

}  // namespace spanflow
