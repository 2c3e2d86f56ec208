// The time that a stream of packets has reached.
#pragma once

#include <cstdint>

namespace spanflow {

// Follows the packets' times forward. A jump of more than 10 s is believed only once a second packet confirms it: one
// packet with a wrong time in the far future must not end every flow.
class PacketClock {
 public:
  void advance(std::uint64_t time_ns) {
    if (time_ns <= now_ns_) return;
    const bool near = now_ns_ == 0 || time_ns - now_ns_ <= kBelievableJumpNs;
    const bool confirmed = jump_ns_ != 0 && time_ns + kBelievableJumpNs >= jump_ns_;
    if (near || confirmed) {
      now_ns_ = time_ns;
      jump_ns_ = 0;
    } else {
      jump_ns_ = time_ns;
    }
  }
  std::uint64_t now_ns() const { return now_ns_; }

  // True if a stream that begins at `time_ns` cannot be the continuation of this one: it would go far back in time.
  bool is_restarted_by(std::uint64_t time_ns) const { return time_ns + kBelievableJumpNs < now_ns_; }

 private:
  static constexpr std::uint64_t kBelievableJumpNs = 10'000'000'000;
  std::uint64_t now_ns_ = 0;
  std::uint64_t jump_ns_ = 0;  // a time that waits for confirmation
};

}  // namespace spanflow
