// Dumps and changes by calls that wait, with a kernel that the test plays; and a change that has second thoughts.
#include <doctest/doctest.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/netlink_bytes.hpp"
#include "wireguard/device_session.hpp"
#include "wireguard/endpoint_jobs.hpp"
#include "wireguard/waiting_calls.hpp"

using namespace support;

namespace {

constexpr std::uint16_t family = 33;

Buffer allowed(std::uint8_t last) {
    return nested(0, attribute(WGALLOWEDIP_A_FAMILY, raw(std::uint16_t{AF_INET})) +
                         attribute(WGALLOWEDIP_A_IPADDR, raw(std::array<std::uint8_t, 4>{10, 8, 0, last})) +
                         attribute(WGALLOWEDIP_A_CIDR_MASK, raw(std::uint8_t{32})));
}
Buffer part(int flags, std::uint32_t sequence, const Buffer& allowed_ips) {
    const auto peer = attribute(WGPEER_A_PUBLIC_KEY, Buffer(32, std::byte{0xab})) +
                      (allowed_ips.empty() ? Buffer{} : nested(WGPEER_A_ALLOWEDIPS, allowed_ips));
    return message(family, flags, sequence,
                   raw(genlmsghdr{WG_CMD_GET_DEVICE, 1, 0}) + nested(WGDEVICE_A_PEERS, nested(0, peer)));
}
Buffer done(std::uint32_t sequence, int flags = 0) { return message(NLMSG_DONE, flags, sequence, raw(0)); }
Buffer acknowledgement(int error) { return message(NLMSG_ERROR, 0, 1, raw(-error)); }

struct Kernel {
    wireguard::DumpCalls calls() {
        return {[this] { return ++asked; },
                [this] {
                    REQUIRE(!datagrams.empty());
                    present = datagrams.front();
                    datagrams.pop_front();
                    return std::span{present};
                },
                [this](base::Bytes) { ++payloads; }};
    }
    std::deque<Buffer> datagrams;
    Buffer present;
    std::uint32_t asked = 0;
    int payloads = 0;
};

struct Pair {
    explicit Pair(int type) {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) == 0);
        ours = base::UniqueFd{ends[0]};
        theirs = base::UniqueFd{ends[1]};
        const timeval limit{0, 50'000};
        ::setsockopt(ours.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    base::UniqueFd ours, theirs;
};

struct FakeDevice final : wireguard::DeviceSession {
    std::optional<adjacency::Peer> read(const adjacency::PublicKey&) override { return peer; }
    void keep(const adjacency::Peer&) override { done += "keep"; }
    void fresh(const adjacency::Peer&) override { done += "fresh"; }
    adjacency::Peer peer;
    std::string done;
};

}  // namespace

TEST_CASE("a device that changed while it was dumped is dumped again: what came then lacks allowed-ips") {
    Kernel kernel;
    SUBCASE("told in a part") { kernel.datagrams = {part(0, 1, {}) + part(NLM_F_DUMP_INTR, 1, {}), done(1)}; }
    SUBCASE("told at the end") { kernel.datagrams = {part(0, 1, {}), done(1, NLM_F_DUMP_INTR)}; }
    kernel.datagrams.push_back(part(0, 1, allowed(9)) + part(0, 2, allowed(1)));  // one of them late
    kernel.datagrams.push_back(part(0, 2, allowed(2)) + done(2));
    const auto device = wireguard::dump_whole(family, kernel.calls());
    CHECK(kernel.asked == 2);
    REQUIRE(device.peers.size() == 1);
    CHECK(device.peers[0].allowed_ips.size() == 2);
    CHECK(kernel.present == Buffer(kernel.present.size()));  // wiped
}

TEST_CASE("one that changes each time is left alone in the end") {
    Kernel kernel;
    for (int i = 1; i <= wireguard::most_dumps; ++i)
        kernel.datagrams.push_back(part(NLM_F_DUMP_INTR, static_cast<std::uint32_t>(i), {}) +
                                   done(static_cast<std::uint32_t>(i)));
    CHECK_THROWS_AS(wireguard::dump_whole(family, kernel.calls()), std::runtime_error);
    CHECK(kernel.datagrams.empty());
}

TEST_CASE("several messages leave in one datagram, and the first of their errors counts") {
    const Pair pair{SOCK_DGRAM};
    const std::vector<Buffer> messages{Buffer(60'000, std::byte{1}), Buffer(60'000, std::byte{2}), Buffer(100)};
    std::deque<Buffer> answers{acknowledgement(0) + acknowledgement(ENOMEM), acknowledgement(EINVAL)};
    Buffer present;
    const auto wait = [&] {
        REQUIRE(!answers.empty());
        present = answers.front();
        answers.pop_front();
        return std::span{present};
    };
    CHECK(wireguard::send_whole(pair.ours.get(), messages, wait) == ENOMEM);
    CHECK(answers.empty());
    Buffer got(200'000);
    CHECK(::recv(pair.theirs.get(), got.data(), got.size(), MSG_DONTWAIT) == 120'100);
    CHECK(::recv(pair.theirs.get(), got.data(), got.size(), MSG_DONTWAIT) < 0);
    CHECK(got[59'999] == std::byte{1});
    CHECK(got[60'000] == std::byte{2});
}

TEST_CASE("a long text has left before anybody reads it") {
    const Pair pair{SOCK_STREAM};
    CHECK(wireguard::send_whole(pair.ours.get(), std::string(400'000, 'x')));
}

TEST_CASE("fresh keys are for a peer that still allows what was seen, in whatever order") {
    FakeDevice device;
    const auto one = *base::Prefix::parse("10.8.0.1/32"), two = *base::Prefix::parse("2001:db8::/32");
    device.peer.allowed_ips = {one, two};
    const auto words = [&](bool fresh, std::vector<base::Prefix> seen) {
        return to_words(wireguard::ChangeOrder{
            "wg0", {}, {one.address, 1}, fresh, device.peer.latest_handshake, wireguard::fingerprint(seen)});
    };
    CHECK(wireguard::carry_out(device, words(true, {two, one})) == wireguard::did);
    CHECK(device.done == "fresh");
    device.done.clear();
    for (const std::vector<base::Prefix>& other :
         {std::vector{one}, {}, {one, two, two}, {one, *base::Prefix::parse("2001:db8::/33")}})
        CHECK_THROWS_AS(wireguard::carry_out(device, words(true, other)), std::runtime_error);
    device.peer.allowed_ips.clear();
    CHECK_THROWS_AS(wireguard::carry_out(device, words(true, {one, two})), std::runtime_error);
    CHECK(device.done.empty());
    CHECK(wireguard::carry_out(device, words(false, {one, two})) == wireguard::did);  // it sends no list
    CHECK(device.done == "keep");
}
