// JSON lines: one object per record.
#include "sinks/file_target.h"
#include "sinks/sink.h"

namespace spanflow {
namespace {

class JsonlSink : public Sink {
 public:
  JsonlSink(const SinkConfig& config, const SinkContext& context)
      : target_(config.path, context.abandon),
        fields_(select_fields(config.fields.empty() ? context.config.output.fields : config.fields, context.config)) {}

  void write(std::span<const FlowRecord> records) override {
    for (const FlowRecord& record : records) {
      append_json(target_.buffer(), record, fields_);
      target_.buffer().push_back('\n');
    }
  }

  void flush() override { target_.flush(); }

 private:
  FileTarget target_;
  std::vector<const Field*> fields_;
};

}  // namespace

std::unique_ptr<Sink> make_jsonl_sink(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<JsonlSink>(config, context);
}

}  // namespace spanflow
