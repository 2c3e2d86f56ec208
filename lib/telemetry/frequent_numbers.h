// Counts the most frequent of many numbers in little memory.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <vector>

namespace spanflow {

// One thread adds numbers; any thread may read. The counts are exact while there are at most kKept different numbers.
// After that, a new number takes the place of the rarest one and its count (the Space-Saving algorithm), so a count may
// be too high, but a frequent number is never missing.
class FrequentNumbers {
 public:
  static constexpr std::size_t kKept = 16;

  void add(std::uint16_t number) {
    Place* place = std::find_if(places_.begin(), places_.end(), [number](const Place& each) {
      return each.number.load(std::memory_order_relaxed) == number && each.count.load(std::memory_order_relaxed) > 0;
    });
    if (place == places_.end()) {
      place = std::min_element(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
        return a.count.load(std::memory_order_relaxed) < b.count.load(std::memory_order_relaxed);
      });
      place->number.store(number, std::memory_order_relaxed);
    }
    place->count.store(place->count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  void add_to(std::map<std::uint16_t, std::uint64_t>& sums) const {
    for (const Place& place : places_) {
      const std::uint64_t count = place.count.load(std::memory_order_relaxed);
      if (count > 0) sums[place.number.load(std::memory_order_relaxed)] += count;
    }
  }

 private:
  struct Place {
    std::atomic<std::uint16_t> number{0};
    std::atomic<std::uint64_t> count{0};
  };
  std::array<Place, kKept> places_{};
};

}  // namespace spanflow
