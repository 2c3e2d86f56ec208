// CSV as in RFC 4180, but lines end in LF instead of CRLF. Every reader accepts LF, and pandas also writes it.
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

// Appends a field of CSV so that a spreadsheet shows it as text: an apostrophe comes before a formula.
TextWriter append_shown(TextWriter out, std::string_view field) {
  const bool is_quoted = field.starts_with('"');
  if (is_quoted) out.push_back('"');
  field.remove_prefix(is_quoted ? 1 : 0);
  if (is_formula(field)) out.push_back('\'');
  out.append(field);
  return out;
}

// --- Sink ---

class CsvSink : public FileSink {
 public:
  CsvSink(const SinkConfig& config, const SinkContext& context)
      : FileSink(config, context, append_csv_header), spreadsheet_safe_(context.config.output.spreadsheet_safe) {}

  void write(std::span<const FlowRecord> records) override {
    TextWriter lines = out();
    for (const FlowRecord& record : records) {
      lines = spreadsheet_safe_ ? append_line_shown(lines, record) : append_csv(lines, record, fields());
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

  const bool spreadsheet_safe_;
  TextBuffer field_;
};

std::unique_ptr<Sink> make_csv(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<CsvSink>(config, context);
}

}  // namespace

SinkType csv_sink() { return file_sink_type("csv", "comma-separated values with a header line, RFC 4180", make_csv); }

}  // namespace spanflow
