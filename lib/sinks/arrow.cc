#include "sinks/arrow.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "sinks/text.h"

namespace spanflow {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::int64_t kNullable = 2;  // ARROW_FLAG_NULLABLE

// The memory of an exported array. Arrow reads the values through pointers into it, and it lives until the release.
struct ArrayMemory {
  std::vector<Octets> buffers;
  std::vector<const void*> buffer_pointers;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> child_pointers;
  std::vector<ArrowArray> dictionary;  // none or one
};

template <typename Exported>
void release_all(std::vector<Exported>& exported) {
  for (Exported& one : exported) {
    if (one.release != nullptr) one.release(&one);
  }
}

// Frees the memory of an array or a schema, and what it has exported for its children.
template <typename Memory, typename Exported>
void release(Exported* exported) {
  auto* memory = static_cast<Memory*>(exported->private_data);
  release_all(memory->children);
  release_all(memory->dictionary);
  delete memory;
  exported->release = nullptr;
}

// An empty buffer among `buffers` stands for a bitmap that is left out, because no value is null.
ArrowArray export_array(std::size_t rows, std::size_t nulls, std::vector<Octets> buffers,
                        std::vector<ArrowArray> children = {}, std::vector<ArrowArray> dictionary = {}) {
  static constexpr std::uint64_t kNoOctets = 0;
  auto memory = std::make_unique<ArrayMemory>();
  memory->buffers = std::move(buffers);
  memory->children = std::move(children);
  memory->dictionary = std::move(dictionary);
  for (std::size_t at = 0; at < memory->buffers.size(); ++at) {
    const Octets& buffer = memory->buffers[at];
    const bool left_out = at == 0 && nulls == 0;
    memory->buffer_pointers.push_back(left_out         ? nullptr
                                      : buffer.empty() ? static_cast<const void*>(&kNoOctets)
                                                       : buffer.data());
  }
  for (ArrowArray& child : memory->children) memory->child_pointers.push_back(&child);
  ArrowArray array{.length = static_cast<std::int64_t>(rows),
                   .null_count = static_cast<std::int64_t>(nulls),
                   .offset = 0,
                   .n_buffers = static_cast<std::int64_t>(memory->buffers.size()),
                   .n_children = static_cast<std::int64_t>(memory->children.size()),
                   .buffers = memory->buffer_pointers.data(),
                   .children = memory->child_pointers.data(),
                   .dictionary = memory->dictionary.empty() ? nullptr : memory->dictionary.data(),
                   .release = release<ArrayMemory, ArrowArray>,
                   .private_data = nullptr};
  array.private_data = memory.release();
  return array;
}

struct SchemaMemory {
  std::string format;
  std::string name;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> child_pointers;
  std::vector<ArrowSchema> dictionary;  // none or one
};

ArrowSchema export_schema(std::string format, std::string_view name, std::vector<ArrowSchema> children = {},
                          std::vector<ArrowSchema> dictionary = {}) {
  auto memory = std::make_unique<SchemaMemory>();
  memory->format = std::move(format);
  memory->name = name;
  memory->children = std::move(children);
  memory->dictionary = std::move(dictionary);
  for (ArrowSchema& child : memory->children) memory->child_pointers.push_back(&child);
  ArrowSchema schema{.format = memory->format.c_str(),
                     .name = memory->name.c_str(),
                     .metadata = nullptr,
                     .flags = kNullable,
                     .n_children = static_cast<std::int64_t>(memory->children.size()),
                     .children = memory->child_pointers.data(),
                     .dictionary = memory->dictionary.empty() ? nullptr : memory->dictionary.data(),
                     .release = release<SchemaMemory, ArrowSchema>,
                     .private_data = nullptr};
  schema.private_data = memory.release();
  return schema;
}

template <typename Value>
void append_to(Octets& octets, Value value) {
  const std::size_t end = octets.size();
  octets.resize(end + sizeof value);
  std::memcpy(&octets[end], &value, sizeof value);
}

// One bit for each row: 1 if the row has a value.
class Validity {
 public:
  void append(bool has_value) {
    if (rows_ % 8 == 0) bits_.push_back(0);
    if (has_value) {
      bits_.back() |= static_cast<std::uint8_t>(1U << (rows_ % 8));
    } else {
      ++nulls_;
    }
    ++rows_;
  }
  std::size_t rows() const { return rows_; }
  std::size_t nulls() const { return nulls_; }
  // Returns the bits, and begins anew.
  Octets take() {
    rows_ = nulls_ = 0;
    return std::exchange(bits_, {});
  }

