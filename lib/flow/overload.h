// How far behind a live worker is, and what it leaves out for that.
#pragma once

#include <cstdint>

namespace spanflow {

enum class OverloadLevel : std::uint8_t {
  kNone,
  kLessDpi,        // nDPI gets fewer packets of a flow
  kFewerFeatures,  // and flows that open are without optional features
  kSampling,       // and of flows that would open, only one in so many does
};

// One per live worker; not thread-safe. Time is passed in. Goes up a level at a time while the worker stays behind,
// and down again, more slowly, while it does not.
class Overload {
 public:
  static constexpr double kHigh = 0.5;                          // behind: so much of a queue is filled
  static constexpr double kLow = 0.25;                          // not behind
  static constexpr std::uint64_t kUpAfterNs = 10'000'000;       // a queue of a port is full within milliseconds
  static constexpr std::uint64_t kDownAfterNs = 1'000'000'000;  // longer than bursts of traffic usually pause

  // `max_sampling`: a power of two; 1: no flow is left out.
  explicit Overload(std::uint64_t max_sampling);

  // Once per burst, with how full the fullest queue is, 0 to 1; true if something has changed. `now_ns` does not go
  // back; 0 is a time that is not known yet.
  bool observe(std::uint64_t now_ns, double fill);

  OverloadLevel level() const { return level_; }
  // With kSampling, one flow in 2 to the power of this opens; 0 otherwise.
  std::uint8_t sampling_shift() const { return sampling_shift_; }

 private:
  enum class Trend : std::uint8_t { kSteady, kUp, kDown };

  bool step_up();
  bool step_down();

  const std::uint8_t most_shift_;
  OverloadLevel level_ = OverloadLevel::kNone;
  std::uint8_t sampling_shift_ = 0;
  Trend trend_ = Trend::kSteady;
  std::uint64_t since_ns_ = 0;  // of the trend, or of its last step
};

}  // namespace spanflow
