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

// Cuts off the torn line at the end, and what cannot be decoded. The format, plain text or zstd, stays the same. A
// crash during the repair loses no whole line. Throws RunError if a file cannot be read or written.
Repaired repair(std::unique_ptr<PartFile> part, int zstd_level);

}  // namespace spanflow
