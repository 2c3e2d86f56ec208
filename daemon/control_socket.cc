#include "control_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/thread_name.h"
#include "unix_socket.h"

namespace spanflow {
namespace {

using Json = nlohmann::json;

constexpr int kPollMs = 200;                                // the longest time until the thread notices stop_
constexpr timeval kPeerTimeout{.tv_sec = 2, .tv_usec = 0};  // limit of each recv() and send()
constexpr std::size_t kLongestRequest = 4096;               // in octets
constexpr std::size_t kMostGroups = 256;                    // a peer with more groups has only its primary group

enum class Right : std::uint8_t { kNone, kRead, kChange };

// Removes the socket file that a crashed process has left. connect() to such a file gives ECONNREFUSED, because no
// process listens. Throws RunError if a process listens.
void remove_leftover(const std::string& path, const sockaddr_un& address) {
  const Descriptor probe = new_socket();
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    throw RunError(path + ": another process listens there");
  }
  struct stat status {};
  if (errno == ECONNREFUSED && ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());
}

Right right_of(int peer) {
  ucred who{};
  socklen_t size = sizeof(who);
  if (::getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return Right::kNone;
  if (who.uid == 0 || who.uid == ::geteuid()) return Right::kChange;
  std::array<gid_t, kMostGroups> groups{};
  socklen_t octets = sizeof(groups);
  if (::getsockopt(peer, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &octets) != 0) octets = 0;
  const auto end = groups.begin() + octets / sizeof(gid_t);
  const bool is_member = who.gid == ::getegid() || std::find(groups.begin(), end, ::getegid()) != end;
  return is_member ? Right::kRead : Right::kNone;
}

Json refusal(const std::string& why) { return {{"ok", false}, {"error", why}}; }

}  // namespace

std::string ControlSocket::path_of(const std::string& option) {
  if (option == "off") return {};
  if (option != "auto") return option;
  const char* folder = std::getenv("RUNTIME_DIRECTORY");
  return folder == nullptr ? "" : std::string(folder) + "/control.sock";
}

ControlSocket::ControlSocket(std::string path, std::vector<ControlCommand> commands)
    : path_(std::move(path)), commands_(std::move(commands)), listener_(new_socket()) {
  const sockaddr_un address = address_of(path_);
  remove_leftover(path_, address);
  constexpr int kWaiting = 16;
  const bool listens = ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                       ::chmod(path_.c_str(), S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) == 0 &&
                       ::listen(listener_.get(), kWaiting) == 0;
  if (!listens) throw RunError(fmt::format("control.socket: {}: {}", path_, std::strerror(errno)));
  thread_ = std::thread([this] { run(); });
}

ControlSocket::~ControlSocket() {
  stop_ = true;
  thread_.join();
  ::unlink(path_.c_str());
}

void ControlSocket::run() {
  name_this_thread("control");
  pollfd waiting{.fd = listener_.get(), .events = POLLIN, .revents = 0};
  while (!stop_) {
    if (::poll(&waiting, 1, kPollMs) <= 0) continue;
    const Descriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (peer) serve(peer);
  }
}

void ControlSocket::serve(const Descriptor& peer) const {
  ::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &kPeerTimeout, sizeof(kPeerTimeout));
  ::setsockopt(peer.get(), SOL_SOCKET, SO_SNDTIMEO, &kPeerTimeout, sizeof(kPeerTimeout));
  const Json reply = answer(peer, read_line(peer, kLongestRequest));
  write_all(peer, reply.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Json ControlSocket::answer(const Descriptor& peer, const std::string& line) const {
  const Right right = right_of(peer.get());
  if (right == Right::kNone) return refusal("only for root, the daemon's user and members of its group");
  try {
    const Json request = Json::parse(line);
    const auto name = request.at("command").get<std::string>();
    const auto command = std::ranges::find(commands_, name, &ControlCommand::name);
    if (command == commands_.end()) return refusal(name + ": no such command");
    if (command->changes && right != Right::kChange) {
      return refusal(name + ": only for root and the daemon's user");
    }
    Json reply = command->answer(request);
    reply["ok"] = true;
    return reply;
  } catch (const Json::exception&) {
    return refusal("not a request: expected {\"command\": ...} on one line");
  } catch (const std::exception& error) {
    return refusal(error.what());
  }
}

}  // namespace spanflow
