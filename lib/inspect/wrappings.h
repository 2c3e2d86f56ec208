// Messages that come before another protocol in one TCP connection: proxies (SOCKS 4 and 5, PROXY protocol 1 and 2) and
// the binary protocols that change to TLS (LDAP, PostgreSQL, MySQL, RDP). Text protocols that do (SMTP, IMAP, POP3,
// FTP, XMPP and others) need no messages, see text_before_tls().
#pragma once

#include <cstdint>
#include <optional>

#include "decode/cursor.h"

namespace spanflow {

struct Wrapping {
  enum class Kind : std::uint8_t { kNo, kNeedMore, kMessage };
  Kind kind = Kind::kNo;
  std::uint32_t octets = 0;  // size of the message; valid if `kind` is kMessage
};

// Reads the message at the start of `stream`. `messages` is the number of messages before it in this direction.
// `from_client`: the octets come from the side that opened the connection.
Wrapping wrapping_message(const Cursor& stream, unsigned messages, bool from_client);

// Most octets of text that are passed over in one direction. STARTTLS comes within the first two thousand.
inline constexpr std::uint32_t kMostTextBeforeTls = 8192;

// Returns how many octets at the start of `stream` are text. TLS may begin after them, because no text has the octet
// with which a TLS handshake begins. Returns nullopt if `stream` does not begin with text.
std::optional<std::uint32_t> text_before_tls(const Cursor& stream);

}  // namespace spanflow
