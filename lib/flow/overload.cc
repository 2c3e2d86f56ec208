#include "flow/overload.h"

#include <array>
#include <bit>

namespace spanflow {
namespace {

constexpr OverloadLevel next(OverloadLevel level, int steps) {
  return static_cast<OverloadLevel>(static_cast<int>(level) + steps);
}
static_assert(next(OverloadLevel::kNone, 1) == OverloadLevel::kNoNames);
static_assert(next(OverloadLevel::kNoNames, 1) == OverloadLevel::kLessDpi);
static_assert(next(OverloadLevel::kLessDpi, 1) == OverloadLevel::kFewerFeatures);
static_assert(next(OverloadLevel::kFewerFeatures, 1) == OverloadLevel::kSampling);

}  // namespace

std::string_view meaning_of(OverloadLevel level) {
  constexpr std::array<std::string_view, 5> kMeanings = {
      "everything is metered in full again", "names of new flows are not read", "nDPI gets fewer packets of each flow",
      "new flows get no features", "only some of the new flows are metered"};
  static_assert(kMeanings.size() == static_cast<std::size_t>(OverloadLevel::kSampling) + 1);
  return kMeanings[static_cast<std::size_t>(level)];
}

Overload::Overload(std::uint64_t max_sampling)
    : most_shift_(static_cast<std::uint8_t>(std::bit_width(max_sampling) - 1)) {}

bool Overload::observe(std::uint64_t now_ns, double fill) {
  Trend trend = Trend::kSteady;
  if (fill >= kHigh) trend = Trend::kUp;
  if (fill <= kLow) trend = Trend::kDown;
  if (trend != trend_ || since_ns_ == 0) {
    trend_ = trend;
    since_ns_ = now_ns;
    return false;
  }
  if (trend == Trend::kSteady || now_ns - since_ns_ < (trend == Trend::kUp ? kUpAfterNs : kDownAfterNs)) return false;
  since_ns_ = now_ns;
  return trend == Trend::kUp ? step_up() : step_down();
}

bool Overload::step_up() {
  const bool may_sample = most_shift_ > 0;
  if (level_ < OverloadLevel::kFewerFeatures || (level_ == OverloadLevel::kFewerFeatures && may_sample)) {
    level_ = next(level_, 1);
  } else if (sampling_shift_ == most_shift_) {
    return false;
  }
  if (level_ == OverloadLevel::kSampling) ++sampling_shift_;
  return true;
}

bool Overload::step_down() {
  if (level_ == OverloadLevel::kNone) return false;
  if (sampling_shift_ > 0) --sampling_shift_;
  if (sampling_shift_ == 0) level_ = next(level_, -1);
  return true;
}

}  // namespace spanflow
