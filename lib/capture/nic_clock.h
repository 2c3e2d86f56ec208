// Converts the time of a NIC's clock, or of the kernel, to the steady time of base/steady_time.h. The NIC's clock has
// its own epoch and frequency.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <optional>

namespace spanflow {

// Converts the ticks of a clock to steady time. The conversion is a straight line: `ticks` and `steady_ns` are one
// point of the line, and `ns_per_tick` is its slope. By default, the ticks are ns since the epoch.
struct ClockLine {
  static constexpr unsigned kFractionBits = 32;

  std::uint64_t ticks = 0;
  std::uint64_t steady_ns = 0;
  std::uint64_t ns_per_tick = 1ULL << kFractionBits;  // fixed-point number with kFractionBits fraction bits

  // `at_ticks` may be before or after `ticks`. The clock's counter may have wrapped around between the two.
  std::uint64_t steady_time(std::uint64_t at_ticks) const {
    const auto distance = static_cast<std::int64_t>(at_ticks - ticks);
    return steady_ns + static_cast<std::uint64_t>((static_cast<__int128>(distance) * ns_per_tick) >> kFractionBits);
  }
};

// A clock that leaves its line by more than this has been set, see step_between().
inline constexpr std::int64_t kLeastClockStepNs = 20'000'000;

// Returns how far a clock was set forward between two lines, in ns; negative: back; 0: it was not set.
inline std::int64_t step_between(const ClockLine& before, const ClockLine& after) {
  const auto step = static_cast<std::int64_t>(before.steady_time(after.ticks) - after.steady_ns);
  return std::abs(step) < kLeastClockStepNs ? 0 : step;
}

// Learns the rate of a NIC's clock from readings. A Reading has the values of the NIC's clock and of the steady time
// at the same moment. Used by one thread.
class NicClock {
 public:
  struct Reading {
    std::uint64_t ticks;
    std::uint64_t steady_ns;
  };

  // Takes in a reading and returns the new line. Returns std::nullopt for the first reading, and if the ticks have not
  // changed since the last reading. A step of the NIC's clock moves the line but does not change its slope.
  std::optional<ClockLine> follow(const Reading& reading) {
    const std::optional<Reading> before = last_;
    if (before && reading.ticks == before->ticks) return std::nullopt;
    last_ = reading;
    if (!before) return std::nullopt;
    const double rate = static_cast<double>(static_cast<std::int64_t>(reading.steady_ns - before->steady_ns)) /
                        static_cast<double>(reading.ticks - before->ticks);
    if (rate_ == 0 || std::abs(rate - rate_) < rate_ * kBelievableChange) rate_ = rate;
    return ClockLine{.ticks = reading.ticks,
                     .steady_ns = reading.steady_ns,
                     .ns_per_tick = static_cast<std::uint64_t>(std::ldexp(rate_, ClockLine::kFractionBits))};
  }

 private:
  static constexpr double kBelievableChange = 1e-3;  // relative; crystal frequencies differ by a tenth of this

  std::optional<Reading> last_;
  double rate_ = 0;  // ns per tick; 0: unknown
};

// True if the port's driver supports reading the NIC's clock. A reading may still fail, for example before the port is
// started.
bool has_readable_clock(std::uint16_t port);
// Returns std::nullopt if the clock cannot be read at present.
std::optional<NicClock::Reading> read_nic_clock(std::uint16_t port);

// A ClockLine under a seqlock. One thread sets the line. Other threads read a consistent copy without a lock; get()
// retries while the line is being set.
class SharedClockLine {
 public:
  void set(const ClockLine& line) {
    const std::uint32_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);  // an odd version means that the line is being set
    ticks_.store(line.ticks, std::memory_order_release);
    steady_ns_.store(line.steady_ns, std::memory_order_release);
    ns_per_tick_.store(line.ns_per_tick, std::memory_order_release);
    version_.store(version + 2, std::memory_order_release);
  }

  ClockLine get() const {
    for (;;) {
      const std::uint32_t version = version_.load(std::memory_order_acquire);
      const ClockLine line{.ticks = ticks_.load(std::memory_order_acquire),
                           .steady_ns = steady_ns_.load(std::memory_order_acquire),
                           .ns_per_tick = ns_per_tick_.load(std::memory_order_acquire)};
      if (version % 2 == 0 && version == version_.load(std::memory_order_relaxed)) return line;
    }
  }

 private:
  std::atomic<std::uint32_t> version_{0};
  std::atomic<std::uint64_t> ticks_{ClockLine{}.ticks};
  std::atomic<std::uint64_t> steady_ns_{ClockLine{}.steady_ns};
  std::atomic<std::uint64_t> ns_per_tick_{ClockLine{}.ns_per_tick};
};

}  // namespace spanflow
