// Reads a file, pipe or standard input in large blocks, and decompresses gzip and zstd.
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

// Returns the name of an input for messages: "-" is standard input.
inline std::string shown_input(const std::string& path) { return path == "-" ? "standard input" : path; }

// Used by one thread, except for progress().
class InputStream {
 public:
  // "-" is standard input. Throws RunError if the input cannot be opened. Once `stop` is set, a pipe without data ends.
  InputStream(const std::string& path, const std::atomic<bool>& stop);
  ~InputStream();
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  // Returns the uncompressed octets that have been read and not consumed, contiguously. They are valid until the next
  // fill(), and while a reference to memory() exists.
  std::span<const std::uint8_t> available() const { return std::span(*block_).subspan(at_, end_ - at_); }
  void consume(std::size_t octets) {
    at_ += octets;
    offset_ += octets;
  }
  // Reads more octets, and waits for them if necessary. False at the end of the input or on an error.
  bool fill();
  // Waits up to `wait_ms`. True if fill() would not have to wait, which is always so for files and compressed data.
  bool ready(int wait_ms) const;

  OctetBlocks::Block memory() const { return block_; }

  // Returns a stdio stream of the octets that are not yet consumed. The caller must close the stream before this object
  // is destroyed.
  std::FILE* open_file();

  // Returns the number of uncompressed octets consumed so far.
  std::uint64_t offset() const { return offset_; }
  // Says why reading stopped before the end; empty if it did not.
  const std::string& error() const { return error_; }
  // True if compressed data ended before its end mark.
  bool cut_short() const { return cut_short_; }
  // Returns the share of a regular file that has been read; negative for other inputs. Thread-safe.
  double progress() const;

 private:
  class Decompressor;
  class Gzip;
  class Zstd;

  bool is_file() const { return file_size_ != 0; }
  // Reads from the descriptor. Returns 0 at the end or on an error.
  std::size_t read_raw(std::uint8_t* out, std::size_t size);

  std::string path_;
  const std::atomic<bool>& stop_;
  int descriptor_ = -1;
  std::uint64_t file_size_ = 0;  // 0 if the input is not a regular file
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
