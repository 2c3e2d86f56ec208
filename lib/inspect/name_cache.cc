#include "inspect/name_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/flow_hash.h"
#include "base/units.h"

namespace spanflow {
namespace {

constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // arbitrary

std::uint32_t load(std::uint32_t& number, std::memory_order order) { return std::atomic_ref(number).load(order); }

// A tag is never 0, which is the tag of a place that was never written.
std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32) | 1; }

}  // namespace

NameCache::NameCache(std::size_t answers, std::uint64_t seed)
    : buckets_(std::max<std::size_t>(1, answers / kWays)), seed_(seed), places_(buckets_ * kWays) {}

NameCache::Stored NameCache::add(const Pair& pair, std::string_view name, std::uint64_t time_ns, std::uint32_t ttl) {
  Answer answer{};
  answer.pair = pair;
  answer.until_ns = time_ns + std::max(kLeastLifeNs, ttl * kNanosecondsPerSecond);
  answer.name.answered_ns = time_ns;
  answer.name.size = static_cast<std::uint8_t>(std::min(name.size(), answer.name.octets.size()));
  name.copy(answer.name.octets.data(), answer.name.size);

  // Takes the place of the same answer, else one that is empty or too old, else that of the oldest answer.
  const std::uint64_t hashed = hash(pair);
  Place* chosen = nullptr;
  std::uint64_t chosen_ns = ~0ULL;
  Stored stored = Stored::kInstead;
  for (Place& place : places_of(hashed)) {
    if (load(place.tag, std::memory_order_relaxed) == tag_of(hashed)) {
      Answer known;
      if (read(place, known) && known.pair == pair && known.name.view() == answer.name.view()) {
        if (known.name.answered_ns > time_ns) return Stored::kAgain;
        chosen = &place;
        stored = Stored::kAgain;
        break;
      }
    }
    const bool is_free = std::atomic_ref(place.words[0]).load(std::memory_order_relaxed) < time_ns;
    const std::uint64_t since_ns = is_free ? 0 : std::atomic_ref(place.words[1]).load(std::memory_order_relaxed);
    if (chosen != nullptr && since_ns >= chosen_ns) continue;
    chosen = &place;
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
  for (Place& place : places_of(hashed)) {
    if (load(place.tag, std::memory_order_relaxed) != tag_of(hashed)) continue;
    Answer answer;
    if (!read(place, answer) || answer.pair != pair) continue;
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

std::span<NameCache::Place> NameCache::places_of(std::uint64_t hash) {
  const std::size_t bucket = (hash & 0xffffffff) * buckets_ >> 32;
  return {&places_[bucket * kWays], kWays};
}

// Returns false if the place was never written, or is just being written.
bool NameCache::read(Place& place, Answer& answer) {
  const std::uint32_t before = load(place.version, std::memory_order_acquire);
  if (before == 0 || before % 2 != 0) return false;
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = std::atomic_ref(place.words[i]).load(std::memory_order_acquire);
  }
  if (load(place.version, std::memory_order_relaxed) != before) return false;
  std::memcpy(static_cast<void*>(&answer), words.data(), sizeof answer);
  return true;
}

bool NameCache::write(Place& place, std::uint32_t tag, const Answer& answer) {
  const std::atomic_ref version(place.version);
  std::uint32_t before = version.load(std::memory_order_relaxed);
  if (before % 2 != 0) return false;
  if (!version.compare_exchange_strong(before, before + 1, std::memory_order_acquire)) return false;
  Words words{};
  std::memcpy(words.data(), &answer, sizeof answer);
  std::atomic_ref(place.tag).store(tag, std::memory_order_relaxed);
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::atomic_ref(place.words[i]).store(words[i], std::memory_order_release);
  }
  version.store(before + 2, std::memory_order_release);
  return true;
}

}  // namespace spanflow
