#include "sinks/target.h"

#include <filesystem>

#include "base/error.h"
#include "sinks/file_target.h"
#include "sinks/stream_target.h"

namespace spanflow {
namespace {

namespace fs = std::filesystem;

// In /dev/fd, which leads there, is what this process has open already.
bool is_in_proc(const fs::path& path) {
  std::error_code none;
  return fs::canonical(fs::absolute(path).parent_path(), none).native().starts_with("/proc/");
}

// What is written to where it is. All else is a file: written beside its place, and put there once it is whole.
bool is_stream(const std::string& path) {
  std::error_code none;
  if (path == "-" || is_in_proc(path)) return true;
  const fs::path link = fs::read_symlink(path, none);
  if (!link.empty() && is_in_proc(link)) return true;  // /dev/stdout
  const fs::file_status status = fs::status(path, none);
  return fs::exists(status) && !fs::is_regular_file(status);
}

}  // namespace

std::unique_ptr<Target> make_target(const SinkConfig& config, const SinkContext& context, std::string header) {
  if (!is_stream(config.path)) {
    return std::make_unique<FileTarget>(config, std::move(header), context.rotations, context.reloaded);
  }
  if (rotates(config) || config.compression == Compression::kZstd) {
    throw ConfigError(config.path + ": only files can be rotated and compressed");
  }
  return std::make_unique<StreamTarget>(config.path, std::move(header), context.abandon);
}

}  // namespace spanflow
