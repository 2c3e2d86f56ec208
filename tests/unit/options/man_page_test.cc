#include "options/man_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanflow::testing::man_page_test {
namespace {

using ::testing::EndsWith;

class ManPageTest : public ::testing::Test {
 protected:
  // Returns the page's text after the heading of the section BODY.
  std::string body() const {
    const std::string& text = page_.text();
    return text.substr(text.find(".SH BODY\n") + 9);
  }

  ManPageTest() { page_.section("BODY"); }

  ManPage page_{{.name = "tool", .section = 1, .version = "1.2", .summary = "does it"}};
};

TEST_F(ManPageTest, BeginsWithTitleAndName) {
  EXPECT_EQ(page_.text(), ".TH tool 1 \"\" \"spanflow 1.2\"\n.ad l\n.nh\n.SH NAME\ntool \\- does it\n.SH BODY\n");
}

TEST_F(ManPageTest, LeadingDotIsNoRequest) {
  page_.paragraph(".part is what\n.follows");
  EXPECT_EQ(body(), "\\&.part is what\n\\&.follows\n");
}

TEST_F(ManPageTest, LeadingApostropheIsNoRequest) {
  page_.paragraph("'tis");
  EXPECT_EQ(body(), "\\(aqtis\n");
}

TEST_F(ManPageTest, EscapesAndHyphensStayWhatTheyAre) {
  page_.paragraph(R"(C:\temp --set "a^b~c")");
  EXPECT_EQ(body(), "C:\\(rstemp \\-\\-set \\(dqa\\(hab\\(tic\\(dq\n");
}

TEST_F(ManPageTest, BackticksAreBoldAndAsterisksUnderlined) {
  page_.paragraph("`-c` *FILE*, `a*b`");
  EXPECT_EQ(body(), "\\fB\\-c\\fR \\fIFILE\\fR, \\fBa*b\\fR\n");
}

TEST_F(ManPageTest, MarkWithoutPartnerIsText) {
  page_.paragraph("2 * 3");
  EXPECT_EQ(body(), "2 * 3\n");
}

TEST_F(ManPageTest, ExampleKeepsMarksAndLines) {
  page_.paragraph("Thus:");
  page_.example("  a: `b`\n.c\n");
  EXPECT_THAT(body(), EndsWith(".EX\n  a: \\(gab\\(ga\n\\&.c\n.EE\n.RE\n"));
}

TEST_F(ManPageTest, FirstParagraphBelowAHeadingNeedsNoMacro) {
  page_.paragraph("one");
  page_.paragraph("two");
  EXPECT_EQ(body(), "one\n.PP\ntwo\n");
}

TEST_F(ManPageTest, NestedItemsBelongToTheOneBefore) {
  page_.item("`sinks`", "where");
  page_.begin_nested();
  page_.item("`type`", "what");
  page_.end_nested();
  EXPECT_EQ(body(), ".TP\n\\fBsinks\\fR\nwhere\n.RS\n.TP\n\\fBtype\\fR\nwhat\n.RE\n");
}

}  // namespace
}  // namespace spanflow::testing::man_page_test
