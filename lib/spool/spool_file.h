// The files of a spool. A file has a header and then its records, one after the other. All integers are little endian.
// docs/spool.md describes the format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace spanflow {

// The version of the format. It also covers what a sink stores in a record.
inline constexpr std::uint32_t kSpoolVersion = 1;
// The size of a file header in octets: magic, version, position of the first record, CRC-32C of these three fields.
inline constexpr std::size_t kSpoolFileHeader = 24;
// The size of a record header in octets: length of the payload, CRC-32C of length and payload.
inline constexpr std::size_t kRecordHeader = 8;
// The limit of positions: every valid position is less.
inline constexpr std::uint64_t kMaxPosition = std::uint64_t{1} << 63;

// `first` is the position of the first record in the file. File names sort in the order of the positions.
std::string spool_file_name(std::uint64_t first);
std::optional<std::uint64_t> first_of_spool_file(std::string_view name);

std::string spool_file_header(std::uint64_t first, std::uint32_t version = kSpoolVersion);
void append_record(std::string& out, std::string_view payload);
// Returns the size of the record at the start of `octets`, in octets, including its header. Takes the size from the
// length field.
std::uint64_t record_size(std::string_view octets);

// A file that stores the mark: every position below this number is settled. Writes go in place and alternate between
// two slots. A write therefore needs no disk space, and a torn write leaves the previous number intact.
class MarkFile {
 public:
  // Opens the file in the folder, or creates it. Throws RunError. `path` is the path of the folder, for the error.
  MarkFile(int folder, const std::string& path);
  // Returns the mark, or nullopt if neither slot is valid.
  std::optional<std::uint64_t> read() const;
  // Returns false if the number is unchanged or cannot be written. If a write failed, next() repeats more records after
  // a crash.
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
    kCorrupt,  // this record is corrupt, but a good record follows after its length
    kEnd,      // `limit` is reached
    kBroken,   // nothing after this point can be read
  };

  // Throws std::system_error if the file cannot be opened.
  SpoolFileReader(int folder, std::uint64_t first);

  std::uint64_t first() const { return first_; }
  bool has_good_header();
  // The version of the file's format, if its header is good but for this version.
  std::optional<std::uint32_t> foreign_version();
  // Reads the next record. Treats the offset `limit` as the end of the file. payload() stays valid until the next call.
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
