// Writes files of lines. Each file is written as NAME.part, and renamed to NAME once it is complete and synced.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "sinks/output_file.h"
#include "sinks/rotation.h"
#include "sinks/target.h"

namespace spanflow {

// A complete file gets the first free name, so it replaces no file. A file without records is removed. The first file
// of a run is an exception if the settings do not ask for rotation: it is kept even without records. If its name also
// has no time, the file replaces the file of the previous run.
class FileTarget : public Target {
 public:
  using Clock = std::function<WallTime()>;

  // Completes the files that a crashed run left, and begins the first file. Throws RunError. A new value of `rotations`
  // ends the current file; `rotations` must outlive the target. `continues`: true if existing files may belong to this
  // run; then the first file replaces no file.
  FileTarget(const FileSettings& settings, std::string header, const std::atomic<std::uint64_t>& rotations,
             bool continues = false, Clock clock = std::chrono::system_clock::now);

  void flush() override;
  void end() override { ending_ = true; }
  std::uint64_t take_lost_lines() override { return std::exchange(lost_lines_, 0); }

 private:
  void complete_leftovers();
  void complete_leftover(std::unique_ptr<PartFile> part) const;
  void begin_file();
  std::unique_ptr<PartFile> empty_part(const std::string& path) const;
  void put_header_first();
  void write_lines();
  void give_up_removed_file();
  bool must_end();
  bool has_records() const { return rotation_.octets() > header_.size(); }
  void end_file();

  const FileName name_;
  const std::string header_;
  const int level_;
  const bool compress_;
  const bool rotates_;
  const std::atomic<std::uint64_t>& rotations_;
  const Clock clock_;

  Rotation rotation_;
  std::unique_ptr<OutputFile> file_;  // nullptr: the last file has ended, and no text has been written since
  std::uint64_t followed_ = 0;        // value of rotations_ when the file began, or when it last had no records
  std::size_t written_ = 0;           // number of octets of buffer_ that are written
  std::size_t end_ = 0;               // offset in buffer_ up to which the text fits into the current file
  std::int64_t lines_ = 0;            // lines in the current file, without those of the header
  std::uint64_t lost_lines_ = 0;      // lines in removed files, see take_lost_lines()
  bool first_;                        // true until the first file of this run has ended
  bool ending_ = false;
};

}  // namespace spanflow
