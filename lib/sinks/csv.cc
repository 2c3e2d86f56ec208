// CSV (RFC 4180, but lines end in LF alone, as every reader takes and pandas writes).
#include "sinks/file_sink.h"

namespace spanflow {
namespace {

class CsvSink : public FileSink {
 public:
  CsvSink(const SinkConfig& config, const SinkContext& context) : FileSink(config, context) {
    write_line([](const Field& field) { return Value{field.name}; });
  }

  void write(std::span<const FlowRecord> records) override {
    for (const FlowRecord& record : records) {
      write_line([&record](const Field& field) { return field.get(record); });
    }
  }

 private:
  template <typename ValueOf>
  void write_line(ValueOf value_of) {
    bool first = true;
    for (const Field* field : fields()) {
      if (!first) out().push_back(',');
      first = false;
      append_csv(out(), value_of(*field));
    }
    out().push_back('\n');
  }
};

}  // namespace

std::unique_ptr<Sink> make_csv_sink(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<CsvSink>(config, context);
}

}  // namespace spanflow
