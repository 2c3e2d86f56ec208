// Reads a file, pipe or standard input in large blocks, and decompresses gzip and zstd.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/octet_blocks.h"

namespace spanflow {

// Returns the name of an input for messages. The name of "-" is "standard input".
inline std::string shown_input(const std::string& path) { return path == "-" ? "standard input" : path; }

// Used by one thread; any thread may call progress().
class InputStream {
 public:
  // The path "-" is standard input; see inherited_descriptor(). Waits for the first octets of a pipe, and for the
  // writer of a named pipe. Throws RunError if the input cannot be opened. Once `stop` is set, the stream of a pipe
  // ends as soon as the pipe has no data.
  InputStream(const std::string& path, const std::atomic<bool>& stop);
  ~InputStream();
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  // Returns the uncompressed octets that have been read but not consumed, as one span. The octets are valid until the
  // next fill(), and longer if the caller keeps a reference to memory().
  std::span<const std::uint8_t> available() const { return std::span(*block_).subspan(at_, end_ - at_); }
  void consume(std::size_t octets) {
    at_ += octets;
    offset_ += octets;
  }
  // Reads more octets, and waits for them if necessary. False at the end of the input or on an error.
  bool fill();
  // Waits up to `wait_ms` milliseconds for data from a pipe. False if no data has come, so that fill() would wait.
  // Always true for a regular file and for compressed data. If the compressed data comes from a pipe, fill() may still
  // wait.
  bool ready(int wait_ms) const;

  OctetBlocks::Block memory() const { return block_; }

  // Returns a stdio stream that reads the octets not yet consumed, up to the end of the input. The caller must close
  // the stdio stream before this object is destroyed.
  std::FILE* open_file();

  // Returns the number of uncompressed octets consumed so far.
  std::uint64_t offset() const { return offset_; }
  // Returns the reason why the input cannot be read or decompressed; empty if there was no error.
  const std::string& error() const { return error_; }
  // True if compressed data ended inside a gzip member or a zstd frame.
  bool cut_short() const { return cut_short_; }
  // Returns the share of a regular file that has been read, from 0 to 1; negative for other inputs. Thread-safe.
  double progress() const;

 private:
  class Decompressor;
  class Gzip;
  class Zstd;

  bool is_file() const { return file_size_ != 0; }
  // Reads from the descriptor, and waits for data from a pipe. Returns 0 at the end, on an error or once the run stops.
  std::size_t read_raw(std::uint8_t* out, std::size_t size);

  std::string path_;
  const std::atomic<bool>& stop_;
  Descriptor descriptor_;
  std::uint64_t file_size_ = 0;  // 0 if the input is not a regular file, or is empty
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
