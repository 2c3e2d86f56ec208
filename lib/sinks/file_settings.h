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
  std::string path = "-";                        // "-": standard output
  Compression compression = Compression::kAuto;  // auto: zstd if the name ends in .zst
  Nanoseconds rotate_every{0};                   // 0: off
  std::uint64_t rotate_size = 0;                 // octets of text, 0: off
  std::uint64_t compression_level = 3;

  // Files end before the run does.
  bool rotates() const { return rotate_every.count() > 0 || rotate_size > 0; }
  bool operator==(const FileSettings&) const = default;
};

SinkType file_sink_type(std::string_view name, std::string_view help,
                        std::unique_ptr<Sink> (*make)(const SinkConfig&, const SinkContext&));

}  // namespace spanflow
