// A file that is not complete yet.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace spanflow {

// The file `path` + ".part". It is locked against other processes while this object lives. complete() renames the file
// to its final name. The destructor removes the file if it is empty.
class PartFile {
 public:
  static constexpr std::string_view kSuffix = ".part";

  // Creates the file, or opens an existing file. Throws RunError, also if another process has locked the file, or if
  // the file is a link or does not belong to this user: somebody else may have put it there.
  explicit PartFile(std::string path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  // path() is the final path. part_path() is the path until the file is complete.
  const std::string& path() const { return path_; }
  std::string part_path() const { return path_ + std::string(kSuffix); }

  // False if somebody has removed or renamed the file. Its content is then lost.
  bool is_at_its_path() const;
  std::uint64_t size() const;
  // Reads `octets` octets from `offset` on. Returns fewer only at the end of the file.
  std::string read(std::uint64_t offset, std::size_t octets) const;
  void resize(std::uint64_t size);

  // Returns the number of octets written, at least 1. Throws RunError if nothing was written.
  std::size_t write_some(std::string_view octets);
  // Both functions sync the file, rename it, and return the new name. complete() tries numbered(path, number),
  // numbered(path, number + 1) and so on, and takes the first name that is free. complete_replacing() takes the path
  // itself and replaces an existing file. After a RunError, the caller may call the function again.
  std::string complete(unsigned number);
  std::string complete_replacing();
  void remove();

 private:
  void open();
  bool is_own_file() const;
  void sync();
  void done(const std::string& name);
  void write_behind();
  [[noreturn]] void fail(int error) const;

  std::string path_;
  int descriptor_ = -1;
  std::uint64_t unstarted_ = 0;  // octets written since the last call of sync_file_range()
};

}  // namespace spanflow
