// The feed bird-nexthop at the end of a pipe, for tests/lab/test_bird.py: `peer ADDRESS INTERFACE STATE COST` lines say
// what is to be, `apply` does it and answers with a line, `withdraw` takes everything away and ends.
#include <net/if.h>

#include <chrono>
#include <deque>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "kernel/nexthop_table.hpp"

namespace {

policy::VerdictState state_of(const std::string& word) {
    using enum policy::VerdictState;
    for (const auto state : {unknown, up, degraded, down, admin_down})
        if (word == to_string(state)) return state;
    return unknown;
}

struct Driver {
    explicit Driver(const char* undo_path, std::uint32_t table)
        : undo{undo_path},
          feed{context, undo,
               [] {
                   return base::Now{std::chrono::steady_clock::now(), {}};
               },
               table} {}

    void peer(std::istringstream& in) {
        std::string address, interface, state;
        std::uint32_t cost = 0;
        in >> address >> interface >> state >> cost;
        auto& a = peers.emplace_back();
        a.id.value = static_cast<std::uint32_t>(peers.size());
        a.name = address;
        a.interface = interface;
        a.ifindex.value = ::if_nametoindex(interface.c_str());
        if (const auto remote = base::IpAddress::parse(address)) a.addresses = adjacency::Addresses{{}, *remote, {}};
        const policy::Verdict verdict{state_of(state), {}, cost};
        wanted.push_back({a.id, a, verdict, state == "up" || state == "degraded", state == "down"});
    }
    void apply() {
        feed.apply(wanted);
        wanted.clear();
        peers.clear();
        const auto status = feed.status();
        std::cout << "applied " << status.problem << std::endl;
    }

    boost::asio::io_context context{1};
    io::UndoLog undo;
    kernel::NexthopTable feed;
    std::deque<adjacency::Adjacency> peers;
    std::vector<policy::Wanted> wanted;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: nexthop_driver UNDO_FILE TABLE\n";
        return 2;
    }
    Driver driver{argv[1], static_cast<std::uint32_t>(std::stoul(argv[2]))};
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream in{line};
        std::string word;
        in >> word;
        if (word == "peer") driver.peer(in);
        if (word == "apply") driver.apply();
        if (word == "withdraw") {
            driver.feed.withdraw_all();
            std::cout << "withdrawn" << std::endl;
            return 0;
        }
    }
}
