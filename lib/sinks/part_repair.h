// Repairs a NAME.part file that a crashed run left.
#pragma once

#include <cstdint>
#include <memory>

#include "sinks/part_file.h"

namespace spanflow {

struct Repaired {
  std::unique_ptr<PartFile> part;
  std::uint64_t kept = 0;  // octets of text in whole lines, before compression
  std::uint64_t cut = 0;   // octets of the incomplete last line, which was removed
};

// Removes an incomplete last line, and zstd data that cannot be decoded. The format, plain text or zstd, stays the
// same. A crash during the repair loses no whole line. Throws RunError if a file cannot be read or written.
Repaired repair(std::unique_ptr<PartFile> part, int zstd_level);

}  // namespace spanflow
