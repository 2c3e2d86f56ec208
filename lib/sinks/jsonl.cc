// JSON lines: one object per record.
#include "sinks/file_settings.h"
#include "sinks/file_sink.h"
#include "sinks/record_text.h"

namespace spanflow {
namespace {

class JsonlSink : public FileSink {
 public:
  JsonlSink(const SinkConfig& config, const SinkContext& context) : FileSink(config, context) {}

  void write(std::span<const FlowRecord> records) override {
    TextWriter lines = out();
    for (const FlowRecord& record : records) {
      lines = append_json(lines, record, fields());
      lines.push_back('\n');
    }
    lines.finish();
  }
};

std::unique_ptr<Sink> make_jsonl(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<JsonlSink>(config, context);
}

}  // namespace

SinkType jsonl_sink() { return file_sink_type("jsonl", "one JSON object per line", make_jsonl); }

}  // namespace spanflow
