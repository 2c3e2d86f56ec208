// Reads SSH in the segments of flows.
#include <gtest/gtest.h>

#include <string>

#include "base/digest.h"
#include "base/hex.h"
#include "support/names_of_flow.h"
#include "support/tls_octets.h"

namespace spanflow::testing::ssh_test {
namespace {

std::string list(const std::string& names) { return be16(0) + be16(names.size()) + names; }

// A key exchange whose lists differ by side.
std::string key_exchange(const std::string& mark) {
  std::string payload = be8(20) + std::string(16, 'c');
  for (const char* name : {"kex", "host", "enc-cs", "enc-sc", "mac-cs", "mac-sc", "comp-cs", "comp-sc", "", ""}) {
    payload += list(*name == '\0' ? "" : name + mark);
  }
  payload += be8(0) + be16(0) + be16(0);
  const std::string packet = be8(4) + payload + std::string(4, 'p');
  return be16(0) + be16(packet.size()) + packet;
}

std::string md5_of(const std::string& text) { return std::string(hex_of(md5(text)).view()); }

TEST(Ssh, BannersAndFingerprintsOfBothSidesAreRead) {
  const std::string client = "SSH-2.0-OpenSSH_9.2\r\n" + key_exchange("1");
  const std::string server = "SSH-2.0-server comment\n" + key_exchange("2");
  for (std::size_t cut = 1; cut < client.size(); cut += 5) {
    NamedFlow flow(22);
    flow.handshake().server(server).client(client.substr(0, cut)).client(client.substr(cut));
    const FlowMetadata found = flow.end();
    EXPECT_EQ(found.text(Metadata::kSshClient), "SSH-2.0-OpenSSH_9.2");
    EXPECT_EQ(found.text(Metadata::kSshServer), "SSH-2.0-server comment");
    EXPECT_EQ(found.text(Metadata::kHasshClient), md5_of("kex1;enc-cs1;mac-cs1;comp-cs1"));
    EXPECT_EQ(found.text(Metadata::kHasshServer), md5_of("kex2;enc-sc2;mac-sc2;comp-sc2"));
  }
}

TEST(Ssh, WithoutASynTheServerHasTheSmallerPort) {
  const FlowMetadata found = NamedFlow(22).server("SSH-2.0-server\r\n").end();
  EXPECT_EQ(found.text(Metadata::kSshServer), "SSH-2.0-server");
  EXPECT_EQ(found.text(Metadata::kSshClient), "");
}

TEST(Ssh, ABannerWithoutAnEndIsCut) {
  const FlowMetadata found = NamedFlow(22).handshake().client("SSH-" + std::string(400, 'x')).end();
  EXPECT_EQ(found.text(Metadata::kSshClient).size(), 255U);
}

}  // namespace
}  // namespace spanflow::testing::ssh_test
