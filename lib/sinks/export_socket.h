// The exporter's connection to an IPFIX collector, over UDP or TCP. A wait for the collector ends after 5 s, or soon
// after `abandon` becomes true.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

namespace spanflow {

class ExportSocket {
 public:
  // `target` is "udp://HOST:PORT" or "tcp://HOST:PORT"; an IPv6 address is in brackets. Throws RunError for any other
  // form. `abandon` must outlive the socket.
  ExportSocket(std::string target, const std::atomic<bool>& abandon);
  ~ExportSocket() { disconnect(); }
  ExportSocket(const ExportSocket&) = delete;
  ExportSocket& operator=(const ExportSocket&) = delete;

  bool sends_datagrams() const { return datagrams_; }
  // Connects if there is no connection. Returns true if this call made a connection. Throws RunError, also for an
  // unknown host.
  bool connect();
  // Sends all octets. Closes the connection before it throws RunError; octets in flight may then be lost.
  void send(std::string_view octets);

 private:
  int open(int family, const void* address, unsigned size);
  // Returns true once the socket is writable. Returns false after `most_ms` ms, or soon after `abandon` becomes true.
  bool wait_writable(int most_ms) const;
  void disconnect();
  [[noreturn]] void fail(const std::string& why);

  const std::string target_;
  const std::atomic<bool>& abandon_;
  bool datagrams_ = false;
  std::string host_;
  std::string port_;
  int descriptor_ = -1;
};

}  // namespace spanflow
