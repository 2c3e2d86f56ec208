// Which ports nDPI has a guess for.
#pragma once

#include <cstdint>
#include <vector>

#include "decode/packet.h"
#include "dpi/ndpi_api.h"

namespace spanflow {

// nDPI guesses from the lower port, and if that tells nothing from the higher one. Its search for a port takes most of
// the time of a guess, and most ports tell nothing. So nDPI is asked once for each port. One object per worker; not
// thread-safe.
class TellingPorts {
 public:
  // `module` must outlive the object.
  explicit TellingPorts(ndpi::Module* module) : module_(module), answers_(std::size_t{2} << 16) {}

  // True if nDPI may guess something from the ports of this flow.
  bool any_in(const FlowKey& key) {
    if (key.ip_protocol != protocol::kTcp && key.ip_protocol != protocol::kUdp) return true;
    return tells(key.ip_protocol, key.src_port) || tells(key.ip_protocol, key.dst_port);
  }

 private:
  enum class Answer : std::uint8_t { kNotAsked, kNothing, kSomething };

  bool tells(std::uint8_t ip_protocol, std::uint16_t port) {
    Answer& answer = answers_[(ip_protocol == protocol::kUdp ? std::size_t{1} << 16 : 0) + port];
    if (answer == Answer::kNotAsked) {
      const ndpi_protocol guessed = ndpi::guess(module_, ip_protocol, 0, port, 0, port);
      answer = ndpi::app_of(guessed) == NDPI_PROTOCOL_UNKNOWN ? Answer::kNothing : Answer::kSomething;
    }
    return answer == Answer::kSomething;
  }

  ndpi::Module* module_;
  std::vector<Answer> answers_;  // one for each port of TCP, then of UDP
};

}  // namespace spanflow
