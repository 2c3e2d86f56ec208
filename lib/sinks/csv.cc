// CSV as in RFC 4180, but lines end in LF instead of CRLF. Every reader accepts LF, and pandas also writes it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text_buffer.h"
#include "sinks/file_settings.h"
#include "sinks/file_sink.h"
#include "sinks/record_text.h"

namespace spanflow {
namespace {

// --- Spreadsheets ---

// Spreadsheets take a text that begins like this for a formula. Some also accept the full-width characters.
constexpr std::array<std::string_view, 8> kFormulas = {"=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"};

bool is_formula(std::string_view text) {
  return std::ranges::any_of(kFormulas, [text](std::string_view begin) { return text.starts_with(begin); });
}

// True for the Unicode characters that change the direction of the text after them, so that it shows in another order.
bool changes_direction(std::string_view text) {
  const std::string_view character = text.substr(0, 3);
  return (character >= "\u200e" && character <= "\u200f") || (character >= "\u202a" && character <= "\u202e") ||
         (character >= "\u2066" && character <= "\u2069");
}

// Appends a field of CSV so that a spreadsheet shows it as text. An apostrophe comes before a formula. Characters that
// change the direction become \xNN, as control characters do.
TextWriter append_shown(TextWriter out, std::string_view field) {
  if (field.starts_with('"')) {
    out.push_back('"');
    field.remove_prefix(1);
  }
  if (is_formula(field)) out.push_back('\'');
  while (!field.empty()) {
    if (changes_direction(field)) {
      for (const char c : field.substr(0, 3)) out.append(fmt::format("\\x{:02X}", static_cast<unsigned char>(c)));
      field.remove_prefix(3);
    } else {
      out.push_back(field.front());
      field.remove_prefix(1);
    }
  }
  return out;
}

// --- Sink ---

class CsvSink : public FileSink {
 public:
  CsvSink(const SinkConfig& config, const SinkContext& context)
      : FileSink(config, context, append_csv_header),
        for_spreadsheet_(config.settings.as<FileSettings>().for_spreadsheet) {}

  void write(std::span<const FlowRecord> records) override {
    TextWriter lines = out();
    for (const FlowRecord& record : records) {
      lines = for_spreadsheet_ ? append_line_shown(lines, record) : append_csv(lines, record, fields());
    }
    lines.finish();
  }

 private:
  TextWriter append_line_shown(TextWriter out, const FlowRecord& record) {
    for (const Field* field : fields()) {
      field_.clear();
      field->csv(TextWriter(field_), record).finish();
      out = append_shown(out, field_.view());
      out.push_back(',');
    }
    return append_csv(out, record, {});  // the metrics and the end of the line
  }

  const bool for_spreadsheet_;
  TextBuffer field_;
};

std::unique_ptr<Sink> make_csv(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<CsvSink>(config, context);
}

}  // namespace

SinkType csv_sink() {
  SinkType type = file_sink_type("csv", "comma-separated values with a header line, RFC 4180", make_csv);
  type.options.push_back({"for_spreadsheet", "make texts from packets safe for spreadsheets, which run formulas",
                          FlagSetting{at<&FileSettings::for_spreadsheet>()}});
  return type;
}

}  // namespace spanflow
