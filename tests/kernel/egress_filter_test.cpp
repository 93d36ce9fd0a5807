// Filters as rtnetlink tells them: ours, others', tables, and what is cut short.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <cstring>
#include <string_view>

#include "kernel/egress_filter.hpp"

namespace {

std::optional<kernel::FilterMessage> decode(const tcmsg& header, std::vector<std::byte> attributes) {
    std::vector<std::byte> bytes(sizeof header);
    std::memcpy(bytes.data(), &header, sizeof header);
    bytes.insert(bytes.end(), attributes.begin(), attributes.end());
    return kernel::decode_filter(bytes);
}

tcmsg ours() {
    tcmsg out{};
    out.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);
    out.tcm_info = TC_H_MAKE(std::uint32_t{kernel::our_preference} << 16, std::uint32_t{htons(ETH_P_ALL)});
    out.tcm_handle = 0x80000105;
    return out;
}

std::vector<std::byte> attribute(std::uint16_t type, std::vector<std::byte> value) {
    rtattr header{static_cast<unsigned short>(sizeof(rtattr) + value.size()), type};
    std::vector<std::byte> out(sizeof header);
    std::memcpy(out.data(), &header, sizeof header);
    out.insert(out.end(), value.begin(), value.end());
    out.resize((out.size() + 3) & ~std::size_t{3});
    return out;
}

std::vector<std::byte> kind(std::string_view text) {
    std::vector<std::byte> value;
    for (const char letter : text) value.push_back(static_cast<std::byte>(letter));
    value.push_back(std::byte{0});
    return attribute(TCA_KIND, value);
}

std::vector<std::byte> operator+(std::vector<std::byte> a, const std::vector<std::byte>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

// A selector of one key: 32 bits at 16 are 10.2.0.0/16.
std::vector<std::byte> selector(unsigned char keys = 1) {
    std::vector<std::byte> value(32);
    value[2] = std::byte{keys};
    const std::uint32_t mask = htonl(0xffff0000), to = htonl(0x0a020000);
    const int offset = 16;
    std::memcpy(value.data() + 16, &mask, 4);
    std::memcpy(value.data() + 20, &to, 4);
    std::memcpy(value.data() + 24, &offset, 4);
    return attribute(TCA_U32_SEL, value);
}

}  // namespace

TEST_CASE("a filter is ours by its place, its preference and its kind") {
    const auto found = decode(ours(), kind("u32") + attribute(TCA_OPTIONS, selector())).value();
    CHECK(found.ours);
    CHECK_FALSE(found.is_table);
    CHECK(found.filter == kernel::EgressFilter{0x105, {{16, 0x0a020000, 0xffff0000}}, {}});
    CHECK(decode(ours(), kind("u32")).value().is_table);
    CHECK_FALSE(decode(ours(), kind("flower") + attribute(TCA_OPTIONS, selector())).value().ours);
    auto other = ours();
    other.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
    CHECK_FALSE(decode(other, kind("u32")).value().ours);
    other = ours();
    other.tcm_info = TC_H_MAKE(std::uint32_t{kernel::our_preference} << 16, std::uint32_t{htons(ETH_P_IP)});
    CHECK_FALSE(decode(other, kind("u32")).value().ours);
}

TEST_CASE("a filter that is cut short, or lies about its keys, is read no further than it goes") {
    CHECK_FALSE(kernel::decode_filter({}).has_value());
    CHECK(decode(ours(), kind("u32") + attribute(TCA_OPTIONS, selector(255))).value().filter.matches.size() == 1);
    const auto whole = kind("u32") + attribute(TCA_OPTIONS, selector());
    for (std::size_t length = 0; length < whole.size(); ++length)
        CHECK(decode(ours(), {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)}).has_value());
}

TEST_CASE("what is sent to a prefix, 32 bits at a time") {
    using kernel::Match;
    const auto to = [](const char* text) { return kernel::to_destination(base::Prefix::parse(text).value()); };
    CHECK(to("0.0.0.0/0") == std::vector<Match>{{0, 0x40000000, 0xf0000000}});
    CHECK(to("10.2.3.0/24") == std::vector<Match>{{0, 0x40000000, 0xf0000000}, {16, 0x0a020300, 0xffffff00}});
    CHECK(to("::/0") == std::vector<Match>{{0, 0x60000000, 0xf0000000}});
    CHECK(to("fd02:0:1::/44") ==
          std::vector<Match>{{0, 0x60000000, 0xf0000000}, {24, 0xfd020000, 0xffffffff}, {28, 0x00000000, 0xfff00000}});
}
