#include "sinks/file_target.h"

#include <algorithm>
#include <filesystem>

#include "sinks/part_repair.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

namespace fs = std::filesystem;

// Returns the target of a symbolic link, so that the new file replaces this target and not the link. Returns any other
// path unchanged.
std::string behind_links(const std::string& path) {
  std::error_code none;
  const std::string there = fs::canonical(path, none);
  return fs::is_symlink(path, none) && !there.empty() ? there : path;
}

bool is_compressed(const FileSettings& settings) {
  if (settings.compression == Compression::kAuto) return settings.path.ends_with(".zst");
  return settings.compression == Compression::kZstd;
}

}  // namespace

FileTarget::FileTarget(const FileSettings& settings, std::string header, const std::atomic<std::uint64_t>& rotations,
                       bool continues, Clock clock)
    : name_(behind_links(settings.path)),
      header_(std::move(header)),
      level_(static_cast<int>(settings.compression_level)),
      compress_(is_compressed(settings)),
      rotates_(settings.rotates()),
      rotations_(rotations),
      clock_(std::move(clock)),
      rotation_(settings.rotate_every, settings.rotate_size),
      first_(!continues) {
  complete_leftovers();
  begin_file();
}

void FileTarget::complete_leftovers() {
  std::vector<std::string> left;
  std::error_code none;  // ignored, because begin_file() reports a missing folder
  for (const fs::directory_entry& entry : fs::directory_iterator(name_.folder(), none)) {
    const fs::path& path = entry.path();
    if (path.extension() == PartFile::kSuffix && name_.may_be(path.stem())) left.push_back(path.stem());
  }
  for (const std::string& name : left) {
    const std::string path = name_.in_folder(name);
    if (fs::is_regular_file(fs::symlink_status(path + std::string(PartFile::kSuffix), none))) {
      complete_leftover(std::make_unique<PartFile>(path));
    }
  }
}

// Repairs a file that a crashed run left, and gives it a free name, so it replaces no file. The search for a free name
// starts at number 1 if the first file of this run will replace the file with number 0.
void FileTarget::complete_leftover(std::unique_ptr<PartFile> part) const {
  const std::string was = part->part_path();
  Repaired repaired = repair(std::move(part), level_);
  if (repaired.kept <= header_.size()) {
    repaired.part->remove();
    log().warn("{}: removed: it has no record, and a run that crashed or was killed left it", was);
    return;
  }
  const std::string name = repaired.part->complete(name_.has_time() || rotates_ ? 0 : 1);
  log().warn(
      "{}: a run that crashed or was killed left this file: completed as {}, without {} octets of an incomplete last "
      "line",
      was, name, repaired.cut);
}

void FileTarget::begin_file() {
  const WallTime now = clock_();
  file_ = std::make_unique<OutputFile>(empty_part(name_.at(now)), compress_ ? std::optional(level_) : std::nullopt);
  rotation_.begin(now);
  lines_ = -std::ranges::count(header_, '\n');  // the header is written like a record
  followed_ = rotations_;
  put_header_first();
}

std::unique_ptr<PartFile> FileTarget::empty_part(const std::string& path) const {
  auto part = std::make_unique<PartFile>(path);
  if (part->size() == 0) return part;
  complete_leftover(std::move(part));
  return std::make_unique<PartFile>(path);
}

void FileTarget::put_header_first() {
  TextBuffer lines;
  TextWriter out(lines);
  out.append(header_);
  out.append(buffer_.view().substr(written_));
  out.finish();
  buffer_ = std::move(lines);
  written_ = end_ = 0;
}

void FileTarget::flush() {
  give_up_removed_file();
  write_lines();
  if (file_ != nullptr && must_end()) end_file();
}

// Somebody may remove the file, for example a job that cleans up. Its lines are then lost, and the next file begins.
void FileTarget::give_up_removed_file() {
  if (file_ == nullptr || file_->is_at_its_path()) return;
  const auto lost = static_cast<std::uint64_t>(std::max<std::int64_t>(0, std::exchange(lines_, 0)));
  log().error("{}: {} records are lost: somebody removed the file before it was complete", name_.at(clock_()), lost);
  lost_lines_ += lost;
  file_.reset();
  first_ = false;
  // The first line that was not written as a whole belongs to the next file.
  written_ = end_ = buffer_.view().substr(0, written_).rfind('\n') + 1;
}

void FileTarget::write_lines() {
  while (written_ < buffer_.size()) {
    if (file_ == nullptr) begin_file();
    if (written_ == end_) end_ += rotation_.fitting(buffer_.view().substr(written_), header_.size()).size();
    if (written_ == end_) {
      end_file();
      continue;
    }
    const std::string_view rest = buffer_.view().substr(written_, end_ - written_);
    const std::size_t count = file_->write_some(rest);
    rotation_.add(count);
    lines_ += std::ranges::count(rest.substr(0, count), '\n');
    written_ += count;
  }
  buffer_.clear();
  written_ = end_ = 0;
  if (file_ != nullptr) file_->flush();
}

bool FileTarget::must_end() {
  if (!has_records()) followed_ = rotations_;  // a file without records need not end when a rotation is requested
  return ending_ || rotation_.is_out_of_time(clock_()) || followed_ != rotations_;
}

void FileTarget::end_file() {
  const bool only_one = first_ && !rotates_;
  if (!has_records() && !only_one) {
    file_->remove();
  } else if (only_one && !name_.has_time()) {
    file_->complete_replacing();
  } else {
    file_->complete(0);
  }
  file_.reset();
  first_ = false;
}

}  // namespace spanflow
