// A random seed for hashes. An attacker who does not know the seed cannot construct hash collisions.
#pragma once

#include <cstdint>
#include <random>

namespace spanflow {

inline std::uint64_t random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

}  // namespace spanflow
