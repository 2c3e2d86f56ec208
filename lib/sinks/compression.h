// The compression of a sink's output.
#pragma once

#include "config/setting.h"

namespace spanflow {

enum class Compression : std::uint8_t { kAuto, kNone, kGzip, kSnappy, kLz4, kZstd };

inline ChoiceSetting compression_words(const Access<Compression>& at) {
  return choice<Compression>(at, {{"auto", Compression::kAuto},
                                  {"none", Compression::kNone},
                                  {"gzip", Compression::kGzip},
                                  {"snappy", Compression::kSnappy},
                                  {"lz4", Compression::kLz4},
                                  {"zstd", Compression::kZstd}});
}

}  // namespace spanflow
