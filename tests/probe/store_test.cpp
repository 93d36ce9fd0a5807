#include "probe/store.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>

#include "pair.hpp"
#include "probe/archive.hpp"
#include "probe/engine.hpp"
#include "probe/snapshot.hpp"

using namespace std::chrono_literals;
using probe::Shelf;

namespace {

base::Bytes bytes(std::string_view text) { return std::as_bytes(std::span{text}); }
std::string text(base::Bytes in) { return {reinterpret_cast<const char*>(in.data()), in.size()}; }

bfd::SessionKey key() {
    return {.ifindex = {7},
            .local = base::IpAddress::parse("10.0.0.1").value(),
            .remote = base::IpAddress::parse("10.0.0.2").value()};
}

}  // namespace

TEST_CASE("a store gives back what stands on each shelf, and nothing of another format") {
    std::vector<std::byte> memory(probe::Store::size());
    probe::Store store{memory};
    store.record(Shelf::lids, 3).write(bytes("three"));
    store.record(Shelf::lids, 1).write(bytes("one"));
    store.record(Shelf::host, 0).write(bytes("host"));
    const auto lids = probe::Store::all(memory, Shelf::lids);
    REQUIRE(lids.size() == 2);
    CHECK(lids[0].first == 1);
    CHECK(text(lids[0].second) == "one");
    CHECK(text(lids[1].second) == "three");
    CHECK(probe::Store::all(memory, Shelf::host).size() == 1);
    CHECK(probe::Store::all(memory, Shelf::sessions).empty());
    CHECK_FALSE(store.record(Shelf::host, 8));  // there is no such place
    SUBCASE("another version") { memory[8] ^= std::byte{1}; }
    SUBCASE("another thing") { memory[0] = {}; }
    SUBCASE("another size") { memory.pop_back(); }
    CHECK_FALSE(probe::Store::is_readable(memory));
    CHECK(probe::Store::all(memory, Shelf::lids).empty());
}

TEST_CASE("places go to who needs them, and to the next when they are free") {
    std::vector<std::byte> memory(probe::Store::size());
    probe::Store store{memory};
    probe::Places<int> places;
    places.put(1, bytes("nobody keeps it"));
    places.open(store, Shelf::lids);
    places.put(1, bytes("one"));
    places.put(2, bytes("two"));
    places.erase(1);
    places.put(3, bytes("three"));
    auto all = probe::Store::all(memory, Shelf::lids);
    REQUIRE(all.size() == 2);
    CHECK(text(all[0].second) == "three");  // where one stood
    places.keep_only([](int n) { return n == 2; });
    all = probe::Store::all(memory, Shelf::lids);
    REQUIRE(all.size() == 1);
    CHECK(text(all[0].second) == "two");
}

TEST_CASE("an archive reads what it wrote, never past the end, and knows when it has no room") {
    std::array<std::byte, 64> room{};
    probe::Writer out{room};
    out(std::uint16_t{7}, std::string{"seven"}, std::optional<int>{}, std::optional{-1}, std::vector<int>{1, 2, 3},
        5ns);
    REQUIRE(out.ok());
    for (std::size_t size = 0; size <= out.bytes().size(); ++size) {
        probe::Reader in{out.bytes().first(size)};
        std::uint16_t number = 0;
        std::string word;
        std::optional<int> none{9}, one;
        std::vector<int> some;
        std::chrono::nanoseconds time{};
        in(number, word, none, one, some, time);
        CHECK(in.done() == (size == out.bytes().size()));
        if (!in.done()) continue;
        CHECK(word == "seven");
        CHECK_FALSE(none);
        CHECK(one == -1);
        CHECK(some == std::vector{1, 2, 3});
        CHECK(time == 5ns);
    }
    std::array<std::byte, 8> little{};
    probe::Writer full{little};
    full(std::string{"too long for it"});
    CHECK_FALSE(full.ok());
}

TEST_CASE("the engine keeps each session as a successor needs it") {
    std::vector<std::byte> memory(probe::Store::size());
    probe::Store store{memory};
    probe::SlotPool pool{4};
    probe::Engine engine{4};
    const base::TimePoint begin{1h};
    auto* slot = pool.create(key(), 255, bfd::Session{bfd::Parameters{}, {77}, 1, begin});
    slot->record = store.record(Shelf::sessions, slot->id.slot);
    engine.on_command(begin, probe::Add{slot});
    const auto kept = [&] {
        const auto all = probe::Store::all(memory, Shelf::sessions);
        return all.empty() ? std::nullopt : probe::decode_kept(all[0].second);
    };
    REQUIRE(kept());
    CHECK(kept()->generation == slot->id.generation);
    CHECK(kept()->snapshot.status == slot->session.status());
    SUBCASE("as the peer is heard") {
        bfd::Packet packet;
        packet.detect_mult = 3;
        packet.my_discriminator = {5};
        packet.desired_min_tx = packet.required_min_rx = bfd::Microseconds{1'000'000};
        std::array<std::byte, bfd::mandatory_length> payload;
        bfd::encode(packet, payload);
        engine.on_datagram(begin, {.arrival = begin,
                                   .ifindex = {7},
                                   .local = key().local,
                                   .remote = key().remote,
                                   .source_port = 50000,
                                   .ttl = 255,
                                   .payload = payload});
        CHECK(kept()->snapshot.status.state == bfd::State::init);
        CHECK(kept()->snapshot.status == slot->session.status());
        CHECK(kept()->snapshot.polling == slot->session.snapshot().polling);
    }
    SUBCASE("as its wishes change, though no status does") {
        const auto before = kept()->snapshot.revision;
        bfd::Parameters wish;
        wish.required_min_rx = bfd::Microseconds{20'000};
        engine.on_command(begin, probe::Change{slot->id, wish});
        CHECK(kept()->snapshot.revision != before);
        CHECK(kept()->snapshot.parameters == wish);
        CHECK(kept()->snapshot.advertised_required_min_rx == wish.required_min_rx);
    }
    SUBCASE("and forgets it with the session") {
        engine.on_command(begin, probe::Remove{slot->id});
        CHECK_FALSE(kept());
    }
}

TEST_CASE("a session that is none is refused: rubbish in place of a snapshot makes no session") {
    std::vector<std::byte> memory(probe::Store::size());
    probe::Store store{memory};
    probe::SlotPool pool{4};
    auto* slot = pool.create(key(), 255, bfd::Session{bfd::Parameters{}, {77}, 1, base::TimePoint{1h}});
    slot->record = store.record(Shelf::sessions, 0);
    probe::keep(*slot);
    const auto good = probe::Store::all(memory, Shelf::sessions)[0].second;
    REQUIRE(probe::decode_kept(good));
    std::vector<std::byte> copy{good.begin(), good.end()};
    CHECK_FALSE(probe::decode_kept(base::Bytes{copy}.first(copy.size() - 1)));
    std::mt19937 random{3};
    for (int round = 0; round < 50'000; ++round) {
        auto bad = copy;
        for (auto n = 1 + random() % 40; n > 0; --n) bad[random() % bad.size()] = static_cast<std::byte>(random());
        if (const auto kept = probe::decode_kept(bad)) {  // then it can live
            bfd::Session session{kept->snapshot, base::TimePoint{2h}};
            static_cast<void>(session.on_deadline(base::TimePoint{2h}));
        }
    }
}
