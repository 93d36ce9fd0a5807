// A conversation with bfdd that another process goes on with: bfdd neither sees it end nor is told anything twice.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "fake_bfdd.hpp"
#include "frr/bfd_dataplane.hpp"

namespace {

using namespace frr;
using bfd::State;

// bfdd, and one worker after the other; what the guardian holds outlives them.
struct Succession {
    test::TemporaryDirectory directory;
    std::filesystem::path path = directory.path / "dp.sock";
    test::Listener listener{path};
    boost::asio::io_context context{1};
    std::vector<std::unique_ptr<test::Peer>> peers;
    std::map<ConnectionId, base::UniqueFd> kept;
    std::map<ConnectionId, std::vector<std::byte>> rests;
    std::map<std::uint32_t, DataplaneMemory> memory;
    std::vector<std::uint32_t> added, deleted;
    int gone = 0;
    std::uint64_t stamp = 0;
    std::optional<BfdDataplane> client;

    Succession() { begin(); }
    void begin() {
        DataplaneInheritance inheritance;
        for (const auto& [id, fd] : kept)
            inheritance.connections.push_back(
                {.id = id, .fd = base::UniqueFd{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)}, .rest = rests[id]});
        for (const auto& [lid, one] : memory) inheritance.sessions.push_back(one);
        inheritance.stamp = stamp += 1'000;
        BfdDataplaneCallbacks callbacks;
        callbacks.on_add = [this](const AddSession& asked) { added.push_back(asked.lid); };
        callbacks.on_delete = [this](std::uint32_t lid) { deleted.push_back(lid); };
        callbacks.on_gone = [this] { ++gone; };
        callbacks.on_open = [this](ConnectionId id, int fd) {
            if (fd >= 0)
                kept[id] = base::UniqueFd{::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
            else
                kept.erase(id);
        };
        callbacks.on_rest = [this](ConnectionId id, base::Bytes rest) { rests[id] = {rest.begin(), rest.end()}; };
        callbacks.on_change = [this](std::uint32_t lid, const DataplaneMemory* one) {
            if (one != nullptr)
                memory[lid] = *one;
            else
                memory.erase(lid);
        };
        client.emplace(context, "unix:" + path.string(), std::move(callbacks), std::move(inheritance));
    }
    void kill() {
        client.reset();
        context.restart();
        context.poll();
    }
    bool until(const std::function<bool()>& done) {
        return test::run_until(context, [&] {
            while (auto fd = listener.accept()) peers.push_back(std::make_unique<test::Peer>(std::move(fd)));
            for (auto& peer : peers)
                if (!peer->closed) peer->read();
            return done();
        });
    }
    void settle() {
        REQUIRE(until([&] { return peers.size() == 2 && peers[0]->echoes >= 1 && peers[1]->echoes >= 1; }));
        REQUIRE(until([&] { return client->connections() == 2 && kept.size() == 2; }));
    }
    // One more echo of each connection: what was sent before it has arrived.
    void settle_again() {
        const auto a = peers[0]->echoes, b = peers[1]->echoes;
        REQUIRE(until([&] { return peers[0]->echoes > a && peers[1]->echoes > b; }));
    }
    void tell(std::uint32_t lid, State state) {
        bfd::Status status;
        status.state = state;
        status.remote_discriminator.value = 9;
        const StateChange change{lid, status};
        client->tell({&change, 1});
    }
    void add_and_bring_up(std::uint32_t lid) {
        const auto heard = peers[0]->messages.size();
        peers[0]->send(test::add(lid));
        REQUIRE(until([&] { return std::ranges::count(added, lid) == 1; }));
        tell(lid, State::up);
        REQUIRE(until([&] { return peers[0]->messages.size() == heard + 1; }));
    }
};

}  // namespace

TEST_CASE("bfdd is told nothing by a successor that has nothing new to say, and everything that is new") {
    Succession s;
    s.settle();
    s.add_and_bring_up(7);
    const auto heard = s.peers[0]->messages.size();
    for (int i = 0; i < 3; ++i) {
        s.kill();
        s.begin();
        s.tell(7, State::up);  // as control says it after each start
        s.settle_again();
        CHECK(s.peers[0]->messages.size() == heard);
        CHECK_FALSE(s.peers[0]->closed);
        CHECK_FALSE(s.peers[1]->closed);
        CHECK(s.peers.size() == 2);
        CHECK(s.client->sessions() == 1);
    }
    CHECK(s.gone == 0);
    CHECK(s.deleted.empty());
    s.kill();
    s.begin();
    s.tell(7, State::down);  // it failed while nobody was there
    REQUIRE(s.until([&] { return s.peers[0]->messages.size() == heard + 1; }));
    CHECK(s.peers[0]->messages.back().state() == 1);
    s.add_and_bring_up(8);
    s.peers[0]->closed = true;
    s.peers[0]->close();
    REQUIRE(s.until([&] { return s.peers.size() == 3 && s.kept.size() == 2; }));  // an end is an end
}

TEST_CASE("a message of which half has come waits in the socket for whoever reads the rest") {
    Succession s;
    s.settle();
    const auto message = test::add(11);
    s.peers[0]->answers_echo = false;  // an answer would stand between the halves
    s.peers[0]->send(base::Bytes{message}.first(50));
    int turns = 0;
    REQUIRE(s.until([&] { return ++turns == 20; }));
    CHECK(s.added.empty());
    s.kill();
    s.peers[0]->send(base::Bytes{message}.subspan(50, 40));
    s.begin();
    s.kill();
    s.begin();
    s.peers[0]->send(base::Bytes{message}.subspan(90));
    REQUIRE(s.until([&] { return s.added == std::vector<std::uint32_t>{11}; }));
    CHECK(s.gone == 0);
}

TEST_CASE("what bfdd said while nobody was there is heard by the next") {
    Succession s;
    s.settle();
    s.add_and_bring_up(7);
    s.kill();
    s.peers[0]->send(test::add(12));
    s.begin();
    REQUIRE(s.until([&] { return std::ranges::count(s.added, 12U) == 1; }));
    CHECK(s.client->sessions() == 2);
}

TEST_CASE("sessions of a connection that did not outlive its worker wait for another one") {
    Succession s;
    s.settle();
    s.add_and_bring_up(7);
    s.kill();
    for (auto connection = s.memory.at(7).connection; const auto& id : {connection}) s.kept.erase(id);
    s.begin();
    CHECK(s.client->sessions() == 0);
    CHECK(s.memory.at(7).connection == 0);
    REQUIRE(s.until([&] { return s.client->connections() == 2; }));
    s.peers.back()->send(test::add(7));
    s.tell(7, State::up);
    REQUIRE(s.until([&] { return !s.peers.back()->messages.empty(); }));
    CHECK(s.peers.back()->messages[0].state() == 3);
}
