// A file in memory, for code that takes a path.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <span>
#include <string>

#include "base/descriptor.h"
#include "require.h"

namespace spanflow::fuzz {

class MemoryFile {
 public:
  explicit MemoryFile(std::span<const std::uint8_t> content) : file_(memfd_create("fuzz", MFD_CLOEXEC)) {
    // pwrite() leaves the offset at the start, where a reader of this descriptor begins.
    const ssize_t written = ::pwrite(file_.get(), content.data(), content.size(), 0);
    require(written == static_cast<ssize_t>(content.size()), "the file is written");
  }

  std::string path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

 private:
  Descriptor file_;
};

}  // namespace spanflow::fuzz
