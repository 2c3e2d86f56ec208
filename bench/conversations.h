// What Traffic repeats: made up here, or recorded in a capture.
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
// Throws std::invalid_argument, with the names that there are.
const Kind& kind_named(std::string_view name);

// A conversation for each flow of the captures, without its FIN and RST packets, so that it can go on for as long as it
// has to. Ethernet only; fragments and what cannot be decoded are left out.
std::vector<Conversation> recorded_conversations(const std::vector<std::string>& captures);

}  // namespace spanflow::bench
