// A file of text on its way to disk, compressed or not.
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
  // `part` must be empty. A zstd level, or nothing for plain text.
  OutputFile(std::unique_ptr<PartFile> part, std::optional<int> level);

  // How much was taken, which is not nothing. Throws RunError with nothing taken.
  std::size_t write_some(std::string_view text);
  // Now the file has all that was taken. Throws RunError, and may be tried again.
  void flush();
  // As PartFile's.
  std::string complete(unsigned number);
  std::string complete_replacing();
  void remove() { part_->remove(); }

 private:
  void finish();
  void write_encoded();

  std::unique_ptr<PartFile> part_;
  std::optional<ZstdEncoder> encoder_;
  bool flushed_ = true;    // the encoder has nothing of its own
  bool finished_ = false;  // the frame has ended
  std::string encoded_;
  std::size_t written_ = 0;  // of encoded_
};

}  // namespace spanflow
