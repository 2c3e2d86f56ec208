// The settings of a spool.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace spanflow {

enum class SpoolSync : std::uint8_t {
  kInterval,  // the spool's own thread syncs every sync_interval
  kAlways,    // the calling thread syncs before next() returns a record, and before flush() returns
  kOff,       // no syncs: the kernel decides when it writes to disk
};

// Which records go to the spool. kOnFailure: the records that the receiver does not accept at once. kAlways: all
// records.
enum class SpoolMode : std::uint8_t { kOnFailure, kAlways };

struct SpoolOptions {
  std::string path;  // path of the folder; empty: no spool
  SpoolMode mode = SpoolMode::kOnFailure;
  std::uint64_t max_bytes = std::uint64_t{1} << 30;    // limit for all files and the write buffer, in octets
  std::uint64_t file_bytes = std::uint64_t{32} << 20;  // limit for one file, in octets, at most half of max_bytes
  SpoolSync sync = SpoolSync::kInterval;
  std::chrono::milliseconds sync_interval{500};

  bool operator==(const SpoolOptions&) const = default;
};

}  // namespace spanflow
