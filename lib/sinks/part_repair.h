// Repairs the file that a crashed run left behind.
#pragma once

#include <cstdint>
#include <memory>

#include "sinks/part_file.h"

namespace spanflow {

struct Repaired {
  std::unique_ptr<PartFile> part;
  std::uint64_t kept = 0;  // octets of text in whole lines
  std::uint64_t cut = 0;   // octets of the torn line that follows
};

// Keeps the whole lines that can be read, and the file's format, plain text or zstd. At any moment one file on disk has
// all these lines. Throws RunError.
Repaired repair(std::unique_ptr<PartFile> part, int zstd_level);

}  // namespace spanflow
