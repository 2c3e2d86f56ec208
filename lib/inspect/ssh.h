// Reads the banner and the key exchange of SSH (RFC 4253), and makes HASSH, a fingerprint of SSH clients and servers:
// https://github.com/salesforce/hassh.
#pragma once

#include "inspect/tcp_side.h"

namespace spanflow {

StartsWith starts_with_ssh(const Cursor& stream);

// Reads one side up to its first key exchange.
ReadStep read_ssh(const Reading& reading);

}  // namespace spanflow
