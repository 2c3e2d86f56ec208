#include "inspect/name_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/flow_hash.h"
#include "base/units.h"

namespace spanflow {
namespace {

constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // arbitrary

template <typename Number>
Number load(Number& number) {
  return std::atomic_ref(number).load(std::memory_order_relaxed);
}

// A tag is never 0, which is the tag of a slot that was never used.
std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32) | 1; }

}  // namespace

NameCache::NameCache(std::size_t answers, std::uint64_t seed)
    : seed_(seed), buckets_(std::max<std::size_t>(1, answers / kWays)), places_(buckets_.size() * kWays) {}

NameCache::Stored NameCache::add(const Pair& pair, std::string_view name, std::uint64_t time_ns, std::uint32_t ttl) {
  Answer answer{};
  answer.pair = pair;
  answer.until_ns = time_ns + std::max(kLeastLifeNs, ttl * kNanosecondsPerSecond);
  answer.name.answered_ns = time_ns;
  answer.name.size = static_cast<std::uint8_t>(std::min(name.size(), answer.name.octets.size()));
  name.copy(answer.name.octets.data(), answer.name.size);

  // Takes the slot of the same answer, else one that is empty or too old, else that of the oldest answer.
  const std::uint64_t hashed = hash(pair);
  Slot* chosen = nullptr;
  std::uint64_t chosen_ns = ~0ULL;
  Stored stored = Stored::kInstead;
  for (Slot& slot : bucket_of(hashed)) {
    if (load(slot.tag) == tag_of(hashed)) {
      Answer known;
      if (read(slot, known) && known.pair == pair && known.name.view() == answer.name.view()) {
        if (known.name.answered_ns > time_ns) return Stored::kAgain;
        chosen = &slot;
        stored = Stored::kAgain;
        break;
      }
    }
    Place* const place = place_of(slot);
    const bool is_free = place == nullptr || load(place->words[0]) < time_ns;
    const std::uint64_t since_ns = is_free ? 0 : load(place->words[1]);
    if (chosen != nullptr && since_ns >= chosen_ns) continue;
    chosen = &slot;
    chosen_ns = since_ns;
    stored = is_free ? Stored::kNew : Stored::kInstead;
  }
  if (!write(*chosen, tag_of(hashed), answer)) return Stored::kNot;
  any_.store(true, std::memory_order_relaxed);
  return stored;
}

bool NameCache::find(const Pair& pair, std::uint64_t time_ns, Name& name) {
  if (!any_.load(std::memory_order_relaxed)) return false;
  const std::uint64_t hashed = hash(pair);
  bool found = false;
  for (Slot& slot : bucket_of(hashed)) {
    if (load(slot.tag) != tag_of(hashed)) continue;
    Answer answer;
    if (!read(slot, answer) || answer.pair != pair) continue;
    if (answer.name.answered_ns > time_ns || answer.until_ns < time_ns) continue;
    if (found && name.answered_ns >= answer.name.answered_ns) continue;
    name = answer.name;
    found = true;
  }
  return found;
}

std::uint64_t NameCache::hash(const Pair& pair) const {
  std::array<std::uint64_t, sizeof(Pair) / 8> words;
  std::memcpy(words.data(), &pair, sizeof(Pair));
  std::uint64_t hashed = seed_;
  for (const std::uint64_t word : words) hashed = fold(hashed ^ word ^ kOdd, word ^ std::rotl(seed_, 32));
  return hashed;
}

// Returns false if the slot has no answer yet, or is just being written.
bool NameCache::read(Slot& slot, Answer& answer) {
  Place* const place = place_of(slot);
  if (place == nullptr) return false;
  const std::uint32_t before = std::atomic_ref(place->version).load(std::memory_order_acquire);
  if (before == 0 || before % 2 != 0) return false;
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = std::atomic_ref(place->words[i]).load(std::memory_order_acquire);
  }
  if (load(place->version) != before) return false;
  std::memcpy(static_cast<void*>(&answer), words.data(), sizeof answer);
  return true;
}

bool NameCache::write(Slot& slot, std::uint32_t tag, const Answer& answer) {
  Place* const place = take_place(slot);
  if (place == nullptr) return false;
  const std::atomic_ref version(place->version);
  std::uint32_t before = version.load(std::memory_order_relaxed);
  if (before % 2 != 0) return false;
  if (!version.compare_exchange_strong(before, before + 1, std::memory_order_acquire)) return false;
  Words words{};
  std::memcpy(words.data(), &answer, sizeof answer);
  std::atomic_ref(slot.tag).store(tag, std::memory_order_relaxed);
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::atomic_ref(place->words[i]).store(words[i], std::memory_order_release);
  }
  version.store(before + 2, std::memory_order_release);
  return true;
}

NameCache::Place* NameCache::place_of(Slot& slot) {
  const std::uint32_t place = load(slot.place);
  return place == 0 ? nullptr : &places_[place - 1];
}

// Returns the place of the slot, and gives the slot one if it has none. If another thread gives the slot a place at the
// same moment, the other place counts, and this one stays unused. So the places may be used up: then returns nullptr.
NameCache::Place* NameCache::take_place(Slot& slot) {
  if (Place* const place = place_of(slot); place != nullptr) return place;
  if (places_taken_.load(std::memory_order_relaxed) >= places_.size()) return nullptr;
  const std::uint32_t index = places_taken_.fetch_add(1, std::memory_order_relaxed);
  if (index >= places_.size()) return nullptr;
  std::uint32_t none = 0;
  std::atomic_ref(slot.place).compare_exchange_strong(none, index + 1, std::memory_order_relaxed);
  return place_of(slot);
}

}  // namespace spanflow
