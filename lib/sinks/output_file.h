// Writes a text file to disk, compressed or not.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sinks/part_file.h"
#include "sinks/zstd_encoder.h"

namespace spanflow {

class OutputFile {
 public:
  // `part` must be a file without content. `level` is the zstd level; nullopt: plain text.
  OutputFile(std::unique_ptr<PartFile> part, std::optional<int> level);

  // Returns the octets taken, at least one. Throws RunError if nothing was taken.
  std::size_t write_some(std::string_view text);
  // Writes all accepted text to the file. After a RunError it may be called again.
  void flush();
  // As PartFile::complete().
  std::string complete(unsigned number);
  std::string complete_replacing();
  void remove() { part_->remove(); }

 private:
  void finish();
  void write_encoded();

  std::unique_ptr<PartFile> part_;
  std::optional<ZstdEncoder> encoder_;
  bool flushed_ = true;    // true if the encoder has no buffered text
  bool finished_ = false;  // true if the zstd frame has ended
  std::string encoded_;
  std::size_t written_ = 0;  // octets of encoded_ that have been written
};

}  // namespace spanflow
