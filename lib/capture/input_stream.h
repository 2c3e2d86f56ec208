// A file, pipe or standard input as libpcap can read it, with gzip and zstd taken off on the way.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace spanflow {

// Must outlive the FILE it gave out. All calls but progress() by one thread.
class InputStream {
 public:
  // "-" is standard input. Throws RunError if it cannot be opened. Once `stop` is set, a pipe reads as at its end.
  InputStream(const std::string& path, const std::atomic<bool>& stop);
  ~InputStream();
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  // A stdio stream of the uncompressed octets; the caller closes it.
  std::FILE* open_file();
  // True if reading would give something at once: always for a regular file or compressed data.
  bool ready(int wait_ms);
  // Uncompressed octets given out so far.
  std::uint64_t offset() const { return offset_; }
  // Why reading stopped short of the end, or empty.
  const std::string& error() const { return error_; }
  // Share of a regular file that has been read; negative for others. Thread-safe.
  double progress() const;

 private:
  class Decompressor;
  class Gzip;
  class Zstd;

  // 0 at the end, -1 on an error.
  std::ptrdiff_t read(char* out, std::size_t size);
  std::ptrdiff_t copy_raw(char* out, std::size_t size);
  // Reads the next raw block; false at the end or on an error.
  bool refill();
  bool descriptor_ready(int wait_ms) const;

  std::string path_;
  const std::atomic<bool>& stop_;
  int descriptor_ = -1;
  std::uint64_t file_size_ = 0;  // 0 if not a regular file
  std::atomic<std::uint64_t> raw_read_{0};
  std::uint64_t offset_ = 0;
  std::string error_;
  std::vector<char> raw_;  // the block [raw_at_, raw_end_) was read and not yet given on
  std::size_t raw_at_ = 0;
  std::size_t raw_end_ = 0;
  std::unique_ptr<Decompressor> decompressor_;
};

}  // namespace spanflow
