// What a run that did not end has left of a file.
#pragma once

#include <cstdint>
#include <memory>

#include "sinks/part_file.h"

namespace spanflow {

struct Repaired {
  std::unique_ptr<PartFile> part;
  std::uint64_t kept = 0;  // octets of text in whole lines
  std::uint64_t cut = 0;   // octets of the torn line after them
};

// Leaves the whole lines that can be read, as plain text or zstd, as it was. At any moment one file on disk has them.
// Throws RunError.
Repaired repair(std::unique_ptr<PartFile> part, int zstd_level);

}  // namespace spanflow
