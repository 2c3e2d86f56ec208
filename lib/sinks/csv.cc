// CSV (RFC 4180, but lines end in LF alone, as every reader takes and pandas writes).
#include "sinks/file_sink.h"

namespace spanflow {
namespace {

class CsvSink : public FileSink {
 public:
  CsvSink(const SinkConfig& config, const SinkContext& context) : FileSink(config, context) {
    append_fields([](const Field& field) { return Value{field.name}; });
    for (const std::string_view name : context.metrics) fmt::format_to(std::back_inserter(out()), ",metrics.{}", name);
    out().push_back('\n');
  }

  void write(std::span<const FlowRecord> records) override {
    for (const FlowRecord& record : records) {
      append_fields([&record](const Field& field) { return field.get(record); });
      append_metrics(record.metrics);
      out().push_back('\n');
    }
  }

 private:
  template <typename ValueOf>
  void append_fields(ValueOf value_of) {
    bool first = true;
    for (const Field* field : fields()) {
      if (!first) out().push_back(',');
      first = false;
      append_csv(out(), value_of(*field));
    }
  }

  void append_metrics(const MetricsView& metrics) {
    for (std::size_t at = 0; at < metrics.size(); ++at) {
      out().push_back(',');
      append_metric(out(), metrics.value(at));
    }
  }
};

}  // namespace

std::unique_ptr<Sink> make_csv_sink(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<CsvSink>(config, context);
}

}  // namespace spanflow
