// Reads HTTP/1.0 and HTTP/1.1 (RFC 9112).
#pragma once

#include "inspect/tcp_side.h"

namespace spanflow {

// Tell whether a stream begins with a request or with a response.
StartsWith starts_with_http_request(const Cursor& stream);
StartsWith starts_with_http_response(const Cursor& stream);

// Reads the requests of a connection: describes the first one and counts all. Passes over their bodies. After CONNECT,
// another protocol begins.
ReadStep read_http_requests(const Reading& reading);
// Reads the first response that is not an interim one (1xx).
ReadStep read_http_response(const Reading& reading);

// Reads the request or the response in a datagram, as SSDP sends them. Returns false if it has none.
bool read_http_datagram(const Cursor& datagram, Workspace& work);

}  // namespace spanflow
