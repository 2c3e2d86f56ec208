// Functions for both ends of the control socket. A signal, or SIGCONT after SIGSTOP, does not end a call.
#pragma once

#include <sys/un.h>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace spanflow {

Descriptor new_socket();
// Throws std::runtime_error if the path is too long.
sockaddr_un address_of(const std::string& path);
// Returns a socket that is connected to the one at `path`. If none listens there, returns an empty Descriptor, and
// errno has the reason. Throws as address_of() does.
Descriptor connected_to(const std::string& path);
// Reads until it has a line end or at least `most` octets, or until the stream ends or fails. Returns the text before
// the line end.
std::string read_line(const Descriptor& socket, std::size_t most);
// Returns false if the peer has closed the socket, or does not read within the socket's send timeout.
bool write_all(const Descriptor& socket, std::string_view text);

}  // namespace spanflow
