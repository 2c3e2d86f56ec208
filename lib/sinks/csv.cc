// CSV (RFC 4180, but lines end in LF alone, as every reader takes and pandas writes).
#include "sinks/file_target.h"
#include "sinks/sink.h"

namespace spanflow {
namespace {

class CsvSink : public Sink {
 public:
  CsvSink(const SinkConfig& config, const SinkContext& context)
      : target_(config.path, context.abandon),
        fields_(select_fields(config.fields.empty() ? context.config.output.fields : config.fields, context.config)) {
    write_line([](const Field& field) { return Value{field.name}; });
  }

  void write(std::span<const FlowRecord> records) override {
    for (const FlowRecord& record : records) {
      write_line([&record](const Field& field) { return field.get(record); });
    }
  }

  void flush() override { target_.flush(); }

 private:
  template <typename ValueOf>
  void write_line(ValueOf value_of) {
    TextBuffer& out = target_.buffer();
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (i > 0) out.push_back(',');
      append_csv(out, value_of(*fields_[i]));
    }
    out.push_back('\n');
  }

  FileTarget target_;
  std::vector<const Field*> fields_;
};

}  // namespace

std::unique_ptr<Sink> make_csv_sink(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<CsvSink>(config, context);
}

}  // namespace spanflow
