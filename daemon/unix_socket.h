// Functions for both ends of the control socket.
#pragma once

#include <sys/un.h>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace spanflow {

Descriptor new_socket();
// Throws std::runtime_error if the path is too long.
sockaddr_un address_of(const std::string& path);
// Reads until the first line end, the end of the stream, an error, or about `most` octets. Returns the line without its
// end.
std::string read_line(const Descriptor& socket, std::size_t most);
// Returns false if the peer has closed the socket or does not read.
bool write_all(const Descriptor& socket, std::string_view text);

}  // namespace spanflow
