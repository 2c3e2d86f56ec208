#include "spool/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/thread.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

constexpr std::size_t kWriteSize = std::size_t{64} << 10;

bool is_full(int error) { return error == ENOSPC || error == EDQUOT; }

void create_folder(const std::string& path) {
  std::error_code ignored;  // mkdir() then reports the error
  const std::filesystem::path parent = std::filesystem::absolute(path).parent_path();
  std::filesystem::create_directories(parent, ignored);
  if (::mkdir(path.c_str(), 0750) == 0 || errno == EEXIST) return;
  throw RunError(path + ": cannot be made as a spool: " + std::strerror(errno));
}

Descriptor open_folder(const std::string& path) {
  create_folder(path);
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) throw RunError(path + ": cannot be opened as a spool: " + std::strerror(errno));
  if (::flock(folder.get(), LOCK_EX | LOCK_NB) == 0) return folder;
  throw RunError(path + ": cannot be locked: " +
                 (errno == EWOULDBLOCK ? "another process uses this spool" : std::strerror(errno)));
}

// Truncates the file before deleting it: the disk space is then free even if a process still has the file open.
void remove_file(int folder, std::uint64_t first) {
  const std::string name = spool_file_name(first);
  const Descriptor emptied(::openat(folder, name.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  ::unlinkat(folder, name.c_str(), 0);
}

bool cut_file(int folder, std::uint64_t first, std::uint64_t size) {
  const Descriptor file(
      ::openat(folder, spool_file_name(first).c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return file && ::ftruncate(file.get(), static_cast<off_t>(size)) == 0;
}

// Returns the seconds since the file was created, or since its last write if the file system stores no creation time.
// Returns 0 if the file does not exist.
double age_of_file(int folder, std::uint64_t first) {
  struct statx facts {};
  if (::statx(folder, spool_file_name(first).c_str(), AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_MTIME, &facts) != 0)
    return 0;
  const statx_timestamp& begun = (facts.stx_mask & STATX_BTIME) != 0 ? facts.stx_btime : facts.stx_mtime;
  const auto since_epoch = std::chrono::seconds{begun.tv_sec} + std::chrono::nanoseconds{begun.tv_nsec};
  const std::chrono::duration<double> age = std::chrono::system_clock::now().time_since_epoch() - since_epoch;
  return std::max(age.count(), 0.0);
}

// Returns the size in octets and the number of the complete records in the first `size` octets of `buffer`.
std::pair<std::size_t, std::uint64_t> whole_records(std::string_view buffer, std::size_t size) {
  std::size_t octets = 0;
  std::uint64_t records = 0;
  for (; octets + kRecordHeader <= size; ++records) {
    const std::uint64_t next = record_size(buffer.substr(octets));
    if (octets + next > size) break;
    octets += next;
  }
  return {octets, records};
}

}  // namespace

Spool::Spool(SpoolOptions options)
    : options_(std::move(options)),
      file_limit_(std::min(options_.file_bytes, options_.max_bytes / 2)),
      folder_(open_folder(options_.path)),
      mark_(std::make_unique<MarkFile>(folder_.get(), options_.path)) {
  recover();
  thread_ = start_thread("spool", [this] { run(); });
}

Spool::~Spool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
  sync();
}

void Spool::run() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, options_.sync_interval, [this] { return stopping_; })) {
    lock.unlock();
    sync();
    lock.lock();
  }
}

// --- Recovery of an earlier run's files ---

void Spool::recover() {
  files_ = find_files();
  for (const auto& [first, octets] : files_) file_octets_ += octets;
  const std::uint64_t end = files_.empty() ? 0 : recover_last_file();

  const std::optional<std::uint64_t> mark = mark_->read();
  const std::uint64_t oldest = files_.empty() ? end : files_.begin()->first;
  const std::uint64_t start = mark.value_or(oldest);
  // After a crash, the mark may be ahead of the records, if the mark had reached the disk and the records had not. New
  // records then begin at the mark, because positions below it count as settled.
  written_position_ = next_position_ = std::max(end, start);
  settled_ = SettledPositions(start);
  ledger_.recovered += next_position_ - start;
  if (oldest > start) report_lost(start, 0, SpoolDrop::kMissing, lose(start, oldest, SpoolDrop::kMissing));
  retire();
  mark_->write(settled_.low_water());
}

Spool::Files Spool::find_files() const try {
  Files files;
  for (const auto& entry : std::filesystem::directory_iterator(options_.path)) {
    const std::optional<std::uint64_t> first = first_of_spool_file(entry.path().filename().native());
    if (first && entry.symlink_status().type() == std::filesystem::file_type::regular) {
      files.emplace(*first, entry.file_size());
    }
  }
  return files;
} catch (const std::filesystem::filesystem_error& error) {
  throw RunError(options_.path + ": cannot be read: " + error.code().message());
}

