// bare_loop LOCAL REMOTE COUNT INTERVAL_US: the floor of lab/bench. COUNT pairs of addresses counted up from the first
// ones; each gets a BFD-sized packet at a jittered interval, through one raw socket and sendmmsg; what comes is read by
// recvmmsg from one socket on port 3784 with TTL, interface and receive time. Once a millisecond, when anything is due.
// No protocol, no table, no verdict: what is left is what the kernel takes for the packets.
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

namespace {

constexpr std::size_t batch = 64;
constexpr std::int64_t tick = 1'000'000;  // ns

struct Frame {
    iphdr ip{};
    udphdr udp{};
    std::array<std::uint8_t, 24> payload{0x20, 0xc0, 3, 24};
};
static_assert(sizeof(Frame) == 52);

struct Session {
    Frame frame;
    sockaddr_in to{};
    std::int64_t due = 0;
};

std::int64_t now() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int receive_socket() {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    const int one = 1, room = 32 << 20;
    ::setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &one, sizeof one);
    ::setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
    ::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(3784);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) fail("bind 3784");
    return fd;
}

Session session(in_addr_t local, in_addr_t remote, unsigned number) {
    Session out;
    out.frame.ip.version = 4;
    out.frame.ip.ihl = 5;
    out.frame.ip.ttl = 255;
    out.frame.ip.protocol = IPPROTO_UDP;
    out.frame.ip.tot_len = htons(sizeof(Frame));
    out.frame.ip.saddr = htonl(ntohl(local) + number);
    out.frame.ip.daddr = htonl(ntohl(remote) + number);
    out.frame.udp.source = htons(static_cast<std::uint16_t>(49152 + number % 16384));
    out.frame.udp.dest = htons(3784);
    out.frame.udp.len = htons(sizeof(udphdr) + 24);
    out.to.sin_family = AF_INET;
    out.to.sin_addr.s_addr = out.frame.ip.daddr;
    return out;
}

class Loop {
    auto later() {
        return [this](unsigned a, unsigned b) { return sessions_[a].due > sessions_[b].due; };
    }

public:
    Loop(in_addr_t local, in_addr_t remote, unsigned count, std::int64_t interval) : interval_{interval} {
        if (raw_ < 0) fail("raw socket");
        for (unsigned i = 0; i < count; ++i) {
            sessions_.push_back(session(local, remote, i));
            sessions_.back().due = now() + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(interval));
            order_.push_back(i);
        }
        for (std::size_t i = 0; i < batch; ++i) {
            places_[i].vector = {places_[i].payload.data(), places_[i].payload.size()};
            in_[i].msg_hdr.msg_iov = &places_[i].vector;
            in_[i].msg_hdr.msg_iovlen = 1;
        }
    }
    [[noreturn]] void run() {
        std::ranges::make_heap(order_, later());
        for (;;) {
            wait(std::max(sessions_[order_.front()].due, now() + tick));
            drain();
            send_due(now());
        }
    }

private:
    static void wait(std::int64_t until) {
        const timespec t{until / 1'000'000'000, until % 1'000'000'000};
        ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
    }
    void drain() {
        for (int n = batch; n == static_cast<int>(batch);) {
            for (std::size_t i = 0; i < batch; ++i) {
                auto& header = in_[i].msg_hdr;
                header.msg_name = &places_[i].from;
                header.msg_namelen = sizeof places_[i].from;
                header.msg_control = places_[i].control.data();
                header.msg_controllen = places_[i].control.size();
            }
            n = ::recvmmsg(receive_, in_.data(), batch, MSG_DONTWAIT, nullptr);
        }
    }
    void send_due(std::int64_t at) {
        unsigned count = 0;
        while (sessions_[order_.front()].due <= at) {
            std::ranges::pop_heap(order_, later());
            auto& one = sessions_[order_.back()];
            out_vectors_[count] = {&one.frame, sizeof one.frame};
            out_[count].msg_hdr = {&one.to, sizeof one.to, &out_vectors_[count], 1, nullptr, 0, 0};
            one.due += interval_ * static_cast<std::int64_t>(750 + random_() % 250) / 1000;  // RFC 5880 §6.8.7
            std::ranges::push_heap(order_, later());
            if (++count == batch) flush(count);
        }
        flush(count);
    }
    void flush(unsigned& count) {
        if (count > 0) ::sendmmsg(raw_, out_.data(), count, MSG_DONTWAIT);
        count = 0;
    }

    struct Place {
        sockaddr_in from{};
        iovec vector{};
        std::array<std::uint8_t, 128> payload{};
        alignas(cmsghdr) std::array<std::uint8_t, 256> control{};
    };
    std::int64_t interval_;
    int receive_ = receive_socket();
    int raw_ = ::socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    std::mt19937_64 random_{1};
    std::vector<Session> sessions_;
    std::vector<unsigned> order_;  // a heap by due
    std::array<Place, batch> places_;
    std::array<mmsghdr, batch> in_{}, out_{};
    std::array<iovec, batch> out_vectors_{};
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) return std::fprintf(stderr, "usage: bare_loop LOCAL REMOTE COUNT INTERVAL_US\n"), 2;
    ::prctl(PR_SET_TIMERSLACK, 1UL);
    Loop{::inet_addr(argv[1]), ::inet_addr(argv[2]), static_cast<unsigned>(std::atoi(argv[3])),
         std::atoll(argv[4]) * 1000}
        .run();
}
