#include "sinks/target.h"

#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/inherited_descriptor.h"
#include "sinks/file_target.h"
#include "sinks/stream_target.h"

namespace spanflow {
namespace {

namespace fs = std::filesystem;

// True for a pipe, terminal, device or inherited descriptor: a StreamTarget writes to it directly. Any other path is a
// file: a FileTarget writes NAME.part and renames it to NAME when the file is complete.
bool is_stream(const std::string& path) {
  std::error_code none;
  if (inherited_descriptor(path, STDOUT_FILENO)) return true;
  const fs::file_status status = fs::status(path, none);
  return fs::exists(status) && !fs::is_regular_file(status);
}

}  // namespace

std::unique_ptr<Target> make_target(const FileSettings& settings, const SinkContext& context, std::string header) {
  if (!is_stream(settings.path)) {
    return std::make_unique<FileTarget>(settings, std::move(header), context.rotations, context.reloaded);
  }
  if (settings.rotates() || settings.compression == Compression::kZstd) {
    throw ConfigError(settings.path + ": only files can be rotated and compressed");
  }
  return std::make_unique<StreamTarget>(settings.path, std::move(header), context.abandon);
}

}  // namespace spanflow
