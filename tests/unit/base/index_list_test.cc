// Tests linked lists of indexes, and the pool that lends objects by index.
#include "base/index_list.h"

#include <gmock/gmock.h>

#include <vector>

#include "base/loan_pool.h"

namespace spanflow::testing::index_list_test {
namespace {

TEST(IndexList, KeepsItsOrderWhateverIsRemoved) {
  ZeroedArray<Links> links(5);
  IndexList list(links);
  const auto content = [&list] {
    std::vector<std::uint32_t> indexes;
    for (std::uint32_t at = list.front(); at != kNoIndex; at = list.after(at)) indexes.push_back(at);
    return indexes;
  };
  for (std::uint32_t i = 0; i < 5; ++i) list.push_back(i);
  list.remove(2);
  EXPECT_THAT(content(), ::testing::ElementsAre(0, 1, 3, 4));
  list.remove(0);
  EXPECT_THAT(content(), ::testing::ElementsAre(1, 3, 4));
  list.remove(4);
  EXPECT_THAT(content(), ::testing::ElementsAre(1, 3));
  list.push_back(2);
  EXPECT_THAT(content(), ::testing::ElementsAre(1, 3, 2));
  for (const std::uint32_t i : {1U, 3U, 2U}) list.remove(i);
  EXPECT_TRUE(list.empty());
}

std::vector<std::uint32_t> loans_of(const LoanPool<int>& pool) {
  std::vector<std::uint32_t> loans;
  for (std::uint32_t at = pool.oldest(); at != kNoIndex; at = pool.after(at)) loans.push_back(at);
  return loans;
}

TEST(LoanPool, LendsEachObjectOnce) {
  LoanPool<int> pool(3);
  EXPECT_EQ(pool.oldest(), kNoIndex);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(pool.all_lent());
    pool[pool.lend()] = i;
  }
  EXPECT_TRUE(pool.all_lent());
  EXPECT_THAT(loans_of(pool), ::testing::ElementsAre(0, 1, 2));
}

TEST(LoanPool, LendsAgainWhatCameBack) {
  LoanPool<int> pool(3);
  for (int i = 0; i < 3; ++i) pool[pool.lend()] = i;
  pool.take_back(1);
  pool.take_back(0);
  EXPECT_FALSE(pool.all_lent());
  EXPECT_EQ(pool.oldest(), 2U);
  EXPECT_EQ(pool[pool.lend()], 0) << "the object keeps its content";
  EXPECT_EQ(pool[pool.lend()], 1);
  EXPECT_TRUE(pool.all_lent());
  EXPECT_THAT(loans_of(pool), ::testing::ElementsAre(2, 0, 1)) << "a new loan is the youngest";
}

}  // namespace
}  // namespace spanflow::testing::index_list_test
