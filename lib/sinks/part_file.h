// A file that is not complete yet.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace spanflow {

// `path` + ".part", locked against other processes while this object lives. Completing it renames it to its final name.
// If it is still empty at the end, it is removed.
class PartFile {
 public:
  static constexpr std::string_view kSuffix = ".part";

  // Creates the file, or opens an existing one. Throws RunError, also if another process has locked the file.
  explicit PartFile(std::string path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  // The final path, and the path until the file is complete.
  const std::string& path() const { return path_; }
  std::string part_path() const { return path_ + std::string(kSuffix); }

  std::uint64_t size() const;
  // Reads up to `octets` from `offset`; fewer only at the end of the file.
  std::string read(std::uint64_t offset, std::size_t octets) const;
  void resize(std::uint64_t size);

  // Returns the octets written, at least one. Throws RunError if nothing was written.
  std::size_t write_some(std::string_view octets);
  // Sync the file, rename it, and return the new name. complete() takes the first free name from numbered(path, number)
  // on; complete_replacing() takes the path itself and replaces an existing file. After a RunError they may be called
  // again.
  std::string complete(unsigned number);
  std::string complete_replacing();
  void remove();

 private:
  void open();
  bool is_at_its_path() const;
  void sync();
  void done(const std::string& name);
  void write_behind();
  [[noreturn]] void fail(int error) const;

  std::string path_;
  int descriptor_ = -1;
  std::uint64_t unstarted_ = 0;  // octets whose writeback has not been started
};

}  // namespace spanflow
