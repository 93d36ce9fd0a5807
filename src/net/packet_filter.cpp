#include "net/packet_filter.hpp"

#include <array>
#include <cstdint>

namespace net {

namespace {

constexpr std::uint32_t bfd = 8;  // the program sees the datagram from its UDP header on

constexpr sock_filter statement(int code, std::uint32_t k) { return {static_cast<std::uint16_t>(code), 0, 0, k}; }
constexpr sock_filter jump(int code, std::uint32_t k, std::uint8_t when_true, std::uint8_t when_false) {
    return {static_cast<std::uint16_t>(BPF_JMP | BPF_K | code), when_true, when_false, k};
}

// The verdicts stand at the end: accept, then drop.
constexpr std::size_t length = 21;
constexpr std::uint8_t to_drop(std::size_t from) { return static_cast<std::uint8_t>(length - 1 - (from + 1)); }

constexpr std::array<sock_filter, length> program(std::uint32_t ttl_offset, bool multihop) {
    std::array<sock_filter, length> p{};
    std::size_t n = 0;
    const auto add = [&](sock_filter f) { p[n++] = f; };
    const auto drop_unless = [&](int code, std::uint32_t k) { add(jump(code, k, 0, to_drop(n))); };
    const auto drop_if = [&](int code, std::uint32_t k) { add(jump(code, k, to_drop(n), 0)); };
    // RFC 5881 §5; a multihop session's own bound is probe's question.
    add(statement(BPF_LD | BPF_B | BPF_ABS, static_cast<std::uint32_t>(SKF_NET_OFF) + ttl_offset));
    drop_unless(BPF_JGE, multihop ? 0 : 255);
    // RFC 5880 §6.8.6, in its order.
    add(statement(BPF_LD | BPF_W | BPF_LEN, 0));
    drop_unless(BPF_JGE, bfd + 24);
    add(statement(BPF_LD | BPF_B | BPF_ABS, bfd));  // version
    add(statement(BPF_ALU | BPF_RSH | BPF_K, 5));
    drop_unless(BPF_JEQ, 1);
    add(statement(BPF_LD | BPF_B | BPF_ABS, bfd + 3));  // length
    drop_unless(BPF_JGE, 24);
    add(statement(BPF_ALU | BPF_ADD | BPF_K, bfd));
    add(statement(BPF_MISC | BPF_TAX, 0));
    add(statement(BPF_LD | BPF_W | BPF_LEN, 0));
    add({BPF_JMP | BPF_JGE | BPF_X, 0, to_drop(n), 0});  // no longer than the datagram
    add(statement(BPF_LD | BPF_B | BPF_ABS, bfd + 2));   // detect mult
    drop_if(BPF_JEQ, 0);
    add(statement(BPF_LD | BPF_B | BPF_ABS, bfd + 1));  // flags: multipoint
    drop_if(BPF_JSET, 1);
    add(statement(BPF_LD | BPF_W | BPF_ABS, bfd + 4));  // my discriminator
    drop_if(BPF_JEQ, 0);
    add(statement(BPF_RET | BPF_K, UINT32_MAX));
    add(statement(BPF_RET | BPF_K, 0));
    return n == length ? p : throw "a jump would miss its mark";
}

constexpr auto v4_single = program(8, false);
constexpr auto v4_multi = program(8, true);
constexpr auto v6_single = program(7, false);
constexpr auto v6_multi = program(7, true);

}  // namespace

std::span<const sock_filter> packet_filter(base::Family family, bool multihop) {
    if (family == base::Family::v4) return multihop ? v4_multi : v4_single;
    return multihop ? v6_multi : v6_single;
}

}  // namespace net
