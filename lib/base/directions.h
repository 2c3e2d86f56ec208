// Array indexes and bit masks for the two values of Direction.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spanflow/record.h"

namespace spanflow {

inline constexpr std::size_t kDirections = 2;

constexpr std::size_t direction_index(Direction direction) { return static_cast<std::size_t>(direction); }
static_assert(direction_index(Direction::kSrcToDst) == 0);
static_assert(direction_index(Direction::kDstToSrc) == kDirections - 1);

constexpr std::uint8_t direction_bit(Direction direction) {
  return static_cast<std::uint8_t>(1U << direction_index(direction));
}
inline constexpr std::uint8_t kBothDirections =
    direction_bit(Direction::kSrcToDst) | direction_bit(Direction::kDstToSrc);

}  // namespace spanflow
