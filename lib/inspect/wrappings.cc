#include "inspect/wrappings.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "inspect/tls_records.h"
#include "inspect/vectors.h"

namespace spanflow {
namespace {

constexpr std::uint32_t kMostSocksText = 256;  // octets of a user name or host name

Wrapping none() { return {}; }
Wrapping need_more() { return {Wrapping::Kind::kNeedMore}; }
Wrapping message_of(std::size_t octets) { return {Wrapping::Kind::kMessage, static_cast<std::uint32_t>(octets)}; }

// True if the stream is the start of `text`, or begins with it.
bool agrees(const Cursor& stream, std::string_view text) {
  const std::size_t both = std::min<std::size_t>(stream.captured(), text.size());
  return text_of(stream).substr(0, both) == text.substr(0, both);
}

// --- PROXY protocol, https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt ---

Wrapping proxy_1(const Cursor& stream, unsigned messages, bool /*from_client*/) {
  constexpr std::string_view kStart = "PROXY ";
  constexpr std::size_t kMost = 107;
  if (messages > 0 || !agrees(stream, kStart)) return none();
  const std::size_t end = text_of(stream).substr(0, kMost).find('\n');
  if (end != std::string_view::npos) return message_of(end + 1);
  return stream.has(kMost) ? none() : need_more();
}

Wrapping proxy_2(const Cursor& stream, unsigned messages, bool /*from_client*/) {
  constexpr std::string_view kStart{"\r\n\r\n\0\r\nQUIT\n", 12};
  constexpr std::size_t kHeader = 16;
  if (messages > 0 || !agrees(stream, kStart)) return none();
  return stream.has(kHeader) ? message_of(kHeader + stream.be16(14)) : need_more();
}

// --- SOCKS ---

// Returns the end of a text that ends in a zero octet, counted from the start of the stream; 0 if the end is missing.
std::size_t end_of_text(const Cursor& stream, std::size_t from) {
  const std::size_t end = text_of(stream).find('\0', from);
  return end == std::string_view::npos ? 0 : end + 1;
}

// https://www.openssh.com/txt/socks4.protocol; a request to 0.0.0.x has a host name after the user name (SOCKS 4a).
Wrapping socks_4(const Cursor& stream, unsigned messages, bool from_client) {
  constexpr std::size_t kFixed = 8;
  if (messages > 0) return none();
  if (!from_client) {
    if (stream.u8(0) != 0) return none();
    if (stream.has(2) && (stream.u8(1) < 0x5a || stream.u8(1) > 0x5d)) return none();
    return stream.has(kFixed) ? message_of(kFixed) : need_more();
  }
  if (stream.u8(0) != 4) return none();
  if (stream.has(2) && stream.u8(1) != 1 && stream.u8(1) != 2) return none();
  if (!stream.has(kFixed)) return need_more();
  const bool has_host = stream.be32(4) >> 8 == 0 && stream.u8(7) != 0;
  std::size_t end = end_of_text(stream, kFixed);
  if (end != 0 && has_host) end = end_of_text(stream, end);
  if (end != 0) return message_of(end);
  return stream.has(kFixed + 2 * kMostSocksText) ? none() : need_more();
}

// Returns the size of a SOCKS 5 request or reply, which have the same form (RFC 1928, sections 4 and 6).
Wrapping socks_5_address(const Cursor& stream) {
  constexpr std::size_t kBefore = 4;
  constexpr std::size_t kPort = 2;
  if (stream.has(3) && stream.u8(2) != 0) return none();
  if (!stream.has(kBefore + 1)) return need_more();
  switch (stream.u8(3)) {
    case 1:
      return message_of(kBefore + 4 + kPort);
    case 3:
      return message_of(kBefore + 1U + stream.u8(4) + kPort);
    case 4:
      return message_of(kBefore + 16 + kPort);
    default:
      return none();
  }
}

// The authentication by name and password (RFC 1929).
Wrapping socks_5_password(const Cursor& stream, bool from_client) {
  if (!from_client) return stream.has(2) ? message_of(2) : need_more();
  if (!stream.has(2)) return need_more();
  const std::size_t password_at = 2U + stream.u8(1);
  return stream.has(password_at + 1) ? message_of(password_at + 1 + stream.u8(password_at)) : need_more();
}

Wrapping socks_5(const Cursor& stream, unsigned messages, bool from_client) {
  constexpr unsigned kMostMessages = 3;
  if (messages >= kMostMessages) return none();
  if (messages > 0 && stream.u8(0) == 1) return socks_5_password(stream, from_client);
  if (stream.u8(0) != 5) return none();
  if (messages > 0) return socks_5_address(stream);
  if (!stream.has(2)) return need_more();
  constexpr std::uint8_t kMostMethods = 16;
  if (from_client) return stream.u8(1) == 0 || stream.u8(1) > kMostMethods ? none() : message_of(2U + stream.u8(1));
  return message_of(2);
}

// --- Protocols that change to TLS ---

// LDAP (RFC 4511, section 4.1.1): a sequence that begins with a message id and an operation. StartTLS may come after
// other operations.
Wrapping ldap(const Cursor& stream, unsigned messages, bool /*from_client*/) {
  constexpr unsigned kMostMessages = 16;
  constexpr std::uint8_t kSequence = 0x30;
  constexpr std::uint8_t kInteger = 0x02;
  if (messages >= kMostMessages || stream.u8(0) != kSequence) return none();
  if (!stream.has(2)) return need_more();
  std::size_t header = 2;
  std::size_t length = stream.u8(1);
  if (length >= 0x80) {
    const std::size_t digits = length & 0x7f;
    if (digits == 0 || digits > 4) return none();
    if (!stream.has(2 + digits)) return need_more();
    length = 0;
    for (std::size_t i = 0; i < digits; ++i) length = length << 8 | stream.u8(2 + i);
    header += digits;
  }
  if (!stream.has(header + 2)) return need_more();
  const std::size_t operation_at = header + 2 + stream.u8(header + 1);
  if (stream.u8(header) != kInteger || stream.u8(header + 1) > 4) return none();
  if (!stream.has(operation_at + 1)) return need_more();
  const bool is_operation = stream.u8(operation_at) >= 0x42 && stream.u8(operation_at) <= 0x79;
  return is_operation && length < kMostMessage ? message_of(header + length) : none();
}

// PostgreSQL: the client asks for TLS or GSSAPI. The server's answer is one letter, which counts as text.
Wrapping postgresql(const Cursor& stream, unsigned /*messages*/, bool /*from_client*/) {
  constexpr std::string_view kTls{"\0\0\0\x08\x04\xd2\x16\x2f", 8};
  constexpr std::string_view kGssapi{"\0\0\0\x08\x04\xd2\x16\x30", 8};
  if (!agrees(stream, kTls) && !agrees(stream, kGssapi)) return none();
  return stream.has(kTls.size()) ? message_of(kTls.size()) : need_more();
}

// MySQL: the server's greeting of protocol 10, and the client's request for TLS, which has 32 octets.
Wrapping mysql(const Cursor& stream, unsigned messages, bool from_client) {
  constexpr std::size_t kHeader = 4;  // three octets of length, one of the sequence number
  constexpr std::uint8_t kRequest = 32;
  constexpr std::uint8_t kTlsFlag = 0x08;  // CLIENT_SSL, in the second octet of the flags
  constexpr std::uint8_t kProtocol = 10;
  if (messages > 0) return none();
  if (from_client && stream.u8(0) != kRequest) return none();
  if (!stream.has(kHeader + 2)) return need_more();
  if (stream.u8(2) != 0 || stream.u8(3) != (from_client ? 1 : 0)) return none();
  if (from_client) {
    const bool asks = stream.u8(1) == 0 && (stream.u8(kHeader + 1) & kTlsFlag) != 0;
    return asks ? message_of(kHeader + kRequest) : none();
  }
  if (stream.u8(kHeader) != kProtocol) return none();
  return message_of(kHeader + stream.u8(0) + (std::size_t{stream.u8(1)} << 8));
}

// RDP: the request and the confirmation of a connection (X.224) in a packet of TPKT (RFC 1006).
Wrapping rdp(const Cursor& stream, unsigned messages, bool from_client) {
  constexpr std::size_t kHeader = 4;
  if (messages > 0 || stream.u8(0) != 3 || (stream.has(2) && stream.u8(1) != 0)) return none();
  if (!stream.has(kHeader + 2)) return need_more();
  const bool fits = stream.u8(kHeader + 1) == (from_client ? 0xe0 : 0xd0) && stream.be16(2) > kHeader;
  return fits ? message_of(stream.be16(2)) : none();
}

constexpr std::array kWrappings = {proxy_1, proxy_2, socks_4, socks_5, ldap, postgresql, mysql, rdp};

}  // namespace

Wrapping wrapping_message(const Cursor& stream, unsigned messages, bool from_client) {
  Wrapping best;
  for (const auto read : kWrappings) {
    const Wrapping wrapping = read(stream, messages, from_client);
    if (wrapping.kind == Wrapping::Kind::kMessage) return wrapping;
    if (wrapping.kind == Wrapping::Kind::kNeedMore) best = wrapping;
  }
  return best;
}

std::optional<std::uint32_t> text_before_tls(const Cursor& stream) {
  constexpr std::size_t kBeginning = 4;
  const std::string_view text = text_of(stream);
  const std::size_t end = std::min(text.find(static_cast<char>(record_types::kHandshake)), text.size());
  const bool is_text = std::ranges::all_of(text.substr(0, std::min(end, kBeginning)), [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet >= 0x20 || c == '\r' || c == '\n' || c == '\t';
  });
  return end > 0 && is_text ? std::optional(static_cast<std::uint32_t>(end)) : std::nullopt;
}

}  // namespace spanflow
