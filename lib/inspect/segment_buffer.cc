#include "inspect/segment_buffer.h"

#include <algorithm>
#include <span>

namespace spanflow {

void SegmentBuffer::start(std::uint32_t sequence) {
  start_ = sequence;
  segments_ = 0;
  range_count_ = 0;
}

bool SegmentBuffer::add(std::uint32_t sequence, Cursor octets) {
  if (++segments_ > kMostSegments) return false;
  const std::uint32_t known = stream().captured();
  // The position is the signed difference of the sequence numbers, because sequence numbers wrap. Octets that stream()
  // already has are skipped, so they are never overwritten.
  const std::int64_t distance = static_cast<std::int32_t>(sequence - start_);
  const std::int64_t repeated = std::clamp<std::int64_t>(known - distance, 0, octets.captured());
  octets.skip(static_cast<std::size_t>(repeated));
  const std::int64_t begin = distance + repeated;
  if (begin >= static_cast<std::int64_t>(kMostOctets)) return false;
  octets.limit(static_cast<std::uint32_t>(static_cast<std::int64_t>(kMostOctets) - begin));
  if (octets.captured() == 0) return true;
  const auto at = static_cast<std::uint32_t>(begin);
  if (!insert({at, at + octets.captured()})) return false;
  std::copy_n(octets.data(), octets.captured(), std::span(octets_).subspan(at).begin());
  return true;
}

Cursor SegmentBuffer::stream() const {
  for (const Range& range : std::span(ranges_).first(range_count_)) {
    if (range.begin == 0) return {octets_.data(), range.end, range.end};
  }
  return {};
}

void SegmentBuffer::drop(std::uint32_t octets) {
  if (octets == 0) return;
  std::uint32_t end = 0;
  std::uint32_t kept = 0;
  for (const Range& range : std::span(ranges_).first(range_count_)) {
    end = std::max(end, range.end);
    if (range.end <= octets) continue;
    ranges_[kept++] = {range.begin - std::min(range.begin, octets), range.end - octets};
  }
  range_count_ = segments_ = kept;
  start_ += octets;
  if (end > octets) std::copy(octets_.begin() + octets, octets_.begin() + end, octets_.begin());
}

// Adds `range` to ranges_, merged with the ranges that overlap or adjoin it. Returns false if there would be too many
// ranges.
bool SegmentBuffer::insert(Range range) {
  const auto known = std::span(ranges_).first(range_count_);
  const auto apart = [&range](const Range& other) { return other.end < range.begin || other.begin > range.end; };
  const auto joined = std::partition(known.begin(), known.end(), apart);
  for (auto each = joined; each != known.end(); ++each) {
    range = {std::min(range.begin, each->begin), std::max(range.end, each->end)};
  }
  range_count_ = static_cast<std::uint32_t>(joined - known.begin());
  if (range_count_ == kMostRanges) return false;
  ranges_[range_count_++] = range;
  return true;
}

}  // namespace spanflow
