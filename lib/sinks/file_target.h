// Files of lines: each is written as NAME.part and gets its name once it is complete and synced.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sinks/output_file.h"
#include "sinks/rotation.h"
#include "sinks/target.h"

namespace spanflow {

// The files of a run get free names. Exception: a run's only file without a time in its name replaces the file of the
// previous run. A file without records is removed, unless it is the run's only file.
class FileTarget : public Target {
 public:
  using Clock = std::function<WallTime()>;

  // Completes the files that a crashed run left, and begins the first file. Throws RunError. A change of `rotations`,
  // which must outlive the target, ends the current file. `continues`: existing files may belong to this run.
  FileTarget(const FileSettings& settings, std::string header, const std::atomic<std::uint64_t>& rotations,
             bool continues = false, Clock clock = std::chrono::system_clock::now);

  void flush() override;
  void end() override { ending_ = true; }

 private:
  void complete_leftovers();
  void complete_leftover(std::unique_ptr<PartFile> part) const;
  void begin_file();
  std::unique_ptr<PartFile> empty_part(const std::string& path) const;
  void put_header_first();
  void write_lines();
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
  std::unique_ptr<OutputFile> file_;  // nullptr: the last file has ended, and no text has come since
  std::uint64_t followed_ = 0;        // the value of rotations_ when the file began
  std::size_t written_ = 0;           // number of octets of buffer_ that are written
  std::size_t end_ = 0;               // end of the part of buffer_ that fits into the file
  bool first_;                        // true until the first file of this run has ended
  bool ending_ = false;
};

}  // namespace spanflow
