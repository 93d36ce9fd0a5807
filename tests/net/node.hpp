// A probe thread with its slots, as the control thread sees it; waited for, with a time limit.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "net/clock.hpp"
#include "net/loop.hpp"
#include "net/receive_socket.hpp"
#include "private_net.hpp"

namespace net_test {

using namespace std::chrono_literals;
using bfd::State;

// A machine that is busy with other work must not make a Down here.
inline const bfd::Parameters steady{
    .desired_min_tx = bfd::Microseconds{50'000}, .required_min_rx = bfd::Microseconds{50'000}, .detect_mult = 200};

struct Node {
    probe::SlotPool pool{256};
    net::Loop loop;
    std::map<probe::SessionId, State> last;  // as told by Changed
    std::vector<probe::Event> events;

    explicit Node(const net::LoopSettings& settings = {.capacity = 256}) : loop{settings} {}

    void post(const probe::Command& command) {
        const auto limit = net::steady_now() + 20s;
        while (!loop.post(command)) {
            REQUIRE(net::steady_now() < limit);
            take_events();
        }
    }
    void listen(std::string_view address, bool multihop = false, net::Filter filter = net::Filter::on) {
        auto fd = net::bind_receive(ip(address).family, multihop, ip(address), loopback, filter);
        REQUIRE(fd.has_value());
        post(probe::Listen{.fd = fd->release(), .multihop = multihop, .local = ip(address), .ifindex = {}});
    }
    probe::Slot& add(const bfd::SessionKey& key, std::uint32_t discriminator,
                     const bfd::Parameters& parameters = steady) {
        auto* const slot =
            pool.create(key, key.multihop ? 250 : 255,
                        bfd::Session{parameters, bfd::Discriminator{discriminator}, discriminator, net::steady_now()});
        REQUIRE(slot != nullptr);
        post(probe::Add{slot});
        return *slot;
    }
    void take_events() {
        loop.acknowledge();
        while (const auto event = loop.next_event()) {
            events.push_back(*event);
            if (const auto* c = std::get_if<probe::Changed>(&*event)) last[c->id] = c->status.state;
        }
    }
    template <class Done>
    bool wait_until(Done&& done, base::Duration limit = 20s) {
        const auto end = net::steady_now() + limit;
        for (take_events(); !done(); take_events()) {
            if (net::steady_now() > end) return false;
            readable(loop.event_fd(), 20ms);
        }
        return true;
    }
    bool wait_for(const probe::Slot& slot, State state) {
        return wait_until([&] { return last[slot.id] == state; });
    }
    std::uint64_t dropped(bfd::DropReason reason) const {
        return loop.counters().probe.dropped[static_cast<std::size_t>(reason)].value();
    }
    std::uint64_t dropped() const {
        std::uint64_t sum = 0;
        for (const auto& counter : loop.counters().probe.dropped) sum += counter.value();
        return sum;
    }
};

struct Two : PrivateNet {
    Node a, b;
};

inline bfd::SessionKey key(std::string_view local, std::string_view remote, bool multihop = false) {
    return {multihop ? base::IfIndex{} : loopback, ip(local), ip(remote), multihop};
}

}  // namespace net_test
