// The Unix socket through which spanflowctl talks to a running spanflowd. A connection carries one request and one
// reply; each is one line of JSON.
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
  // True: the command changes the daemon's state, so only root and the daemon's user may call it.
  bool changes;
  // Takes the request, such as {"command": name, ...}, and returns the reply. The ControlSocket adds "ok": true to the
  // reply. If the function throws, the ControlSocket replies with "ok": false and an "error" text.
  std::function<nlohmann::json(const nlohmann::json&)> answer;
};

// Has its own thread, which calls the commands. It waits for all peers at the same time, so a slow peer delays neither
// the others nor the end of the run. The kernel reports the peer's user (SO_PEERCRED). Root and the daemon's user may
// call all commands. Members of the daemon's group may call only commands whose `changes` is false. Other users may
// call no command.
class ControlSocket {
 public:
  // Throws RunError if the socket cannot be created, or if a running process listens at `path`. Throws
  // std::runtime_error if the path is too long.
  ControlSocket(std::string path, std::vector<ControlCommand> commands);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

 private:
  struct Peer;

  void run();
  void accept(std::vector<Peer>& peers) const;
  bool serve(Peer& peer, short events) const;
  bool receive(Peer& peer) const;
  nlohmann::json answer(const Peer& peer, const std::string& line) const;

  const std::string path_;
  const std::vector<ControlCommand> commands_;
  Descriptor listener_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace spanflow
