#include "telemetry/counters.h"

#include <fmt/format.h>

namespace spanflow {

std::string list_counters() {
  std::string text =
      "| counter | unit | meaning |\n"
      "| --- | --- | --- |\n";
  for (const CounterInfo& counter : kCounters) {
    text += fmt::format("| `{}` | {} | {} |\n", counter.name, counter.unit, counter.help);
  }
  return text;
}

}  // namespace spanflow
