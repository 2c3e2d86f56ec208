// The exporter's connection to an IPFIX collector, over UDP or TCP. All waits are bounded.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

namespace spanflow {

class ExportSocket {
 public:
  // `target`: "udp://HOST:PORT" or "tcp://HOST:PORT", an IPv6 address in brackets. Throws RunError for any other form.
  // `abandon` must outlive the socket.
  ExportSocket(std::string target, const std::atomic<bool>& abandon);
  ~ExportSocket() { disconnect(); }
  ExportSocket(const ExportSocket&) = delete;
  ExportSocket& operator=(const ExportSocket&) = delete;

  bool sends_datagrams() const { return datagrams_; }
  // Connects if there is no connection; true if this call made one. Throws RunError, also for an unknown host.
  bool connect();
  // Sends all octets. On RunError the connection is closed, and octets in flight may be lost.
  void send(std::string_view octets);

 private:
  void open(int family, const void* address, unsigned size);
  // True if the socket becomes writable within `most_ms` and the run is not abandoned meanwhile.
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
