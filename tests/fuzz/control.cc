// The control socket: the input goes to it in pieces. The reply is one line of JSON.
#include "../../daemon/control_socket.h"

#include <sys/socket.h>

#include <chrono>

#include "../../daemon/unix_socket.h"
#include "octets.h"
#include "require.h"
#include "support/temporary_folder.h"

namespace spanflow::fuzz {
namespace {

using Json = nlohmann::json;

void send(const Descriptor& socket, Octets& request) {
  const std::uint8_t piece = request.u8();
  while (!request.empty()) {
    if (!write_all(socket, request.text(1 + std::size_t{piece} * 16))) return;  // the reply may come early
  }
  ::shutdown(socket.get(), SHUT_WR);
}

}  // namespace
}  // namespace spanflow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spanflow::fuzz;
  static const spanflow::testing::TemporaryFolder folder;
  static const spanflow::ControlSocket server(folder / "control", {{"echo", false,
                                                                    [](const Json& request) {
                                                                      return Json{{"request", request}};
                                                                    }},
                                                                   {"number", true, [](const Json& request) {
                                                                      return Json{{"n", request.at("n").get<int>()}};
                                                                    }}});
  Octets request(data, size);
  const auto begin = std::chrono::steady_clock::now();
  const spanflow::Descriptor socket = spanflow::connected_to(folder / "control");
  require(static_cast<bool>(socket), "it connects");
  send(socket, request);
  constexpr std::size_t kMostReply = 1 << 20;
  const std::string line = spanflow::read_line(socket, kMostReply);
  // On a busy machine the server may take longer than its limit for a request, and then closes the connection.
  if (line.empty() && std::chrono::steady_clock::now() - begin > std::chrono::seconds{1}) return 0;
  const Json reply = Json::parse(line, nullptr, false);
  require(reply.is_object() && reply.contains("ok"), "the reply is an object with \"ok\"");
  require(reply["ok"] == true || reply.contains("error"), "a refusal has an error");
  return 0;
}