// Counts the records of the last file, because no later file name shows where they end. Returns the position after
// these records. Removes the file if it has no records.
std::uint64_t Spool::recover_last_file() {
  const auto last = std::prev(files_.end());
  const std::uint64_t first = last->first;
  const std::uint64_t records = count_records(first);
  if (records == 0) {
    remove_file(folder_.get(), first);
    file_octets_ -= last->second;
    files_.erase(last);
  }
  return first + records;
}

// Counts the records of the file. Cuts off the end of the file if it is torn. The number of records that are lost with
// the end is unknown, so they count as one.
std::uint64_t Spool::count_records(std::uint64_t first) try {
  std::uint64_t& octets = files_.at(first);
  SpoolFileReader reader(folder_.get(), first);
  if (const auto version = reader.foreign_version()) {
    throw RunError(fmt::format("{}: this file has version {} of the format, and this program knows only version {}",
                               path_of(first), *version, kSpoolVersion));
  }
  if (!reader.has_good_header()) {
    if (octets <= kSpoolFileHeader) return 0;
    ++ledger_.recovered;
    ++dropped(SpoolDrop::kCorrupt);
    log().warn("{}: the header is not that of a spool file, or is corrupt: the file is removed", path_of(first));
    return 0;
  }
  std::uint64_t records = 0;
  SpoolFileReader::Found found{};
  while ((found = reader.read(octets)) <= SpoolFileReader::Found::kCorrupt) ++records;
  if (found == SpoolFileReader::Found::kBroken) {
    ++ledger_.recovered;
    ++dropped(SpoolDrop::kTorn);
    log().warn("{}: torn at offset {}: {} octets are cut off", path_of(first), reader.offset(),
               octets - reader.offset());
    if (cut_file(folder_.get(), first, reader.offset())) {
      file_octets_ -= octets - reader.offset();
      octets = reader.offset();
    }
  }
  return records;
} catch (const std::system_error& error) {
  throw RunError(path_of(first) + ": cannot be read: " + error.code().message());
}

// --- Writing ---

void Spool::append(std::string_view payload) {
  const std::size_t size = kRecordHeader + payload.size();
  const std::lock_guard lock(mutex_);
  ++ledger_.appended;
  if (!make_room(size)) {
    ++dropped(SpoolDrop::kMaxBytes);
    return;
  }
  append_record(buffer_, payload);
  ++next_position_;
  if (buffer_.size() >= kWriteSize) write_out();
}

// Returns false if there is no room for a record of `size` octets, even after dropping older files.
bool Spool::make_room(std::size_t size) {
  if (size > UINT32_MAX || size + kSpoolFileHeader > options_.max_bytes) return false;
  const std::uint64_t in_file = (current_ ? files_.rbegin()->second : kSpoolFileHeader) + buffer_.size();
  if (in_file + size > file_limit_) {
    write_out();
    close_file();
  }
  const std::uint64_t needed = size + (current_ ? 0 : kSpoolFileHeader);
  while (file_octets_ + buffer_.size() + needed > options_.max_bytes) {
    if (!drop_oldest(SpoolDrop::kMaxBytes)) return false;
  }
  return true;
}

// Frees disk space. If there are retired files, deletes these files, because their records are settled. Otherwise drops
// the oldest file. Never drops the file being written: returns false if there is no other file.
bool Spool::drop_oldest(SpoolDrop reason) {
  if (retired_.empty()) {
    const auto oldest = files_.begin();
    if (oldest == files_.end() || is_being_written(oldest)) return false;
    lose(oldest->first, end_of(oldest), reason);
    warn_once(fmt::format("{}: {}: the oldest files are dropped", options_.path,
                          kSpoolDropNames[static_cast<std::size_t>(reason)]));
    retire();
  }
  mark_->write(settled_.low_water());
  for (const std::uint64_t first : take_retired()) remove_file(folder_.get(), first);
  return true;
}

void Spool::flush() {
  const std::lock_guard lock(mutex_);
  write_out();
}

void Spool::write_out() {
  if (buffer_.empty()) return;
  bool elsewhere = false;
  while (const int error = write_buffer()) {
    if (is_full(error)) {
      if (drop_oldest(SpoolDrop::kNoSpace)) continue;
      return drop_buffer(SpoolDrop::kNoSpace, error);
    }
    // Tries a new file once, because only a part of the disk may be defective.
    if (elsewhere) return drop_buffer(SpoolDrop::kWriteFailed, error);
    elsewhere = true;
    keep_what_is_whole();
    close_file();
  }
  if (options_.sync == SpoolSync::kAlways) note_sync(do_sync_work(take_sync_work()));
}

