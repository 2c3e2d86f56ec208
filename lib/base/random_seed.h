// A number that nobody outside can know: the key of a hash whose collisions must not be chosen.
#pragma once

#include <cstdint>
#include <random>

namespace spanflow {

inline std::uint64_t random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

}  // namespace spanflow
