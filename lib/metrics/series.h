// Numerically stable one-pass statistics of a series of values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "spanflow/record.h"

namespace spanflow {

// Uses Welford's algorithm: it needs no sum of squares, which could overflow or lose precision by cancellation. Zeroed
// memory is a valid empty series.
class Series {
 public:
  void add(std::uint64_t value) {
    min_ = count_ == 0 ? value : std::min(min_, value);
    max_ = std::max(max_, value);
    ++count_;
    const double distance = static_cast<double>(value) - mean_;
    mean_ += distance / static_cast<double>(count_);
    squares_ += distance * (static_cast<double>(value) - mean_);
  }

  Distribution distribution() const {
    const double variance = count_ > 1 ? squares_ / static_cast<double>(count_ - 1) : 0;
    return {.min = static_cast<double>(min_),
            .mean = mean_,
            .stddev = std::sqrt(variance),
            .max = static_cast<double>(max_)};
  }

 private:
  std::uint64_t count_ = 0;
  std::uint64_t min_ = 0;
  std::uint64_t max_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // sum of the squared distances to the mean
};

}  // namespace spanflow
