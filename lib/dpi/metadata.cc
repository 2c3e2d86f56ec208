#include "dpi/metadata.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace spanflow {
namespace {

// An item consists of its key (1 octet), the length of its value (2 octets, big-endian) and the value. A number has 8
// octets in host byte order.
constexpr std::size_t kItemHeader = 3;
constexpr std::size_t kGreatestText = 1024;  // octets

void put_octets(std::string& octets, Metadata key, std::string_view value) {
  octets.push_back(static_cast<char>(key));
  octets.push_back(static_cast<char>(value.size() >> 8));
  octets.push_back(static_cast<char>(value.size() & 0xff));
  octets.append(value);
}

// Iterates over the items of a string of octets.
class Items {
 public:
  explicit Items(std::string_view octets) : rest_(octets) {}
  bool have_one() const { return rest_.size() >= kItemHeader; }
  void next() { rest_.remove_prefix(std::min(rest_.size(), kItemHeader + length())); }
  Metadata key() const { return static_cast<Metadata>(rest_[0]); }
  std::string_view value() const { return rest_.substr(kItemHeader, length()); }

 private:
  std::size_t length() const { return octet(1) << 8 | octet(2); }
  std::size_t octet(std::size_t at) const { return static_cast<unsigned char>(rest_[at]); }

  std::string_view rest_;
};

std::uint32_t bit(Metadata key) {
  static_assert(static_cast<unsigned>(Metadata::kRiskScore) < 32);
  return 1U << static_cast<unsigned>(key);
}

}  // namespace

void put(std::string& octets, Metadata key, std::string_view text) {
  if (!text.empty()) put_octets(octets, key, text.substr(0, kGreatestText));
}

void put(std::string& octets, Metadata key, std::uint64_t number) {
  std::array<char, sizeof number> value;
  std::memcpy(value.data(), &number, sizeof number);
  put_octets(octets, key, {value.data(), value.size()});
}

void FlowMetadata::note_keys() {
  keys = 0;
  for (Items items(octets); items.have_one(); items.next()) keys |= bit(items.key());
}

std::string_view FlowMetadata::text(Metadata key) const {
  if ((keys & bit(key)) == 0) return {};
  for (Items items(octets); items.have_one(); items.next()) {
    if (items.key() == key) return items.value();
  }
  return {};
}

std::optional<std::uint64_t> FlowMetadata::number(Metadata key) const {
  const std::string_view value = text(key);
  std::uint64_t number = 0;
  if (value.size() != sizeof number) return std::nullopt;
  std::memcpy(&number, value.data(), sizeof number);
  return number;
}

MetadataStore::MetadataStore(std::uint64_t octets)
    : chunks_(std::min<std::uint64_t>(octets / sizeof(Chunk), std::numeric_limits<std::uint32_t>::max())) {}

bool MetadataStore::append(std::uint32_t& chain, std::string_view octets) {
  if (!has_room(octets.size() / sizeof(Chunk::octets) + 1)) return false;
  std::uint32_t* link = &chain;
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
  return true;
}

void MetadataStore::read(std::uint32_t chain, std::string& octets) const {
  octets.clear();
  for (; chain != kNone; chain = chunks_[chain].next) octets.append(chunks_[chain].octets, chunks_[chain].used);
}

void MetadataStore::release(std::uint32_t& chain) {
  while (chain != kNone) {
    Chunk& chunk = chunks_[chain];
    const std::uint32_t next = chunk.next;
    chunk.next = free_;
    free_ = chain;
    ++free_count_;
    chain = next;
  }
}

bool MetadataStore::has_room(std::size_t chunks) const {
  return free_count_ + (chunks_.size() - std::min<std::size_t>(unused_, chunks_.size())) >= chunks;
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

}  // namespace spanflow
