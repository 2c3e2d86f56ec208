#include "unix_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace spanflow {

Descriptor new_socket() { return Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof(address.sun_path)) throw std::runtime_error(path + ": too long for the path of a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Descriptor connected_to(const std::string& path) {
  const sockaddr_un address = address_of(path);
  Descriptor socket = new_socket();
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  if (TEMP_FAILURE_RETRY(::connect(socket.get(), generic, sizeof(address))) != 0) return Descriptor();
  return socket;
}

std::string read_line(const Descriptor& socket, std::size_t most) {
  std::string line;
  std::array<char, 4096> piece{};
  while (line.size() < most && line.find('\n') == std::string::npos) {
    const ssize_t count = TEMP_FAILURE_RETRY(::recv(socket.get(), piece.data(), piece.size(), 0));
    if (count <= 0) break;
    line.append(piece.data(), static_cast<std::size_t>(count));
  }
  return line.substr(0, line.find('\n'));
}

bool write_all(const Descriptor& socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = TEMP_FAILURE_RETRY(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL));
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace spanflow
