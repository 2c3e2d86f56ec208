// The clock of an input whose packets bring their own times, such as a capture file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace spanflow {

// Follows the times of the packets, but never goes back, and one packet with a wrong time does not move it. If the
// times of the packets jump back for good, the clock continues from its current time, at the pace of the new times.
// Flows can therefore be timed by this clock, whatever the times of the packets do.
//
// A packet is in step if its time is at most kLatestNs before or kBelievableJumpNs after the newest time. A jump out of
// step counts only if the next packet confirms it. For the same reason, a second packet must confirm the first time.
class PacketClock {
 public:
  static constexpr std::uint64_t kLatestNs = 1'000'000'000;

  // Takes in the time of the next packet. Returns the time of the clock at this packet.
  std::uint64_t advance(std::uint64_t time_ns) {
    const bool is_confirmed = candidate_ns_ != 0 && distance(time_ns, candidate_ns_) <= kBelievableJumpNs;
    if (now_ns_ != 0 && is_in_step(time_ns)) {
      now_ns_ = std::max(now_ns_, time_ns + ahead_ns_);
      candidate_ns_ = 0;
    } else if (is_confirmed) {
      jump(std::max(time_ns, std::exchange(candidate_ns_, 0)));
    } else {
      candidate_ns_ = time_ns;
    }
    return now_ns_ != 0 ? now_ns_ : time_ns;
  }

  // Returns the current time in ns; 0 until the first time is confirmed. It is in ns since the epoch until the times of
  // the packets jump back.
  std::uint64_t now_ns() const { return now_ns_; }
  // Returns the time at the end of the input. An unconfirmed jump forward is accepted here, because all flows end
  // anyway; the jump affects only the end reason of the flows.
  std::uint64_t end_ns() const { return std::max(now_ns_, candidate_ns_ + ahead_ns_); }
  // Returns how often the times of the packets have jumped back for good.
  std::uint64_t steps_back() const { return steps_back_; }

 private:
  static constexpr std::uint64_t kBelievableJumpNs = 10'000'000'000;

  static std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; }

  bool is_in_step(std::uint64_t time_ns) const {
    const std::uint64_t newest_ns = now_ns_ - ahead_ns_;
    return time_ns < newest_ns ? newest_ns - time_ns <= kLatestNs : time_ns - newest_ns <= kBelievableJumpNs;
  }

  // A jump forward first undoes earlier jumps back. Several interfaces whose clocks differ therefore do not move this
  // clock when their packets alternate.
  void jump(std::uint64_t time_ns) {
    const std::uint64_t newest_ns = now_ns_ - ahead_ns_;
    if (now_ns_ != 0 && time_ns < newest_ns) {
      ahead_ns_ += newest_ns - time_ns;
      ++steps_back_;
    } else {
      ahead_ns_ -= std::min(ahead_ns_, time_ns - newest_ns);
      now_ns_ = std::max(now_ns_, time_ns + ahead_ns_);
    }
  }

  std::uint64_t now_ns_ = 0;
  std::uint64_t ahead_ns_ = 0;      // how far the clock is ahead of the newest packet time
  std::uint64_t candidate_ns_ = 0;  // a packet time out of step that is not yet confirmed; 0: none
  std::uint64_t steps_back_ = 0;
};

}  // namespace spanflow
