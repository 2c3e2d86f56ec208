#include "sinks/export_socket.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace spanflow {
namespace {

constexpr int kPatienceMs = 5000;  // longest wait for a connection, and for the socket to become writable
constexpr int kLookUpMs = 100;     // time between two checks of `abandon`

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};

}  // namespace

ExportSocket::ExportSocket(std::string target, const std::atomic<bool>& abandon)
    : target_(std::move(target)), abandon_(abandon) {
  constexpr std::string_view kUdp = "udp://";
  constexpr std::string_view kTcp = "tcp://";
  datagrams_ = target_.starts_with(kUdp);
  const std::size_t colon = target_.rfind(':');
  if ((!datagrams_ && !target_.starts_with(kTcp)) || colon <= kUdp.size() || colon + 1 == target_.size()) {
    throw RunError(target_ + ": expected udp://HOST:PORT or tcp://HOST:PORT");
  }
  host_ = target_.substr(kUdp.size(), colon - kUdp.size());
  port_ = target_.substr(colon + 1);
  if (host_.starts_with('[') && host_.ends_with(']')) host_ = host_.substr(1, host_.size() - 2);
}

bool ExportSocket::connect() {
  if (descriptor_ >= 0) return false;
  // Without AI_ADDRCONFIG, because that refuses numeric addresses on a host that has only the loopback interface.
  const addrinfo wanted{.ai_flags = 0,
                        .ai_family = AF_UNSPEC,
                        .ai_socktype = datagrams_ ? SOCK_DGRAM : SOCK_STREAM,
                        .ai_protocol = 0,
                        .ai_addrlen = 0,
                        .ai_addr = nullptr,
                        .ai_canonname = nullptr,
                        .ai_next = nullptr};
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host_.c_str(), port_.c_str(), &wanted, &found); error != 0) {
    fail(::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
  int error = 0;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    error = open(each->ai_family, each->ai_addr, each->ai_addrlen);
    if (error == 0) return true;
    disconnect();
  }
  fail(std::strerror(error));
}

// Returns 0, or the value of errno.
int ExportSocket::open(int family, const void* address, unsigned size) {
  const int kind = datagrams_ ? SOCK_DGRAM : SOCK_STREAM;
  descriptor_ = ::socket(family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) return errno;
  if (::connect(descriptor_, static_cast<const sockaddr*>(address), size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  int error = ETIMEDOUT;
  socklen_t length = sizeof error;
  if (wait_writable(kPatienceMs)) ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

void ExportSocket::send(std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t sent = ::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      octets.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == ENOBUFS) {
      if (!wait_writable(kPatienceMs)) fail("the collector does not read");
    } else if (errno != EINTR) {
      fail(std::strerror(errno));
    }
  }
}

bool ExportSocket::wait_writable(int most_ms) const {
  pollfd waiting{.fd = descriptor_, .events = POLLOUT, .revents = 0};
  for (int waited = 0; waited < most_ms && !abandon_.load(std::memory_order_relaxed); waited += kLookUpMs) {
    if (::poll(&waiting, 1, kLookUpMs) > 0) return true;
  }
  return false;
}

void ExportSocket::disconnect() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

void ExportSocket::fail(const std::string& why) {
  disconnect();
  throw RunError(target_ + ": " + why);
}

}  // namespace spanflow
