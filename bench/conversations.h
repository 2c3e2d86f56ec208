// The conversations that Traffic repeats. They are generated or come from captures.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "traffic.h"

namespace spanflow::bench {

// A kind of generated traffic, as --kind selects it.
struct Kind {
  std::string_view name;
  std::string_view help;
  Order order;
  std::vector<Conversation> (*conversations)();
};

std::span<const Kind> kinds();
// Throws std::invalid_argument if there is no such kind. The message lists the known names.
const Kind& kind_named(std::string_view name);

// Returns one conversation for each flow of the captures. Leaves out FIN and RST packets, because a conversation
// repeats without end. Also leaves out fragments and packets that cannot be decoded. The captures must be Ethernet.
std::vector<Conversation> recorded_conversations(const std::vector<std::string>& captures);

}  // namespace spanflow::bench
