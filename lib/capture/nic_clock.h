// Converts the time of a NIC's clock to wall-clock time. The NIC's clock has its own epoch and frequency.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <optional>

namespace spanflow {

// Converts the ticks of a clock to ns since the epoch. The conversion is a straight line: `ticks` and `wall_ns` are one
// point of the line, and `ns_per_tick` is its slope. By default, the ticks are ns since the epoch.
struct ClockLine {
  static constexpr unsigned kFractionBits = 32;

  std::uint64_t ticks = 0;
  std::uint64_t wall_ns = 0;
  std::uint64_t ns_per_tick = 1ULL << kFractionBits;  // fixed-point number with kFractionBits fraction bits

  // `at_ticks` may be before or after `ticks`. The clock's counter may have wrapped around between the two.
  std::uint64_t wall_time(std::uint64_t at_ticks) const {
    const auto distance = static_cast<std::int64_t>(at_ticks - ticks);
    return wall_ns + static_cast<std::uint64_t>((static_cast<__int128>(distance) * ns_per_tick) >> kFractionBits);
  }
};

// Learns the rate of a NIC's clock from readings. A Reading has the values of the NIC's clock and of the wall clock at
// the same moment. Used by one thread.
class NicClock {
 public:
  struct Reading {
    std::uint64_t ticks;
    std::uint64_t wall_ns;
  };

  // Takes in a reading and returns the new line. Returns std::nullopt for the first reading, and if the ticks have not
  // changed since the last reading. A step of the wall clock moves the line but does not change its slope.
  std::optional<ClockLine> follow(const Reading& reading) {
    const std::optional<Reading> before = last_;
    if (before && reading.ticks == before->ticks) return std::nullopt;
    last_ = reading;
    if (!before) return std::nullopt;
    const double rate = static_cast<double>(static_cast<std::int64_t>(reading.wall_ns - before->wall_ns)) /
                        static_cast<double>(reading.ticks - before->ticks);
    if (rate_ == 0 || std::abs(rate - rate_) < rate_ * kBelievableChange) rate_ = rate;
    return ClockLine{.ticks = reading.ticks,
                     .wall_ns = reading.wall_ns,
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
    wall_ns_.store(line.wall_ns, std::memory_order_release);
    ns_per_tick_.store(line.ns_per_tick, std::memory_order_release);
    version_.store(version + 2, std::memory_order_release);
  }

  ClockLine get() const {
    for (;;) {
      const std::uint32_t version = version_.load(std::memory_order_acquire);
      const ClockLine line{.ticks = ticks_.load(std::memory_order_acquire),
                           .wall_ns = wall_ns_.load(std::memory_order_acquire),
                           .ns_per_tick = ns_per_tick_.load(std::memory_order_acquire)};
      if (version % 2 == 0 && version == version_.load(std::memory_order_relaxed)) return line;
    }
  }

 private:
  std::atomic<std::uint32_t> version_{0};
  std::atomic<std::uint64_t> ticks_{ClockLine{}.ticks};
  std::atomic<std::uint64_t> wall_ns_{ClockLine{}.wall_ns};
  std::atomic<std::uint64_t> ns_per_tick_{ClockLine{}.ns_per_tick};
};

}  // namespace spanflow
