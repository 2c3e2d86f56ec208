#include "inspect/metadata.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace spanflow {
namespace {

// An item consists of its key (1 octet), the length of its value (2 octets, big-endian) and the value. A number has 8
// octets in host byte order.
constexpr std::size_t kItemHeader = 3;
// In octets. Common HTTP servers refuse a longer request line.
constexpr std::size_t kGreatestText = 8192;
// A flow may have so many times its share of the free chunks. With 64 MiB for 128,000 flows, a text of 8 KiB is refused
// when half of the memory is used, and 1 KiB when 93 % is.
constexpr std::size_t kShares = 32;

void put_octets(std::string& octets, Metadata key, std::string_view value) {
  const std::array<char, kItemHeader> header = {static_cast<char>(key), static_cast<char>(value.size() >> 8),
                                                static_cast<char>(value.size() & 0xff)};
  octets.append(header.data(), header.size());
  octets.append(value);
}

std::size_t octet_at(std::string_view octets, std::size_t at) { return static_cast<unsigned char>(octets[at]); }

std::size_t length_at(std::string_view octets, std::size_t at) {
  return octet_at(octets, at + 1) << 8 | octet_at(octets, at + 2);
}

std::string_view as_octets(const std::uint64_t& number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

}  // namespace

void put(std::string& octets, Metadata key, std::string_view text) {
  if (!text.empty()) put_octets(octets, key, text.substr(0, kGreatestText));
}

void put(std::string& octets, Metadata key, std::uint64_t number) { put_octets(octets, key, as_octets(number)); }

void FlowMetadata::note_keys() {
  keys = 0;
  for (std::size_t at = 0; at < octets.size(); at = after(at)) keys |= metadata_bit(static_cast<Metadata>(octets[at]));
}

std::size_t FlowMetadata::find(Metadata key, std::size_t from) const {
  if ((keys & metadata_bit(key)) == 0) return octets.size();
  while (from < octets.size() && static_cast<Metadata>(octets[from]) != key) from = after(from);
  return from;
}

std::size_t FlowMetadata::after(std::size_t at) const {
  return std::min(octets.size(), at + kItemHeader + length_at(octets, at));
}

std::string_view FlowMetadata::value_at(std::size_t at) const {
  return std::string_view(octets).substr(at + kItemHeader, length_at(octets, at));
}

std::string_view FlowMetadata::text(Metadata key) const {
  const std::size_t at = find(key, 0);
  return at < octets.size() ? value_at(at) : std::string_view{};
}

std::optional<std::uint64_t> FlowMetadata::number(Metadata key) const {
  const std::string_view value = text(key);
  std::uint64_t number = 0;
  if (value.size() != sizeof number) return std::nullopt;
  std::memcpy(&number, value.data(), sizeof number);
  return number;
}

MetadataStore::MetadataStore(std::uint64_t octets, std::uint32_t flows, Counters& counters)
    : counters_(counters),
      heads_(flows),
      chunks_(std::min<std::uint64_t>(octets / sizeof(Chunk), std::numeric_limits<std::uint32_t>::max())) {}

bool MetadataStore::append(std::uint32_t flow, std::string_view octets) {
  std::size_t chunks = 0;
  std::size_t room = 0;
  for (std::uint32_t at = heads_[flow]; at != kNone; at = chunks_[at].next) {
    ++chunks;
    room = sizeof Chunk::octets - chunks_[at].used;
  }
  const std::size_t more = octets.size() > room ? chunks_for(octets.size() - room) : 0;
  if (!may_have(chunks + more, more)) return false;
  write(flow, octets);
  return true;
}

bool MetadataStore::replace(std::uint32_t flow, std::string_view octets) {
  std::size_t chunks = 0;
  for (std::uint32_t at = heads_[flow]; at != kNone; at = chunks_[at].next) ++chunks;
  const std::size_t needed = chunks_for(octets.size());
  if (!may_have(needed, needed - std::min(needed, chunks))) return false;
  release(flow);
  write(flow, octets);
  return true;
}

// Returns whether a flow may have this number of chunks, `more` of which are new. Counts it if not.
bool MetadataStore::may_have(std::size_t chunks, std::size_t more) {
  const std::size_t free = free_count_ + chunks_.size() - std::min<std::size_t>(unused_, chunks_.size());
  if (more == 0 || (more <= free && chunks <= std::max<std::size_t>(1, free * kShares / heads_.size()))) return true;
  counters_.add(Counter::kInspectMemoryFull);
  return false;
}

// Appends the octets. The arena must have room for them.
void MetadataStore::write(std::uint32_t flow, std::string_view octets) {
  std::uint32_t* link = &heads_[flow];
  Chunk* chunk = nullptr;
  for (; *link != kNone; link = &chunk->next) chunk = &chunks_[*link];
  while (!octets.empty()) {
    if (chunk == nullptr || chunk->used == sizeof chunk->octets) {
      *link = take_chunk();
      chunk = &chunks_[*link];
      link = &chunk->next;
    }
    const std::size_t part = std::min(octets.size(), sizeof chunk->octets - chunk->used);
    std::memcpy(chunk->octets + chunk->used, octets.data(), part);
    chunk->used = static_cast<std::uint8_t>(chunk->used + part);
    octets.remove_prefix(part);
  }
}

void MetadataStore::read(std::uint32_t flow, std::string& octets) const {
  octets.clear();
  for (std::uint32_t at = heads_[flow]; at != kNone; at = chunks_[at].next) {
    octets.append(chunks_[at].octets, chunks_[at].used);
  }
}

void MetadataStore::release(std::uint32_t flow) {
  std::uint32_t at = heads_[flow];
  if (at == kNone) return;
  heads_[flow] = kNone;
  while (at != kNone) {
    Chunk& chunk = chunks_[at];
    const std::uint32_t next = chunk.next;
    chunk.next = free_;
    free_ = at;
    ++free_count_;
    at = next;
  }
}

std::uint32_t MetadataStore::take_chunk() {
  std::uint32_t index = free_;
  if (index != kNone) {
    free_ = chunks_[index].next;
    --free_count_;
  } else {
    index = unused_++;
  }
  chunks_[index].next = kNone;
  chunks_[index].used = 0;
  return index;
}

void Findings::load() {
  if (loaded_) return;
  store_.read(flow_, metadata_.octets);
  metadata_.note_keys();
  loaded_ = true;
}

bool Findings::has(Metadata key) {
  load();
  return (metadata_.keys & metadata_bit(key)) != 0;
}

std::string_view Findings::text(Metadata key) {
  load();
  return metadata_.text(key);
}

std::optional<std::uint64_t> Findings::number(Metadata key) {
  load();
  return metadata_.number(key);
}

void Findings::put(Metadata key, std::string_view text) {
  if (!text.empty() && !has(key)) add(key, text);
}

void Findings::put(Metadata key, std::uint64_t number) {
  if (!has(key)) add(key, as_octets(number));
}

void Findings::set(Metadata key, std::string_view text) {
  remove(key);
  if (!text.empty()) add(key, text);
}

void Findings::set(Metadata key, std::uint64_t number) { set(key, as_octets(number)); }

void Findings::add(Metadata key, std::string_view element) {
  load();
  spanflow::put(metadata_.octets, key, element);
  metadata_.keys |= metadata_bit(key);
  changed_ = true;
}

void Findings::remove(Metadata key) {
  if (!has(key)) return;
  for (std::size_t at = metadata_.find(key, 0); at < metadata_.octets.size(); at = metadata_.find(key, at)) {
    metadata_.octets.erase(at, metadata_.after(at) - at);
  }
  metadata_.keys &= ~metadata_bit(key);
  changed_ = true;
}

void Findings::close() {
  if (changed_) store_.replace(flow_, metadata_.octets);
}

}  // namespace spanflow
