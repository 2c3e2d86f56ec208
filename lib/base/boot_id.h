// A random number that is drawn once per process, so that records of two runs can be told apart.
#pragma once

#include "base/random_seed.h"

namespace spanflow {

inline std::uint64_t boot_id() {
  static const std::uint64_t id = random_seed();
  return id;
}

}  // namespace spanflow
