// The data of flows that a run keeps only if a field needs it.
#pragma once

namespace spanflow {

// The optional data that workers must keep for fields to have values.
struct FieldNeeds {
  bool ndpi_metadata = false;
  bool names = false;
  bool dns_names = false;
  bool millisecond_gaps = false;

  // What any field may need, except the fields for nfstream's columns.
  static constexpr FieldNeeds all() { return {.ndpi_metadata = true, .names = true, .dns_names = true}; }
  void add(const FieldNeeds& more) {
    ndpi_metadata |= more.ndpi_metadata;
    names |= more.names;
    dns_names |= more.dns_names;
    millisecond_gaps |= more.millisecond_gaps;
  }
};

}  // namespace spanflow
