// JSON lines: one object per record.
#include "sinks/file_sink.h"
#include "sinks/record_text.h"

namespace spanflow {
namespace {

class JsonlSink : public FileSink {
 public:
  JsonlSink(const SinkConfig& config, const SinkContext& context) : FileSink(config, context) {}

  void write(std::span<const FlowRecord> records) override {
    for (const FlowRecord& record : records) {
      append_json(out(), record, fields());
      out().push_back('\n');
    }
  }
};

}  // namespace

std::unique_ptr<Sink> make_jsonl_sink(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<JsonlSink>(config, context);
}

}  // namespace spanflow
