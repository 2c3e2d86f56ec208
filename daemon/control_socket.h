// The socket by which spanflowctl talks to a running spanflowd: a line of JSON each way, and the connection is closed.
#pragma once

#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/descriptor.h"

namespace spanflow {

struct ControlCommand {
  std::string name;
  // Who may only look may not use it: that is the daemon's own user and root.
  bool changes;
  // Gets {"command": name, ...}; what it gives stands beside "ok": true. What it throws is the error.
  std::function<nlohmann::json(const nlohmann::json&)> answer;
};

// Runs one thread, which serves one peer after the other. The kernel says who a peer is: members of the daemon's group
// may look, root and the daemon's user may do everything, others nothing.
class ControlSocket {
 public:
  // Throws RunError if there can be no socket at `path`, or if a living process has one there.
  ControlSocket(std::string path, std::vector<ControlCommand> commands);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // control.socket made a path: "auto" is $RUNTIME_DIRECTORY/control.sock, where systemd has made that folder. Empty:
  // there shall be none.
  static std::string path_of(const std::string& option);

 private:
  void run();
  void serve(const Descriptor& peer) const;
  nlohmann::json answer(const Descriptor& peer, const std::string& line) const;

  const std::string path_;
  const std::vector<ControlCommand> commands_;
  Descriptor listener_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace spanflow
