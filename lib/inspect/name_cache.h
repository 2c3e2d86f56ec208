// Remembers which name a client asked DNS for to get an address. A flow from the client to the address can then show
// the name, even if the flow itself carries none or an encrypted one.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/zeroed_array.h"
#include "spanflow/record.h"

namespace spanflow {

// One object per run. All functions may be called by any thread at any time, and none of them waits. An answer that
// another thread is just writing is not found, and an answer whose place another thread is writing is not stored.
class NameCache {
 public:
  struct Pair {
    IpAddress client;  // who asked
    IpAddress server;  // an address in the answer
    bool operator==(const Pair&) const = default;
  };
  struct Name {
    std::uint64_t answered_ns;  // time of the answer
    std::array<char, 255> octets;
    std::uint8_t size;

    std::string_view view() const { return {octets.data(), size}; }
  };
  enum class Stored : std::uint8_t {
    kNew,
    kAgain,    // the cache had this name already; the answer is newer
    kInstead,  // in the place of the oldest answer that was still valid
    kNot,
  };

  // An answer is valid for its TTL, but at least as long as this, because clients use an address right after the answer
  // even if its TTL is 0.
  static constexpr std::uint64_t kLeastLifeNs = 10'000'000'000;
  static constexpr std::size_t kWays = 4;  // places where an answer may be

  // `answers` is how many answers fit; 320 octets each. Memory that was never used is not taken. `seed` keys the hash,
  // so that nobody can choose answers that displace others.
  NameCache(std::size_t answers, std::uint64_t seed);

  // Names of more than 255 octets are cut. `ttl` is in seconds.
  Stored add(const Pair& pair, std::string_view name, std::uint64_t time_ns, std::uint32_t ttl);
  // Sets `name` to the name that the client asked for last before `time_ns`, and returns true. If no answer was valid
  // at that time, returns false.
  bool find(const Pair& pair, std::uint64_t time_ns, Name& name);

 private:
  // What a place holds. `until_ns` is its first word, and name.answered_ns its second.
  struct Answer {
    std::uint64_t until_ns;
    Name name;
    Pair pair;
  };
  static constexpr std::size_t kWords = (sizeof(Answer) + 7) / 8;
  using Words = std::array<std::uint64_t, kWords>;
  // A seqlock (Boehm: "Can seqlocks get along with programming language memory models?", MSPC 2012). All members are
  // read and written through std::atomic_ref, the words one by one.
  struct Place {
    std::uint32_t version;  // odd: being written; 0: never written
    Words words;
  };
  // Leads to a place. The slots of a bucket lie together, so that a flow without an answer costs one access to memory.
  struct Slot {
    std::uint32_t tag;    // part of the hash, so that most places of other pairs are not read; 0: never used
    std::uint32_t place;  // index of the place plus 1; 0: none yet. A slot keeps its place.
  };
  static_assert(sizeof(Slot) + sizeof(Place) == 320);  // as the option's help says
  using Bucket = std::array<Slot, kWays>;

  std::uint64_t hash(const Pair& pair) const;
  Bucket& bucket_of(std::uint64_t hash) { return buckets_[(hash & 0xffffffff) * buckets_.size() >> 32]; }
  bool read(Slot& slot, Answer& answer);
  bool write(Slot& slot, std::uint32_t tag, const Answer& answer);
  Place* place_of(Slot& slot);
  Place* take_place(Slot& slot);

  std::uint64_t seed_;
  ZeroedArray<Bucket> buckets_;
  ZeroedArray<Place> places_;  // used from the first on, so that few answers take little memory
  std::atomic<std::uint32_t> places_taken_{0};
  std::atomic<bool> any_{false};
};

}  // namespace spanflow
