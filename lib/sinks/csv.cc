// CSV as in RFC 4180, but lines end in LF instead of CRLF. Every reader accepts LF, and pandas also writes it.
#include "sinks/file_settings.h"
#include "sinks/file_sink.h"
#include "sinks/record_text.h"

namespace spanflow {
namespace {

class CsvSink : public FileSink {
 public:
  CsvSink(const SinkConfig& config, const SinkContext& context) : FileSink(config, context, append_csv_header) {}

  void write(std::span<const FlowRecord> records) override {
    TextWriter lines = out();
    for (const FlowRecord& record : records) lines = append_csv(lines, record, fields());
    lines.finish();
  }
};

std::unique_ptr<Sink> make_csv(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<CsvSink>(config, context);
}

}  // namespace

SinkType csv_sink() { return file_sink_type("csv", "comma-separated values with a header line, RFC 4180", make_csv); }

}  // namespace spanflow
