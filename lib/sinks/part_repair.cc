#include "sinks/part_repair.h"

#include <zstd.h>

#include <algorithm>
#include <functional>

#include "sinks/output_file.h"

namespace spanflow {
namespace {

constexpr std::size_t kBlock = 128 * 1024;

bool is_zstd(const PartFile& part) { return part.read(0, 4) == "\x28\xb5\x2f\xfd"; }

// The number of octets up to the end of the last whole line.
std::uint64_t whole_lines(const PartFile& part) {
  for (std::uint64_t end = part.size(); end > 0;) {
    const std::uint64_t begin = end - std::min<std::uint64_t>(end, kBlock);
    const auto last = part.read(begin, static_cast<std::size_t>(end - begin)).rfind('\n');
    if (last != std::string::npos) return begin + last + 1;
    end = begin;
  }
  return 0;
}

Repaired cut_plain(std::unique_ptr<PartFile> part) {
  const std::uint64_t kept = whole_lines(*part);
  const std::uint64_t cut = part->size() - kept;
  part->resize(kept);
  return {std::move(part), kept, cut};
}

// Decodes up to the first error, because a crash leaves the last zstd frame incomplete.
void decode(const PartFile& part, const std::function<void(std::string_view)>& take) {
  const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> state(ZSTD_createDStream(), &ZSTD_freeDStream);
  std::string text(ZSTD_DStreamOutSize(), '\0');
  for (std::uint64_t offset = 0;;) {
    const std::string block = part.read(offset, kBlock);
    if (block.empty()) return;
    offset += block.size();
    ZSTD_inBuffer input{block.data(), block.size(), 0};
    bool more = true;
    while (more) {
      ZSTD_outBuffer output{text.data(), text.size(), 0};
      if (ZSTD_isError(ZSTD_decompressStream(state.get(), &output, &input)) != 0) return;
      take(std::string_view(text).substr(0, output.pos));
      more = input.pos < input.size || output.pos == output.size;
    }
  }
}

void write_all(OutputFile& file, std::string_view text) {
  while (!text.empty()) text.remove_prefix(file.write_some(text));
}

// Writes the whole lines into a new file, as one zstd frame. The new file then replaces the torn file.
Repaired cut_zstd(std::unique_ptr<PartFile> torn, int level) {
  Repaired result;
  {
    auto part = std::make_unique<PartFile>(torn->part_path());
    part->resize(0);  // removes the output of an interrupted repair
    OutputFile whole(std::move(part), level);
    std::string line;  // the line whose end has not been read yet
    decode(*torn, [&](std::string_view text) {
      const auto end = text.rfind('\n') + 1;  // 0 if `text` has no line end
      if (end > 0) {
        write_all(whole, line);
        write_all(whole, text.substr(0, end));
        result.kept += line.size() + end;
        line.clear();
      }
      line += text.substr(end);
    });
    result.cut = line.size();
    whole.complete_replacing();
  }
  std::string path = torn->path();
  torn.reset();
  result.part = std::make_unique<PartFile>(std::move(path));
  return result;
}

}  // namespace

Repaired repair(std::unique_ptr<PartFile> part, int zstd_level) {
  return is_zstd(*part) ? cut_zstd(std::move(part), zstd_level) : cut_plain(std::move(part));
}

}  // namespace spanflow
