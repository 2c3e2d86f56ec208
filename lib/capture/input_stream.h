// A file, pipe or standard input in large blocks, with gzip and zstd taken off on the way.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/octet_blocks.h"

namespace spanflow {

// How an input is called in messages: "-" is standard input.
inline std::string shown_input(const std::string& path) { return path == "-" ? "standard input" : path; }

// All calls but progress() by one thread.
class InputStream {
 public:
  // "-" is standard input. Throws RunError if it cannot be opened. Once `stop` is set, a quiet pipe has ended.
  InputStream(const std::string& path, const std::atomic<bool>& stop);
  ~InputStream();
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  // The uncompressed octets at hand, contiguous; valid until the next fill(), and for as long as somebody holds
  // memory().
  std::span<const std::uint8_t> available() const { return std::span(*block_).subspan(at_, end_ - at_); }
  void consume(std::size_t octets) {
    at_ += octets;
    offset_ += octets;
  }
  // Adds to what is available, waiting for it if need be. False at the end or on an error.
  bool fill();
  // Waits up to so long; true if fill() would not have to wait. Always true for files and compressed data.
  bool ready(int wait_ms) const;

  OctetBlocks::Block memory() const { return block_; }

  // A stdio stream of what has not been consumed; the caller closes it, before this object goes.
  std::FILE* open_file();

  // Uncompressed octets consumed so far.
  std::uint64_t offset() const { return offset_; }
  // Why reading stopped short of the end, or empty.
  const std::string& error() const { return error_; }
  // True if compressed data ended in the middle.
  bool cut_short() const { return cut_short_; }
  // Share of a regular file that has been read; negative for others. Thread-safe.
  double progress() const;

 private:
  class Decompressor;
  class Gzip;
  class Zstd;

  bool is_file() const { return file_size_ != 0; }
  // Reads from the descriptor; 0 at the end or on an error.
  std::size_t read_raw(std::uint8_t* out, std::size_t size);

  std::string path_;
  const std::atomic<bool>& stop_;
  int descriptor_ = -1;
  std::uint64_t file_size_ = 0;  // 0 if not a regular file
  std::atomic<std::uint64_t> raw_read_{0};
  std::uint64_t offset_ = 0;
  std::string error_;
  bool cut_short_ = false;
  OctetBlocks blocks_;
  OctetBlocks::Block block_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::unique_ptr<Decompressor> decompressor_;
};

}  // namespace spanflow
