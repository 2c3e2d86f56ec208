// The current time of a stream of packets.
#pragma once

#include <algorithm>
#include <cstdint>

namespace spanflow {

// Moves forward with the times of the packets, and never back. A jump of more than 10 s counts only after a second
// packet confirms the new time, because one packet with a wrong time in the far future must not end every flow. For the
// same reason, a second packet must confirm the first time.
class PacketClock {
 public:
  void advance(std::uint64_t time_ns) {
    if (now_ns_ != 0 && time_ns <= now_ns_) return;
    const bool near = now_ns_ != 0 && time_ns - now_ns_ <= kBelievableJumpNs;
    const bool confirmed = candidate_ns_ != 0 && distance(time_ns, candidate_ns_) <= kBelievableJumpNs;
    if (near || confirmed) {
      now_ns_ = near ? time_ns : std::max(time_ns, candidate_ns_);
      candidate_ns_ = 0;
    } else {
      candidate_ns_ = time_ns;
    }
  }

  // Returns the current time in ns since the epoch; 0 until the first time is confirmed.
  std::uint64_t now_ns() const { return now_ns_; }
  // Returns the time at the end of the stream. An unconfirmed jump is accepted here, because all flows end anyway; the
  // jump affects only the end reason of the flows.
  std::uint64_t end_ns() const { return std::max(now_ns_, candidate_ns_); }

  // True if `time_ns` is more than 10 s before now_ns(). A stream that begins at `time_ns` cannot continue this stream.
  bool is_restarted_by(std::uint64_t time_ns) const { return time_ns + kBelievableJumpNs < now_ns_; }

 private:
  static constexpr std::uint64_t kBelievableJumpNs = 10'000'000'000;

  static std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; }

  std::uint64_t now_ns_ = 0;
  std::uint64_t candidate_ns_ = 0;  // a time that is not yet confirmed; 0: none
};

}  // namespace spanflow
