// What both ends of the control socket need.
#pragma once

#include <sys/un.h>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace spanflow {

Descriptor new_socket();
// Throws std::runtime_error if the path is too long.
sockaddr_un address_of(const std::string& path);
// Up to the first line end, the end of what comes, or `most` octets.
std::string read_line(const Descriptor& socket, std::size_t most);
// False if the peer does not take it.
bool write_all(const Descriptor& socket, std::string_view text);

}  // namespace spanflow
