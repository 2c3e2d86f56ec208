// A random seed for hashes. An attacker cannot know the seed, and so cannot construct collisions.
#pragma once

#include <cstdint>
#include <random>

namespace spanflow {

inline std::uint64_t random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

}  // namespace spanflow
