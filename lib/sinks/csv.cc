// CSV (RFC 4180, but lines end in LF alone, as every reader takes and pandas writes).
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

}  // namespace

std::unique_ptr<Sink> make_csv_sink(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<CsvSink>(config, context);
}

}  // namespace spanflow
