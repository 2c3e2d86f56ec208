// The positions of settled records. A record is settled when it has been acknowledged or dropped. All positions below a
// low-water mark are settled. Above the mark there are settled ranges, because the receiver acknowledges messages in
// any order.
#pragma once

#include <cstdint>
#include <map>

namespace spanflow {

// Not thread-safe. Stores one entry for each settled range above the mark. There are at most as many entries as
// messages in flight, because an unsettled message comes before each range.
class SettledPositions {
 public:
  explicit SettledPositions(std::uint64_t low_water = 0) : low_water_(low_water) {}

  // Every position below the mark is settled; the position of the mark itself is not settled.
  std::uint64_t low_water() const { return low_water_; }
  // The number of settled positions above the low-water mark.
  std::uint64_t above() const { return above_; }
  bool contains(std::uint64_t position) const;
  // Settles the positions [first, end). Returns how many of these positions were not settled before.
  std::uint64_t settle(std::uint64_t first, std::uint64_t end);

 private:
  std::uint64_t low_water_;
  std::uint64_t above_ = 0;
  std::map<std::uint64_t, std::uint64_t> ranges_;  // first -> end; ranges neither touch nor overlap
};

}  // namespace spanflow
