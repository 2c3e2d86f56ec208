#include "rates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"

namespace spanflow {
namespace {

std::string whole(double number) { return with_separators(static_cast<std::uint64_t>(std::llround(number))); }

}  // namespace

Rates rates_between(const Summary& earlier, const Summary& later) {
  const double seconds = std::max(later.seconds - earlier.seconds, 1e-3);
  const auto rate = [seconds](std::uint64_t before, std::uint64_t after) {
    // A counter that has fallen gives 0, because the unsigned difference would wrap around.
    return after < before ? 0 : static_cast<double>(after - before) / seconds;
  };
  const auto of = [&](Counter counter) {
    return rate(value_of(earlier.counters, counter), value_of(later.counters, counter));
  };
  return {.packets = of(Counter::kPacketsReceived),
          .octets = of(Counter::kOctetsMetered),
          .flows = of(Counter::kFlowsOpened),
          .records = of(Counter::kRecordsExported),
          .lost_packets = rate(lost_packets(earlier), lost_packets(later))};
}

std::string to_text(const Rates& rates) {
  return fmt::format("{} packets/s ({:.3g} Mbit/s, {} lost/s), {} flows/s, {} records/s", whole(rates.packets),
                     rates.octets * 8 / 1e6, whole(rates.lost_packets), whole(rates.flows), whole(rates.records));
}

}  // namespace spanflow
