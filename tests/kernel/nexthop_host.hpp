// A kernel table made up for the feed bird-nexthop, with a clock that stands still, and peers with verdicts.
#pragma once

#include <stdlib.h>

#include <deque>
#include <filesystem>
#include <memory>

#include "kernel/nexthop_table.hpp"

namespace kernel_test {

using namespace std::chrono_literals;

inline base::IpAddress ip(const char* text) { return base::IpAddress::parse(text).value(); }

struct Peers {
    void add(const char* address, policy::VerdictState state, std::uint32_t cost = 10) {
        auto& a = adjacencies.emplace_back();
        a.id.value = static_cast<std::uint32_t>(adjacencies.size());
        a.name = "peer-" + std::to_string(a.id.value);
        a.ifindex = {7};
        if (*address != '\0') a.addresses = adjacency::Addresses{{}, ip(address), {}};
        const bool live = state == policy::VerdictState::up || state == policy::VerdictState::degraded;
        all.push_back({a.id, a, {state, {}, cost}, live, state == policy::VerdictState::down});
    }
    std::deque<adjacency::Adjacency> adjacencies;
    std::vector<policy::Wanted> all;
};

struct Table {
    Table() {
        char name[] = "/dev/shm/wgbfd-nexthop-XXXXXX";
        folder = ::mkdtemp(name);
    }
    ~Table() { std::filesystem::remove_all(folder); }

    kernel::RouteAccess access() {
        return {
            [this](std::uint32_t) -> base::Result<std::vector<kernel::HostRoute>, std::error_code> {
                ++reads;
                if (unreadable) return tl::unexpected{unreadable};
                return std::vector<kernel::HostRoute>{routes.begin(), routes.end()};
            },
            [this](std::uint32_t, const kernel::HostRoute& route) -> std::error_code {
                if (refuse) return refuse;
                recorded_before = !io::UndoLog{folder / "undo"}.records().empty();
                for (const auto& have : others)
                    if (have.destination == route.destination && have.metric == route.metric)
                        return std::make_error_code(std::errc::file_exists);
                most = std::max(most, routes.size() + 1);
                ++changes;
                return routes.insert(route).second ? std::error_code{} : std::make_error_code(std::errc::file_exists);
            },
            [this](std::uint32_t, const kernel::HostRoute& route) -> std::error_code {
                ++changes;
                return routes.erase(route) == 1 ? std::error_code{} : std::make_error_code(std::errc::no_such_process);
            }};
    }

    std::filesystem::path folder;
    std::set<kernel::HostRoute> routes, others;  // ours, and somebody else's
    base::Now now{base::TimePoint{1h}, base::WallTime{1h}};
    int reads = 0, changes = 0;
    std::size_t most = 0;
    std::error_code refuse, unreadable;
    bool recorded_before = false;
};

struct NexthopDaemon {
    explicit NexthopDaemon(Table& t) : table{t} {}
    void apply(const char* address, policy::VerdictState state, std::uint32_t cost = 10) {
        peers = std::make_unique<Peers>();
        peers->add(address, state, cost);
        feed.apply(peers->all);
    }
    std::string problem() const { return feed.status().problem; }
    std::string told() const { return feed.status().told.empty() ? "" : feed.status().told[0].told; }

    Table& table;
    io::UndoLog undo{table.folder / "undo"};
    boost::asio::io_context context{1};
    kernel::NexthopTable feed{context, undo, [this] { return table.now; }, 4242, table.access()};
    std::unique_ptr<Peers> peers;
};

}  // namespace kernel_test
