// A random number that an attacker cannot know: the seed of a hash, so that nobody can construct collisions.
#pragma once

#include <cstdint>
#include <random>

namespace spanflow {

inline std::uint64_t random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

}  // namespace spanflow
