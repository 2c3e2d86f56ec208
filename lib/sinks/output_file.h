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
  // `part` must be empty. `level` is the zstd level; nullopt: plain text.
  OutputFile(std::unique_ptr<PartFile> part, std::optional<int> level);

  // Returns the number of octets accepted, at least 1. Throws RunError if no octet was accepted.
  std::size_t write_some(std::string_view text);
  // Writes all accepted text to the file. After a RunError, the caller may call it again.
  void flush();
  // Both functions write all accepted text, then call the PartFile function of the same name.
  std::string complete(unsigned number);
  std::string complete_replacing();
  void remove() { part_->remove(); }
  bool is_at_its_path() const { return part_->is_at_its_path(); }

 private:
  void finish();
  void write_encoded();

  std::unique_ptr<PartFile> part_;
  std::optional<ZstdEncoder> encoder_;
  bool flushed_ = true;      // true if the encoder has no buffered text
  bool finished_ = false;    // true if the zstd frame has ended
  std::string encoded_;      // compressed octets to write to the file
  std::size_t written_ = 0;  // number of octets of encoded_ that have been written
};

}  // namespace spanflow
