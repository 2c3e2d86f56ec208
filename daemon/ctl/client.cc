#include "client.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "unix_socket.h"

namespace spanflow {
namespace {

constexpr std::size_t kLongestReply = 16U << 20;

}  // namespace

nlohmann::json Client::ask(const nlohmann::json& request) const {
  const Descriptor socket = new_socket();
  const sockaddr_un address = address_of(path_);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error(
        fmt::format("{}: {}; is spanflowd running, and is this its socket?", path_, std::strerror(errno)));
  }
  write_all(socket, request.dump() + "\n");
  const std::string reply = read_line(socket, kLongestReply);
  try {
    return nlohmann::json::parse(reply);
  } catch (const nlohmann::json::exception&) {
    throw std::runtime_error(path_ + ": the reply is not valid JSON");
  }
}

}  // namespace spanflow
