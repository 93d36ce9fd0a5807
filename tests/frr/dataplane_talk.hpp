// frr::BfdDataplane and a made-up bfdd, turned together.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fake_bfdd.hpp"
#include "frr/bfd_dataplane.hpp"

namespace test {

using namespace frr;
using bfd::State;

// A client, a listener and as many accepted connections as came, turned together.
struct Talk {
    TemporaryDirectory directory;
    std::filesystem::path path = directory.path / "dp.sock";
    Listener listener{path};
    boost::asio::io_context context{1};
    std::vector<std::unique_ptr<Peer>> peers;
    bool answers_echo = true;
    bool reads = true;
    std::function<void(Peer&)> on_accept = [](Peer&) {};
    std::map<std::uint32_t, AddSession> added;
    int adds = 0;
    std::vector<std::uint32_t> deleted;
    int gone = 0;
    std::vector<std::string> problems;
    std::vector<std::string> notes;
    BfdDataplane client{context,
                        "unix:" + path.string(),
                        {.on_add =
                             [this](const AddSession& asked) {
                                 ++adds;
                                 added[asked.lid] = asked;
                             },
                         .on_delete = [this](std::uint32_t lid) { deleted.push_back(lid); },
                         .counters = [](std::uint32_t lid) -> std::optional<Counters> {
                             if (lid == 404) return std::nullopt;
                             return Counters{.control_in_packets = lid};
                         },
                         .on_gone = [this] { ++gone; },
                         .on_problem = [this](std::string text) { problems.push_back(std::move(text)); },
                         .on_note = [this](std::string text) { notes.push_back(std::move(text)); }}};

    bool until(const std::function<bool()>& done) {
        return run_until(context, [&] {
            while (auto fd = listener.accept()) {
                peers.push_back(std::make_unique<Peer>(std::move(fd)));
                peers.back()->answers_echo = answers_echo;
                on_accept(*peers.back());
            }
            if (reads)
                for (auto& peer : peers)
                    if (!peer->closed) peer->read();
            return done();
        });
    }
    // Two connections stand, and both have been asked for an echo and answered.
    void settle() {
        REQUIRE(until([&] { return peers.size() == 2 && peers[0]->echoes >= 1 && peers[1]->echoes >= 1; }));
        REQUIRE(until([&] { return client.connections() == 2; }));
    }
    void tell(std::uint32_t lid, State state, std::uint32_t remote = 9) {
        bfd::Status status;
        status.state = state;
        status.remote_discriminator.value = remote;
        const StateChange change{lid, status};
        client.tell({&change, 1});
    }
    std::size_t heard(std::size_t peer) { return peers[peer]->messages.size(); }
};

}  // namespace test
