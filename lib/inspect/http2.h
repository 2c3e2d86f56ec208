// Reads HTTP/2 (RFC 9113) without TLS, where the client knows beforehand that the server speaks it.
#pragma once

#include "inspect/tcp_side.h"

namespace spanflow {

// Tells whether a stream begins with the client's preface or with the server's settings.
StartsWith starts_with_http2(const Cursor& stream, bool from_client);

// Reads one side up to the first block of header fields.
ReadStep read_http2(const Reading& reading);

}  // namespace spanflow
