// Measures how far a live worker is behind, and says what it leaves out to catch up.
#pragma once

#include <cstdint>

namespace spanflow {

enum class OverloadLevel : std::uint8_t {
  kNone,
  kLessDpi,        // nDPI gets fewer packets of a flow
  kFewerFeatures,  // also, new flows have no optional features
  kSampling,       // also, only a part of the new flows is metered
};

// One per live worker; not thread-safe. Goes up one level at a time while the worker is behind, and down again, more
// slowly, while it is not.
class Overload {
 public:
  static constexpr double kHigh = 0.5;                          // fill of a queue from which the worker is behind
  static constexpr double kLow = 0.25;                          // fill up to which it is not behind
  static constexpr std::uint64_t kUpAfterNs = 10'000'000;       // a port's queue fills up within milliseconds
  static constexpr std::uint64_t kDownAfterNs = 1'000'000'000;  // longer than the usual pause between bursts of traffic

  // `max_sampling` is a power of two; 1: no flow is left out.
  explicit Overload(std::uint64_t max_sampling);

  // To be called once per burst, with the fill of the fullest queue, 0 to 1. True if the level or the sampling has
  // changed. `now_ns` does not go back; 0: the time is not known yet.
  bool observe(std::uint64_t now_ns, double fill);

  OverloadLevel level() const { return level_; }
  // With kSampling, one new flow in 2^sampling_shift is metered; otherwise 0.
  std::uint8_t sampling_shift() const { return sampling_shift_; }

 private:
  enum class Trend : std::uint8_t { kSteady, kUp, kDown };

  bool step_up();
  bool step_down();

  const std::uint8_t most_shift_;
  OverloadLevel level_ = OverloadLevel::kNone;
  std::uint8_t sampling_shift_ = 0;
  Trend trend_ = Trend::kSteady;
  std::uint64_t since_ns_ = 0;  // begin of the trend, or its last step
};

}  // namespace spanflow
