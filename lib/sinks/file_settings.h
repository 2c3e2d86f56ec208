// The settings of the sinks that write lines into files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/units.h"
#include "sinks/compression.h"
#include "sinks/sink.h"

namespace spanflow {

struct FileSettings {
  std::string path = "-";                        // path of the file; "-": standard output
  Compression compression = Compression::kAuto;  // auto: zstd if the name ends in .zst
  Nanoseconds rotate_every{0};                   // period of the rotation by time; 0: off
  std::uint64_t rotate_size = 0;                 // limit of a file's text before compression, in octets; 0: off
  std::uint64_t compression_level = 3;           // zstd level, from 1 to 19

  // True if a file can end before the run ends.
  bool rotates() const { return rotate_every.count() > 0 || rotate_size > 0; }
  bool operator==(const FileSettings&) const = default;
};

SinkType file_sink_type(std::string_view name, std::string_view help,
                        std::unique_ptr<Sink> (*make)(const SinkConfig&, const SinkContext&));

}  // namespace spanflow
