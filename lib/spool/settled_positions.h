// Which records of a sequence nobody waits for any more: all below a low-water mark, and ranges above it, since
// messages in flight are acknowledged in any order.
#pragma once

#include <cstdint>
#include <map>

namespace spanflow {

// Not thread-safe. It holds one entry for each hole between settled ranges, so as many as messages are in flight at
// most.
class SettledPositions {
 public:
  explicit SettledPositions(std::uint64_t low_water = 0) : low_water_(low_water) {}

  // Everything below is settled; this position is not.
  std::uint64_t low_water() const { return low_water_; }
  // How many are settled at and above the low-water mark.
  std::uint64_t above() const { return above_; }
  bool contains(std::uint64_t position) const;
  // Settles [first, end) and returns how many of them were not settled before.
  std::uint64_t settle(std::uint64_t first, std::uint64_t end);

 private:
  std::uint64_t low_water_;
  std::uint64_t above_ = 0;
  std::map<std::uint64_t, std::uint64_t> ranges_;  // first -> end; they neither touch nor overlap
};

}  // namespace spanflow