// Returns 0 or the error (errno). After an error, written_ is the number of octets of buffer_ that are in the file.
int Spool::write_buffer() {
  if (!current_) {
    if (const int error = open_file()) return error;
  }
  const std::uint64_t start = files_.rbegin()->second;
  while (written_ < buffer_.size()) {
    const ssize_t count = ::pwrite(current_->get(), buffer_.data() + written_, buffer_.size() - written_,
                                   static_cast<off_t>(start + written_));
    if (count >= 0) {
      written_ += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  keep_what_is_whole();
  if (unsynced_.empty() || unsynced_.back() != current_) unsynced_.push_back(current_);
  return 0;
}

int Spool::open_file() {
  const std::string name = spool_file_name(written_position_);
  Descriptor opened(::openat(folder_.get(), name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!opened) return errno;
  const std::string header = spool_file_header(written_position_);
  errno = ENOSPC;  // a short write does not set errno; it means that the disk is full
  if (::pwrite(opened.get(), header.data(), header.size(), 0) != static_cast<ssize_t>(header.size())) {
    const int error = errno;
    ::unlinkat(folder_.get(), name.c_str(), 0);
    return error;
  }
  current_ = std::make_shared<Descriptor>(std::move(opened));
  files_.emplace(written_position_, header.size());
  file_octets_ += header.size();
  folder_unsynced_ = true;
  return 0;
}

// Removes from the buffer the records that are completely in the file. Cuts a partial record off the file.
void Spool::keep_what_is_whole() {
  if (!current_) return;
  const auto [size, records] = written_ == buffer_.size() ? std::pair(written_, next_position_ - written_position_)
                                                          : whole_records(buffer_, written_);
  std::uint64_t& in_file = files_.rbegin()->second;
  in_file += size;
  file_octets_ += size;
  written_position_ += records;
  if (size < written_ && ::ftruncate(current_->get(), static_cast<off_t>(in_file)) != 0) {
    warn_once(fmt::format("{}: a spool file cannot be truncated: {}", options_.path, std::strerror(errno)));
  }
  buffer_.erase(0, size);
  written_ = 0;
}

void Spool::drop_buffer(SpoolDrop reason, int error) {
  keep_what_is_whole();
  dropped(reason) += next_position_ - written_position_;
  next_position_ = written_position_;
  buffer_.clear();
  warn_once(fmt::format("{}: records are dropped: {}", options_.path, std::strerror(error)));
}

void Spool::warn_once(const std::string& text) {
  if (!std::exchange(warned_, true)) log().warn("{}", text);
}

void Spool::close_file() {
  if (!current_) return;
  const auto last = std::prev(files_.end());
  if (last->first == written_position_) {
    remove_file(folder_.get(), last->first);
    file_octets_ -= last->second;
    files_.erase(last);
  }
  current_.reset();
  retire();
}

Spool::SyncWork Spool::take_sync_work() {
  SyncWork work{.files = std::exchange(unsynced_, {}), .folder = std::exchange(folder_unsynced_, false)};
  work.mark = mark_->write(settled_.low_water());
  return work;
}

// Returns the last error (errno), or 0.
int Spool::do_sync_work(const SyncWork& work) const {
  if (options_.sync == SpoolSync::kOff) return 0;
  int error = 0;
  const auto note = [&error](int result) { error = result == 0 ? error : errno; };
  for (const auto& file : work.files) note(::fdatasync(file->get()));
  if (work.folder) note(::fsync(folder_.get()));
  if (work.mark) note(::fdatasync(mark_->descriptor()));
  return error;
}

void Spool::note_sync(int error) {
  if (error == 0) return;
  ++ledger_.sync_failures;
  warn_once(fmt::format("{}: cannot be synced: {}", options_.path, std::strerror(error)));
}

void Spool::sync() {
  const std::lock_guard syncing(syncing_);
  std::unique_lock lock(mutex_);
  write_out();
  if (waiting() == 0) {
    close_file();
    warned_ = false;
  }
  const SyncWork work = take_sync_work();
  const std::vector<std::uint64_t> retired = take_retired();
  lock.unlock();
  const int error = do_sync_work(work);
  // The files are deleted after the sync of the mark. If a crash kept an older mark but not these files, a restart
  // would report their records as lost.
  for (const std::uint64_t first : retired) remove_file(folder_.get(), first);
  lock.lock();
  note_sync(error);
}

// --- Reading ---

std::optional<SpooledRecord> Spool::next() {
  const std::lock_guard lock(mutex_);
  for (;;) {
    read_position_ = std::max(read_position_, settled_.low_water());
    if (read_position_ >= written_position_) write_out();
    if (read_position_ >= written_position_) return std::nullopt;
    const auto file = std::prev(files_.upper_bound(read_position_));
    if (!reader_ || reader_->first() != file->first) {
      if (!open_reader(file)) continue;
    }
    if (const std::optional<SpooledRecord> record = read(file)) return record;
  }
}

void Spool::rewind() {
  const std::lock_guard lock(mutex_);
  reader_.reset();
  read_position_ = 0;
}

// Returns false if the file is missing or its header is corrupt. The records of the file are then counted as lost.
bool Spool::open_reader(Files::const_iterator file) try {
  const std::uint64_t first = file->first;
  reader_ = std::make_unique<SpoolFileReader>(folder_.get(), first);
  reader_position_ = first;
  if (reader_->has_good_header()) return true;
  lose_rest(file, first, SpoolDrop::kCorrupt, 0);
  return false;
} catch (const std::system_error& error) {
  reader_.reset();
  if (error.code() != std::errc::no_such_file_or_directory) {
    throw RunError(path_of(file->first) + ": cannot be read: " + error.code().message());
  }
  lose_rest(file, file->first, SpoolDrop::kMissing, 0);
  return false;
}

// Reads one record of the file. Returns nullopt if this record is not to be returned or cannot be read; next() then
// tries again.
std::optional<SpooledRecord> Spool::read(Files::const_iterator file) {
  const std::uint64_t position = reader_position_;
  const std::uint64_t offset = reader_->offset();
  switch (reader_->read(file->second)) {
    case SpoolFileReader::Found::kRecord:
      ++reader_position_;
      if (position < read_position_) return std::nullopt;
      ++read_position_;
      if (settled_.contains(position)) return std::nullopt;
      return SpooledRecord{position, reader_->payload()};
    case SpoolFileReader::Found::kCorrupt:
      ++reader_position_;
      read_position_ = std::max(read_position_, reader_position_);
      report_lost(file->first, offset, SpoolDrop::kCorrupt, lose(position, reader_position_, SpoolDrop::kCorrupt));
      return std::nullopt;
    case SpoolFileReader::Found::kEnd:
      lose_rest(file, position, SpoolDrop::kMissing, offset);
      return std::nullopt;
    case SpoolFileReader::Found::kBroken:
      lose_rest(file, position, SpoolDrop::kCorrupt, offset);
      return std::nullopt;
  }
  return std::nullopt;
}

// Counts the records of the file from `position` on as lost. next() continues after the file. If the file is being
// written, closes it. `offset` is for the log message.
void Spool::lose_rest(Files::const_iterator file, std::uint64_t position, SpoolDrop reason, std::uint64_t offset) {
  const std::uint64_t first = file->first;
  const std::uint64_t end = end_of(file);
  read_position_ = end;
  reader_.reset();
  report_lost(first, offset, reason, lose(position, end, reason));
  if (end == written_position_) close_file();
  retire();
}

std::uint64_t Spool::end_of(Files::const_iterator file) const {
  const auto after = std::next(file);
  return after == files_.end() ? written_position_ : after->first;
}

std::uint64_t Spool::lose(std::uint64_t first, std::uint64_t end, SpoolDrop reason) {
  const std::uint64_t records = settled_.settle(first, end);
  dropped(reason) += records;
  return records;
}

void Spool::report_lost(std::uint64_t first, std::uint64_t offset, SpoolDrop reason, std::uint64_t records) const {
  if (records == 0) return;
  log().warn("{}: offset {}: {} records lost: {}", path_of(first), offset, records,
             kSpoolDropNames[static_cast<std::size_t>(reason)]);
}

bool Spool::acknowledge(std::uint64_t position) {
  const std::lock_guard lock(mutex_);
  if (position >= written_position_) return false;
  const std::uint64_t settled = settled_.settle(position, position + 1);
  ledger_.acknowledged += settled;
  retire();
  return settled > 0;
}

// Moves files from files_ to retired_, oldest first, as long as all records of the file are settled. Never moves the
// file being written.
void Spool::retire() {
  while (!files_.empty()) {
    const auto oldest = files_.begin();
    if (is_being_written(oldest) || end_of(oldest) > settled_.low_water()) return;
    retired_.push_back(oldest->first);
    retired_octets_ += oldest->second;
    files_.erase(oldest);
  }
}

std::vector<std::uint64_t> Spool::take_retired() {
  file_octets_ -= std::exchange(retired_octets_, 0);
  return std::exchange(retired_, {});
}

SpoolLedger Spool::ledger() const {
  const std::lock_guard lock(mutex_);
  SpoolLedger ledger = ledger_;
  ledger.waiting = next_position_ - settled_.low_water() - settled_.above();
  ledger.files = files_.size() + retired_.size();
  ledger.octets = file_octets_ + buffer_.size();
  ledger.oldest_seconds = oldest_seconds();
  return ledger;
}

double Spool::oldest_seconds() const {
  if (settled_.low_water() >= written_position_) return 0;
  return age_of_file(folder_.get(), files_.begin()->first);
}

}  // namespace spanflow
