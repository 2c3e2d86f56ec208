// The repair of an output file that a crash has left: plain text or zstd, cut or damaged anywhere.
#include <zstd.h>

#include "base/error.h"
#include "octets.h"
#include "require.h"
#include "sinks/part_repair.h"
#include "support/temporary_folder.h"

namespace spanflow::fuzz {
namespace {

constexpr std::string_view kFrameStart = "\x28\xb5\x2f\xfd";

std::string compressed(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

// The text of a whole frame, or of a file that is not compressed.
std::string text_of(const std::string& content) {
  if (!content.starts_with(kFrameStart)) return content;
  std::string text(1 << 20, '\0');
  const std::size_t size = ZSTD_decompress(text.data(), text.size(), content.data(), content.size());
  require(ZSTD_isError(size) == 0, "a repaired file is a whole zstd frame");
  text.resize(size);
  return text;
}

// What a crash leaves of a file with these lines, and perhaps a damaged octet.
struct Torn {
  std::string content;
  bool is_damaged;
};

Torn torn(Octets& input, bool zstd, std::string_view lines) {
  const std::uint16_t size = input.u16();
  const std::uint16_t at = input.u16();
  const std::uint8_t change = input.u8();
  std::string content = zstd ? compressed(lines) : std::string(lines);
  content.resize(std::min<std::size_t>(content.size(), size));
  const bool is_damaged = change != 0 && !content.empty();
  if (is_damaged) content[at % content.size()] = static_cast<char>(content[at % content.size()] ^ change);
  return {content, is_damaged};
}

void check(const testing::TemporaryFolder& folder, std::string_view lines, const Torn& file) {
  const std::string path = folder.write("out.part", file.content);
  auto [part, kept, cut] = repair(std::make_unique<PartFile>(folder / "out"), 1);
  const std::string text = text_of(testing::content_of(path));
  require(text.size() == kept, "the repair says how much it has kept");
  require(text.empty() || text.back() == '\n', "a repaired file has whole lines");
  require(file.is_damaged || lines.starts_with(text), "a repaired file has the lines that were written");
  const Repaired again = repair(std::move(part), 1);
  require(again.kept == kept && again.cut == 0, "a second repair changes nothing");
  again.part->remove();
}

}  // namespace
}  // namespace spanflow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spanflow::fuzz;
  static const spanflow::testing::TemporaryFolder folder;
  Octets input(data, size);
  const std::uint8_t form = input.u8();
  std::array<std::uint8_t, 5> tear{};
  std::ranges::copy(input.take(tear.size()), tear.begin());
  Octets tear_octets{std::span<const std::uint8_t>(tear)};
  const std::string_view lines = input.rest_as_text();
  if (lines.starts_with(kFrameStart)) return 0;  // no sink writes such a line
  check(folder, lines, torn(tear_octets, (form & 1) != 0, lines));
  return 0;
}
