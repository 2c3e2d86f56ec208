// The common part of the sinks that write lines of text.
#pragma once

#include <memory>
#include <vector>

#include "sinks/field_selection.h"
#include "sinks/file_settings.h"
#include "sinks/target.h"

namespace spanflow {

// Appends the header, the text that begins each file.
using AppendHeader = TextWriter (*)(TextWriter, std::span<const Field* const>, const MetricNames&);

class FileSink : public Sink {
 public:
  void flush() override { target_->flush(); }
  void end() override { target_->end(); }
  std::uint64_t take_lost() override { return target_->take_lost_lines(); }

 protected:
  FileSink(const SinkConfig& config, const SinkContext& context, AppendHeader append_header = nullptr)
      : fields_(select_fields(fields_of(config, context.config), context.config)),
        target_(make_target(config.settings.as<FileSettings>(), context, header(append_header, context.metrics))) {}

  TextWriter out() { return TextWriter(target_->buffer()); }
  const std::vector<const Field*>& fields() const { return fields_; }

 private:
  std::string header(AppendHeader append, const MetricNames& metrics) const {
    TextBuffer text;
    if (append != nullptr) append(TextWriter(text), fields_, metrics).finish();
    return std::string(text.view());
  }

  std::vector<const Field*> fields_;
  std::unique_ptr<Target> target_;
};

}  // namespace spanflow
