// The Unix socket through which spanflowctl talks to a running spanflowd. A connection carries one request and one
// reply, each a line of JSON.
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
  // True: only root and the daemon's user may call the command.
  bool changes;
  // Takes the request, {"command": name, ...}, and returns the reply, to which "ok": true is added. The message of an
  // exception becomes the reply's "error".
  std::function<nlohmann::json(const nlohmann::json&)> answer;
};

// Has its own thread, which serves one peer at a time and calls the commands. The kernel identifies the peer's user.
// Root and the daemon's user may call all commands, members of the daemon's group only commands that change nothing,
// other users none.
class ControlSocket {
 public:
  // Throws RunError if the socket cannot be created, or if a running process listens at `path`.
  ControlSocket(std::string path, std::vector<ControlCommand> commands);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // The path for a value of the option control.socket. "auto" gives $RUNTIME_DIRECTORY/control.sock if systemd has set
  // that variable. An empty path means no socket.
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
