// Tells the protocols of encrypted DNS apart: over TLS (RFC 7858), QUIC (RFC 9250) and HTTPS (RFC 8484).
#pragma once

#include <cstdint>

#include "inspect/metadata.h"

namespace spanflow {

// Notes the protocol (dot, doq or doh) of a flow with a ClientHello. DNS over TLS and QUIC is known by its application
// protocol (ALPN) or its port. DNS over HTTPS looks like any HTTPS, so only the public resolvers are known, by name.
void note_encrypted_dns(std::uint16_t server_port, std::uint8_t ip_protocol, Findings& findings);

}  // namespace spanflow
