// Reads the first message of a TLS or DTLS server, the ServerHello (RFC 8446, section 4.1.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "inspect/client_hello.h"

namespace spanflow {

// The members are views into the octets from which the hello was read.
struct ServerHello {
  std::uint16_t legacy_version = 0;
  std::uint16_t version = 0;  // the version that the server chose
  std::uint16_t cipher = 0;
  ExtensionReader extensions;
  std::string_view alpn;        // empty if the server chose none; encrypted in TLS 1.3
  bool asks_for_retry = false;  // true: a HelloRetryRequest; the server sends its real hello later
  bool accepts_psk = false;     // true: the session continues an earlier one (TLS 1.3)
  bool accepts_ech = false;     // true: a HelloRetryRequest that confirms Encrypted Client Hello
};

// True for the versions that encrypt the certificate.
constexpr bool encrypts_certificate(std::uint16_t version) { return version == 0x0304 || version == 0xfefc; }

// Returns the hello in the body of a handshake message. Returns nullopt unless every field is valid and the fields fill
// the body exactly.
std::optional<ServerHello> parse_server_hello(Cursor body);

}  // namespace spanflow
