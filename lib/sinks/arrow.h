// Columns of Apache Arrow, for the Arrow C data interface: https://arrow.apache.org/docs/format/CDataInterface.html
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sinks/field_table.h"
#include "spanflow/record.h"

// The structs of the interface, and the names of their members, are fixed by Arrow.
extern "C" {

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
  int (*get_next)(ArrowArrayStream*, ArrowArray* out);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};
}

namespace spanflow {

class ArrowColumn;

// How columns show IP addresses: as text, or as 16 octets, an IPv4 address as an IPv4-mapped IPv6 address (RFC 4291).
enum class AddressForm : std::uint8_t { kText, kBinary };

// Collects records as rows of a table with one column for each field, and a last column "metrics", a struct with the
// user metrics, if there are any. Types of columns:
//   number: uint8 to uint64 or int64 or float64; label: dictionary of texts; text: utf8; list: list of int64 or utf8;
//   time since the epoch: timestamp in UTC, in ns, or in s for times of certificates, which exceed the range of ns.
// A missing value is null. Not thread-safe.
class ArrowTable {
 public:
  // The fields must outlive the table.
  ArrowTable(std::span<const Field* const> fields, const MetricNames& metrics, AddressForm addresses);
  ~ArrowTable();

  // Returns the schema. The receiver releases it.
  ArrowSchema schema() const;
  void append(const FlowRecord& record);
  std::size_t rows() const { return rows_; }
  // Returns all rows as a struct array, and begins a table without rows. The receiver releases the array.
  ArrowArray take();

 private:
  struct OfField {
    const Field* field;
    std::unique_ptr<ArrowColumn> column;
  };
  std::vector<OfField> columns_;
  MetricNames metric_names_;
  std::vector<std::unique_ptr<ArrowColumn>> metrics_;
  std::size_t rows_ = 0;
};

}  // namespace spanflow
