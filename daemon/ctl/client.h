// spanflowctl's end of the control socket.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace spanflow {

class Client {
 public:
  explicit Client(std::string path) : path_(std::move(path)) {}

  // Sends a request and returns the reply. Throws std::runtime_error if the daemon does not listen, or if the reply is
  // missing or not valid JSON.
  nlohmann::json ask(const nlohmann::json& request) const;

 private:
  const std::string path_;
};

}  // namespace spanflow
