// The feed frr-vty at the end of a pipe, for tests/lab/test_frr_vty.py: `peer ADDRESS INTERFACE STATE COST` lines say
// what is to be, `apply` does it and answers with a line once FRR was told: what each peer was told, and the problems.
// `withdraw` takes everything back and ends.
#include <net/if.h>

#include <chrono>
#include <deque>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "frr/vty_feed.hpp"

namespace {

policy::VerdictState state_of(const std::string& word) {
    using enum policy::VerdictState;
    for (const auto state : {unknown, up, degraded, down, admin_down})
        if (word == to_string(state)) return state;
    return unknown;
}

struct Driver {
    Driver(const char* undo_path, const char* directory)
        : undo{undo_path},
          feed{context, undo,
               [] {
                   return base::Now{std::chrono::steady_clock::now(), {}};
               },
               directory} {}

    void peer(std::istringstream& in) {
        std::string address, interface, state;
        std::uint32_t cost = 0;
        in >> address >> interface >> state >> cost;
        auto& a = peers.emplace_back();
        a.id.value = static_cast<std::uint32_t>(peers.size());
        a.name = address;
        a.interface = interface;
        a.ifindex.value = ::if_nametoindex(interface.c_str());
        a.feeds = {frr::vty_feed};
        if (const auto remote = base::IpAddress::parse(address)) a.addresses = adjacency::Addresses{{}, *remote, {}};
        const policy::Verdict verdict{state_of(state), {}, cost};
        wanted.push_back({a.id, a, verdict, state == "up" || state == "degraded", state == "down"});
    }
    void apply() {
        feed.apply(wanted);
        run();
    }
    void run() {
        context.restart();
        while (!feed.is_settled()) context.run_one();
        const auto status = feed.status();
        for (const auto& told : status.told) std::cout << told.told << "; ";
        std::cout << status.problem << std::endl;
        wanted.clear();
        peers.clear();
    }
    void withdraw() {
        bool left = false;
        feed.withdraw_all([&] { left = true; });
        context.restart();
        while (!left) context.run_one();
        std::cout << "withdrawn" << std::endl;
    }

    boost::asio::io_context context{1};
    io::UndoLog undo;
    frr::VtyFeed feed;
    std::deque<adjacency::Adjacency> peers;
    std::vector<policy::Wanted> wanted;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: vty_driver UNDO_FILE DIRECTORY\n";
        return 2;
    }
    Driver driver{argv[1], argv[2]};
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream in{line};
        std::string word;
        in >> word;
        if (word == "peer") driver.peer(in);
        if (word == "apply") driver.apply();
        if (word == "withdraw") {
            driver.withdraw();
            return 0;
        }
    }
}
