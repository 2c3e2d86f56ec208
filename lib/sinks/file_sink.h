// What the sinks that write lines of text to a file have in common.
#pragma once

#include <vector>

#include "sinks/field_table.h"
#include "sinks/file_target.h"
#include "sinks/sink.h"

namespace spanflow {

class FileSink : public Sink {
 public:
  void flush() override { target_.flush(); }

 protected:
  FileSink(const SinkConfig& config, const SinkContext& context)
      : target_(config.path, context.abandon),
        fields_(select_fields(fields_of(config, context.config), context.config)) {}

  TextWriter out() { return TextWriter(target_.buffer()); }
  const std::vector<const Field*>& fields() const { return fields_; }

 private:
  FileTarget target_;
  std::vector<const Field*> fields_;
};

}  // namespace spanflow
