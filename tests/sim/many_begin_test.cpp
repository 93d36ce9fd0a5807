// A controller whose sessions begin by the thousand: slice by slice, with no verdict in between, and each within 2 KiB.
#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <set>
#include <vector>

#include "probe/store.hpp"
#include "world.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t many = 1'000;
constexpr std::size_t page = 4'096;

base::IpAddress numbered(std::string_view first, std::uint32_t n) {
    auto address = sim::ip(first);
    address.bytes[2] = static_cast<std::uint8_t>(n / 250);
    address.bytes[3] = static_cast<std::uint8_t>(1 + n % 250);
    return address;
}

config::Config configured() {
    config::Config out;
    for (std::uint32_t n = 0; n < many; ++n) {
        config::Session session;
        session.local = sim::ip("10.8.0.1");
        session.remote = numbered("10.9.0.0", n);
        out.sessions.push_back(session);
    }
    return out;
}

std::vector<adjacency::Peer> all_peers() {
    std::vector<adjacency::Peer> out;
    for (std::uint32_t n = 0; n < many; ++n) {
        out.push_back(sim::peer(1, {base::Prefix{numbered("10.8.0.0", n + 1), 32}}));
        out.back().key.bytes[0] = static_cast<std::uint8_t>(n / 256);
        out.back().key.bytes[1] = static_cast<std::uint8_t>(n % 256);
    }
    return out;
}

control::Host hub(std::string_view address) {
    auto out = sim::host(address, all_peers());
    out.links.front().addresses.front().prefix_length = 16;
    return out;
}

std::vector<probe::Slot*> added(const control::Turn& turn) {
    std::vector<probe::Slot*> out;
    for (const auto& command : turn.commands)
        if (const auto* add = std::get_if<probe::Add>(&command)) out.push_back(add->slot);
    return out;
}

// Turns until nothing is left to begin.
std::vector<control::Turn> turns(control::Controller& controller, base::Now now) {
    std::vector<control::Turn> out;
    do out.push_back(controller.take(now));
    while (out.back().unfinished);
    return out;
}

bool all_up(const control::Controller& controller) {
    return std::ranges::all_of(controller.rows(),
                               [](const control::Row& row) { return row.verdict.state == policy::VerdictState::up; });
}

std::size_t pages_in_use(base::Bytes memory) {
    std::size_t out = 0;
    for (std::size_t at = 0; at < memory.size(); at += page) {
        const auto bytes = memory.subspan(at, std::min(page, memory.size() - at));
        out += std::ranges::any_of(bytes, [](std::byte one) { return one != std::byte{}; }) ? 1U : 0U;
    }
    return out;
}

std::size_t in_use() {
    const auto now = ::mallinfo2();
    return now.uordblks + now.hblkhd;
}

}  // namespace

TEST_CASE("1,000 sessions begin a few hundred a turn, each of them once") {
    const auto now = sim::at(0s);
    control::Controller controller{configured(), 7, now};
    controller.on_host(now, sim::host("10.8.0.1", {}));
    const auto all = turns(controller, now);
    std::set<bfd::SessionKey> keys;
    std::size_t begun = 0;
    for (const auto& turn : all) {
        const auto slots = added(turn);
        CHECK(slots.size() <= 300);
        CHECK(turn.unfinished != (&turn == &all.back()));
        begun += slots.size();
        for (const auto* slot : slots) keys.insert(slot->key);
    }
    CHECK(begun == many);
    CHECK(keys.size() == many);
    CHECK(controller.take(now).commands.empty());
}

TEST_CASE("while the sessions of moved peers begin, nobody's verdict changes and no feed is applied") {
    auto now = sim::at(0s);
    control::Controller controller{{}, 7, now};
    controller.on_host(now, hub("10.8.0.1"));
    std::vector<probe::Slot*> slots;
    for (const auto& turn : turns(controller, now)) {
        const auto some = added(turn);
        slots.insert(slots.end(), some.begin(), some.end());
    }
    REQUIRE(slots.size() == many);
    now = sim::at(1s);
    bfd::Status status;
    status.state = status.remote_state = bfd::State::up;
    status.ever_heard = status.ever_up = true;
    for (const auto* slot : slots) controller.on_event(now, probe::Changed{slot->id, now.steady, now.steady, status});
    turns(controller, now);
    REQUIRE(all_up(controller));

    now = sim::at(2s);
    controller.on_host(now, hub("10.8.200.200"));  // another address of ours: another session with each
    std::size_t unfinished = 0, begun = 0;
    for (bool more = true; more;) {
        const auto turn = controller.take(now);
        more = turn.unfinished;
        if (!more) break;
        ++unfinished;
        begun += added(turn).size();
        if (begun < many) CHECK(all_up(controller));
        CHECK_FALSE(turn.verdicts_changed);
    }
    CHECK(unfinished >= 3);
    CHECK(begun == many);
}

TEST_CASE("1,000 sessions: each takes at most 2 KiB, with what a successor of ours finds of it") {
    const auto now = sim::at(0s);
    std::vector<std::byte> memory(probe::Store::size());
    probe::Store store{memory};
    const auto before = in_use();
    control::Controller controller{configured(), 7, now};
    controller.keep_in(store);
    controller.on_host(now, sim::host("10.8.0.1", {}));
    turns(controller, now);
    while (controller.keep_some()) continue;
    const auto heap = in_use() - before;
    const auto kept = pages_in_use(memory) * page;
    MESSAGE("bytes a session: ", heap / many, " here, ", kept / many, " for a successor");
    CHECK((heap + kept) / many <= 2'048);
}
