// Decides which work a live worker leaves out when one of its queues is too full.
#pragma once

#include <cstdint>
#include <string_view>

namespace spanflow {

enum class OverloadLevel : std::uint8_t {
  kNone,
  kNoNames,        // the readers of payload leave new flows alone
  kLessDpi,        // no names, and nDPI gets fewer packets of each flow
  kFewerFeatures,  // less DPI, and new flows have no optional features
  kSampling,       // fewer features, and only a part of the new flows is metered
};

// Returns what the level means, for the log.
std::string_view meaning_of(OverloadLevel level);

// One object per live worker; not thread-safe. While the worker is behind, the level rises by one at a time. While the
// worker keeps up, the level falls by one at a time, more slowly.
class Overload {
 public:
  static constexpr double kHigh = 0.5;  // the worker is behind if its queue is filled at least to this share
  static constexpr double kLow = 0.25;  // the worker keeps up if its queue is filled at most to this share
  // Time per step up. It is short, because a port's queue fills up within milliseconds.
  static constexpr std::uint64_t kUpAfterNs = 10'000'000;
  // Time per step down. It is longer than the usual pause between traffic bursts.
  static constexpr std::uint64_t kDownAfterNs = 1'000'000'000;

  // `max_sampling` is a power of two. If it is 1, no flow is left out.
  explicit Overload(std::uint64_t max_sampling);

  // Call it once per burst, with the fill of the fullest queue, from 0 to 1. Returns true if the level or the sampling
  // has changed. `now_ns` must never decrease; 0 means that the time is not yet known.
  bool observe(std::uint64_t now_ns, double fill);

  OverloadLevel level() const { return level_; }
  // At the level kSampling, one new flow in 2^sampling_shift() is metered. At other levels, sampling_shift() is 0.
  std::uint8_t sampling_shift() const { return sampling_shift_; }

 private:
  enum class Trend : std::uint8_t { kSteady, kUp, kDown };

  bool step_up();
  bool step_down();

  const std::uint8_t most_shift_;
  OverloadLevel level_ = OverloadLevel::kNone;
  std::uint8_t sampling_shift_ = 0;
  Trend trend_ = Trend::kSteady;
  std::uint64_t since_ns_ = 0;  // start of the trend, or time of the last step
};

}  // namespace spanflow