 private:
  Octets bits_;
  std::size_t rows_ = 0;
  std::size_t nulls_ = 0;
};

// The texts or lists of a column as Arrow stores them: the offsets of their ends.
class Offsets {
 public:
  Offsets() { append_to(ends_, std::int32_t{0}); }
  void append(std::size_t end) { append_to(ends_, static_cast<std::int32_t>(end)); }
  Octets take() {
    Octets ends = std::exchange(ends_, {});
    append_to(ends_, std::int32_t{0});
    return ends;
  }

 private:
  Octets ends_;
};

}  // namespace

// The values of one column.
class ArrowColumn {
 public:
  virtual ~ArrowColumn() = default;
  virtual ArrowSchema schema(std::string_view name) const = 0;
  virtual void append(const FieldValue& value) = 0;
  // Returns the values as an array, and begins a column without values.
  virtual ArrowArray take() = 0;
};

namespace {

template <typename Number>
constexpr std::string_view kFormatOf;
template <>
constexpr std::string_view kFormatOf<std::uint8_t> = "C";
template <>
constexpr std::string_view kFormatOf<std::uint16_t> = "S";
template <>
constexpr std::string_view kFormatOf<std::uint32_t> = "I";
template <>
constexpr std::string_view kFormatOf<std::uint64_t> = "L";
template <>
constexpr std::string_view kFormatOf<std::int64_t> = "l";
template <>
constexpr std::string_view kFormatOf<double> = "g";

template <typename Number>
Number number_in(const FieldValue& value) {
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return static_cast<Number>(*number);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return static_cast<Number>(*number);
  if (const auto* real = std::get_if<RealValue>(&value)) return static_cast<Number>(real->number);
  return 0;
}

template <typename Number>
class NumberColumn : public ArrowColumn {
 public:
  ArrowSchema schema(std::string_view name) const override {
    return export_schema(std::string(kFormatOf<Number>), name);
  }
  void append(const FieldValue& value) override {
    validity_.append(!std::holds_alternative<std::monostate>(value));
    append_to(values_, number_in<Number>(value));
  }
  ArrowArray take() override {
    const std::size_t rows = validity_.rows();
    const std::size_t nulls = validity_.nulls();
    return export_array(rows, nulls, {validity_.take(), std::exchange(values_, {})});
  }

 private:
  Validity validity_;
  Octets values_;
};

// Times since the epoch. Values are multiplied by `factor` to get the unit of the column.
class TimeColumn : public ArrowColumn {
 public:
  TimeColumn(std::string_view format, std::uint64_t factor) : format_(format), factor_(factor) {}
  ArrowSchema schema(std::string_view name) const override { return export_schema(std::string(format_), name); }
  void append(const FieldValue& value) override {
    constexpr auto kLatest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const std::uint64_t time = std::min(number_in<std::uint64_t>(value), kLatest / factor_);
    if (std::holds_alternative<std::monostate>(value)) {
      times_.append({});
    } else {
      times_.append(static_cast<std::int64_t>(time * factor_));
    }
  }
  ArrowArray take() override { return times_.take(); }

