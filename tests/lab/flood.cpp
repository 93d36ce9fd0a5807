// flood invalid|valid|spoofed FROM TO RATE: packets to UDP 3784 at RATE a second, from one raw socket, until it is
// killed. invalid: each of six faults in turn. valid: whole packets that name sessions which do not exist. spoofed:
// whole packets with Your Discriminator 0 and state Down, as a peer's own that begins anew.
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

constexpr std::size_t batch = 64;

struct Frame {
    iphdr ip{};
    udphdr udp{};
    std::array<std::uint8_t, 24> payload{0x20, 0xc0, 3, 24, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50};
};

Frame plain(in_addr_t from, in_addr_t to) {
    Frame out;
    out.ip.version = 4;
    out.ip.ihl = 5;
    out.ip.ttl = 255;
    out.ip.protocol = IPPROTO_UDP;
    out.ip.tot_len = htons(sizeof(Frame));
    out.ip.saddr = from;
    out.ip.daddr = to;
    out.udp.source = htons(50000);
    out.udp.dest = htons(3784);
    out.udp.len = htons(sizeof(udphdr) + out.payload.size());
    return out;
}

void spoil(Frame& frame, std::size_t fault) {
    switch (fault % 6) {
        case 0: frame.ip.ttl = 64; break;                     // RFC 5881 §5
        case 1: frame.payload[0] = 0x00; break;               // version 0
        case 2: frame.payload[2] = 0; break;                  // Detect Mult 0
        case 3: frame.payload[3] = 48; break;                 // longer than the datagram
        case 4: std::memset(&frame.payload[4], 0, 4); break;  // My Discriminator 0
        case 5: std::memset(&frame.payload[8], 0, 4); break;  // Your Discriminator 0 in state Up
    }
}

Frame frame_of(std::string_view kind, std::size_t number, in_addr_t from, in_addr_t to) {
    auto out = plain(from, to);
    if (kind == "invalid") spoil(out, number);
    if (kind == "valid") std::memcpy(&out.payload[8], &number, 4);
    if (kind == "spoofed") {
        out.payload[1] = 0x40;
        std::memset(&out.payload[8], 0, 4);
    }
    return out;
}

std::int64_t now() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) return std::fprintf(stderr, "usage: flood invalid|valid|spoofed FROM TO RATE\n"), 2;
    const int raw = ::socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    if (raw < 0) return std::perror("raw socket"), 1;
    const auto from = ::inet_addr(argv[2]), to = ::inet_addr(argv[3]);
    const auto rate = std::max(1LL, std::atoll(argv[4]));
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_addr.s_addr = to;
    static std::array<Frame, batch> frames;
    std::array<iovec, batch> vectors{};
    std::array<mmsghdr, batch> headers{};
    std::size_t number = 1;
    const auto begun = now();
    for (std::int64_t sent = 0;; sent += batch) {
        for (std::size_t i = 0; i < batch; ++i, ++number) {
            frames[i] = frame_of(argv[1], number, from, to);
            vectors[i] = {&frames[i], sizeof(Frame)};
            headers[i].msg_hdr = {&target, sizeof target, &vectors[i], 1, nullptr, 0, 0};
        }
        ::sendmmsg(raw, headers.data(), batch, 0);
        const auto due = begun + (sent + static_cast<std::int64_t>(batch)) * 1'000'000'000LL / rate;
        if (const auto left = due - now(); left > 0) {
            const timespec pause{left / 1'000'000'000, left % 1'000'000'000};
            ::nanosleep(&pause, nullptr);
        }
    }
}
