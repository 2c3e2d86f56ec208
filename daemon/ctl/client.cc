#include "client.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "unix_socket.h"

namespace spanflow {
namespace {

constexpr std::size_t kLongestReply = 16U << 20;

}  // namespace

nlohmann::json Client::ask(const nlohmann::json& request) const {
  const Descriptor socket = connected_to(path_);
  if (!socket) {
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
