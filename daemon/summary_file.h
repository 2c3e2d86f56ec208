// The file of --summary.
#pragma once

#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace spanflow {

class SummaryFile {
 public:
  // Opens the file before the run, because at the end of the run there may be no free descriptor. Keeps the file's
  // content until write(). Does nothing if `path` is empty. Throws RunError if the file cannot be opened.
  explicit SummaryFile(std::string path);

  // Replaces the file's content. Appends to a descriptor that the process inherited, such as standard output ("-").
  // Throws RunError if `text` cannot be written.
  void write(std::string_view text) const;

 private:
  void write_some(std::string_view& text) const;
  [[noreturn]] void fail(const char* reason) const;

  std::string path_;
  bool is_inherited_ = false;
  Descriptor descriptor_;
};

}  // namespace spanflow
