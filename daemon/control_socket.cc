#include "control_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "base/thread.h"
#include "unix_socket.h"

namespace spanflow {
namespace {

using Json = nlohmann::json;

constexpr int kPollMs = 200;                     // the longest time until the thread notices stop_
constexpr std::chrono::seconds kPeerTimeout{2};  // limit for a request, and for its reply
constexpr std::size_t kMostPeers = 16;
constexpr std::size_t kLongestRequest = 4096;  // in octets
constexpr std::size_t kMostGroups = 256;       // a peer with more groups has only its primary group

enum class Right : std::uint8_t { kNone, kRead, kChange };

// Removes the socket file that a crashed process has left. connect() to such a file gives ECONNREFUSED, because no
// process listens. Throws RunError if a process listens.
void remove_leftover(const std::string& path) {
  if (connected_to(path)) throw RunError(path + ": another process listens there");
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

std::string line_of(const Json& reply) { return reply.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

ControlSocket::ControlSocket(std::string path, std::vector<ControlCommand> commands)
    : path_(std::move(path)), commands_(std::move(commands)), listener_(new_socket()) {
  const sockaddr_un address = address_of(path_);
  remove_leftover(path_);
  constexpr int kWaiting = 16;
  const bool listens = ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                       ::chmod(path_.c_str(), S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) == 0 &&
                       ::listen(listener_.get(), kWaiting) == 0;
  if (!listens) throw RunError(fmt::format("control.socket: {}: {}", path_, std::strerror(errno)));
  thread_ = start_thread("control", [this] { run(); });
}

ControlSocket::~ControlSocket() {
  stop_ = true;
  thread_.join();
  ::unlink(path_.c_str());
}

// A connection. The rights come first: a peer without rights gets its refusal at once.
struct ControlSocket::Peer {
  Descriptor socket;
  Right right;
  std::chrono::steady_clock::time_point deadline;  // for the request and the reply together
  std::string request;
  std::string reply;  // empty while the request is not complete
  std::size_t sent = 0;
};

void ControlSocket::run() {
  std::vector<Peer> peers;
  while (!stop_) {
    std::vector<pollfd> waiting{{.fd = listener_.get(), .events = POLLIN, .revents = 0}};
    for (const Peer& peer : peers) {
      waiting.push_back(
          {.fd = peer.socket.get(), .events = static_cast<short>(peer.reply.empty() ? POLLIN : POLLOUT), .revents = 0});
    }
    ::poll(waiting.data(), waiting.size(), kPollMs);
    const auto now = std::chrono::steady_clock::now();
    for (std::size_t i = peers.size(); i-- > 0;) {
      if (!serve(peers[i], waiting[i + 1].revents) || now >= peers[i].deadline) {
        peers.erase(peers.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    if ((waiting.front().revents & POLLIN) != 0) accept(peers);
  }
}

// If there are too many peers, the one that has waited longest makes room.
void ControlSocket::accept(std::vector<Peer>& peers) const {
  Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) return;
  if (peers.size() == kMostPeers) peers.erase(peers.begin());
  const Right right = right_of(socket.get());
  peers.push_back({.socket = std::move(socket),
                   .right = right,
                   .deadline = std::chrono::steady_clock::now() + kPeerTimeout,
                   .request = {},
                   .reply = {}});
  if (right == Right::kNone) {
    peers.back().reply = line_of(refusal("only for root, the daemon's user and members of its group"));
  }
}

// Returns false if the connection is over.
bool ControlSocket::serve(Peer& peer, short events) const {
  if (events == 0) return true;
  if (peer.reply.empty()) return receive(peer);
  const ssize_t count =
      ::send(peer.socket.get(), peer.reply.data() + peer.sent, peer.reply.size() - peer.sent, MSG_NOSIGNAL);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  peer.sent += static_cast<std::size_t>(count);
  return peer.sent < peer.reply.size();
}

// Takes in a part of the request, and makes the reply when the request is complete.
bool ControlSocket::receive(Peer& peer) const {
  std::array<char, kLongestRequest> piece{};
  const ssize_t count = ::recv(peer.socket.get(), piece.data(), piece.size(), 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  peer.request.append(piece.data(), static_cast<std::size_t>(count));
  const std::size_t end = peer.request.find('\n');
  if (end == std::string::npos && count > 0 && peer.request.size() < kLongestRequest) return true;
  peer.reply = line_of(answer(peer, peer.request.substr(0, end)));
  peer.deadline = std::chrono::steady_clock::now() + kPeerTimeout;  // the command itself may have taken long
  return true;
}

Json ControlSocket::answer(const Peer& peer, const std::string& line) const {
  try {
    const Json request = Json::parse(line);
    const auto name = request.at("command").get<std::string>();
    const auto command = std::ranges::find(commands_, name, &ControlCommand::name);
    if (command == commands_.end()) return refusal(name + ": no such command");
    if (command->changes && peer.right != Right::kChange) {
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
