// The conversations that Traffic repeats: generated, or from a capture.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "traffic.h"

namespace spanflow::bench {

struct Kind {
  std::string_view name;
  std::string_view help;
  Order order;
  std::vector<Conversation> (*conversations)();
};

std::span<const Kind> kinds();
// Throws std::invalid_argument, with the known names, if there is no such kind.
const Kind& kind_named(std::string_view name);

// One conversation for each flow of the captures, without FIN and RST packets, so that it can be repeated without end.
// The captures must be Ethernet. Fragments, and packets that cannot be decoded, are left out.
std::vector<Conversation> recorded_conversations(const std::vector<std::string>& captures);

}  // namespace spanflow::bench
