// The settled records of a sequence: all below a low-water mark, and ranges above it, because messages in flight are
// acknowledged in any order.
#pragma once

#include <cstdint>
#include <map>

namespace spanflow {

// Not thread-safe. Holds one entry per gap between settled ranges: at most as many as messages are in flight.
class SettledPositions {
 public:
  explicit SettledPositions(std::uint64_t low_water = 0) : low_water_(low_water) {}

  // Every position below the mark is settled; the mark itself is not.
  std::uint64_t low_water() const { return low_water_; }
  // The number of settled positions above the low-water mark.
  std::uint64_t above() const { return above_; }
  bool contains(std::uint64_t position) const;
  // Settles [first, end). Returns how many of these were not settled before.
  std::uint64_t settle(std::uint64_t first, std::uint64_t end);

 private:
  std::uint64_t low_water_;
  std::uint64_t above_ = 0;
  std::map<std::uint64_t, std::uint64_t> ranges_;  // first -> end; ranges neither touch nor overlap
};

}  // namespace spanflow
