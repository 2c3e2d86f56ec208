#include "spool/settled_positions.h"

#include <algorithm>

namespace spanflow {

bool SettledPositions::contains(std::uint64_t position) const {
  if (position < low_water_) return true;
  const auto after = ranges_.upper_bound(position);
  return after != ranges_.begin() && position < std::prev(after)->second;
}

std::uint64_t SettledPositions::settle(std::uint64_t first, std::uint64_t end) {
  first = std::max(first, low_water_);
  if (first >= end) return 0;
  const std::uint64_t settled_before = low_water_ + above_;

  auto at = ranges_.upper_bound(first);
  if (at != ranges_.begin() && std::prev(at)->second >= first) --at;
  while (at != ranges_.end() && at->first <= end) {
    first = std::min(first, at->first);
    end = std::max(end, at->second);
    above_ -= at->second - at->first;
    at = ranges_.erase(at);
  }
  if (first == low_water_) {
    low_water_ = end;
  } else {
    ranges_.emplace_hint(at, first, end);
    above_ += end - first;
  }
  return low_water_ + above_ - settled_before;
}

}  // namespace spanflow
