// A file that is not whole yet.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace spanflow {

// `path` + ".part", locked against other processes while this object lives. Its octets are those of the file that it
// becomes. One that is still empty at the end is removed.
class PartFile {
 public:
  static constexpr std::string_view kSuffix = ".part";

  // Makes it, or opens the one that is there. Throws RunError, also if another process has it.
  explicit PartFile(std::string path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  // The path of the file that it becomes, and its own.
  const std::string& path() const { return path_; }
  std::string part_path() const { return path_ + std::string(kSuffix); }

  std::uint64_t size() const;
  // Up to `octets` from there; fewer at the end only.
  std::string read(std::uint64_t offset, std::size_t octets) const;
  void resize(std::uint64_t size);

  // How much was written, which is not nothing. Throws RunError with nothing written.
  std::size_t write_some(std::string_view octets);
  // Makes it safe on disk and gives it its name, the first that is free from numbered(path, number) on; or the path as
  // it is, in the place of what is there. Returns the name. Throws RunError, and may be tried again.
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
  std::uint64_t unstarted_ = 0;  // octets that the disk has not been told of
};

}  // namespace spanflow
