// A random number for this process: records of two runs differ in it.
#pragma once

#include "base/random_seed.h"

namespace spanflow {

inline std::uint64_t boot_id() {
  static const std::uint64_t id = random_seed();
  return id;
}

}  // namespace spanflow
