// A random number that stays the same until the process ends. It distinguishes the records of different runs.
#pragma once

#include "base/random_seed.h"

namespace spanflow {

inline std::uint64_t boot_id() {
  static const std::uint64_t id = random_seed();
  return id;
}

}  // namespace spanflow
