// Tests the cache of DNS answers: what it finds, what it displaces, and that threads do not disturb each other.
#include "inspect/name_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace spanflow::testing::name_cache_test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

NameCache::Pair pair(std::uint32_t client, std::uint32_t server = 1) {
  NameCache::Pair pair{};
  std::memcpy(pair.client.bytes.data(), &client, sizeof client);
  std::memcpy(pair.server.bytes.data(), &server, sizeof server);
  return pair;
}

std::string found(NameCache& cache, const NameCache::Pair& pair, std::uint64_t time_ns) {
  NameCache::Name name;
  return cache.find(pair, time_ns, name) ? std::string(name.view()) : "";
}

TEST(NameCache, FindsTheAnswerToThePairOnly) {
  NameCache cache(1024, 7);
  EXPECT_EQ(cache.add(pair(1), "a.example.org", 5 * kSecond, 60), NameCache::Stored::kNew);
  EXPECT_EQ(found(cache, pair(1), 6 * kSecond), "a.example.org");
  EXPECT_EQ(found(cache, pair(2), 6 * kSecond), "");
  EXPECT_EQ(found(cache, pair(1, 2), 6 * kSecond), "");
}

TEST(NameCache, AnAnswerIsValidFromItsTimeForItsTtl) {
  NameCache cache(1024, 7);
  cache.add(pair(1), "a", 100 * kSecond, 60);
  EXPECT_EQ(found(cache, pair(1), 100 * kSecond - 1), "");
  EXPECT_EQ(found(cache, pair(1), 100 * kSecond), "a");
  EXPECT_EQ(found(cache, pair(1), 160 * kSecond), "a");
  EXPECT_EQ(found(cache, pair(1), 160 * kSecond + 1), "");
  cache.add(pair(2), "b", 100 * kSecond, 0);
  EXPECT_EQ(found(cache, pair(2), 110 * kSecond), "b");
  EXPECT_EQ(found(cache, pair(2), 110 * kSecond + 1), "");
}

TEST(NameCache, GivesTheLastNameBeforeTheTime) {
  NameCache cache(1024, 7);
  cache.add(pair(1), "old", 1 * kSecond, 600);
  cache.add(pair(1), "new", 5 * kSecond, 600);
  EXPECT_EQ(found(cache, pair(1), 4 * kSecond), "old");
  EXPECT_EQ(found(cache, pair(1), 6 * kSecond), "new");
  EXPECT_EQ(cache.add(pair(1), "old", 7 * kSecond, 600), NameCache::Stored::kAgain);
  EXPECT_EQ(found(cache, pair(1), 8 * kSecond), "old");
}

TEST(NameCache, AFullCacheDisplacesTheOldestAndTakesThePlaceOfTheInvalid) {
  NameCache cache(NameCache::kWays, 7);
  for (std::uint32_t i = 0; i < NameCache::kWays; ++i) {
    EXPECT_EQ(cache.add(pair(i), "n", (10 + i) * kSecond, 600), NameCache::Stored::kNew);
  }
  EXPECT_EQ(cache.add(pair(9), "n", 20 * kSecond, 600), NameCache::Stored::kInstead);
  EXPECT_EQ(found(cache, pair(0), 21 * kSecond), "");
  EXPECT_EQ(found(cache, pair(1), 21 * kSecond), "n");
  EXPECT_EQ(cache.add(pair(10), "n", 5000 * kSecond, 600), NameCache::Stored::kNew);
}

TEST(NameCache, CutsLongNames) {
  NameCache cache(4, 7);
  cache.add(pair(1), std::string(300, 'n'), kSecond, 60);
  EXPECT_EQ(found(cache, pair(1), kSecond), std::string(255, 'n'));
}

// Each name says to which pair it belongs and has only one kind of character, so a mix of two answers would show.
TEST(NameCache, ThreadsNeverSeeAMixOfTwoAnswers) {
  NameCache cache(8, 7);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint32_t writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      for (std::uint32_t i = 0; !stop; ++i) {
        const std::uint32_t client = (i * 2 + writer) % 20;
        cache.add(pair(client), std::string(20 + client, static_cast<char>('a' + client)), kSecond + i, 600);
      }
    });
  }
  std::uint64_t hits = 0;
  // The writers may begin late, so hits are counted and not attempts.
  for (std::uint32_t i = 0; hits < 50'000 && i < 1'000'000'000; ++i) {
    const std::uint32_t client = i % 20;
    NameCache::Name name;
    if (!cache.find(pair(client), 100 * kSecond, name)) continue;
    ++hits;
    if (name.view() != std::string(20 + client, static_cast<char>('a' + client))) ++wrong;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(hits, 50'000U);
}

}  // namespace
}  // namespace spanflow::testing::name_cache_test
