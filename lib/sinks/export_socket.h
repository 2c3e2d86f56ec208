// A connection to a collector of flow records, over UDP or TCP. Never waited for without end.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

namespace spanflow {

class ExportSocket {
 public:
  // `target`: "udp://HOST:PORT" or "tcp://HOST:PORT"; an IPv6 address stands in brackets. Throws RunError if it is
  // none, or if the host is not known. `abandon` must outlive the socket.
  ExportSocket(std::string target, const std::atomic<bool>& abandon);
  ~ExportSocket() { disconnect(); }
  ExportSocket(const ExportSocket&) = delete;
  ExportSocket& operator=(const ExportSocket&) = delete;

  bool sends_datagrams() const { return datagrams_; }
  // Connects where there is no connection. True if it is a new one. Throws RunError.
  bool connect();
  // The whole of it. Throws RunError, and the connection is gone: what was not yet at the other end may be lost.
  void send(std::string_view octets);

 private:
  void open(int family, const void* address, unsigned size);
  // False if it is not ready for writing within that time, or the run is abandoned.
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
