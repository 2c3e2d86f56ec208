// The files of a spool: a header, then records one after the other; all integers are little endian. docs/spool.md has
// the format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace spanflow {

// The size of a file header: magic, version, position of the first record, CRC-32C of these three.
inline constexpr std::size_t kSpoolFileHeader = 24;
// The size of a record header: length of the payload, CRC-32C of length and payload.
inline constexpr std::size_t kRecordHeader = 8;
inline constexpr std::uint64_t kMaxPosition = std::uint64_t{1} << 63;

// The order of file names is the order of positions.
std::string spool_file_name(std::uint64_t first);
std::optional<std::uint64_t> first_of_spool_file(std::string_view name);

std::string spool_file_header(std::uint64_t first);
void append_record(std::string& out, std::string_view payload);
// The size of the record that begins here, header included, according to its length field.
std::uint64_t record_size(std::string_view octets);

// A file that stores one number, rewritten in place: a write needs no disk space, and a torn write leaves the previous
// number intact.
class MarkFile {
 public:
  // Throws RunError.
  MarkFile(int folder, const std::string& path);
  std::optional<std::uint64_t> read() const;
  // False if the number is unchanged or cannot be written. If a write failed, more records are repeated after a crash.
  bool write(std::uint64_t mark);
  int descriptor() const { return file_.get(); }

 private:
  Descriptor file_;
  std::optional<std::uint64_t> last_;
  unsigned slot_ = 0;
};

// Reads the records of one file in order. Not thread-safe.
class SpoolFileReader {
 public:
  enum class Found : std::uint8_t {
    kRecord,
    kCorrupt,  // this record is corrupt, but its length field leads to a good one
    kEnd,
    kBroken,  // nothing after this point can be read
  };

  // Throws std::system_error when the file cannot be opened.
  SpoolFileReader(int folder, std::uint64_t first);

  std::uint64_t first() const { return first_; }
  bool has_good_header();
  // Reads only the first `limit` octets of the file. The payload stays valid until the next call.
  Found read(std::uint64_t limit);
  std::string_view payload() const { return payload_; }
  std::uint64_t offset() const { return offset_; }

 private:
  std::string_view octets(std::uint64_t offset, std::uint64_t size, std::uint64_t limit);
  std::optional<std::uint64_t> end_of_record(std::uint64_t offset, std::uint64_t limit);
  bool is_good(std::uint64_t offset, std::uint64_t end, std::uint64_t limit);

  std::uint64_t first_;
  Descriptor file_;
  std::uint64_t offset_ = kSpoolFileHeader;
  std::string buffer_;
  std::uint64_t buffer_offset_ = 0;  // offset of buffer_ in the file
  std::string_view payload_;
};

}  // namespace spanflow