 private:
  std::string_view format_;
  std::uint64_t factor_;
  NumberColumn<std::int64_t> times_;
};

class TextColumn : public ArrowColumn {
 public:
  ArrowSchema schema(std::string_view name) const override { return export_schema("u", name); }
  void append(const FieldValue& value) override {
    text_.clear();
    append_value(TextWriter(text_), value).finish();
    octets_.insert(octets_.end(), text_.view().begin(), text_.view().end());
    validity_.append(!std::holds_alternative<std::monostate>(value));
    offsets_.append(octets_.size());
  }
  ArrowArray take() override {
    const std::size_t rows = validity_.rows();
    const std::size_t nulls = validity_.nulls();
    return export_array(rows, nulls, {validity_.take(), offsets_.take(), std::exchange(octets_, {})});
  }

 private:
  Validity validity_;
  Offsets offsets_;
  Octets octets_;
  TextBuffer text_;  // of the value that is appended
};

// Texts from a small set. The numbers of texts stay the same in all arrays, because the dictionary only grows.
class LabelColumn : public ArrowColumn {
 public:
  ArrowSchema schema(std::string_view name) const override {
    return export_schema("i", name, {}, {export_schema("u", {})});
  }
  void append(const FieldValue& value) override {
    const auto* label = std::get_if<LabelValue>(&value);
    validity_.append(label != nullptr);
    append_to(indices_, label == nullptr ? std::int32_t{0} : index_of(label->text));
  }
  ArrowArray take() override {
    TextColumn texts;
    for (const std::string& text : texts_) texts.append(std::string_view(text));
    const std::size_t rows = validity_.rows();
    const std::size_t nulls = validity_.nulls();
    return export_array(rows, nulls, {validity_.take(), std::exchange(indices_, {})}, {}, {texts.take()});
  }

 private:
  std::int32_t index_of(std::string_view text) {
    const auto [found, is_new] = numbers_.try_emplace(std::string(text), static_cast<std::int32_t>(texts_.size()));
    if (is_new) texts_.emplace_back(text);
    return found->second;
  }

  Validity validity_;
  Octets indices_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::int32_t> numbers_;
};

class BinaryAddressColumn : public ArrowColumn {
 public:
  ArrowSchema schema(std::string_view name) const override { return export_schema("w:16", name); }
  void append(const FieldValue& value) override {
    const auto* address = std::get_if<AddressValue>(&value);
    validity_.append(address != nullptr);
    IpAddress octets;
    if (address != nullptr) octets = address->ip_version == 4 ? mapped(*address->address) : *address->address;
    octets_.insert(octets_.end(), octets.bytes.begin(), octets.bytes.end());
  }
  ArrowArray take() override {
    const std::size_t rows = validity_.rows();
    const std::size_t nulls = validity_.nulls();
    return export_array(rows, nulls, {validity_.take(), std::exchange(octets_, {})});
  }

 private:
  static IpAddress mapped(const IpAddress& v4) {
    IpAddress v6;
    v6.bytes[10] = v6.bytes[11] = 0xff;
    std::copy_n(v4.bytes.begin(), 4, v6.bytes.begin() + 12);
    return v6;
  }

  Validity validity_;
  Octets octets_;
};

// Lists of numbers (EarlyPacketsValue) or of texts (TextList).
template <typename Item>
class ListColumn : public ArrowColumn {
 public:
  ArrowSchema schema(std::string_view name) const override {
    return export_schema("+l", name, {items_.schema("item")});
  }
  void append(const FieldValue& value) override {
    if (const auto* early = std::get_if<EarlyPacketsValue>(&value)) append_items(*early);
    if (const auto* texts = std::get_if<TextList>(&value)) {
      texts->for_each([this](std::string_view text) { append_item(text); });
    }
    validity_.append(!std::holds_alternative<std::monostate>(value));
    offsets_.append(count_);
  }
  ArrowArray take() override {
    const std::size_t rows = validity_.rows();
    const std::size_t nulls = validity_.nulls();
    count_ = 0;
    return export_array(rows, nulls, {validity_.take(), offsets_.take()}, {items_.take()});
  }

 private:
  void append_items(const EarlyPacketsValue& early) {
    const std::size_t size = std::max(early.packets.size(), early.padded_to);
    for (std::size_t at = 0; at < size; ++at) {
      append_item(at < early.packets.size() ? early.number(early.packets, at) : std::int64_t{-1});
    }
  }
  void append_item(FieldValue item) {
    items_.append(item);
    ++count_;
  }

