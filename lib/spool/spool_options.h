// What can be chosen of a spool.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace spanflow {

enum class SpoolSync : std::uint8_t {
  kInterval,  // on a thread of its own, every sync_interval
  kAlways,    // before next() gives a record, and before flush() returns
  kOff,       // when the kernel likes
};

// Which records the user of a spool puts into it.
enum class SpoolMode : std::uint8_t { kOnFailure, kAlways };

struct SpoolOptions {
  std::string path;  // of the folder; empty: no spool
  SpoolMode mode = SpoolMode::kOnFailure;
  std::uint64_t max_bytes = std::uint64_t{1} << 30;
  std::uint64_t file_bytes = std::uint64_t{32} << 20;  // at most half of max_bytes is used
  SpoolSync sync = SpoolSync::kInterval;
  std::chrono::milliseconds sync_interval{500};

  bool operator==(const SpoolOptions&) const = default;
};

}  // namespace spanflow
