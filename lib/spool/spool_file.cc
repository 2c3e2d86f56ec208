#include "spool/spool_file.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include "base/crc32c.h"
#include "base/error.h"

namespace spanflow {
namespace {

static_assert(std::endian::native == std::endian::little, "the file format is little endian");

constexpr std::string_view kMagic = "spanspol";
constexpr std::string_view kSuffix = ".spool";
constexpr std::size_t kDigits = 20;
constexpr std::uint64_t kReadAhead = std::uint64_t{256} << 10;
constexpr std::size_t kMarkSize = 12;  // the number and its CRC-32C
constexpr off_t kMarkSlot = 512;       // offset of the second slot, so that the two slots are in separate disk sectors

template <typename Integer>
void put(std::string& out, Integer value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename Integer>
Integer get(std::string_view octets) {
  Integer value;
  std::memcpy(&value, octets.data(), sizeof value);
  return value;
}

// Returns the number of octets read. It is less than `size` at the end of the file, or if reading fails.
std::size_t read_at(int descriptor, char* to, std::size_t size, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = ::pread(descriptor, to + done, size - done, static_cast<off_t>(offset + done));
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (count == 0 || errno != EINTR) {
      break;
    }
  }
  return done;
}

}  // namespace

std::string spool_file_name(std::uint64_t first) { return fmt::format("{:020}{}", first, kSuffix); }

std::optional<std::uint64_t> first_of_spool_file(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  std::uint64_t first = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kDigits, first);
  if (error != std::errc() || end != name.data() + kDigits || first >= kMaxPosition) return std::nullopt;
  return first;
}

std::string spool_file_header(std::uint64_t first, std::uint32_t version) {
  std::string header(kMagic);
  put(header, version);
  put(header, first);
  put(header, crc32c(header));
  return header;
}

void append_record(std::string& out, std::string_view payload) {
  const auto length = static_cast<std::uint32_t>(payload.size());
  put(out, length);
  put(out, crc32c({reinterpret_cast<const char*>(&length), sizeof length}, payload));
  out += payload;
}

std::uint64_t record_size(std::string_view octets) { return kRecordHeader + get<std::uint32_t>(octets); }

MarkFile::MarkFile(int folder, const std::string& path)
    : file_(::openat(folder, "acknowledged", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640)) {
  if (!file_) throw RunError(path + "/acknowledged: cannot be opened: " + std::strerror(errno));
}

std::optional<std::uint64_t> MarkFile::read() const {
  std::optional<std::uint64_t> mark;
  for (const off_t offset : {off_t{0}, kMarkSlot}) {
    char octets[kMarkSize];
    if (::pread(file_.get(), octets, sizeof octets, offset) != sizeof octets) continue;
    const auto number = get<std::uint64_t>({octets, 8});
    if (get<std::uint32_t>({octets + 8, 4}) != crc32c({octets, 8}) || number >= kMaxPosition) continue;
    mark = std::max(mark.value_or(0), number);
  }
  return mark;
}

bool MarkFile::write(std::uint64_t mark) {
  if (mark == last_) return false;
  std::string octets;
  put(octets, mark);
  put(octets, crc32c(octets));
  const ssize_t count = ::pwrite(file_.get(), octets.data(), octets.size(), slot_ * kMarkSlot);
  if (count != static_cast<ssize_t>(kMarkSize)) return false;
  last_ = mark;
  slot_ ^= 1;
  return true;
}

SpoolFileReader::SpoolFileReader(int folder, std::uint64_t first)
    : first_(first),
      file_(::openat(folder, spool_file_name(first).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {
  if (!file_) throw std::system_error(errno, std::generic_category());
}

bool SpoolFileReader::has_good_header() {
  return octets(0, kSpoolFileHeader, kSpoolFileHeader) == spool_file_header(first_);
}

std::optional<std::uint32_t> SpoolFileReader::foreign_version() {
  const std::string_view header = octets(0, kSpoolFileHeader, kSpoolFileHeader);
  if (header.size() < kSpoolFileHeader) return std::nullopt;
  const auto version = get<std::uint32_t>(header.substr(kMagic.size()));
  if (version == kSpoolVersion || header != spool_file_header(first_, version)) return std::nullopt;
  return version;
}

SpoolFileReader::Found SpoolFileReader::read(std::uint64_t limit) {
  if (offset_ >= limit) return Found::kEnd;
  const std::optional<std::uint64_t> end = end_of_record(offset_, limit);
  if (!end) return Found::kBroken;
  if (is_good(offset_, *end, limit)) {
    payload_ = octets(offset_, *end - offset_, limit).substr(kRecordHeader);
    offset_ = *end;
    return Found::kRecord;
  }
  const std::optional<std::uint64_t> end_of_next = end_of_record(*end, limit);
  if (!end_of_next || !is_good(*end, *end_of_next, limit)) return Found::kBroken;
  offset_ = *end;
  return Found::kCorrupt;
}

// Returns fewer than `size` octets at the end of the file.
std::string_view SpoolFileReader::octets(std::uint64_t offset, std::uint64_t size, std::uint64_t limit) {
  if (offset < buffer_offset_ || offset + size > buffer_offset_ + buffer_.size()) {
    buffer_.resize(std::min(std::max(size, kReadAhead), limit - offset));
    buffer_offset_ = offset;
    buffer_.resize(read_at(file_.get(), buffer_.data(), buffer_.size(), offset));
  }
  return std::string_view(buffer_).substr(offset - buffer_offset_, size);
}

std::optional<std::uint64_t> SpoolFileReader::end_of_record(std::uint64_t offset, std::uint64_t limit) {
  if (limit - offset < kRecordHeader) return std::nullopt;
  const std::string_view header = octets(offset, kRecordHeader, limit);
  if (header.size() < kRecordHeader) return std::nullopt;
  const std::uint64_t size = record_size(header);
  if (size > limit - offset) return std::nullopt;
  return offset + size;
}

bool SpoolFileReader::is_good(std::uint64_t offset, std::uint64_t end, std::uint64_t limit) {
  const std::string_view record = octets(offset, end - offset, limit);
  return record.size() == end - offset &&
         get<std::uint32_t>(record.substr(4)) == crc32c(record.substr(0, 4), record.substr(kRecordHeader));
}

}  // namespace spanflow
