// Files of lines: each is written as NAME.part, and gets its name once it is whole and safe on disk.
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

// True if the sink's files end before the run does.
inline bool rotates(const SinkConfig& config) { return config.rotate_every.count() > 0 || config.rotate_size > 0; }

// Files of the run get names that are free. Only the single file of a run, without a time in its name, takes the place
// of that of the run before. A file without records is not kept, but for that of a run that has no other.
class FileTarget : public Target {
 public:
  using Clock = std::function<WallTime()>;

  // Completes what a run that did not end has left, and begins the first file. Throws RunError. The file ends whenever
  // `rotations`, which must outlive the target, has changed. `continues`: the run may have files there already.
  FileTarget(const SinkConfig& config, std::string header, const std::atomic<std::uint64_t>& rotations,
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
  std::unique_ptr<OutputFile> file_;  // nullptr: nothing to write since the last one ended
  std::uint64_t followed_ = 0;        // of rotations_
  std::size_t written_ = 0;           // of buffer_
  std::size_t end_ = 0;               // of what the file takes of buffer_
  bool first_;                        // no file of this run has ended
  bool ending_ = false;
};

}  // namespace spanflow