  Validity validity_;
  Offsets offsets_;
  Item items_;
  std::size_t count_ = 0;
};

std::unique_ptr<ArrowColumn> time_column(std::string_view unit) {
  if (unit == "ns since the epoch") return std::make_unique<TimeColumn>("tsn:UTC", 1);
  if (unit == "ms since the epoch") return std::make_unique<TimeColumn>("tsn:UTC", kNanosecondsPerMillisecond);
  if (unit == "s since the epoch") return std::make_unique<TimeColumn>("tss:UTC", 1);
  return nullptr;
}

std::unique_ptr<ArrowColumn> column_for(const Field& field, AddressForm addresses) {
  if (auto column = time_column(field.unit)) return column;
  switch (field.type) {
    case FieldType::kUnsigned8:
      return std::make_unique<NumberColumn<std::uint8_t>>();
    case FieldType::kUnsigned16:
      return std::make_unique<NumberColumn<std::uint16_t>>();
    case FieldType::kUnsigned32:
      return std::make_unique<NumberColumn<std::uint32_t>>();
    case FieldType::kUnsigned64:
      return std::make_unique<NumberColumn<std::uint64_t>>();
    case FieldType::kSigned64:
      return std::make_unique<NumberColumn<std::int64_t>>();
    case FieldType::kReal:
      return std::make_unique<NumberColumn<double>>();
    case FieldType::kLabel:
      return std::make_unique<LabelColumn>();
    case FieldType::kAddress:
      if (addresses == AddressForm::kBinary) return std::make_unique<BinaryAddressColumn>();
      break;
    case FieldType::kEarlyPackets:
      return std::make_unique<ListColumn<NumberColumn<std::int64_t>>>();
    case FieldType::kTexts:
      return std::make_unique<ListColumn<TextColumn>>();
    case FieldType::kText:
      break;
  }
  return std::make_unique<TextColumn>();
}

}  // namespace

ArrowTable::ArrowTable(std::span<const Field* const> fields, const MetricNames& metrics, AddressForm addresses)
    : metric_names_(metrics) {
  for (const Field* field : fields) columns_.push_back({field, column_for(*field, addresses)});
  for (std::size_t at = 0; at < metrics.size(); ++at) metrics_.push_back(std::make_unique<NumberColumn<double>>());
}

ArrowTable::~ArrowTable() = default;

ArrowSchema ArrowTable::schema() const {
  std::vector<ArrowSchema> columns;
  for (const auto& [field, column] : columns_) columns.push_back(column->schema(field->name));
  std::vector<ArrowSchema> metrics;
  for (std::size_t at = 0; at < metrics_.size(); ++at) metrics.push_back(metrics_[at]->schema(metric_names_[at]));
  if (!metrics.empty()) columns.push_back(export_schema("+s", "metrics", std::move(metrics)));
  return export_schema("+s", "", std::move(columns));
}

void ArrowTable::append(const FlowRecord& record) {
  const std::uint64_t keys = metadata_keys(record);
  for (const auto& [field, column] : columns_) {
    column->append(field->may_have_value(keys) ? field->value(record) : FieldValue{});
  }
  for (std::size_t at = 0; at < metrics_.size(); ++at) {
    const double value = record.metrics.value(at);
    metrics_[at]->append(std::isnan(value) ? FieldValue{} : FieldValue{RealValue{value}});
  }
  ++rows_;
}

ArrowArray ArrowTable::take() {
  std::vector<ArrowArray> columns;
  for (const auto& [field, column] : columns_) columns.push_back(column->take());
  std::vector<ArrowArray> metrics;
  for (const auto& column : metrics_) metrics.push_back(column->take());
  const std::size_t rows = std::exchange(rows_, 0);
  if (!metrics.empty()) columns.push_back(export_array(rows, 0, {{}}, std::move(metrics)));
  return export_array(rows, 0, {{}}, std::move(columns));
}

}  // namespace spanflow
