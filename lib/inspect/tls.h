// Reads the handshake of TLS over TCP: the client's hello, and the server's hello and certificate.
#pragma once

#include "inspect/tcp_side.h"

namespace spanflow {

ReadStep read_tls(const Reading& reading);

}  // namespace spanflow
