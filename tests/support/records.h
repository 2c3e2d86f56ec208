// Makes records for tests of code that does not depend on their content.
#pragma once

#include <memory>
#include <vector>

#include "export/sink_runner.h"
#include "support/packet_builder.h"

namespace spanflow::testing {

// Returns a record whose flow_id is `number`.
inline FlowRecord record_number(std::uint64_t number) {
  FlowRecord record;
  record.ip_src = address("10.0.0.1");
  record.ip_dst = address("10.0.0.2");
  record.src_port = 1234;
  record.dst_port = 443;
  record.ip_protocol = protocol::kTcp;
  record.ip_version = 4;
  record.flow_id = number;
  return record;
}

// Returns records whose flow_ids are `first`, `first` + 1 and so on.
inline RecordBatch batch_of(std::uint64_t first, std::size_t count) {
  auto batch = std::make_shared<std::vector<FlowRecord>>();
  for (std::size_t i = 0; i < count; ++i) batch->push_back(record_number(first + i));
  return batch;
}

inline std::vector<std::uint64_t> numbers_of(const std::vector<FlowRecord>& records) {
  std::vector<std::uint64_t> numbers;
  for (const FlowRecord& record : records) numbers.push_back(record.flow_id);
  return numbers;
}

}  // namespace spanflow::testing
