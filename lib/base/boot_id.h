// A number for this start of the program, by which records of two starts are told apart.
#pragma once

#include "base/random_seed.h"

namespace spanflow {

inline std::uint64_t boot_id() {
  static const std::uint64_t id = random_seed();
  return id;
}

}  // namespace spanflow
